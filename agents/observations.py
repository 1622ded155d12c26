"""What the agent sees: scaled state, proprioception and a frozen embedding, or pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from kibble.envs.frames import OffersFurtherViews, frame_source, views_for
from kibble.rewards.embedding import Embedder
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Frames, ModelSpec

__all__ = [
    "EmbeddedObservation",
    "FramesObservation",
    "PixelObservation",
    "ScaledObservation",
    "embed_observations",
    "embed_states",
]

PROPRIOCEPTION = "proprioception"
_UNBOUNDED = 1e6  # gymnasium writes float32's maximum where a quantity has no bound


@final
class ScaledObservation(gym.ObservationWrapper[object, object, object]):
    """Map bounded entries of a flat observation to [-1, 1] and leave unbounded ones alone.

    Raises:
        ConfigError: If observations are not a flat Box.
    """

    def __init__(self, env: gym.Env[object, object]) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise ConfigError(
                "`observation=state` needs an environment with flat Box observations, got "
                f"{space}; wrap it with gymnasium.wrappers.FlattenObservation."
            )
        bounded = (np.abs(space.low) < _UNBOUNDED) & (np.abs(space.high) < _UNBOUNDED)
        bounded &= space.high > space.low
        low = np.where(bounded, space.low, -1.0).astype(np.float64)  # (D,)
        high = np.where(bounded, space.high, 1.0).astype(np.float64)  # (D,)
        self._middle = (low + high) / 2.0  # (D,)
        self._factor = 2.0 / (high - low)  # (D,)
        self.observation_space = spaces.Box(
            np.where(bounded, -1.0, space.low).astype(np.float32),
            np.where(bounded, 1.0, space.high).astype(np.float32),
            dtype=np.float32,
        )

    def observation(self, observation: object) -> NDArray[np.float32]:
        """Scale one observation, (D,)."""
        values = (np.asarray(observation, np.float64) - self._middle) * self._factor
        return values.astype(np.float32)


@final
class PixelObservation(gym.ObservationWrapper[object, object, object]):
    """Observe the views alone, stacked along channels: (H, W, 3V) uint8."""

    def __init__(self, env: gym.Env[object, object], views: Sequence[str] | None = None) -> None:
        super().__init__(env)
        self._source = frame_source(env)
        self._views = tuple(views or self._source.views)
        env.reset(seed=0)
        shape = self._stack().shape
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)

    def observation(self, observation: object) -> NDArray[np.uint8]:
        """Draw the views and stack them; the state is left out."""
        return self._stack()

    def _stack(self) -> NDArray[np.uint8]:
        frames = self._source.frames(self._views)
        return np.concatenate([frames[view][0] for view in self._views], axis=-1)


@final
class FramesObservation(gym.ObservationWrapper[object, object, object]):
    """Observe proprioception and frames, without any object state.

    What was drawn for the present state is kept, so that whoever asks for :meth:`frames` too (a
    reward model reads the same views) does not have it drawn again.

    Args:
        env: An environment with flat observations, the first
            ``unwrapped.proprioception_size`` of which are proprioception; none where it does not
            say so.
        views: Views to draw.
    """

    def __init__(self, env: gym.Env[object, object], views: Sequence[str]) -> None:
        super().__init__(env)
        self._source = frame_source(env)
        self._views = tuple(view for view in views if view in self._source.views)
        self._size = int(getattr(env.unwrapped, "proprioception_size", 0))
        box = env.observation_space
        assert isinstance(box, spaces.Box)  # ScaledObservation is within
        env.reset(seed=0)
        self._drawn = self._source.frames(self._views)
        shapes = {view: f.shape[1:] for view, f in self._drawn.items()}
        self.observation_space: spaces.Space[object] = spaces.Dict(
            {
                PROPRIOCEPTION: spaces.Box(
                    box.low[: self._size], box.high[: self._size], dtype=np.float32
                ),
                **{view: spaces.Box(0, 255, shape, np.uint8) for view, shape in shapes.items()},
            }
        )

    def observation(self, observation: object) -> dict[str, NDArray[np.generic]]:
        """Keep proprioception of a state and draw the views."""
        state = np.asarray(observation, np.float32)
        self._drawn = self._source.frames(self._views)
        return {
            PROPRIOCEPTION: state[: self._size],
            **{view: self._drawn[view][0] for view in self._views},
        }

    @property
    def views(self) -> tuple[str, ...]:
        """Views that can be drawn."""
        return self._source.views

    @property
    def further_views(self) -> tuple[str, ...]:
        """Views that are drawn when they are asked for by name only."""
        source = self._source
        return source.further_views if isinstance(source, OffersFurtherViews) else ()

    def frames(self, views: Sequence[str] | None = None) -> Frames:
        """Show the present state: what was observed of it, and further views drawn now."""
        chosen = self.views if views is None else tuple(views)
        missing = [view for view in chosen if view not in self._drawn]
        further = self._source.frames(missing) if missing else {}
        return {view: further[view] if view in further else self._drawn[view] for view in chosen}


@final
class EmbeddedObservation(VecEnvWrapper):
    """Turn the frames of all environments into one flat observation, in one batch.

    The observation is proprioception followed by the model's embedding, (P + D,) float32.

    Args:
        venv: Environments wrapped by :class:`FramesObservation`.
        model: The model that embeds.
    """

    def __init__(self, venv: VecEnv, model: Embedder) -> None:
        space = venv.observation_space
        assert isinstance(space, spaces.Dict)
        box = space[PROPRIOCEPTION]
        assert isinstance(box, spaces.Box)
        self._model = model
        bound = np.ones(model.embedding_size, np.float32)
        super().__init__(
            venv,
            observation_space=spaces.Box(
                np.concatenate([box.low, -bound]),
                np.concatenate([box.high, bound]),
                dtype=np.float32,
            ),
        )

    def reset(self) -> VecEnvObs:
        """Reset all environments and embed their first frames."""
        return self._embed(self.venv.reset())

    def step_wait(self) -> VecEnvStepReturn:
        """Embed what the environments show, last frames of finished episodes included."""
        observations, rewards, dones, infos = self.venv.step_wait()
        for info in infos:
            if "terminal_observation" in info:
                single = {key: value[None] for key, value in info["terminal_observation"].items()}
                info["terminal_observation"] = self._embed(single)[0]
        return self._embed(observations), rewards, dones, infos

    def _embed(self, observations: VecEnvObs) -> NDArray[np.float32]:
        assert isinstance(observations, dict)
        return embed_observations(observations, self._model)


def embed_observations(
    observations: Mapping[str, NDArray[np.generic]], model: Embedder
) -> NDArray[np.float32]:
    """Turn N observations of :class:`FramesObservation` into flat ones.

    Args:
        observations: ``proprioception`` (N, P) and frames (N, H, W, 3) uint8 per view.
        model: The model that embeds.

    Returns:
        (N, P + D) float32.
    """
    frames: dict[str, NDArray[np.uint8]] = {
        view: np.ascontiguousarray(values, np.uint8)
        for view, values in observations.items()
        if view != PROPRIOCEPTION
    }
    embedding = model.embed(frames)  # (N, D)
    return np.concatenate([observations[PROPRIOCEPTION], embedding], axis=1).astype(np.float32)


def embed_states(
    states: NDArray[np.float32],
    frames: Frames,
    model: Embedder,
    *,
    spec: ModelSpec,
    env: gym.Env[object, object],
) -> NDArray[np.float32]:
    """Turn recorded states into what :class:`EmbeddedObservation` shows of them.

    Args:
        states: (N, S) float32, scaled.
        frames: (N, H, W, 3) uint8 per view, recorded with them.
        model: The model that embeds.
        spec: Its views.
        env: The environment of the task, which says what of a state is proprioception and what
            it is looked at from.

    Returns:
        (N, P + D) float32.

    Raises:
        ConfigError: If a view is missing that the agent sees in training.
    """
    shown = views_for(frame_source(env), spec)
    missing = [view for view in shown if view not in frames]
    if missing:
        raise ConfigError(
            f"`demonstrations` must have the views that the agent embeds, {list(shown)}, got "
            f"{sorted(frames)}; record some with these views, or set task.views to what they have."
        )
    size = int(getattr(env.unwrapped, "proprioception_size", 0))
    seen: dict[str, NDArray[np.generic]] = {view: frames[view] for view in shown}
    return embed_observations({PROPRIOCEPTION: states[:, :size], **seen}, model)
