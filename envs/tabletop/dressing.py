"""Gives a compiled scene the look that was drawn for an episode."""

from __future__ import annotations

import colorsys
import dataclasses
import math
from collections.abc import Mapping
from typing import final

import mujoco
import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.appearance import RANGES, TEXTURES, Look
from kibble.envs.tabletop.cameras import WRIST_CAMERA, CameraPose, camera_axes
from kibble.envs.tabletop.palette import PALETTE

__all__ = ["Dressing", "dressing_assets", "dressing_things"]

_SLOTS = tuple(f"distractor_{i}" for i in range(4))
_ARM_BODIES = ("base", "column", "upper_arm", "forearm", "wrist", "hand")
_SHAPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}
_ROUND = ("cylinder", "capsule")
# Near white, because the surface's own colour multiplies them.
_TEXTURE_XML = {
    "checker": 'builtin="checker" rgb1="1 1 1" rgb2="0.80 0.80 0.80"',
    "speckle": 'builtin="flat" rgb1="1 1 1" mark="random" markrgb="0.68 0.66 0.64" random="0.06"',
    "gradient": 'builtin="gradient" rgb1="1 1 1" rgb2="0.72 0.72 0.72"',
    "tiles": 'builtin="flat" rgb1="1 1 1" mark="edge" markrgb="0.62 0.62 0.62"',
    "crosses": 'builtin="flat" rgb1="0.97 0.97 0.97" mark="cross" markrgb="0.70 0.70 0.70"',
    "fine": 'builtin="checker" rgb1="1 0.98 0.95" rgb2="0.84 0.86 0.88"',
}
_REPEATS = {"checker": 5, "speckle": 2, "gradient": 1, "tiles": 6, "crosses": 5, "fine": 14}


def dressing_assets() -> str:
    """Return the MJCF of the textures and of a material for each."""
    return "".join(
        f'<texture name="{name}" type="2d" width="64" height="64" {_TEXTURE_XML[name]}/>'
        f'<material name="{name}" texture="{name}" specular="0.5" shininess="0.5" '
        f'texrepeat="{_REPEATS[name]} {_REPEATS[name]}"/>'
        for name in TEXTURES
    )


def dressing_things() -> str:
    """Return the MJCF of the distractors, hidden until one is shown; nothing can touch them."""
    return "".join(
        f'<geom name="{name}" type="box" size="0.01 0.01 0.01" pos="0.1 0.3 0.1" mass="0" '
        'contype="0" conaffinity="0" rgba="0.5 0.5 0.6 0"/>'
        for name in _SLOTS
    )


