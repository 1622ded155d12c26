"""Which OpenGL back end MuJoCo is to use; only entry points call this, before importing mujoco."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass

from kibble.rewards.errors import MissingDependencyError

__all__ = ["BACKENDS", "Backend", "choose_backend", "has_library"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One way of getting an OpenGL context.

    Args:
        name: The value of ``MUJOCO_GL``.
        library: The shared library that it loads, or ``None`` where the wheel brings it.
        remedy: What installs it on Debian and Ubuntu.
    """

    name: str
    library: str | None
    remedy: str


BACKENDS: dict[str, Backend] = {
    "egl": Backend(
        name="egl", library="libEGL.so.1", remedy="apt-get install libegl1 libgl1 libgl1-mesa-dri"
    ),
    "osmesa": Backend(
        name="osmesa", library="libOSMesa.so.8", remedy="apt-get install libosmesa6"
    ),
    "glfw": Backend(name="glfw", library=None, remedy="log in to a desktop, or use MUJOCO_GL=egl"),
}
"""Back ends in the order in which they are tried on a machine without a display."""

_MUJOCO_CHOOSES = frozenset({"enable", "enabled", "on", "true", "1", "cgl", "wgl"})
_SWITCHED_OFF = frozenset({"disable", "disabled", "off", "false", "0"})
_ENABLED_BY_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY")


def has_library(name: str) -> bool:
    """Whether the dynamic loader finds the shared library ``name``."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def choose_backend(environ: MutableMapping[str, str], *, needed: bool = True) -> str | None:
    """Choose a back end that can work here and put it into ``MUJOCO_GL``.

    A value that the user set is kept. With a display, or outside Linux, MuJoCo's own choice is
    kept. Otherwise the first back end whose library is installed is taken: EGL, then OSMesa.

    Args:
        environ: The process environment; ``MUJOCO_GL`` may be set in it.
        needed: Whether the caller will surely render. If not, a machine that cannot render and a
            ``MUJOCO_GL`` that switches rendering off are accepted.

    Returns:
        The back end, or ``None`` where MuJoCo chooses by itself.

    Raises:
        MissingDependencyError: If the user's value is unknown or its library is missing, or if
            there is no display and no headless back end.
    """
    wanted = environ.get("MUJOCO_GL", "").strip().lower()
    if wanted:
        return _check_wanted(wanted, needed=needed)
    if sys.platform != "linux" or any(environ.get(name) for name in _ENABLED_BY_DISPLAY):
        return None
    for backend in BACKENDS.values():
        if backend.library is not None and has_library(backend.library):
            environ["MUJOCO_GL"] = backend.name
            return backend.name
    if not needed:
        return None
    raise MissingDependencyError(
        "Rendering needs EGL or OSMesa on a machine without a display, and neither library is "
        f"installed; run `{BACKENDS['egl'].remedy}`, or `{BACKENDS['osmesa'].remedy}`, then "
        "`kibble doctor` to see that it works."
    )


def _check_wanted(wanted: str, *, needed: bool) -> str | None:
    """Check a value of ``MUJOCO_GL`` that the user set."""
    backend = BACKENDS.get(wanted)
    if backend is None:
        if wanted in _MUJOCO_CHOOSES or (wanted in _SWITCHED_OFF and not needed):
            return None
        raise MissingDependencyError(
            f"`MUJOCO_GL` must name a back end that can render ({', '.join(BACKENDS)}), got "
            f"{wanted!r}; unset it to let kibble choose, or run `kibble doctor` to see which work."
        )
    if backend.library is not None and not has_library(backend.library):
        raise MissingDependencyError(
            f"`MUJOCO_GL={wanted}` needs the library {backend.library}, which is not installed; "
            f"run `{backend.remedy}`, or unset MUJOCO_GL to let kibble choose."
        )
    return backend.name
