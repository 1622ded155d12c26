"""A contact sheet of what a proposer marks, over many scenes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from kibble.agents.keypoints.config import KeypointsConfig
from kibble.agents.keypoints.legend import draw_legend
from kibble.agents.keypoints.output import free_file
from kibble.agents.keypoints.proposed import Truth, draw_proposed, largest_error
from kibble.agents.keypoints.proposers import ORACLE, open_proposer
from kibble.agents.keypoints.scene import Scene, SimulatedScenes, recorded_scene
from kibble.agents.progress_bar import bar
from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.keypoints.roles import ROLES

__all__ = ["write_sheet"]

Colour = tuple[int, int, int]

_TILE = 288  # pixels of a picture's height
_WIDEST = 1840  # pixels
_MARGIN, _GAP = 18, 18  # pixels
_TITLE, _CAPTION, _LINE = 20, 14, 19  # font sizes and line height, pixels
_PAPER, _INK, _FAINT, _WARN = (250, 250, 248), (32, 32, 36), (105, 105, 112), (178, 34, 10)
_FAR = 8.0  # pixels at 96 rows; a third of a cube


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cell:
    """One scene, drawn: its views side by side, and lines of text about it."""

    image: Image.Image
    lines: Sequence[tuple[str, Colour]]


def write_sheet(config: KeypointsConfig) -> Path:
    """Ask the proposer about every scene and write the sheet.

    Returns:
        Where it is.

    Raises:
        KibbleError: If the input, the proposer or the file to write is not usable.
    """
    stem = config.task.name if config.input is None else "recording"
    path = free_file(
        config.out, stem=f"proposals-{stem}", ending=".png", overwrite=config.overwrite
    )
    count = config.scenes if config.input is None else 1
    name = config.proposer or "embedded"
    proposer: Proposer | None = None
    cells = []
    with bar(config.quiet, "proposing") as show:
        for number, scene in enumerate(_scenes(config), start=1):
            cameras = _cameras(config, scene)
            if proposer is None or name == ORACLE:  # whose cameras may stand elsewhere
                proposer = open_proposer(name, scene)
            cells.append(_draw_cell(scene, proposer, cameras, config.instruction))
            show(number, count)
    assert proposer is not None  # there is one scene at least
    what = config.task.id if config.input is None else "recording"
    look = f", {config.appearance} look" if config.input is None else ""
    sheet = _lay_out(f"{what}: keypoints by {proposer.name}{look}", cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return path


def _scenes(config: KeypointsConfig) -> Iterator[Scene]:
    if config.input is not None:
        yield recorded_scene(config)
        return
    simulated = SimulatedScenes(config, clear=False)
    try:
        for seed in range(config.seed, config.seed + config.scenes):
            yield simulated.open(seed)
    finally:
        simulated.close()


def _cameras(config: KeypointsConfig, scene: Scene) -> Mapping[str, Camera]:
    if config.calibration is None:
        return scene.cameras
    sizes = {view: (batch.shape[1], batch.shape[2]) for view, batch in scene.frames.items()}
    return read_cameras(config.calibration, sizes)


def _draw_cell(
    scene: Scene, proposer: Proposer, cameras: Mapping[str, Camera], said: str | None
) -> _Cell:
    instruction = scene.instruction or ""
    if not instruction:
        raise ConfigError(
            "`instruction` must say what is to be done, and the input does not; write "
            "instruction='push the red cube onto the green pad'."
        )
    # A sentence of the user's own may ask for something else than the simulator knows.
    truth = {} if said is not None else _truth(scene)
    proposal: Proposal | None = None
    lines: list[tuple[str, Colour]] = [(f'{scene.name}  "{instruction}"', _INK)]
    frames = {**scene.frames, **(scene.oracle if proposer.name == ORACLE else {})}
    try:
        proposal = proposer.propose(instruction, frames)
        lines.append(_words(proposal, truth))
    except ProposalError as error:
        lines.append((f"no proposal: {error}", _WARN))
    tiles = [
        draw_proposed(
            batch[0],
            view,
            proposal,
            cameras=cameras,
            truth={} if proposer.name == ORACLE else truth,
            height=_TILE,
        )
        for view, batch in scene.frames.items()
    ]
    image = Image.new("RGB", (sum(tile.width + 4 for tile in tiles) - 4, _TILE), _PAPER)
    left = 0
    for tile in tiles:
        image.paste(tile, (left, 0))
        left += tile.width + 4
    return _Cell(image=image, lines=lines)


def _truth(scene: Scene) -> Truth:
    if not scene.oracle:
        return {}
    from kibble.agents.oracle_keypoints import OracleDetector

    found = OracleDetector(scene.cameras).detect([scene.instruction or ""], scene.oracle)
    return {
        view: {
            role: (float(pixels[0, r, 0]), float(pixels[0, r, 1]))
            for r, role in enumerate(ROLES)
            if found.confidence[view][0, r]
        }
        for view, pixels in found.pixels.items()
    }


def _words(proposal: Proposal, truth: Truth) -> tuple[str, Colour]:
    """Say how sure the proposer is, and how far off it was."""
    if proposal.confidence == 0.0:
        return "confidence 0: the potential is held", _WARN
    words = f"confidence {proposal.confidence:.2f}, {len(proposal.waypoints)} waypoints"
    worst = largest_error(proposal, truth)
    if worst is None:
        return words, _FAINT
    role, error = worst
    return f"{words}; worst: {role.value}, {error:.1f} px", _WARN if error > _FAR else _FAINT


def _lay_out(title: str, cells: Sequence[_Cell]) -> Image.Image:
    """Put the cells into rows as wide as they may be, with title and legend above."""
    wide = max(cell.image.width for cell in cells)
    columns = min(max((_WIDEST - 2 * _MARGIN + _GAP) // (wide + _GAP), 1), len(cells))
    width = max(2 * _MARGIN + columns * (wide + _GAP) - _GAP, 620)
    legend = draw_legend(width - 2 * _MARGIN)
    lines = [
        [(part, ink) for text, ink in cell.lines for part in _wrap(text, wide)] for cell in cells
    ]
    rows = [
        range(start, min(start + columns, len(cells))) for start in range(0, len(cells), columns)
    ]
    top = _MARGIN + _TITLE + 12 + legend.height + _LINE + 10
    heights = [max(len(lines[n]) for n in row) * _LINE + _TILE + _GAP + 6 for row in rows]
    sheet = Image.new("RGB", (width, top + sum(heights)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN), title, fill=_INK, font=ImageFont.load_default(_TITLE))
    sheet.paste(legend, (_MARGIN - 12, _MARGIN + _TITLE + 12))
    note = "dashed: less sure than 0.5;  white dots: the truth;  errors in pixels of 96 rows"
    small = ImageFont.load_default(_CAPTION)
    pen.text((_MARGIN, top - _LINE - 8), note, fill=_FAINT, font=small)
    y = top
    for row, height in zip(rows, heights, strict=True):
        for column, n in enumerate(row):
            x = _MARGIN + column * (wide + _GAP)
            sheet.paste(cells[n].image, (x, y))
            for number, (text, ink) in enumerate(lines[n]):
                pen.text((x, y + _TILE + 5 + number * _LINE), text, fill=ink, font=small)
        y += height
    return sheet


def _wrap(text: str, width: int) -> list[str]:
    """Break a text into at most four lines of a width, in pixels."""
    font = ImageFont.load_default(_CAPTION)
    ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if ruler.textlength(longer, font=font) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines if len(lines) <= 4 else [*lines[:3], lines[3] + " …"]