@final
class Dressing:
    """Changes cameras, light, colours, textures and distractors of a model, and nothing else.

    Args:
        model: A scene with :func:`dressing_assets` and :func:`dressing_things` in it.
        cameras: Poses of the cameras that stand still.
    """

    def __init__(self, model: mujoco.MjModel, cameras: Mapping[str, CameraPose]) -> None:
        self._model = model
        self._poses = {**cameras, "wrist": WRIST_CAMERA}
        bodies = [int(model.body(name).id) for name in _ARM_BODIES]
        self._arm = [i for i in range(model.ngeom) if int(model.geom_bodyid[i]) in bodies]
        self._rgba = model.geom_rgba.copy()
        self._diffuse = model.light_diffuse.copy()
        self._direction = model.light_dir.copy()
        self._ambient = np.array(model.vis.headlight.ambient)
        self._palette = dict(PALETTE)

    @property
    def views(self) -> tuple[str, ...]:
        """Names of all cameras."""
        return tuple(self._poses)

    def wear(self, look: Look) -> None:
        """Give the scene a look; named colours show it at the next :meth:`shade`."""
        offset = look.offsets
        for view, pose in self._poses.items():
            self._aim(view, _moved(pose, look, view))
        angles = RANGES["tilt"] * offset["tilt"]
        self._model.light_dir[:] = self._direction @ _tilt(*angles).T
        lamp = (1 + RANGES["lamp"] * offset["lamp"]) * (1 + RANGES["tint"] * offset["tint"])
        self._model.light_diffuse[:] = self._diffuse * lamp
        self._model.vis.headlight.ambient[:] = self._ambient * (
            1 + RANGES["ambient"] * offset["ambient"]
        )
        self._palette = {name: _shaded(name, look) for name in PALETTE}
        surfaces = {name: [int(self._model.geom(name).id)] for name in ("table", "floor")}
        for name, geoms in {**surfaces, "arm": self._arm}.items():
            share = 1 + RANGES["surface"] * offset[f"surface:{name}"]
            share = share * (1 + RANGES["cast"] * offset[f"cast:{name}"])  # (3,)
            self._model.geom_rgba[geoms, :3] = np.clip(self._rgba[geoms, :3] * share, 0.0, 1.0)
        for name, texture in look.textures.items():
            material = -1 if texture == "plain" else int(self._model.material(texture).id)
            self._model.geom_matid[surfaces[name]] = material
        self._show(look)

    def shade(self, geoms: tuple[str, ...], colour: str) -> None:
        """Give geoms the present look's shade of a named colour."""
        for geom in geoms:
            self._model.geom(geom).rgba[:3] = self._palette[colour]

    def _aim(self, view: str, pose: CameraPose) -> None:
        index = int(self._model.camera(view).id)
        self._model.cam_pos[index] = pose.position
        self._model.cam_fovy[index] = pose.fovy
        axes = np.ascontiguousarray(camera_axes(pose).T)  # columns are the camera's axes
        mujoco.mju_mat2Quat(self._model.cam_quat[index], axes.ravel())

    def _show(self, look: Look) -> None:
        for i, name in enumerate(_SLOTS):
            index = int(self._model.geom(name).id)
            if i >= len(look.distractors):
                self._model.geom_rgba[index, 3] = 0.0
                continue
            thing = look.distractors[i]
            a, b, c = thing.half
            self._model.geom_type[index] = int(_SHAPES[thing.shape])
            self._model.geom_size[index] = (a, c, c) if thing.shape in _ROUND else (a, b, c)
            above = {"sphere": a, "capsule": a + c}.get(thing.shape, c)
            self._model.geom_pos[index] = (*thing.place, above)
            self._model.geom_quat[index] = (math.cos(thing.yaw / 2), 0, 0, math.sin(thing.yaw / 2))
            self._model.geom_rgba[index] = (*thing.rgb, 1.0)


def _moved(pose: CameraPose, look: Look, view: str) -> CameraPose:
    near = view == "wrist"
    place = RANGES["wrist" if near else "position"] * look.offsets[f"position:{view}"]
    target = RANGES["wrist" if near else "target"] * look.offsets[f"target:{view}"]
    x, y, z = np.add(pose.position, place)
    u, v, w = np.add(pose.target, target)
    return dataclasses.replace(
        pose,
        position=(float(x), float(y), float(z)),
        target=(float(u), float(v), float(w)),
        fovy=pose.fovy * float(1 + RANGES["fovy"] * look.offsets[f"fovy:{view}"][0]),
    )


def _shaded(name: str, look: Look) -> tuple[float, float, float]:
    hue, saturation, value = colorsys.rgb_to_hsv(*PALETTE[name])
    hue += RANGES["hue"] / 360 * float(look.offsets[f"hue:{name}"][0])
    value *= 1 - RANGES["shade"] * abs(float(look.offsets[f"shade:{name}"][0]))
    pale = RANGES["pale"] * abs(float(look.offsets[f"pale:{name}"][0]))
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return (red + pale * (1 - red), green + pale * (1 - green), blue + pale * (1 - blue))


def _tilt(about_x: float, about_y: float) -> NDArray[np.float64]:
    """Return the (3, 3) rotation about x, then y."""
    cx, sx, cy, sy = math.cos(about_x), math.sin(about_x), math.cos(about_y), math.sin(about_y)
    first = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    second = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rotation: NDArray[np.float64] = second @ first
    return rotation
