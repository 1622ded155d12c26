"""The browser in which pages are tested; ``make browser`` installs Debian's."""

from __future__ import annotations

import os
import shutil

__all__ = ["ARGUMENTS", "CHROMIUM"]

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("KIBBLE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
"""Path of a Chromium, or ``None``."""
