"""Read the file that describes a robot; ``docs/robot_file.md`` explains the keys."""

from __future__ import annotations

from pathlib import Path

from kibble.envs.robot.action_section import read_action, read_teleop
from kibble.envs.robot.description import (
    CameraDescription,
    Entry,
    RobotDescription,
    Source,
    StopDescription,
    SuccessDescription,
)
from kibble.envs.robot.message_path import MessagePath
from kibble.envs.robot.reset_section import read_reset
from kibble.envs.robot.yaml_section import Section
from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.ros.images import COMPRESSED_IMAGE, IMAGE

__all__ = ["read_robot", "shipped_robots"]

_ROBOTS = Path(__file__).parent / "robots"
_TRANSPORTS = {"raw": IMAGE, "compressed": COMPRESSED_IMAGE}


def shipped_robots() -> tuple[str, ...]:
    """Return the names of the files that come with the package."""
    return tuple(sorted(path.stem for path in _ROBOTS.glob("*.yaml")))


def read_robot(file: str | Path) -> RobotDescription:
    """Read a robot's file.

    Args:
        file: Its path, or the name of one that comes with the package.

    Raises:
        ConfigError: If it cannot be read, a key is unknown or missing, or a value is out of range;
            the text names file and key.
        MissingDependencyError: If PyYAML is missing.
    """
    path = _ROBOTS / f"{file}.yaml" if str(file) in shipped_robots() else Path(file)
    return _read(Section(_document(path, str(file)), file=str(file)))


def _document(path: Path, name: str) -> object:
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError(
            "A robot's file is read with PyYAML, which is missing; pip install 'kibble[ros]'."
        ) from error
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"`file` must be a robot's file that can be read, or one of "
            f"{', '.join(shipped_robots())}, got {name!r}: {error}."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"`file` must be a YAML file, got {name!r}: {error}") from error


def _read(top: Section) -> RobotDescription:
    control_dt = top.number("control_dt", 0.005, 10.0, 0.1, unit="s")
    late_after = top.number("late_after", 0.0, control_dt, control_dt / 4.0, unit="s")
    staleness = top.number("staleness", 0.01, 60.0, 0.3, unit="s")
    instruction, topic = _instruction(top)
    sources = tuple(_source(part, staleness) for part in top.sections("observations"))
    entries = [entry for source in sources for entry in source.entries]
    _check_entries(top, entries)
    action = read_action(top.section("action"), control_dt=control_dt, staleness=staleness)
    described = RobotDescription(
        file=top.file,
        control_dt=control_dt,
        late_after=late_after,
        steps=top.whole("steps", 0, 1_000_000, 0),
        instruction=instruction,
        instruction_topic=topic,
        proprioception=top.whole("proprioception", 0, len(entries), len(entries)),
        sources=sources,
        action=action,
        cameras=_cameras(top),
        camera_tolerance=top.number("camera_tolerance", 0.0, 10.0, 0.05, unit="s"),
        camera_staleness=top.number("camera_staleness", 0.01, 60.0, 0.5, unit="s"),
        success=_success(top),
        stops=_stops(top),
        teleop=read_teleop(top.section("teleop"), action) if top.has("teleop") else None,
        human=top.topic("human", "/kibble/human"),
        announce=top.topic("announce") if top.has("announce") else "",
        reset=read_reset(top.sections("reset"), action) if top.has("reset") else (),
        patience=top.number("patience", 0.0, 86_400.0, 60.0, unit="s"),
    )
    top.end()
    return described


def _instruction(top: Section) -> tuple[str, str]:
    """Return the sentence and the topic, one of which is empty."""
    value = top.take("instruction")
    if isinstance(value, str) and value.strip():
        return value, ""
    part = Section(value, file=top.file, key="instruction")
    topic = part.topic("topic")
    part.end()
    return "", topic


def _source(part: Section, staleness: float) -> Source:
    source = Source(
        topic=part.topic("topic"),
        type_name=part.text("type"),
        staleness=part.number("staleness", 0.0, 3600.0, staleness, unit="s"),
        entries=tuple(_entry(name, entry) for name, entry in part.named("entries").items()),
    )
    part.end()
    return source


def _entry(name: str, part: Section) -> Entry:
    low = part.number("low", -1e9, 1e9)
    high = part.number("high", -1e9, 1e9)
    if not low < high:
        raise part.error("high", f"be greater than `low`, {low:g}", high)
    path = part.text("path")
    try:
        MessagePath(path)
    except ConfigError as error:
        raise part.error("path", "be a place in the message", path, str(error)) from error
    entry = Entry(
        name=name,
        path=path,
        low=low,
        high=high,
        minus=part.text("minus") if part.has("minus") else "",
        relative=part.flag("relative", False),
        fine=part.number("fine", 1e-9, 1e9) if part.has("fine") else None,
    )
    part.end()
    return entry


def _check_entries(top: Section, entries: list[Entry]) -> None:
    names = [entry.name for entry in entries]
    for entry in entries:
        if names.count(entry.name) > 1:
            raise top.error("observations", "name each entry once", entry.name)
        if entry.minus and (entry.minus not in names or entry.minus == entry.name):
            raise top.error(
                "observations", f"subtract another entry from {entry.name!r}", entry.minus
            )


def _cameras(top: Section) -> tuple[CameraDescription, ...]:
    if not top.has("cameras"):
        return ()
    cameras = []
    for view, part in top.named("cameras").items():
        kind = part.one_of("transport", tuple(_TRANSPORTS), "raw")
        cameras.append(
            CameraDescription(view=view, topic=part.topic("topic"), type_name=_TRANSPORTS[kind])
        )
        part.end()
    return tuple(cameras)


def _success(top: Section) -> SuccessDescription:
    part = top.section("success")
    kind = part.one_of("from", ("topic", "human", "reward", "none"))
    listens = kind in ("topic", "reward")
    defaults = {"topic": "/task/success", "reward": "/reward_node/reward"}
    success = SuccessDescription(
        kind=kind,  # type: ignore[arg-type]  # one of the words above
        topic=part.topic("topic", defaults[kind]) if listens else "",
        dwell=part.number("dwell", 0.0, 60.0, 0.5, unit="s") if listens else 0.0,
        threshold=part.number("threshold", 0.0, 1.0, 0.9) if kind == "reward" else 1.0,
        messages=part.whole("messages", 1, 1000, 3) if kind == "reward" else 1,
    )
    part.end()
    return success


def _stops(top: Section) -> tuple[StopDescription, ...]:
    """Read one emergency stop or a list of them; each has a topic of its own."""
    if not top.has("emergency_stop"):
        return (StopDescription(topic="/emergency_stop", heartbeat=0.0),)
    stops = tuple(map(_stop, top.one_or_more("emergency_stop")))
    topics = [stop.topic for stop in stops]
    if len(set(topics)) < len(topics):
        raise top.error("emergency_stop", "have a topic of its own for each button", topics)
    return stops


def _stop(part: Section) -> StopDescription:
    stop = StopDescription(
        topic=part.topic("topic", "/emergency_stop"),
        heartbeat=part.number("heartbeat", 0.0, 60.0, 0.0, unit="s"),
    )
    part.end()
    return stop
