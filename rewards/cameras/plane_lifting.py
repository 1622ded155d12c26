"""Points in space from one view and a plane that they lie in."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.lifted import Flaw, Lifted
from kibble.rewards.errors import ConfigError

__all__ = ["lift_by_plane"]

_GRAZING = math.sin(math.radians(1.0))


def lift_by_plane(
    camera: Camera,
    pixels: NDArray[np.floating],
    *,
    offset: NDArray[np.floating] | float,
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> Lifted:
    """Lift pixels to where their rays meet a plane.

    Args:
        camera: The camera.
        pixels: (..., 2) (u, v) pixels.
        offset: (...) m along the unit normal from the base frame's origin, or one for all; for
            the upright normal that is the height of the surface.
        normal: Of the plane, in the base frame; of any length above 0.

    Returns:
        (...) points.

    Raises:
        ConfigError: If the normal has no direction.
    """
    length = math.sqrt(sum(value * value for value in normal))
    if not (math.isfinite(length) and length > 0):
        raise ConfigError(
            f"`normal` must be finite and longer than 0, got {normal}; try (0, 0, 1)."
        )
    unit = np.asarray(normal, np.float64) / length
    rays = camera.rays(pixels)  # (..., 3)
    along = rays @ unit  # (...)
    seen = np.isfinite(along)
    steep = np.abs(along) > _GRAZING * np.linalg.norm(rays, axis=-1)
    reach = (offset - camera.centre @ unit) / np.where(seen & steep, along, 1.0)
    flaw = np.select(
        [~seen, ~steep, ~(reach > 0)], [Flaw.UNSEEN, Flaw.PARALLEL, Flaw.BEHIND], Flaw.NONE
    )
    good = flaw == Flaw.NONE
    points = camera.centre + reach[..., None] * rays
    return Lifted(
        positions=np.where(good[..., None], points, np.nan),
        flaw=flaw.astype(np.int8),
        error=np.where(good, 0.0, np.nan),
    )
