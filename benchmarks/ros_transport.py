"""Images from one process to another over DDS: raw CDR bytes beside the package's own codec.

    python benchmarks/ros_transport.py                   # 3 turns of 300 raw images each
    python benchmarks/ros_transport.py --images 1000

A child process publishes 640x480 rgb8 images at 30 Hz, best effort, over the loopback; this one
receives. Both ways take turns in one run: ``raw`` is `transport=dds` (rosbags serialises, the
bytes travel as they are, NumPy looks into them), ``package`` the codec of the cyclonedds package
for the same message, at a rate that it bears. A total is from before the image is made a message
until its pixels are an array (height, width, 3) at the other side: serialise, send, receive,
deserialise, decode. The clock is the machine's monotonic one, which both processes share.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import final

import numpy as np

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"  # before a domain is entered

from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.idl import make_idl_struct
from cyclonedds.idl.types import int32, sequence, uint8, uint32
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.util import duration
from environment import write_results

from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.participant import Participant
from kibble.rewards.ros.dds.quality import dds_qos
from kibble.rewards.ros.images import decode
from kibble.rewards.ros.qos import SENSOR

HEIGHT, WIDTH = 480, 640
IMAGE = "sensor_msgs/msg/Image"
SHAPE = {"height": HEIGHT, "width": WIDTH, "encoding": "rgb8", "step": 3 * WIDTH}

Time = make_idl_struct(
    "Time_", "builtin_interfaces.msg.dds_.Time_", {"sec": int32, "nanosec": uint32}
)
Header = make_idl_struct("Header_", "std_msgs.msg.dds_.Header_", {"stamp": Time, "frame_id": str})
PackageImage = make_idl_struct(
    "Image_",
    "sensor_msgs.msg.dds_.Image_",
    {
        "header": Header,
        "height": uint32,
        "width": uint32,
        "encoding": str,
        "is_bigendian": uint8,
        "step": uint32,
        "data": sequence[uint8],
    },
)
"""The message as a user of the package declares it, with the package's codec."""


