"""Checks of installed packages: versions, what each asks of the others, known bad pairs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import resources

from packaging.requirements import Requirement
from packaging.version import Version

from kibble.agents.doctor.check import Check, Verdict

__all__ = ["check_packages", "unmet_requirements"]

_CORE = ("gymnasium", "mujoco", "numpy", "pillow", "safetensors", "torch")
_EXTRAS = {  # distribution to the extra that installs it
    "hydra-core": "train",
    "stable-baselines3": "train",
    "tensorboard": "train",
    "imageio": "train",
    "av": "train",
    "matplotlib": "train",
    "pyarrow": "train",
    "scipy": "train",
    "sb3-contrib": "contrib",
    "transformers": "vlm",
    "open_clip_torch": "vlm",
    "peft": "vlm",
    "torchvision": "vlm",
    "openai": "openai",
    "httpx": "remote",
    "fastapi": "serve",
    "uvicorn": "serve",
    "prometheus-client": "serve",
    "ray": "ray",
}
_WEIGHTS = "grm/weights/grm_tiny/model.safetensors"
_NEWEST_TESTED_MUJOCO = Version("5")  # first major version that was never tried


def check_packages() -> list[Check]:
    """Check Python, the packages that kibble uses, and its shipped weights."""
    checks = [
        Check(
            section="packages",
            name="python",
            verdict=Verdict.OK if sys.version_info >= (3, 10) else Verdict.BROKEN,
            found=platform.python_version(),
            remedy="" if sys.version_info >= (3, 10) else "use Python 3.10 or later",
        )
    ]
    checks += [_check_version(name) for name in _CORE]
    checks += [
        _check_version(name, extra=extra)
        for name, extra in _EXTRAS.items()
        if name != "torchvision"  # checked by importing it
    ]
    checks += [*_check_requirements(), *_check_mujoco(), *_check_torchvision(), _check_weights()]
    return checks


def unmet_requirements(name: str, extra: str = "") -> list[str]:
    """List what an installed distribution asks for and does not get, as readable sentences.

    Args:
        name: Distribution name, such as ``stable-baselines3``.
        extra: One of its extras, to list what that asks for beyond the rest.

    Returns:
        One entry per requirement whose package is installed in a version outside its bounds.
    """
    unmet = []
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None and extra:
            continue
        if marker is not None and not marker.evaluate({"extra": extra}):
            continue
        if extra and marker is not None and marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        if version is not None and not requirement.specifier.contains(version, prereleases=True):
            unmet.append(
                f"{name} {_version(name)} needs {requirement.name}{requirement.specifier}, "
                f"got {version}"
            )
    return unmet


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _check_version(name: str, *, extra: str | None = None) -> Check:
    """Look a package up; without an extra kibble cannot do without it."""
    version = _version(name)
    if version is not None:
        return Check(section="packages", name=name, verdict=Verdict.OK, found=version)
    return Check(
        section="packages",
        name=name,
        verdict=Verdict.BROKEN if extra is None else Verdict.NOTE,
        found="not installed",
        remedy=f"pip install {name}" if extra is None else f"pip install 'kibble[{extra}]'",
    )


def _check_requirements() -> Iterator[Check]:
    """Find version bounds among the packages that are not kept."""
    for name in ("kibble", *_installed((*_CORE, *_EXTRAS))):
        if _version(name) is None:
            continue
        for sentence in unmet_requirements(name):
            yield Check(
                section="packages",
                name="versions",
                verdict=Verdict.BROKEN,
                found=sentence,
                remedy="pip install --upgrade 'kibble[all]'",
            )
    for extra in sorted(set(_EXTRAS.values())):
        for sentence in unmet_requirements("kibble", extra):
            yield Check(
                section="packages",
                name="versions",
                verdict=Verdict.WARNING,
                found=sentence,
                remedy=f"pip install --upgrade 'kibble[{extra}]'",
            )


def _installed(names: Iterable[str]) -> list[str]:
    return [name for name in names if _version(name) is not None]


def _check_mujoco() -> Iterator[Check]:
    version = _version("mujoco")
    if version is not None and Version(version) >= _NEWEST_TESTED_MUJOCO:
        yield Check(
            section="packages",
            name="mujoco",
            verdict=Verdict.WARNING,
            found=f"{version} is newer than what kibble was tested with",
            remedy="if something fails: pip install 'mujoco<5'",
        )


def _check_torchvision() -> Iterator[Check]:
    """Import torchvision beside torch, which fails where their builds do not match.

    CLIP's preparation of pictures and the processors of videos come from it.
    """
    if importlib.util.find_spec("torchvision") is None:
        yield _check_version("torchvision", extra="vlm")
        return
    result = subprocess.run(
        [sys.executable, "-c", "import torch, torchvision"],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == 0:
        yield Check(
            section="packages",
            name="torchvision",
            verdict=Verdict.OK,
            found=_version("torchvision") or "",
        )
        return
    reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
    yield Check(
        section="packages",
        name="torchvision",
        verdict=Verdict.WARNING,
        found=f"does not fit torch {_version('torch')}, so that CLIP and video models cannot be "
        f"used: {reason}",
        remedy="install torch and torchvision from one index (both for CPU or both for one CUDA "
        "version)",
    )


def _check_weights() -> Check:
    file = resources.files("kibble.rewards").joinpath(_WEIGHTS)
    if file.is_file():
        megabytes = len(file.read_bytes()) / 1e6
        return Check(
            section="packages",
            name="grm_tiny",
            verdict=Verdict.OK,
            found=f"weights of the embedded reward model, {megabytes:.1f} MB",
        )
    return Check(
        section="packages",
        name="grm_tiny",
        verdict=Verdict.BROKEN,
        found="the weights of the embedded reward model are missing",
        remedy="pip install --force-reinstall --no-deps kibble, or kibble pretrain",
    )
