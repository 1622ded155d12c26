"""Going on with a run: its own settings stand, but for what the command line names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from kibble.agents.agent_config import AGENTS

__all__ = ["settings_of_resumed_run"]


def settings_of_resumed_run(config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Put the settings of the run that is to go on under those that were named.

    Without this, ``kibble train run=… resume=true`` would ask for the defaults of training.

    Args:
        config: The composed configuration.
        overrides: The words that were given, all of them checked.

    Returns:
        The run's settings with the overrides in force; ``config`` itself if it resumes nothing or
        the run's settings cannot be read, which the command then says.
    """
    if not config.get("resume") or not config.get("run"):
        return config
    try:
        stored = OmegaConf.load(Path(config.run) / "config.yaml")
        settled = OmegaConf.merge(_with_agent(config, str(stored.agent.name)), stored)
    except (OSError, YAMLError, OmegaConfBaseException):
        return config
    assert isinstance(settled, DictConfig)  # as config is one
    for word in overrides:
        key = word.partition("=")[0].lstrip("+")
        OmegaConf.update(settled, key, OmegaConf.select(config, key), merge=False)
    return settled


def _with_agent(config: DictConfig, name: str) -> DictConfig:
    """Return a copy whose agent has the keys of the algorithm of that name.

    Its free parts, such as ``task.options``, take keys that were added with ``+``.
    """
    copied = config.copy()
    OmegaConf.set_struct(copied, False)
    if name in AGENTS:
        copied.agent = OmegaConf.structured(AGENTS[name])
        OmegaConf.set_readonly(copied.agent, None)
    return copied
