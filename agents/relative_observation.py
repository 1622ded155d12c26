"""What the agent sees of the state: all of it, or what the instruction is about."""

from __future__ import annotations

from typing import final

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from kibble.agents.observations import ScaledObservation
from kibble.envs.tabletop.reflections import Reflection
from kibble.rewards.errors import ConfigError

__all__ = ["FlatObservation", "RelativeObservation", "flat_observation"]


@final
class RelativeObservation(gym.ObservationWrapper[object, object, object]):
    """Of a scaled observation, what is about the things that the instruction names.

    The entries that ``unwrapped.relative_entries``, (D,) bool, marks are kept. Those to which
    ``unwrapped.fine_scales``, (D,) float, gives a scale s are shown as asinh(value / s), which
    tells small values apart, and great ones too. With the rest, what holds in one place of the
    table has to be learned again for each other place.

    Raises:
        ConfigError: If the environment does not say which observations are relative.
    """

    def __init__(self, env: gym.Env[object, object]) -> None:
        super().__init__(env)
        entries = getattr(env.unwrapped, "relative_entries", None)
        if entries is None:
            raise ConfigError(
                "`observation=relative` needs an environment that says which of its observations "
                f"are relative, got {env.unwrapped} without `relative_entries`; give it that "
                "attribute, a (D,) bool array, or choose observation=state."
            )
        self._scaled = ScaledObservation(env)
        self._kept = np.asarray(entries, np.bool_)  # (D,), K of them true
        scales = np.asarray(
            getattr(env.unwrapped, "fine_scales", np.full(len(self._kept), np.nan))
        )
        self._scales = scales[self._kept]  # (K,)
        raw, scaled = env.observation_space, self._scaled.observation_space
        assert isinstance(raw, spaces.Box)  # ScaledObservation refuses others
        assert isinstance(scaled, spaces.Box)
        self.observation_space = spaces.Box(
            self._shown(raw.low, scaled.low), self._shown(raw.high, scaled.high), dtype=np.float32
        )

    @property
    def reflections(self) -> tuple[Reflection, ...]:
        """Those of the environment, for what is observed.

        Raises:
            AttributeError: If the environment offers none.
        """
        found = self.env.get_wrapper_attr("reflections")
        return tuple((signs[self._kept], action_signs) for signs, action_signs in found)

    def observation(self, observation: object) -> NDArray[np.float32]:
        """Choose and scale the entries of one observation, (D,) to (K,)."""
        raw = np.asarray(observation, np.float64)
        return self._shown(raw, self._scaled.observation(raw))

    def _shown(
        self, raw: NDArray[np.floating], scaled: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        fine = np.arcsinh(raw[self._kept] / self._scales)  # NaN where there is no scale
        return np.where(np.isnan(self._scales), scaled[self._kept], fine).astype(np.float32)


FlatObservation = ScaledObservation | RelativeObservation


def flat_observation(env: gym.Env[object, object], observation: str) -> FlatObservation:
    """Wrap an environment for ``observation=relative`` or, with all other words, scaled state."""
    return RelativeObservation(env) if observation == "relative" else ScaledObservation(env)
