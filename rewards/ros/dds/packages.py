"""The packages that DDS on the wire stands on."""

from __future__ import annotations

from kibble.rewards.errors import MissingDependencyError
from kibble.rewards.extras import missing_modules

__all__ = ["check_packages"]


def check_packages() -> None:
    """Check that the extra ``ros`` is installed.

    Raises:
        MissingDependencyError: If it is not.
    """
    missing = [name for name in missing_modules("ros") if name in ("cyclonedds", "rosbags")]
    if missing:
        raise MissingDependencyError(
            f"ROS 2 by DDS needs {' and '.join(missing)}, which is not installed; run "
            "`pip install 'kibble[ros]'`. Wheels of cyclonedds exist for x86_64 and Python 3.10 "
            "to 3.13; elsewhere use `transport=rclpy` within a ROS installation."
        )
