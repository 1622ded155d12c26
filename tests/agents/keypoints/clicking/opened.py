"""A server of the clicking page that runs while a test lasts."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kibble.agents.keypoints.clicking.page import ClickingPage
from kibble.agents.keypoints.clicking.server import ClickingServer
from kibble.rewards.keypoints.fixed.document import read_document
from kibble.rewards.keypoints.fixed.file import write_file


@dataclass
class Opened:
    """The server, and what ``run`` returned once it ended."""

    server: ClickingServer
    path: Path
    results: list[str | None] = field(default_factory=list)


@contextlib.contextmanager
def opened(
    path: Path,
    *,
    begin: Mapping[str, object] | None = None,
    views: Mapping[str, tuple[int, int]] | None = None,
) -> Iterator[Opened]:
    """Serve a page about noise; it ends with the test at the latest."""
    rng = np.random.default_rng(0)
    sizes = views or {"front": (96, 96), "side": (96, 128)}
    page = ClickingPage(
        frames={
            view: rng.integers(60, 160, (1, *size, 3)).astype(np.uint8)
            for view, size in sizes.items()
        },
        begin=begin or {},
        instruction="push </script> the red cube",
        out=str(path),
    )

    def save(draft: object) -> str:
        write_file(path, read_document(draft, name="the page"))
        return str(path)

    server = ClickingServer(
        page, check=lambda draft: read_document(draft, name="the page"), save=save
    )
    this = Opened(server=server, path=path)
    thread = threading.Thread(target=lambda: this.results.append(server.run()))
    thread.start()
    try:
        yield this
    finally:
        if thread.is_alive():
            server.stop()
        thread.join(timeout=10)
    assert not thread.is_alive()
