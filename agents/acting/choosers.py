"""By whose actions an episode goes: the policy's, random ones, or those of demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from kibble.agents.acting.acting_thread import Chooser

if TYPE_CHECKING:
    from gymnasium import spaces

    from kibble.agents.acting.config import ActingConfig
    from kibble.agents.demonstrated import Transitions

__all__ = [
    "DEMONSTRATED",
    "GuidedChooser",
    "PolicyChooser",
    "RecordedActions",
    "ReturningChooser",
    "chooser_for",
]

Info = dict[str, object]
Act = Callable[[NDArray[np.generic]], NDArray[np.float32]]

DEMONSTRATED = "demonstrated"
"""Key of whether the action of a step was chosen from a demonstration."""


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedActions:
    """One demonstration of T steps.

    Args:
        observations: (T, D) float32, as the agent sees them.
        actions: (T, A) float32, in the units of the environment.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]

    @staticmethod
    def each_of(transitions: Transitions) -> list[RecordedActions]:
        """Take transitions apart into the episodes that they are of."""
        signals = transitions.signals
        ends = np.flatnonzero(signals.terminated | signals.truncated) + 1
        begins = [0, *ends[:-1].tolist()]
        return [
            RecordedActions(
                observations=transitions.observations[begin:end],
                actions=transitions.actions[begin:end],
            )
            for begin, end in zip(begins, ends.tolist(), strict=True)
        ]


@final
class PolicyChooser:
    """Acts at random for the first steps of a run, then by the policy.

    Args:
        act: The policy.
        space: Of actions.
        random_steps: Steps to act at random.
    """

    def __init__(
        self, act: Act, space: spaces.Space[NDArray[np.float32]], *, random_steps: int
    ) -> None:
        self._act = act
        self._space = space
        self._random_steps = random_steps

    def begin(self) -> None:
        """Do nothing: every step is chosen by itself."""

    def choose(self, observation: NDArray[np.generic]) -> tuple[NDArray[np.generic], Info]:
        """Choose an action, (A,)."""
        if self._random_steps > 0:
            self._random_steps -= 1
            return self._space.sample(), {}
        return self._act(observation), {}


@final
class _Fading:
    """A probability that falls linearly to 0."""

    def __init__(self, config: ActingConfig, *, taken: int) -> None:
        self._share = config.share
        self._steps = config.steps
        self._taken = taken

    def step(self) -> None:
        self._taken += 1

    def __call__(self) -> float:
        return self._share * max(1.0 - self._taken / self._steps, 0.0)


@final
class ReturningChooser:
    """Returns to where a demonstration has been, then explores from there.

    With a probability that falls to 0 an episode begins with the first h actions of a
    demonstration drawn at random, h uniform in [1, T - 1], so that the policy does the rest from
    later and later places and is never shown the end. The actions are played blindly: they return
    to where they once led only where episodes begin alike.

    Args:
        otherwise: What explores.
        demonstrations: At least one; those of a single step are never returned along.
        config: Probability, and steps until it is 0.
        taken: Steps of the run so far.
        rng: Draws.

    Source:
        Ecoffet et al. 2021, "First return, then explore"; Uchendu et al. 2023, "Jump-Start
        Reinforcement Learning", for the random length of the guide's part.
    """

    def __init__(
        self,
        otherwise: Chooser,
        demonstrations: Sequence[RecordedActions],
        config: ActingConfig,
        *,
        taken: int,
        rng: np.random.Generator,
    ) -> None:
        self._otherwise = otherwise
        self._demonstrations = [shown for shown in demonstrations if len(shown.actions) > 1]
        self._probability = _Fading(config, taken=taken)
        self._rng = rng
        self._prefix: list[NDArray[np.float32]] = []

    def begin(self) -> None:
        """Draw whether this episode returns first, along what, and how far."""
        self._otherwise.begin()
        self._prefix = []
        if self._demonstrations and self._rng.random() < self._probability():
            shown = self._demonstrations[int(self._rng.integers(len(self._demonstrations)))]
            length = int(self._rng.integers(1, len(shown.actions)))
            self._prefix = list(shown.actions[:length])

    def choose(self, observation: NDArray[np.generic]) -> tuple[NDArray[np.generic], Info]:
        """Play the prefix, then explore."""
        self._probability.step()
        if self._prefix:
            return self._prefix.pop(0), {DEMONSTRATED: True}
        return self._otherwise.choose(observation)


@final
class GuidedChooser:
    """Mixes the actions of demonstrations into exploration.

    With a probability beta that falls to 0, a step takes the action that was recorded where the
    observation was nearest to the present one, by the Euclidean distance of what the agent sees.
    Expert and learner are mixed as in DAgger, with a nearest neighbour for the expert.

    Args:
        otherwise: What explores.
        demonstrations: At least one.
        config: beta, and steps until it is 0.
        taken: Steps of the run so far.
        rng: Draws.

    Source:
        Ross, Gordon and Bagnell 2011, "A Reduction of Imitation Learning and Structured
        Prediction to No-Regret Online Learning", algorithm 3.1, for the mixture.
    """

    def __init__(
        self,
        otherwise: Chooser,
        demonstrations: Sequence[RecordedActions],
        config: ActingConfig,
        *,
        taken: int,
        rng: np.random.Generator,
    ) -> None:
        self._otherwise = otherwise
        self._observations = np.concatenate([shown.observations for shown in demonstrations])
        self._actions = np.concatenate([shown.actions for shown in demonstrations])
        self._probability = _Fading(config, taken=taken)
        self._rng = rng

    def begin(self) -> None:
        """Begin as what explores does."""
        self._otherwise.begin()

    def choose(self, observation: NDArray[np.generic]) -> tuple[NDArray[np.generic], Info]:
        """Take the action of the nearest recorded moment, or explore."""
        drawn = self._rng.random() < self._probability()
        self._probability.step()
        if not drawn:
            return self._otherwise.choose(observation)
        distances = np.square(self._observations - np.asarray(observation, np.float32)).sum(axis=1)
        return self._actions[int(distances.argmin())], {DEMONSTRATED: True}


def chooser_for(
    config: ActingConfig,
    explores: Chooser,
    transitions: Transitions | None,
    *,
    taken: int,
    rng: np.random.Generator,
) -> Chooser:
    """Build what acts in a run.

    Args:
        config: How it explores.
        explores: The policy.
        transitions: Of the run's demonstrations, if it has any.
        taken: Steps of the run so far.
        rng: Draws.
    """
    if config.exploration == "policy":
        return explores
    assert transitions is not None  # TrainConfig refuses it
    shown = RecordedActions.each_of(transitions)
    if config.exploration == "return":
        return ReturningChooser(explores, shown, config, taken=taken, rng=rng)
    return GuidedChooser(explores, shown, config, taken=taken, rng=rng)
