"""The package that bags are read and written with."""

from __future__ import annotations

from kibble.rewards.errors import MissingDependencyError
from kibble.rewards.extras import missing_modules

__all__ = ["check_packages"]


def check_packages() -> None:
    """Check that rosbags is installed.

    Raises:
        MissingDependencyError: If it is not.
    """
    if "rosbags" in missing_modules("ros"):
        raise MissingDependencyError(
            "Bags need rosbags, which is not installed; run `pip install 'kibble[ros]'`."
        )
