"""A video as a camera: pictures when they are due, and as a topic over real DDS."""

import itertools
import threading

import numpy as np
import pytest
from tests.agents.footage.clips import plain, write_clip
from tests.ros_domain import free_domain, wait_until

from kibble.agents.ros.camera import camera
from kibble.agents.ros.camera_config import CameraConfig
from kibble.agents.ros.live_pictures import live_pictures
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.ros.clock import stamp_ns
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.images import COMPRESSED_IMAGE, IMAGE, decode
from kibble.rewards.ros.qos import SENSOR


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return str(write_clip(tmp_path_factory.mktemp("clips") / "push.mp4", plain(12)))


class Leap:
    """A clock on which a second passes with each look: nothing is waited for."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.5
        return self.now


def test_all_pictures_come_in_order_as_they_are(clip):
    pictures = list(live_pictures(clip, loop=False, monotonic=Leap()))
    assert [picture.shape for picture in pictures] == [(48, 64, 3)] * 12
    red = [float(picture[40, :, 0].mean()) for picture in pictures]
    assert red == sorted(red)
    assert red[-1] - red[0] > 200


def test_a_rate_leaves_pictures_out_and_a_size_resizes(clip):
    chosen = live_pictures(clip, image_size=(24, 32), rate=10.0, loop=False, monotonic=Leap())
    pictures = list(chosen)
    assert [picture.shape for picture in pictures] == [(24, 32, 3)] * 6


def test_a_loop_begins_again_until_it_is_stopped(clip):
    stopped = threading.Event()
    pictures = live_pictures(clip, stopped=stopped, monotonic=Leap())
    first = list(itertools.islice(pictures, 12))
    again = list(itertools.islice(pictures, 12))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    stopped.set()
    assert list(pictures) == []


def test_pictures_keep_their_pace(clip):
    now = [0.0]
    waits = []

    class Patient(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            now[0] += timeout
            return False

    list(live_pictures(clip, loop=False, stopped=Patient(), monotonic=lambda: now[0]))
    assert waits == pytest.approx([0.0, *[0.05] * 11], abs=1e-6)


@pytest.mark.parametrize("source", ["nowhere.mp4", "/dev/null"])
def test_what_is_no_camera_is_refused(source):
    with pytest.raises(FrameError, match=rf"`input` must be a camera or a video .*{source}"):
        next(live_pictures(source))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_size": [480]}, r"`image_size` must be height and width"),
        ({"rate": 0.0}, r"`rate` must lie in \(0, 1000\] Hz or be null, got 0.0"),
        ({"quality": 0}, r"`quality` must lie in \[1, 100\], got 0"),
        ({"duration": -1.0}, r"`duration` must be above 0 s or null, got -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        CameraConfig(**values)


@pytest.mark.parametrize(("compressed", "kind"), [(False, IMAGE), (True, COMPRESSED_IMAGE)])
def test_a_video_becomes_a_topic(clip, compressed, kind, capsys):
    domain, seen = free_domain(), []
    listener = DdsTransport("listener", domain=domain)
    topic = "/camera/wrist/image_raw" + ("/compressed" if compressed else "")
    try:
        listener.subscribe(topic, kind, seen.append, qos=SENSOR)
        settings = {"view": "wrist", "image_size": [], "domain": domain, "transport": "dds"}
        camera(CameraConfig(input=clip, compressed=compressed, duration=2.0, **settings))
        wait_until(lambda: len(seen) >= 10)
    finally:
        listener.close()
    stamps = [stamp_ns(message) for message in seen]
    assert stamps == sorted(set(stamps))
    assert seen[0].header.frame_id == "wrist_camera"
    picture = decode(seen[0])
    assert picture.shape == (48, 64, 3)
    assert picture[10, :, 2].mean() > 230  # the upper half is blue
    assert f"Publishing {clip} on {topic}" in capsys.readouterr().err
