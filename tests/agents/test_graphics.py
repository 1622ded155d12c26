"""The choice of MuJoCo's back end, against the libraries that are installed here."""

from __future__ import annotations

import sys

import pytest

from kibble.agents import graphics
from kibble.agents.graphics import Backend, choose_backend, has_library
from kibble.rewards.errors import MissingDependencyError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="back ends are chosen on Linux")

MISSING = Backend(name="egl", library="libNoSuchThing.so.1", remedy="apt-get install libegl1")


def _only(monkeypatch: pytest.MonkeyPatch, *backends: Backend) -> None:
    monkeypatch.setattr(graphics, "BACKENDS", {backend.name: backend for backend in backends})


def test_a_display_leaves_the_choice_to_mujoco() -> None:
    environ = {"DISPLAY": ":0"}
    assert choose_backend(environ) is None
    assert environ == {"DISPLAY": ":0"}


def test_first_installed_library_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = Backend(name="osmesa", library="libc.so.6", remedy="")
    _only(monkeypatch, MISSING, installed)
    environ: dict[str, str] = {}
    assert choose_backend(environ) == "osmesa"
    assert environ == {"MUJOCO_GL": "osmesa"}


def test_no_library_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, MISSING, Backend(name="osmesa", library="libNoSuch.so", remedy="apt b"))
    with pytest.raises(MissingDependencyError, match=r"needs EGL or OSMesa.*install libegl1"):
        choose_backend({})


def test_the_users_choice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, Backend(name="osmesa", library="libc.so.6", remedy=""), MISSING)
    environ = {"MUJOCO_GL": "OSMesa"}
    assert choose_backend(environ) == "osmesa"
    assert environ == {"MUJOCO_GL": "OSMesa"}


def test_the_users_choice_without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, MISSING)
    with pytest.raises(
        MissingDependencyError, match="`MUJOCO_GL=egl` needs the library libNoSuch"
    ):
        choose_backend({"MUJOCO_GL": "egl"})


@pytest.mark.parametrize("value", ["metal", "disable", "0"])
def test_values_that_cannot_render(value: str) -> None:
    with pytest.raises(MissingDependencyError, match="must name a back end that can render"):
        choose_backend({"MUJOCO_GL": value})


def test_what_may_never_render_needs_no_back_end(monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, MISSING)
    environ: dict[str, str] = {}
    assert choose_backend(environ, needed=False) is None
    assert environ == {}
    assert choose_backend({"MUJOCO_GL": "disable"}, needed=False) is None
    with pytest.raises(MissingDependencyError, match="must name a back end that can render"):
        choose_backend({"MUJOCO_GL": "metal"}, needed=False)


def test_has_library() -> None:
    assert has_library("libc.so.6")
    assert not has_library("libNoSuchThing.so.1")
