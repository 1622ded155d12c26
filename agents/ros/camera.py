"""``kibble ros camera``: a camera or a video as a ROS 2 image topic, without ROS."""

from __future__ import annotations

import contextlib
import io
import time

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from kibble.agents.ros.camera_config import CameraConfig
from kibble.agents.ros.live_pictures import live_pictures
from kibble.agents.ros.status_line import StatusLine
from kibble.agents.ros.stopping import stop_signals
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.images import COMPRESSED_IMAGE, IMAGE, encode
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import SENSOR
from kibble.rewards.ros.transport import Fields

__all__ = ["camera"]


def camera(config: CameraConfig) -> None:
    """Publish pictures until Ctrl-C: the command ``kibble ros camera``.

    Raises:
        ConfigError: If a setting is not usable.
        FrameError: If the camera or the video cannot be read.
        MissingDependencyError: If what the transport needs is not installed.
    """
    topic = config.topic or f"/camera/{config.view}/image_raw"
    if config.compressed:
        topic = f"{topic}/compressed"
    frame_id = config.frame_id or f"{config.view}_camera"
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with contextlib.ExitStack() as stack:
        stopped = stack.enter_context(stop_signals())
        transport = stack.enter_context(
            contextlib.closing(
                open_transport(
                    config.transport,
                    config.name or f"camera_{config.view}",
                    domain=config.domain,
                )
            )
        )
        kind = COMPRESSED_IMAGE if config.compressed else IMAGE
        publisher = transport.advertise(topic, kind, qos=SENSOR)
        line = stack.enter_context(StatusLine(quiet=config.quiet, console=console))
        if not config.quiet:
            console.print(f"Publishing {config.input} on {topic}. Ctrl-C ends it.")
        began = time.monotonic()
        pictures = live_pictures(
            config.input,
            image_size=config.image_size,
            rate=config.rate,
            loop=config.loop,
            stopped=stopped,
        )
        for sent, picture in enumerate(pictures, start=1):
            stamp = time.time_ns()
            publisher.publish(
                _jpeg(picture, stamp, frame_id, config.quality)
                if config.compressed
                else encode(picture, stamp=stamp, frame_id=frame_id)
            )
            seconds = time.monotonic() - began
            height, width = picture.shape[:2]
            line.show(f"{sent} pictures of {width}x{height}, {sent / max(seconds, 1e-9):.1f} Hz")
            if config.duration is not None and seconds >= config.duration:
                break


def _jpeg(picture: NDArray[np.uint8], stamp: int, frame_id: str, quality: int) -> Fields:
    """Return the fields of a ``sensor_msgs/msg/CompressedImage``."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return {
        "header": {"stamp": stamp_fields(stamp), "frame_id": frame_id},
        "format": "rgb8; jpeg compressed bgr8",
        "data": np.frombuffer(buffer.getvalue(), np.uint8),
    }
