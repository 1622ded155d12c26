"""Write the report: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import json
import re
from importlib import resources
from pathlib import Path

__all__ = ["write_page"]


def write_page(path: Path, document: dict[str, object], film: bytes) -> None:
    """Write ``report.html`` in one step.

    Args:
        path: The file.
        document: What :func:`~kibble.agents.score.tables.score_document` returns.
        film: The mp4 that the page plays.
    """
    # "<" would let an instruction such as "</script>" end the block that it stands in.
    data = json.dumps(document, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "title": html.escape(f"{document['name']}: {document['instruction']}"),
        "style": _resource("report.css"),
        "script": _resource("report.js"),
        "data": data,
        "film": base64.b64encode(film).decode("ascii"),
    }
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _resource("report.html"))
    aside = path.with_name(f".{path.name}.unfinished")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8").rstrip("\n")
