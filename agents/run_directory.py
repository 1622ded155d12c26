"""One self-contained directory for each run, never overwritten."""

from __future__ import annotations

import dataclasses
import itertools
import json
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

import kibble
from kibble.agents.acting.config import ActingConfig
from kibble.agents.agent_config import AGENTS
from kibble.agents.blend.config import BlendConfig
from kibble.agents.config import (
    RewardConfig,
    ShapingConfig,
    TaskConfig,
    TrainConfig,
)
from kibble.agents.curriculum_config import CurriculumConfig
from kibble.agents.monitoring.config import MonitorConfig
from kibble.agents.scoring.config import ScoringConfig
from kibble.rewards.adapters.remote import CARD as REMOTE_CARD
from kibble.rewards.errors import CheckpointError, ConfigError
from kibble.rewards.reference import parse_reference
from kibble.rewards.remote.address import parse_address
from kibble.rewards.types import ModelSpec

__all__ = [
    "RunDirectory",
    "create_run",
    "free_directory",
    "new_directory",
    "open_run",
    "resumed_config",
]

_PACKAGES = ("torch", "numpy", "gymnasium", "mujoco", "stable_baselines3", "hydra-core")
_MAY_CHANGE = (
    *("run", "runs_dir", "resume", "steps", "rollouts"),
    *("device", "threads", "quiet", "checkpoint_every"),
    *("monitor.action", "monitor.weight", "shaping.max_failure_share"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDirectory:
    """Where the parts of a run lie.

    Args:
        path: The directory.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The whole configuration."""
        return self.path / "config.yaml"

    @property
    def metadata(self) -> Path:
        """Versions, revision, fingerprint of the weights."""
        return self.path / "metadata.json"

    @property
    def episodes(self) -> Path:
        """One JSON line for each finished episode."""
        return self.path / "episodes.jsonl"

    @property
    def monitor(self) -> Path:
        """One JSON line for each episode and each finding of the monitor."""
        return self.path / "monitor.jsonl"

    @property
    def monitor_picture(self) -> Path:
        """What the monitor saw, at a glance."""
        return self.path / "plots" / "monitor.png"

    @property
    def outages(self) -> Path:
        """One JSON line for each time that a reward service was away; missing without any."""
        return self.path / "outages.jsonl"

    @property
    def metrics(self) -> Path:
        """TensorBoard event files."""
        return self.path / "metrics"

    @property
    def checkpoints(self) -> Path:
        """All that is needed to go on."""
        return self.path / "checkpoints"

    @property
    def videos(self) -> Path:
        """Films of evaluation episodes."""
        return self.path / "videos"

    @property
    def model(self) -> Path:
        """The finished agent in Stable-Baselines3's own format."""
        return self.path / "model.zip"

    def load_config(self) -> TrainConfig:
        """Read the configuration of the run.

        Raises:
            CheckpointError: If it is missing or damaged.
        """
        try:
            tree = OmegaConf.to_container(OmegaConf.load(self.config))
            return _config_from_tree(cast("dict[str, dict[str, object]]", tree))
        except FileNotFoundError as error:
            raise CheckpointError(
                f"`run` must be a run directory, got '{self.path}' without config.yaml; "
                "give the directory that `kibble train` printed."
            ) from error
        except (YAMLError, OmegaConfBaseException, TypeError, KeyError, ConfigError) as error:
            raise CheckpointError(
                f"'{self.config}' must hold the configuration of a run, but it does not: "
                f"{str(error).splitlines()[0]}. Restore the file, or train anew."
            ) from error


def create_run(config: TrainConfig, spec: ModelSpec | None) -> RunDirectory:
    """Make the directory of a new run and write down what it is.

    Args:
        config: The run; with ``run=None`` a free name is chosen.
        spec: The reward model, or ``None``.

    Raises:
        CheckpointError: If the directory exists.
    """
    if config.run is not None:
        path = Path(config.run)
        try:
            path.mkdir(parents=True)
        except FileExistsError as error:
            raise CheckpointError(
                f"`run` must name a new directory, got '{path}', which exists; choose another "
                "name, or add resume=true to go on with that run. Nothing was changed."
            ) from error
    else:
        stem = f"{config.task.name}-{config.reward.name}-{config.agent.name}-seed{config.seed}"
        path = free_directory(Path(config.runs_dir) / stem)
    directory = RunDirectory(path=path)
    config = dataclasses.replace(config, run=str(path), resume=False)
    directory.config.write_text(OmegaConf.to_yaml(dataclasses.asdict(config)), encoding="utf-8")
    directory.metadata.write_text(json.dumps(_metadata(spec), indent=2) + "\n", encoding="utf-8")
    directory.checkpoints.mkdir()
    return directory


def open_run(path: Path) -> RunDirectory:
    """Open the directory of a run that began before.

    Raises:
        CheckpointError: If there is none.
    """
    if not path.is_dir():
        raise CheckpointError(
            f"`run` must be a run directory, got '{path}', which does not exist; "
            "give the directory that `kibble train` printed."
        )
    return RunDirectory(path=path)


def resumed_config(stored: TrainConfig, given: TrainConfig) -> TrainConfig:
    """Return the configuration that a resumed run goes on with: what is given, if it may be.

    Args:
        stored: The configuration that the run began with.
        given: The configuration asked for now. Budget, device, threads, checkpoints and display
            may differ, and so may the address of a reward service and how it is asked.

    Raises:
        ConfigError: If another setting differs; the text names it.
    """
    old, new = _flat(dataclasses.asdict(stored)), _flat(dataclasses.asdict(given))
    changed = [
        key
        for key in dict.fromkeys([*old, *new])
        if key not in _MAY_CHANGE
        and old.get(key) != new.get(key)
        and not (key == "reward.weights" and _is_moved(old.get(key), new.get(key)))
    ]
    if changed:
        shown = ", ".join(
            f"{key}={new.get(key)} (began with {old.get(key)})" for key in changed[:4]
        )
        raise ConfigError(
            f"A resumed run must keep its settings, got {shown}; leave them out, "
            "or begin a new run in another directory."
        )
    return given


def new_directory(out: str | None, *, otherwise: Path) -> Path:
    """Make the directory that a command was told to write to, or a free one like ``otherwise``.

    Raises:
        CheckpointError: If it was told of one that exists.
    """
    if out is None:
        return free_directory(otherwise)
    path = Path(out)
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise CheckpointError(
            f"`out` must name a new directory, got '{path}', which exists; choose another name, "
            "or remove it. Nothing was changed."
        ) from error
    return path


def free_directory(path: Path) -> Path:
    """Make a directory, or the first of ``path-2``, ``path-3`` … that is not there yet."""
    for counter in itertools.count(1):
        candidate = path if counter == 1 else path.with_name(f"{path.name}-{counter}")
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            continue
        return candidate
    raise AssertionError("counting does not end")


def _config_from_tree(tree: dict[str, dict[str, object]]) -> TrainConfig:
    groups: dict[str, object] = {
        "task": TaskConfig(**tree["task"]),  # type: ignore[arg-type]  # checked by the dataclass
        "reward": RewardConfig(**tree["reward"]),  # type: ignore[arg-type]
        "shaping": ShapingConfig(**tree["shaping"]),  # type: ignore[arg-type]
        "acting": ActingConfig(**tree.get("acting", {})),  # type: ignore[arg-type]
        "scoring": ScoringConfig(**tree.get("scoring", {})),  # type: ignore[arg-type]
        "curriculum": CurriculumConfig(**tree.get("curriculum", {})),  # type: ignore[arg-type]
        "monitor": MonitorConfig(**tree.get("monitor", {})),  # type: ignore[arg-type]
        "blend": BlendConfig(**tree.get("blend", {})),  # type: ignore[arg-type]
        "agent": AGENTS[str(tree["agent"]["name"])](**tree["agent"]),  # type: ignore[arg-type]
    }
    return TrainConfig(**{**tree, **groups})  # type: ignore[arg-type]


def _is_moved(old: object, new: object) -> bool:
    """Whether both are one model behind a service, which may have another address by now."""
    references = [parse_reference(str(text)) for text in (old, new)]
    if any(reference.name != REMOTE_CARD.name for reference in references):
        return False
    first, second = (parse_address(reference.weights).model for reference in references)
    return first == second


def _flat(tree: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat


def _metadata(spec: ModelSpec | None) -> dict[str, object]:
    return {
        "kibble": kibble.__version__,
        "revision": _revision(),
        "reward_model": None if spec is None else {"name": spec.name, "version": spec.version},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "began": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv,
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _revision() -> str | None:
    """Return the git revision that the package's source is at, or None outside a repository."""
    source = Path(kibble.__file__).resolve().parent
    command = ["git", "-C", str(source), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
