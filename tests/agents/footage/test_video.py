"""Videos as people really have them: upright, timed, bounded, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.agents.footage.clips import cut_in_half, noise, plain, write_clip

from kibble.agents.footage.video import open_video, read_video
from kibble.rewards.errors import ConfigError, FrameError


def test_frames_and_times_are_those_of_the_file(tmp_path: Path) -> None:
    clip = plain(12)
    frames, times = read_video(write_clip(tmp_path / "a.mp4", clip))
    assert frames.shape == (12, 48, 64, 3)
    assert frames.dtype == np.uint8
    np.testing.assert_allclose(times, np.arange(12) / 20)
    assert np.abs(frames.astype(int) - np.stack(clip)).mean() < 4


def test_plain_videos_warn_of_nothing(tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / "a.mp4", plain()))
    assert video.warnings == ()
    assert (video.size, video.seen) == ((48, 64), 12)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_frame_rate_keeps_true_times_and_is_said(tmp_path: Path, name: str) -> None:
    times = np.cumsum([0, *[0.05, 0.2] * 5])
    video = open_video(write_clip(tmp_path / name, plain(11), times=times))
    np.testing.assert_allclose(video.times, times, atol=2e-3)
    assert [text for text in video.warnings if "frame rate varies" in text]


def test_streams_without_times_take_their_rate_and_say_so(tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / "a.h264", plain()))
    assert (np.diff(video.times) > 0).all()
    assert [text for text in video.warnings if "12 frames carry no time" in text]


@pytest.mark.skipif(
    not hasattr(av.VideoStream, "set_display_rotation"),
    reason="av cannot write rotation before 18",
)
@pytest.mark.parametrize(
    ("rotation", "blue_edge"), [(90, "left"), (-90, "right"), (180, "bottom")]
)
def test_rotation_is_applied(tmp_path: Path, rotation: int, blue_edge: str) -> None:
    video = open_video(write_clip(tmp_path / "a.mp4", plain(), rotation=rotation))
    frame = video.frames[0].astype(int)
    edges = {"left": frame[:, 0], "right": frame[:, -1], "bottom": frame[-1]}
    assert (edges.pop(blue_edge)[:, 2] > 200).all()
    assert video.frames.shape[1:3] == video.size == ((48, 64) if rotation == 180 else (64, 48))


def test_alpha_is_composited_over_black_and_said(tmp_path: Path) -> None:
    frame = np.full((32, 32, 4), (200, 100, 40, 255), np.uint8)
    frame[:16, :, 3] = 0
    video = open_video(write_clip(tmp_path / "a.mov", [frame] * 3, codec="qtrle", pixels="argb"))
    assert (video.frames[0, :16] == 0).all()
    assert (video.frames[0, 16:] == (200, 100, 40)).all()
    assert [text for text in video.warnings if "transparent" in text]


def test_opaque_alpha_is_nothing_to_warn_of(tmp_path: Path) -> None:
    frame = np.full((32, 32, 4), 255, np.uint8)
    video = open_video(write_clip(tmp_path / "a.mov", [frame] * 3, codec="qtrle", pixels="argb"))
    assert video.warnings == ()


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    grey = [frame[..., 0] for frame in plain()]
    frames, _ = read_video(write_clip(tmp_path / "a.mkv", grey, codec="ffv1", pixels="gray"))
    np.testing.assert_array_equal(frames, np.repeat(np.stack(grey)[..., None], 3, axis=-1))


def test_large_frames_are_made_smaller_as_they_are_decoded(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", plain(2, size=(2160, 3840)))
    video = open_video(path)
    assert video.frames.shape == (2, 270, 480, 3)
    assert video.size == (2160, 3840)
    assert read_video(path, max_side=96)[0].shape == (2, 54, 96, 3)


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        for packet in stream.encode(av.VideoFrame.from_ndarray(plain(1, (32, 32))[0])):
            container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    assert read_video(path)[0].shape == (1, 32, 64, 3)


def test_long_videos_are_thinned_evenly_and_keep_their_end(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", plain(60))
    video = open_video(path, max_frames=10)
    np.testing.assert_allclose(video.times, [*np.arange(0, 60, 8) / 20, 59 / 20])
    assert video.frames[-1, -1, 0, 0] > 240  # the reddest frame is the last
    assert video.seen == 60
    assert video.warnings == (
        "9 of 60 frames were kept, evenly spread; set max_frames= or fps= to keep others.",
    )


def test_frames_per_second_can_be_bounded(tmp_path: Path) -> None:
    times = read_video(write_clip(tmp_path / "a.mp4", plain(41)), fps=5)[1]
    np.testing.assert_allclose(times, np.arange(11) / 5)


def test_one_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    Image.fromarray(plain(1)[0]).save(tmp_path / "a.png")
    frames, times = read_video(tmp_path / "a.png")
    assert frames.shape == (1, 48, 64, 3)
    assert times.tolist() == [0.0]


def test_a_video_that_ends_too_early_is_said(tmp_path: Path) -> None:
    video = open_video(cut_in_half(write_clip(tmp_path / "a.mkv", noise())))
    assert 10 < len(video.frames) < 50
    (text,) = video.warnings
    assert "of the 3 s that the file announces: it is trimmed, or cut off" in text


def _no_index(path: Path) -> None:
    cut_in_half(write_clip(path, noise()))


def _no_second_half(path: Path) -> None:
    cut_in_half(write_clip(path, noise(), options={"movflags": "faststart"}))


def _words(path: Path) -> None:
    path.write_text("not a video\n" * 50)


def _sound(path: Path) -> None:
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.rate = 8000
        for packet in stream.encode(frame):
            container.mux(packet)


def _no_frames(path: Path) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("a.mp4", lambda path: None, "must be a file, got nothing there at .*; check the path"),
        ("a.mp4", Path.mkdir, "must be a file, got a folder"),
        ("a.mp4", Path.touch, "must hold frames, got the empty file"),
        ("a.mp4", _no_frames, "must hold frames, got '.*a.mp4' with none"),
        ("a.mp4", _words, "is broken or no video .*; copy or record it again"),
        ("a.txt", _words, r"must hold a stream of pictures, got '.*a.txt' \(Tele-typewriter"),
        ("a.wav", _sound, "must hold a stream of pictures.*streams: audio"),
        ("a.mp4", _no_index, "is broken or no video"),
        ("a.mp4", _no_second_half, r"breaks off after \d+ frames"),
        (
            "a.mkv",
            lambda path: write_clip(path, plain(2, (1, 1)), codec="ffv1", pixels="bgr0"),
            "at least 16 x 16 pixels, got .* with 1 x 1; there is nothing to see",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name, make, message: str) -> None:
    make(tmp_path / name)
    with pytest.raises(FrameError, match=message):
        open_video(tmp_path / name)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_frames": 1}, "`max_frames` must be at least 2, got 1"),
        ({"fps": 0.0}, r"`fps` must lie in \(0, 1000\], got 0.0"),
        ({"max_side": 8}, "`max_side` must be at least 16 pixels, got 8"),
    ],
)
def test_limits_out_of_range(tmp_path: Path, settings, message: str) -> None:
    path = write_clip(tmp_path / "a.mp4", plain(3))
    with pytest.raises((ConfigError, FrameError), match=message):
        open_video(path, **settings)
