"""How differently the same scene may look from one episode to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.palette import PALETTE
from kibble.rewards.errors import ConfigError

__all__ = ["RANGES", "SURFACES", "TEXTURES", "ZONES", "Appearance", "Distractor", "Look"]

RANGES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "position": 0.025,  # m and axis, place of a camera that stands still
        "target": 0.015,  # m and axis, the point that it looks at
        "wrist": 0.003,  # m and axis, both of them for the wrist camera
        "fovy": 0.03,  # share of the field of view
        "tilt": 0.30,  # rad about each horizontal axis, direction of the lamp
        "lamp": 0.20,  # share of the lamp's brightness
        "tint": 0.06,  # share of each channel of the lamp's colour
        "ambient": 0.12,  # share of the light that comes from everywhere
        "hue": 4.0,  # degrees, of a named colour
        "shade": 0.10,  # share by which a named colour is darker
        "pale": 0.07,  # share of white that is mixed into it
        "surface": 0.16,  # share of the brightness of table, floor and arm
        "cast": 0.06,  # share of each channel of their colour
    }
)
"""Largest offset of each kind in the plain band, (0, 1)."""

SURFACES: Final = ("table", "floor", "arm")
TEXTURES: Final = ("checker", "speckle", "gradient", "tiles", "crosses", "fine")
"""Textures that a scene with an appearance carries; ``"plain"`` is none."""

ZONES: Final[tuple[tuple[tuple[float, float], tuple[float, float], float], ...]] = (
    ((0.06, 0.29), (0.28, 0.37), 0.040),
    ((0.06, -0.37), (0.28, -0.29), 0.040),
    ((0.36, 0.31), (0.60, 0.38), 0.030),
    ((0.36, -0.38), (0.60, -0.31), 0.030),
    ((0.69, -0.20), (0.74, 0.20), 0.015),
)
"""Where distractors stand: low and high corner, m, and largest half height, m. No task puts
anything there, and nothing that stands there hides the workspace from the front camera."""

_MARGIN = 1.1  # held-out offsets begin so far outside the training band


@dataclass(frozen=True, slots=True, kw_only=True)
class Distractor:
    """Something without a part in the task.

    Args:
        shape: ``"box"``, ``"sphere"``, ``"cylinder"``, ``"capsule"`` or ``"ellipsoid"``.
        half: Half extents, m; a sphere uses the first, a cylinder and a capsule the first and
            the last.
        place: x and y in the base frame, m.
        yaw: Heading, rad.
        rgb: Its dull colour, in [0, 1].
    """

    shape: str
    half: tuple[float, float, float]
    place: tuple[float, float]
    yaw: float
    rgb: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """The appearance of one episode.

    Args:
        offsets: Name to offsets in units of the range in ``RANGES``. Names: ``position:<view>``,
            ``target:<view>`` (3,), ``fovy:<view>`` (1,), ``tilt`` (2,), ``lamp`` (1,),
            ``tint`` (3,), ``ambient`` (1,), ``hue:<colour>``, ``shade:<colour>``,
            ``pale:<colour>``, ``surface:<name>`` (1,), ``cast:<name>`` (3,).
        textures: Texture of ``table`` and ``floor``.
        distractors: What else stands on the table.
    """

    offsets: Mapping[str, NDArray[np.float64]]
    textures: Mapping[str, str]
    distractors: tuple[Distractor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """From where the looks of episodes are drawn.

    Every single offset has a random sign and a size drawn uniformly from ``band`` times its
    range, so that two appearances whose bands do not meet share no camera pose, shade or light.

    Args:
        band: Least and largest size of the offsets, in units of ``RANGES``.
        textures: What the table and the floor may be covered with, of ``"plain"`` and
            ``TEXTURES``.
        shapes: Shapes of distractors.
        most_distractors: At most so many things without a part in the task, up to 4.

    Raises:
        ConfigError: If a value is out of range or not known.
    """

    band: tuple[float, float] = (0.0, 1.0)
    textures: tuple[str, ...] = ("plain", "checker", "speckle", "gradient")
    shapes: tuple[str, ...] = ("box", "sphere", "cylinder")
    most_distractors: int = 4

    def __post_init__(self) -> None:
        low, high = self.band
        if not 0.0 <= low <= high <= 2.0:
            raise ConfigError(
                f"`band` must be two rising numbers in [0, 2], got {self.band}; "
                "colours beyond it would no longer deserve their names."
            )
        unknown = set(self.textures) - {"plain", *TEXTURES}
        if unknown or not self.textures:
            raise ConfigError(
                f"`textures` must be some of plain, {', '.join(TEXTURES)}, got {self.textures}."
            )
        known = ("box", "sphere", "cylinder", "capsule", "ellipsoid")
        if set(self.shapes) - set(known) or not self.shapes:
            raise ConfigError(f"`shapes` must be some of {', '.join(known)}, got {self.shapes}.")
        if not 0 <= self.most_distractors <= 4:
            raise ConfigError(
                f"`most_distractors` must lie in [0, 4], got {self.most_distractors}."
            )

    @classmethod
    def training(cls) -> Appearance:
        """Return the looks that models are trained on."""
        return cls()

    @classmethod
    def heldout(cls) -> Appearance:
        """Return looks outside of the training looks in every offset, texture and shape."""
        return cls(
            band=(_MARGIN, 1.5),
            textures=("tiles", "crosses", "fine"),
            shapes=("capsule", "ellipsoid"),
        )

    def draw(self, rng: np.random.Generator, views: Sequence[str]) -> Look:
        """Draw the look of an episode.

        Args:
            rng: Source of randomness.
            views: Names of the scene's cameras.
        """
        sizes = {
            **{f"{kind}:{view}": 3 for view in views for kind in ("position", "target")},
            **{f"fovy:{view}": 1 for view in views},
            **{"tilt": 2, "lamp": 1, "tint": 3, "ambient": 1},
            **{f"{kind}:{name}": 1 for name in PALETTE for kind in ("hue", "shade", "pale")},
            **{f"surface:{surface}": 1 for surface in SURFACES},
            **{f"cast:{surface}": 3 for surface in SURFACES},
        }
        offsets = {
            name: rng.choice((-1.0, 1.0), size) * rng.uniform(*self.band, size)
            for name, size in sizes.items()
        }
        textures = {name: str(rng.choice(self.textures)) for name in ("table", "floor")}
        count = int(rng.integers(self.most_distractors + 1))
        zones = rng.choice(len(ZONES), size=count, replace=False)
        return Look(
            offsets=offsets,
            textures=textures,
            distractors=tuple(self._distractor(rng, int(zone)) for zone in zones),
        )

    def _distractor(self, rng: np.random.Generator, zone: int) -> Distractor:
        low, high, tallest = ZONES[zone]
        grey = rng.uniform(0.2, 0.85)
        warmth = rng.uniform(-0.06, 0.10)  # from a bluish to a brownish grey
        half = (*rng.uniform(0.012, 0.030, 2), rng.uniform(0.010, tallest))
        x, y = rng.uniform(low, high)
        return Distractor(
            shape=str(rng.choice(self.shapes)),
            half=(float(half[0]), float(half[1]), float(half[2])),
            place=(float(x), float(y)),
            yaw=float(rng.uniform(-np.pi, np.pi)),
            rgb=(
                float(np.clip(grey + warmth, 0.0, 1.0)),
                float(grey),
                float(np.clip(grey - warmth, 0.0, 1.0)),
            ),
        )