def publish(domain: int, *, images: int, turns: int, rate: float, slow_rate: float) -> None:
    """Publish every kind's images in turn; the child process."""
    transport = DdsTransport("camera", domain=domain)
    raw = transport.advertise("/raw/image", IMAGE, qos=SENSOR)
    own = Participant("package_camera", namespace="/", domain=domain)
    topic = own.topic("rt/package/image", PackageImage)
    package: DataWriter = DataWriter(own.entity, topic, dds_qos(SENSOR, type_hash=""))
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)

    def send_raw(stamp: dict[str, int]) -> None:
        raw.publish({"header": {"stamp": stamp}, **SHAPE, "data": pixels.reshape(-1)})

    def send_package(stamp: dict[str, int]) -> None:
        header = Header(stamp=Time(**stamp), frame_id="")
        data = pixels.tobytes()  # an array of NumPy is not taken
        package.write(PackageImage(header=header, **SHAPE, is_bigendian=0, data=data))

    while not (raw.subscribers and package.get_matched_subscriptions()):
        time.sleep(0.01)
    for _ in range(turns):
        for send, pace in ((send_raw, rate), (send_package, slow_rate)):
            due = time.monotonic()
            for _ in range(images if send is send_raw else images // 4):
                due += 1.0 / pace
                time.sleep(max(0.0, due - time.monotonic()))
                send(stamp_fields(time.monotonic_ns()))
            time.sleep(1.0)  # what is still on its way arrives before the other kind begins
    transport.close()
    own.close()


@final
class Receiver:
    """Takes images and notes how long each was on its way, and how long its decoding took."""

    def __init__(self) -> None:
        self.totals: list[float] = []  # ms
        self.decodes: list[float] = []  # ms of it from the sample to pixels; see `figures`

    def take(self, began: int, stamp: object, pixels: np.ndarray) -> None:
        now = time.monotonic_ns()
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        sent = stamp.sec * 1_000_000_000 + stamp.nanosec  # type: ignore[attr-defined]
        self.totals.append((now - sent) / 1e6)
        self.decodes.append((now - began) / 1e6)


def receive_package(participant: Participant, receiver: Receiver, end: threading.Event) -> None:
    """Take images as a user of the package does, on a thread of its own."""
    topic = participant.topic("rt/package/image", PackageImage)
    reader: DataReader = DataReader(participant.entity, topic, dds_qos(SENSOR, type_hash=""))
    condition = ReadCondition(reader, ViewState.Any | SampleState.NotRead | InstanceState.Any)
    waits = WaitSet(participant.entity)
    waits.attach(condition)
    while not end.is_set():
        waits.wait(duration(milliseconds=200))
        began = time.monotonic_ns()
        for message in reader.take(5, condition=condition):
            if message.sample_info.valid_data:
                data = np.array(message.data, np.uint8)
                receiver.take(began, message.header.stamp, data.reshape(HEIGHT, WIDTH, 3))
    waits.detach(condition)


def measure(domain: int, *, images: int, turns: int, rate: float, slow_rate: float) -> dict:
    """Receive what a child process publishes; return the figures."""
    transport = DdsTransport("receiver", domain=domain)
    raw, package = Receiver(), Receiver()

    def receive(message: object) -> None:
        began = time.monotonic_ns()
        raw.take(began, message.header.stamp, decode(message))  # type: ignore[attr-defined]

    transport.subscribe("/raw/image", IMAGE, receive, qos=SENSOR)
    own = Participant("package_receiver", namespace="/", domain=domain)
    end = threading.Event()
    thread = threading.Thread(target=receive_package, args=(own, package, end))
    thread.start()
    arguments = {"images": images, "turns": turns, "rate": rate, "slow-rate": slow_rate}
    command = [sys.executable, __file__, "--publish", "--domain", str(domain)]
    command += [word for key, value in arguments.items() for word in (f"--{key}", str(value))]
    try:
        subprocess.run(command, check=True)
    finally:
        end.set()
        thread.join()
        transport.close()
        own.close()
    return {
        "raw": figures(raw, sent=turns * images),
        "package": figures(package, sent=turns * (images // 4)),
    }


def codecs_alone(rounds: int = 40) -> dict[str, dict[str, float]]:
    """Return the median ms of each codec in one thread, on the same bytes, turn by turn."""
    types = message_types()
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    fields = {**SHAPE, "data": pixels.reshape(-1)}
    header = Header(stamp=Time(sec=0, nanosec=0), frame_id="")
    data = pixels.tobytes()
    package = PackageImage(header=header, **SHAPE, is_bigendian=0, data=data)
    raw = types.encode(build(types, IMAGE, fields), IMAGE)

    def package_decode() -> None:
        message = PackageImage.deserialize(raw)
        np.array(message.data, np.uint8).reshape(HEIGHT, WIDTH, 3)

    ways: dict[str, Callable[[], object]] = {
        "raw_encode": lambda: types.encode(build(types, IMAGE, fields), IMAGE),
        "package_encode": lambda: package.serialize(use_version_2=False),
        "raw_decode": lambda: decode(types.decode(raw, IMAGE)),
        "package_decode": package_decode,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(1e3 * (time.perf_counter() - began))
    return {name: {"p50": round(median(found), 3)} for name, found in times.items()}


def figures(receiver: Receiver, *, sent: int) -> dict[str, object]:
    """Return the quantiles of what was received, in ms.

    `decode_ms` is from when a user of the transport first has something: with raw bytes a message
    that was deserialised before, with the package the word that there is a sample.
    """

    def quantiles(values: list[float]) -> dict[str, float]:
        names = {"p50": 50, "p95": 95, "p99": 99}
        return {name: round(float(np.percentile(values, q)), 3) for name, q in names.items()}

    return {
        "sent": sent,
        "received": len(receiver.totals),
        "total_ms": quantiles(receiver.totals),
        "decode_ms": quantiles(receiver.decodes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=int, default=300, help="raw ones a turn; package: a quarter"
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rate", type=float, default=30.0, help="Hz of the raw images")
    parser.add_argument("--slow-rate", type=float, default=3.0, help="Hz that the package bears")
    parser.add_argument("--domain", type=int, default=99)
    parser.add_argument("--publish", action="store_true", help="be the child process")
    arguments = vars(parser.parse_args())
    if arguments.pop("publish"):
        publish(**arguments)
        return
    found = measure(**arguments)
    ratio = found["package"]["total_ms"]["p50"] / found["raw"]["total_ms"]["p50"]
    report = {
        "arguments": arguments,
        **found,
        "codecs_alone_ms": codecs_alone(),
        "package_over_raw_p50": round(ratio, 1),
    }
    print(json.dumps(report, indent=2))
    print(write_results("ros_transport", report))


if __name__ == "__main__":
    main()
