"""``kibble keypoints``: click keypoints on a picture, or look at those that a proposer marks."""

from __future__ import annotations

import os
import shlex
import sys
import threading
import webbrowser
from collections.abc import Mapping
from dataclasses import replace

from kibble.agents.keypoints.clicking.page import ClickingPage
from kibble.agents.keypoints.clicking.server import ClickingServer
from kibble.agents.keypoints.config import KeypointsConfig
from kibble.agents.keypoints.output import free_file
from kibble.agents.keypoints.proposers import is_file, open_proposer
from kibble.agents.keypoints.scene import Scene, SimulatedScenes, recorded_scene
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.fixed.document import as_document, read_document
from kibble.rewards.keypoints.fixed.file import read_file, write_file
from kibble.rewards.keypoints.fixed.scaling import fit_to
from kibble.rewards.keypoints.fixed.scene import MarkedScene

__all__ = ["clicking_server", "keypoints"]

_PAGE = "the page"


def keypoints(config: KeypointsConfig) -> int:
    """Show the page or draw the sheet: the command ``kibble keypoints``.

    Returns:
        Exit status: 0.
    """
    if config.show == "proposals":
        from kibble.agents.keypoints.sheet import write_sheet

        print(f"Contact sheet: {write_sheet(config)}")
        return 0
    server = clicking_server(config)
    print(f"Click the points at {server.url}")
    print(
        "It is open to this machine alone and ends when you save; Ctrl-C ends it without. From "
        f"another machine: ssh -L {server.port}:127.0.0.1:{server.port} HOST",
        flush=True,
    )
    if config.browser and _has_display(os.environ):
        # A browser may keep us waiting, and the page waits for us.
        threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    saved = server.run()
    print(f"Keypoints: {saved}")
    reward = shlex.quote(f"reward=keypoints@{saved}")
    print(f"Use them with `kibble train {reward} …`")
    return 0


def clicking_server(config: KeypointsConfig) -> ClickingServer:
    """Open the scene and the page about it.

    Raises:
        KibbleError: If the input, the proposer or the file to write is not usable.
    """
    if config.input is not None:
        scene = recorded_scene(config)
    else:
        simulated = SimulatedScenes(config, clear=True)
        try:
            scene = simulated.open(config.seed)
        finally:
            simulated.close()
    path = free_file(
        config.out, stem=f"keypoints-{scene.name}", ending=".yaml", overwrite=config.overwrite
    )

    def save(draft: object) -> str:
        write_file(path, _read(draft))
        return str(path)

    begin = _begin(config, scene)
    known = begin.get("instruction") if config.instruction is None else None
    instruction = scene.instruction if known is None else str(known)
    page = ClickingPage(
        frames=scene.frames,
        begin=begin,
        instruction=instruction or "",
        out=str(path),
    )
    try:
        return ClickingServer(page, check=_read, save=save, port=config.port)
    except OSError as error:
        raise ConfigError(
            f"`port` must be free on this machine, got {config.port}: {error.strerror}; port=0 "
            "takes one that is."
        ) from error


def _read(draft: object) -> MarkedScene:
    """Read a draft, with errors that name its keys alone."""
    try:
        return read_document(draft, name=_PAGE)
    except ConfigError as error:
        raise ConfigError(str(error).removeprefix(f"{_PAGE}: ")) from error


def _begin(config: KeypointsConfig, scene: Scene) -> Mapping[str, object]:
    """Return the points and the way that the page begins with."""
    if config.proposer is None:
        return {}
    if is_file(config.proposer):  # whose points are changed here, for whatever it was
        marked = read_file(config.proposer)
        sizes = {view: (batch.shape[1], batch.shape[2]) for view, batch in scene.frames.items()}
        return as_document(replace(marked, proposal=fit_to(marked.proposal, sizes)))
    proposer = open_proposer(config.proposer, scene)
    proposal = proposer.propose(scene.instruction or "", {**scene.frames, **scene.oracle})
    return as_document(MarkedScene(proposal=proposal))


def _has_display(environ: Mapping[str, str]) -> bool:
    """Whether a browser can be shown; without a display only such as Lynx would come."""
    return sys.platform != "linux" or any(map(environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
