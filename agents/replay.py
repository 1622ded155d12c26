"""A replay buffer that keeps potentials, and learns from demonstrations and mirror images too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from kibble.agents.acting.executed import executed_actions, interventions_of
from kibble.agents.demonstrated import Transitions
from kibble.agents.reflecting import Reflecting
from kibble.agents.scoring.kept_signals import KeptSignals
from kibble.agents.scoring.scoring import Scoring
from kibble.agents.scoring.source import Rescored, Scored, SignalSource
from kibble.rewards.errors import ConfigError
from kibble.rewards.rule import total
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecNormalize

__all__ = ["PotentialReplayBuffer"]

_NO_PLACES: NDArray[np.int64] = np.zeros(0, np.int64)


@final
class PotentialReplayBuffer(ReplayBuffer):
    """Keeps what rewards are made of, with the model's version, and derives them in each batch.

    It also fills a share of each batch from demonstrations, and mirrors most of it. Demonstrations
    lie beside what the agent itself experienced and are never overwritten by it. Where an
    environment says that it did something else than the agent chose, because a human took over,
    that is what is kept; the human's steps can be drawn as demonstrations are.

    A batch that touches transitions which nobody has scored yet has all that waits scored first,
    so what is learned does not depend on when frames are scored; unless the source is not
    ``exact``, and then batches are drawn from the others. Time limits do not end a task, as in
    the base class.

    Use it as ``replay_buffer_class`` and call :meth:`follow` when the algorithm is made; until
    then it pays the rewards that it is given.

    Args:
        buffer_size: Transitions of the agent's own that it holds.
        observation_space: Observations as one array.
        action_space: Flat actions.
        device: Where batches go.
        n_envs: Environments side by side.
        optimize_memory_usage: As in the base class, which refuses it beside time limits.
        reflecting: Mirrors transitions, where the environment is symmetric.

    Attributes:
        kept: Signals of the agent's own transitions, or ``None`` before :meth:`follow`.
        interventions: (B, N) bool, which transitions a human acted in.

    Source:
        Ball et al. 2023, "Efficient Online Reinforcement Learning with Offline Data" (RLPD), for
        sampling each batch from both sources; Luo et al. 2024, "Precise and Dexterous Robotic
        Manipulation via Human-in-the-Loop Reinforcement Learning" (HIL-SERL), for drawing
        interventions as demonstrations.
    """

    kept: KeptSignals | None = None

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[NDArray[np.float32]],
        action_space: spaces.Space[NDArray[np.float32]],
        device: torch.device | str = "cpu",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        *,
        reflecting: Reflecting | None = None,
    ) -> None:
        super().__init__(
            buffer_size,
            observation_space,
            action_space,
            device,
            n_envs,
            optimize_memory_usage=optimize_memory_usage,
        )
        self.interventions = np.zeros((self.buffer_size, self.n_envs), np.bool_)  # (B, N)
        self._draws_interventions = False
        self._drawn = False  # whether there may be any to draw
        self._reflecting = reflecting
        self._transitions: Transitions | None = None
        self._demonstrated: ReplayBufferSamples | None = None
        self._read_again: Callable[[RewardModel], Transitions] | None = None
        self._share = 0.0

    def follow(self, source: SignalSource) -> None:
        """Derive rewards from the signals of a source from here on."""
        self.kept = KeptSignals(source, rows=self.buffer_size, slots=self.n_envs)
        source.listeners.append(self._hear)

    def demonstrate(
        self,
        transitions: Transitions,
        *,
        share: float,
        read_again: Callable[[RewardModel], Transitions] | None = None,
    ) -> None:
        """Take part of every further batch from demonstrations.

        Args:
            transitions: Of all demonstrations, M >= 1.
            share: Part of each batch, in [0, 1].
            read_again: Gives the same transitions as another model reads them; called when
                stored frames are scored again.
        """
        self._share = share
        self._read_again = read_again
        self._transitions = transitions
        self._demonstrated = ReplayBufferSamples(
            observations=self.to_torch(transitions.observations),
            actions=self.to_torch(transitions.actions),
            next_observations=self.to_torch(transitions.next_observations),
            dones=self.to_torch(transitions.signals.terminated[:, None].astype(np.float32)),
            rewards=self.to_torch(np.zeros((len(transitions.signals), 1), np.float32)),
        )

    def draw_interventions(self, share: float) -> None:
        """Draw what a human did as demonstrations are drawn, beside being the agent's own.

        Args:
            share: Part of each batch that demonstrations and interventions make together, in
                [0, 1].
        """
        self._share = share
        self._draws_interventions = True

    def restore_interventions(self, labels: NDArray[np.bool_]) -> None:
        """Label the first rows, (R, N), as :attr:`interventions` had them."""
        self.interventions[: len(labels)] = labels
        self._drawn = bool(self._draws_interventions and labels.any())

    def rescore(self, model: RewardModel) -> None:
        """Read all stored frames with another model, demonstrations included.

        The run goes on with that model. Transitions whose frames have left the frame store keep
        their potentials; ``kept.versions`` tells how many.

        Raises:
            ConfigError: If the run keeps no frames (``scoring.store_mb``).
            ModelError: If the model fails too often; then nothing has changed.
        """
        source = None if self.kept is None else self.kept.source
        if not isinstance(source, Scoring):
            raise ConfigError(
                "`rescore` needs rewards that a reward model reads from frames, got none; "
                "choose reward=grm_tiny."
            )
        source.rescore(model)

    def add(
        self,
        obs: NDArray[Any],
        next_obs: NDArray[Any],
        action: NDArray[Any],
        reward: NDArray[Any],
        done: NDArray[Any],
        infos: list[dict[str, Any]],
    ) -> None:
        """Add a step of all environments."""
        if self.kept is not None:
            self.kept.add(self.pos, reward)
        action = executed_actions(infos, action, self.action_space)
        self.interventions[self.pos] = acted = interventions_of(infos)
        self._drawn |= bool(self._draws_interventions and acted.any())
        super().add(obs, next_obs, action, reward, done, infos)
        if self.kept is not None and self.full and self.pos == 0:  # once a round
            self.kept.forget_overwritten()

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> ReplayBufferSamples:
        """Sample transitions with replacement, and derive their rewards."""
        batch = self._mix(batch_size, env)
        return batch if self._reflecting is None else self._reflecting.reflected(batch)

    def _mix(self, batch_size: int, env: VecNormalize | None) -> ReplayBufferSamples:
        shown = self._demonstrated
        rows, slots = self._drawn_interventions()
        demonstrated = 0 if shown is None else len(shown.rewards)
        if demonstrated + len(rows) == 0:
            return self._own(batch_size, env)
        count = round(self._share * batch_size)
        own = self._own(batch_size - count, env)
        chosen = torch.randint(demonstrated + len(rows), (count,), device=self.device)
        parts = [own]
        if shown is not None:
            parts.append(self._chosen_demonstrations(shown, chosen[chosen < demonstrated]))
        if len(rows):
            picked = (chosen[chosen >= demonstrated] - demonstrated).cpu().numpy()
            parts.append(self._at(rows[picked], slots[picked], env))
        return ReplayBufferSamples(
            observations=torch.cat([part.observations for part in parts]),
            actions=torch.cat([part.actions for part in parts]),
            next_observations=torch.cat([part.next_observations for part in parts]),
            dones=torch.cat([part.dones for part in parts]),
            rewards=torch.cat([part.rewards for part in parts]),
        )

    def _chosen_demonstrations(
        self, shown: ReplayBufferSamples, chosen: torch.Tensor
    ) -> ReplayBufferSamples:
        return ReplayBufferSamples(
            observations=shown.observations[chosen],
            actions=shown.actions[chosen],
            next_observations=shown.next_observations[chosen],
            dones=shown.dones[chosen],
            rewards=self._demonstrated_rewards(chosen),
        )

    def _drawn_interventions(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and slots in which a human acted and that are scored, where to draw them."""
        if not self._drawn or self.kept is None:
            return _NO_PLACES, _NO_PLACES
        filled = self.buffer_size if self.full else self.pos
        rows, slots = np.nonzero(self.interventions[:filled])
        if not self.kept.source.exact:
            oldest = self.pos if self.full else 0
            scored = (rows - oldest) % self.buffer_size < filled - self.kept.unscored
            rows, slots = rows[scored], slots[scored]
        return rows, slots

    def _own(self, count: int, env: VecNormalize | None) -> ReplayBufferSamples:
        """Sample from the agent's own transitions."""
        filled = self.buffer_size if self.full else self.pos
        scored = filled if self.kept is None else filled - self.kept.unscored
        if self.kept is None or self.kept.source.exact or scored in (0, filled):
            return super().sample(count, env)
        oldest = self.pos if self.full else 0
        drawn = np.random.randint(0, scored, size=count)  # noqa: NPY002  (as the base class draws)
        return self._get_samples((oldest + drawn) % self.buffer_size, env)

    def _demonstrated_rewards(self, chosen: torch.Tensor) -> torch.Tensor:
        """Derive the rewards of some demonstrated transitions, (n, 1)."""
        assert self._transitions is not None
        signals = self._transitions.signals[chosen.cpu().numpy()]
        rule = self._transitions.rule if self.kept is None else self.kept.source.rule
        return self.to_torch(total(rule(signals)).astype(np.float32)[:, None])

    def _get_samples(
        self, batch_inds: NDArray[np.int64], env: VecNormalize | None = None
    ) -> ReplayBufferSamples:
        if self.kept is None:
            return super()._get_samples(batch_inds, env)
        # The base class draws the environments in here too, by the same generator.
        slots = np.random.randint(0, high=self.n_envs, size=len(batch_inds))  # noqa: NPY002
        return self._at(batch_inds, slots, env)

    def _at(
        self, rows: NDArray[np.int64], slots: NDArray[np.int64], env: VecNormalize | None
    ) -> ReplayBufferSamples:
        """Return certain transitions, with their rewards derived."""
        assert self.kept is not None
        rewards = self.kept.rewards(rows, slots)
        next_obs = self.next_observations[rows, slots]
        ended = self.dones[rows, slots] * (1 - self.timeouts[rows, slots])
        return ReplayBufferSamples(
            observations=self.to_torch(_normal(self.observations[rows, slots], env)),
            actions=self.to_torch(self.actions[rows, slots]),
            next_observations=self.to_torch(_normal(next_obs, env)),
            dones=self.to_torch(ended[:, None]),
            rewards=self.to_torch(self._normalize_reward(rewards[:, None], env)),
        )

    def _hear(self, result: Scored | Rescored) -> None:
        """Have the demonstrations read again where stored frames were."""
        if not isinstance(result, Rescored) or self._read_again is None:
            return
        self._transitions = self._read_again(result.model)


def _normal(observations: NDArray[Any], env: VecNormalize | None) -> NDArray[Any]:
    """Normalise observations as the base class would."""
    if env is None:
        return observations
    normal = env.normalize_obs(observations)
    assert isinstance(normal, np.ndarray)  # observations are one array
    return normal
