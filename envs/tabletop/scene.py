"""The table, the light, and small builders of the things that stand on it."""

from __future__ import annotations

from collections.abc import Mapping

from kibble.envs.tabletop.arm import arm_actuators, arm_body, arm_equalities
from kibble.envs.tabletop.cameras import CameraPose, camera_xml
from kibble.envs.tabletop.dressing import dressing_assets, dressing_things

__all__ = ["CUBE_HALF", "TIMESTEP", "fixture_box", "free_box", "scene_xml"]

TIMESTEP = 0.005  # s
CUBE_HALF = 0.025  # m, half the edge of a cube


def free_box(
    name: str, *, half: tuple[float, float, float], mass: float, friction: float = 0.8
) -> str:
    """Return a box that moves freely, as body and geom ``name`` with joint ``name``."""
    size = " ".join(str(value) for value in half)
    return f"""
    <body name="{name}">
      <freejoint name="{name}"/>
      <geom name="{name}" type="box" size="{size}" mass="{mass}" condim="4"
            friction="{friction} 0.1 0.001" solref="0.008 1"/>
    </body>"""


def fixture_box(
    name: str, *, half: tuple[float, float, float], lift: float = 0.0, collides: bool = True
) -> str:
    """Return a box that stands where :meth:`World.place_fixture` puts it.

    Args:
        name: Name of its body and its geom.
        half: Half extents, m.
        lift: Height of the box's centre above the body's origin, m.
        collides: Whether things can touch it.
    """
    size = " ".join(str(value) for value in half)
    contact = "" if collides else 'contype="0" conaffinity="0"'
    return f"""
    <body name="{name}" mocap="true">
      <geom name="{name}" type="box" size="{size}" pos="0 0 {lift}" {contact}
            friction="0.8 0.01 0.001" condim="4" solref="0.008 1"/>
    </body>"""


def scene_xml(
    *,
    things: str,
    cameras: Mapping[str, CameraPose],
    image_size: tuple[int, int],
    dressed: bool = False,
) -> str:
    """Return the MJCF of a whole scene.

    Args:
        things: MJCF of the bodies that the task puts on the table.
        cameras: Name to pose of the cameras that stand still.
        image_size: (height, width) of the largest picture that will be asked for, pixels.
        dressed: Whether it carries what a :class:`Dressing` needs.

    Returns:
        The document.
    """
    height, width = image_size
    views = "".join(camera_xml(name, pose) for name, pose in cameras.items())
    assets, extras = (dressing_assets(), dressing_things()) if dressed else ("", "")
    return f"""
<mujoco model="kibble_tabletop">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP}" integrator="implicitfast" cone="elliptic" impratio="5"
          iterations="20" ls_iterations="20"/>
  <visual>
    <global offwidth="{width}" offheight="{height}"/>
    <quality offsamples="0" shadowsize="0"/>
    <headlight ambient="0.45 0.45 0.45" diffuse="0.25 0.25 0.25" specular="0 0 0"/>
    <map znear="0.02" zfar="20"/>
  </visual>
  <statistic extent="1" center="0.45 0 0.1"/>
  <default>
    <geom condim="3"/>
    <default class="link">
      <geom contype="0" conaffinity="0" mass="0.3" rgba="0.90 0.90 0.91 1"/>
    </default>
    <default class="arm">
      <joint armature="0.1" damping="1"/>
    </default>
  </default>
  <asset>
    <texture name="sky" type="skybox" builtin="flat" rgb1="0.72 0.78 0.84" width="16" height="96"/>
  {assets}</asset>
  <worldbody>
    <light pos="0.7 0.4 1.6" dir="-0.2 -0.25 -1" directional="true" castshadow="false"
           diffuse="0.38 0.38 0.38" specular="0.05 0.05 0.05"/>
    <geom name="floor" type="plane" size="4 4 0.1" pos="0 0 -0.6" contype="0" conaffinity="0"
          rgba="0.50 0.53 0.57 1"/>
    <geom name="table" type="box" size="0.40 0.42 0.03" pos="0.38 0 -0.03"
          friction="0.8 0.01 0.001" rgba="0.62 0.58 0.53 1"/>
    {views}
    {arm_body()}
    {things}{extras}
  </worldbody>
  <equality>{arm_equalities()}</equality>
  <actuator>{arm_actuators()}</actuator>
</mujoco>"""
