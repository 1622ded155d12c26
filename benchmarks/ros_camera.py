"""A camera on the wire that costs little: pictures are serialised once, only stamps change.

Run by ``benchmarks/ros_soak.py``. It begins once somebody listens, ends on SIGTERM, and prints
what it sent as JSON.
"""

from __future__ import annotations

import argparse
import json
import signal
import struct
import threading
import time
from pathlib import Path

import numpy as np

from kibble.rewards.node.schedule import Schedule
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.images import IMAGE, encode
from kibble.rewards.ros.qos import SENSOR

_STAMP = 4  # bytes before the stamp: the header of CDR


def main() -> None:
    """Publish until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="npy, (P, H, W, 3) uint8 RGB")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--rate", type=float, required=True, help="Hz")
    parser.add_argument("--domain", type=int, required=True)
    options = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    types = message_types()
    messages = [
        bytearray(
            types.encode(build(types, IMAGE, encode(picture, stamp=0, frame_id="lens")), IMAGE)
        )
        for picture in np.load(options.pictures)
    ]
    transport = DdsTransport(options.topic.strip("/").replace("/", "_"), domain=options.domain)
    publisher = transport.advertise(options.topic, IMAGE, qos=SENSOR)
    while publisher.subscribers == 0 and not ended.wait(0.05):
        pass
    sent = late = 0
    schedule = Schedule(options.rate, time.monotonic())
    while not ended.wait(schedule.left(time.monotonic())):
        schedule.passed(time.monotonic())
        message = messages[_there_and_back(sent, len(messages))]
        struct.pack_into("<iI", message, _STAMP, *divmod(time.time_ns(), 1_000_000_000))
        struct.pack_into("<I", message, len(message) - 4, sent)  # no two images are the same
        publisher.publish_raw(bytes(message))
        sent += 1
    late = schedule.missed
    print(json.dumps({"sent": sent, "left_out": late, "bytes": len(messages[0])}))
    transport.close()


def _there_and_back(count: int, length: int) -> int:
    place = count % max(1, 2 * length - 2)
    return min(place, 2 * length - 2 - place)


if __name__ == "__main__":
    main()
