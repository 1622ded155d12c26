"""Take the state of a wrapped environment and give it back, so that a killed run can go on."""

from __future__ import annotations

from typing import Protocol, cast, final, runtime_checkable

import gymnasium as gym
from gymnasium.wrappers import TimeLimit

__all__ = ["Resumable", "Stateful"]


@runtime_checkable
class Stateful(Protocol):
    """Anything whose state can be taken and given back."""

    def get_state(self) -> dict[str, object]:
        """Return all that is needed to go on identically."""
        ...

    def set_state(self, state: dict[str, object]) -> None:
        """Go on from a state that :meth:`get_state` returned."""
        ...


@final
class Resumable(gym.Wrapper[object, object, object, object]):
    """Outermost wrapper of each environment: state of every layer below.

    The environment itself, and every wrapper that offers ``get_state`` and ``set_state``, is
    asked; ``TimeLimit`` is known. Where the environment itself does not offer them, only its
    random generator is kept, and a resumed run begins its running episode anew.
    """

    def can_restore(self) -> bool:
        """Whether an episode can go on where it was."""
        return isinstance(self.unwrapped, Stateful)

    def take_state(self) -> dict[str, object]:
        """Return the state of all layers, keyed by depth and class."""
        state: dict[str, object] = {"generator": self.unwrapped.np_random.bit_generator.state}
        for key, layer in self._layers():
            if isinstance(layer, TimeLimit):
                state[key] = layer._elapsed_steps
            elif _is_stateful(layer):
                state[key] = cast("Stateful", layer).get_state()
        return state

    def give_state(self, state: dict[str, object]) -> None:
        """Put all layers back; the environment has been reset before."""
        for key, layer in reversed(self._layers()):
            if key not in state or not self.can_restore():
                continue
            if isinstance(layer, TimeLimit):
                layer._elapsed_steps = cast("None", state[key])  # typed for before the first reset
            elif _is_stateful(layer):
                cast("Stateful", layer).set_state(cast("dict[str, object]", state[key]))
        generator = cast("dict[str, object]", state["generator"])
        self.unwrapped.np_random.bit_generator.state = generator

    def _layers(self) -> list[tuple[str, gym.Env[object, object]]]:
        layers: list[tuple[str, gym.Env[object, object]]] = []
        layer: gym.Env[object, object] = self.env
        while isinstance(layer, gym.Wrapper):
            layers.append((f"{len(layers)}:{type(layer).__name__}", layer))
            layer = layer.env
        layers.append((f"{len(layers)}:{type(layer).__name__}", layer))
        return layers


def _is_stateful(layer: object) -> bool:
    """Whether the class itself offers it; wrappers would pass on what lies below."""
    return callable(getattr(type(layer), "get_state", None))
