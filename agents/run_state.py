"""The whole of a training run as one checkpoint: agent, environments, wrappers, generators."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnvWrapper

from kibble.agents.agent_state import (
    get_agent_state,
    give_generators,
    set_agent_state,
    take_generators,
)
from kibble.agents.episode_monitor import EpisodeMonitor
from kibble.agents.monitoring.monitored_vec_env import find_monitored
from kibble.agents.resumable import Stateful
from kibble.agents.scoring.source import find_source
from kibble.rewards.errors import CheckpointError

if TYPE_CHECKING:
    from kibble.agents.builders import Algorithm

__all__ = ["get_run_state", "set_run_state"]

_FORMAT = 2


def get_run_state(agent: Algorithm, monitor: EpisodeMonitor) -> dict[str, object]:
    """Return all that a run depends on. To be called between rollouts.

    Frames that wait are scored first, so none waits in a checkpoint.
    """
    source = cast("Stateful | None", find_source(monitor.venv))
    scoring = None if source is None else source.get_state()
    return {
        "format": _FORMAT,
        "agent": get_agent_state(agent),
        "scoring": scoring,
        "monitor": monitor.get_state(),
        "wrappers": {name: layer.get_state() for name, layer in _layers(monitor).items()},
        "environments": monitor.env_method("take_state"),
        "generators": take_generators(),
    }


def set_run_state(agent: Algorithm, monitor: EpisodeMonitor, state: dict[str, object]) -> None:
    """Give a freshly built run of the same configuration the state of another.

    Where environments cannot put an episode back (see :class:`Resumable`), the running episodes
    begin anew from the environment's own random generator; everything else goes on as it was.

    Raises:
        CheckpointError: If the state was written by another version.
    """
    if state.get("format") != _FORMAT:
        raise CheckpointError(
            f"The checkpoint must have format {_FORMAT}, got {state.get('format')}; "
            "go on with the version of Kibble that began the run, or train anew."
        )
    environments = cast("list[dict[str, object]]", state["environments"])
    running = all(monitor.env_method("can_restore"))
    monitor.reset()  # opens episodes in every layer, and uses up the seeds
    for index, environment in enumerate(environments):
        monitor.env_method("give_state", environment, indices=index)
    set_agent_state(agent, cast("dict[str, object]", state["agent"]))
    source = cast("Stateful | None", find_source(monitor.venv))
    if source is not None:
        source.set_state(cast("dict[str, object]", state["scoring"]))
    wrappers = cast("dict[str, dict[str, object]]", state["wrappers"])
    if running:
        for name, layer in _layers(monitor).items():
            if name in wrappers:  # a monitor may have been switched on since
                layer.set_state(wrappers[name])
    else:
        agent._last_obs = cast("NDArray[np.float32]", monitor.reset())
        monitored = find_monitored(monitor.venv)
        if monitored is not None and type(monitored).__name__ in wrappers:
            monitored.set_state(wrappers[type(monitored).__name__], running=False)
    monitor.set_state(cast("dict[str, object]", state["monitor"]), running=running)
    give_generators(cast("dict[str, object]", state["generators"]))


def _layers(monitor: EpisodeMonitor) -> dict[str, Stateful]:
    """Find the vector wrappers below the monitor that have a state, by name."""
    layers: dict[str, Stateful] = {}
    layer = monitor.venv
    while isinstance(layer, VecEnvWrapper):
        if callable(getattr(type(layer), "get_state", None)):
            layers[type(layer).__name__] = cast("Stateful", layer)
        layer = layer.venv
    return layers
