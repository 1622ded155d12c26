"""Renders a small scene with the back end of ``MUJOCO_GL`` and prints what came of it as JSON.

Run in a process of its own (``python -m kibble.agents.doctor.graphics_probe SECONDS``), because a
broken driver may abort or hang, and because MuJoCo reads ``MUJOCO_GL`` once, when imported.
"""

from __future__ import annotations

import json
import sys
import time

__all__ = ["measure"]

_SIZE = 96
_SCENE = """
<mujoco>
  <visual><quality shadowsize="0" offsamples="0"/></visual>
  <worldbody>
    <light pos="0 0 2" castshadow="false"/>
    <geom type="plane" size="1 1 .1" rgba=".8 .8 .8 1"/>
    {boxes}
    <camera name="front" pos="0 -1.2 .8" xyaxes="1 0 0 0 .55 .83"/>
  </worldbody>
</mujoco>
"""
_BOX = '<geom type="box" pos="{x} {y} .05" size=".04 .04 .04" rgba="{r} .3 {b} 1"/>'


def measure(seconds: float) -> dict[str, str | float]:
    """Render for ``seconds`` and return frames per second and the OpenGL renderer's name.

    Raises:
        RuntimeError: If the picture is of one colour, as some broken drivers give.
    """
    import mujoco

    boxes = "".join(
        _BOX.format(x=0.15 * i - 0.225, y=0.15 * j - 0.225, r=0.2 * i, b=0.2 * j)
        for i in range(4)
        for j in range(4)
    )
    model = mujoco.MjModel.from_xml_string(_SCENE.format(boxes=boxes))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, _SIZE, _SIZE) as renderer:
        renderer.update_scene(data, "front")
        image = renderer.render()
        if image.max() == image.min():
            raise RuntimeError(f"the picture is of one colour ({image.max()})")
        name = _renderer_name()
        count, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            renderer.update_scene(data, "front")
            renderer.render()
            count += 1
    return {"frames_per_second": count / elapsed, "renderer": name}


def _renderer_name() -> str:
    """Ask OpenGL which driver draws, while a context is current."""
    try:
        from OpenGL import GL
    except (ImportError, AttributeError):  # PyOpenGL raises either where it finds no library
        return "unknown renderer"
    name = GL.glGetString(GL.GL_RENDERER)
    return name.decode() if isinstance(name, bytes) else "unknown renderer"


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]))))
