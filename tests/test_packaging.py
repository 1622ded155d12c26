"""The package as others get it: folders, links, wheel and source archive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import kibble

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("agents", "configs", "envs", "rewards")
FILES = ("__init__.py", "__main__.py", "py.typed")
KINDS = {
    *(".py", ".yaml", ".json", ".safetensors", ".md", ".xml", ".typed", ".msg", ".srv"),
    *(".html", ".css", ".js"),
}

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not a checkout")


def _project() -> dict[str, dict[str, dict[str, object]]]:
    tomllib = pytest.importorskip("tomllib", reason="the standard library has it from 3.11 on")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _package_files() -> set[str]:
    """List the files of the import packages by their place in the wheel."""
    files = {f"kibble/{name}" for name in FILES}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in KINDS and "__pycache__" not in path.parts:
                files.add(f"kibble/{path.relative_to(ROOT).as_posix()}")
    return files


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the source archive, and the wheel from it, without a network."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = out.glob("*.whl")
    (source,) = out.glob("*.tar.gz")
    return wheel, source


def test_links_and_build_settings_name_the_same_folders() -> None:
    hatch = _project()["tool"]["hatch"]
    links = {
        path.name: path.readlink().as_posix()
        for path in (ROOT / "src" / "kibble").iterdir()
        if path.is_symlink()
    }
    assert links == {folder: f"../../{folder}" for folder in FOLDERS}
    included = {f"src/kibble/{name}" for name in FILES} | set(FOLDERS)
    assert set(hatch["build"]["only-include"]) == included  # type: ignore[call-overload]
    sources = hatch["build"]["targets"]["wheel"]["sources"]  # type: ignore[call-overload]
    assert sources == {"src/kibble": "kibble"} | {name: f"kibble/{name}" for name in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_of_modules_is_a_package(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), path


def test_wheel_holds_every_file_and_nothing_else(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[0]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == _package_files()


def test_wheel_declares_the_command_and_stays_light(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[0]) as wheel:
        (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
        metadata = wheel.read(f"{info}/METADATA").decode()
        entry_points = wheel.read(f"{info}/entry_points.txt").decode()
        assert wheel.read(f"{info}/licenses/LICENSE")
    assert "kibble = kibble.__main__:main" in entry_points
    needed = [
        line.removeprefix("Requires-Dist: ")
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist: ") and "extra ==" not in line
    ]
    heavy = ("stable-baselines3", "hydra-core", "matplotlib", "tensorboard", "transformers", "ray")
    assert not [line for line in needed if line.startswith(heavy)]
    assert {"train", "all", "dev"} <= {
        line.removeprefix("Provides-Extra: ")
        for line in metadata.splitlines()
        if line.startswith("Provides-Extra: ")
    }


def test_wheel_works_from_an_empty_directory(archives: tuple[Path, Path], tmp_path: Path) -> None:
    target, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(archives[0]) as wheel:
        wheel.extractall(target)
    script = """
import json, sys
sys.path.insert(0, sys.argv[1])
from importlib import resources
import kibble, kibble.agents.cli, kibble.envs, kibble.rewards
configs = resources.files("kibble.configs")
weights = resources.files("kibble.rewards") / "grm/weights/grm_tiny"
sys.stdout.flush()
status = kibble.agents.cli.run(["train", "task=stack", "--print-config"])
print(json.dumps({
    "file": kibble.__file__,
    "version": kibble.__version__,
    "status": status,
    "task": (configs / "task" / "push.yaml").is_file(),
    "weights": [(weights / name).is_file() for name in ("config.json", "model.safetensors")],
}))
"""
    result = subprocess.run(
        [sys.executable, "-I", "-c", script, str(target)],
        cwd=empty,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
    )
    assert "kibble/Stack-v0" in result.stdout
    answer = json.loads(result.stdout.splitlines()[-1])
    assert Path(answer.pop("file")).is_relative_to(target)
    assert answer == {
        "version": kibble.__version__,
        "status": 0,
        "task": True,
        "weights": [True, True],
    }
    assert not list(empty.iterdir())


def test_source_archive_holds_what_a_build_needs(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[1]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= names
    in_wheel = {name.removeprefix("kibble/") for name in _package_files()}
    expected = {f"src/kibble/{name}" if name in FILES else name for name in in_wheel}
    assert expected <= names
