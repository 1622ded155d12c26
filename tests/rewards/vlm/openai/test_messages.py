"""What is sent: messages, pictures and clips in each dialect."""

from __future__ import annotations

import base64
import doctest
import io
from importlib import import_module

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError, ModelError
from kibble.rewards.vlm.openai.dialect import PLAIN, SGLANG, VLLM
from kibble.rewards.vlm.openai.messages import conversation
from kibble.rewards.vlm.openai.pictures import EncodedPictures, bounded_size
from kibble.rewards.vlm.opening import BackendOptions
from kibble.rewards.vlm.prompt import Clip, Picture, Prompt, Turn


def picture(seed: int, height: int = 32, width: int = 48) -> Picture:
    rng = np.random.default_rng(seed)
    return Picture(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def decoded(url: str, media: str) -> np.ndarray:
    header, _, data = url.partition(",")
    assert header == f"data:{media};base64"
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(data))))


def sent(*turns: Turn, dialect=VLLM, **options):
    return conversation(Prompt(turns=turns, **options), dialect, EncodedPictures(1))


@pytest.mark.parametrize("name", ["dialect", "pictures", "rating"])
def test_examples_in_docstrings_hold(name):
    failed, tried = doctest.testmod(import_module(f"kibble.rewards.vlm.openai.{name}"))
    assert tried > 0
    assert failed == 0


def test_pictures_stand_where_they_stand_and_are_exact():
    front = picture(0)
    system = Turn("system", ("Judge ", "the robot."))
    fields = sent(system, Turn("user", ("Before: ", front, " and", " then?")))
    assert set(fields) == {"messages"}
    first, second = fields["messages"]
    assert first == {"role": "system", "content": "Judge the robot."}
    before, image, after = second["content"]
    assert before == {"type": "text", "text": "Before: "}
    assert after == {"type": "text", "text": " and then?"}
    assert image["type"] == "image_url"
    np.testing.assert_array_equal(decoded(image["image_url"]["url"], "image/png"), front.pixels)


def test_pictures_go_as_jpeg_if_told_so():
    smooth = Picture(np.full((32, 48, 3), (200, 30, 90), np.uint8))
    prompt = Prompt(turns=(Turn("user", (smooth,)),))
    for dialect in (VLLM, PLAIN):
        (message,) = conversation(prompt, dialect, EncodedPictures(1, "jpeg"))["messages"]
        near = decoded(message["content"][0]["image_url"]["url"], "image/jpeg").astype(int)
        assert np.abs(near - smooth.pixels).max() <= 2
    with pytest.raises(ConfigError, match="`image_format` must be png or jpeg, got 'gif'"):
        BackendOptions(image_format="gif")


def test_a_clip_is_one_video_of_all_its_frames():
    frames = tuple(picture(seed, 64, 64) for seed in range(40))
    fields = sent(Turn("user", (Clip(frames, 2.5), "Done?")))
    rate = {"num_frames": -1, "fps": 2.5, "do_sample_frames": False}
    assert fields["media_io_kwargs"] == {"video": rate}
    (message,) = fields["messages"]
    video, text = message["content"]
    assert text == {"type": "text", "text": "Done?"}
    header, *files = video["video_url"]["url"].split(",")
    assert header == "data:video/jpeg;base64"
    assert len(files) == len(frames)
    for file, frame in zip(files, frames, strict=True):
        near = decoded(f"data:image/jpeg;base64,{file}", "image/jpeg").astype(float)
        assert np.abs(near - frame.pixels).mean() < 4.0


def test_a_clip_of_one_frame_shows_it_twice():
    """Processors of video models encode frames in pairs and refuse a single one."""
    (message,) = sent(Turn("user", (Clip((picture(0),), 2.0),)))["messages"]
    _, *files = message["content"][0]["video_url"]["url"].split(",")
    assert len(files) == 2
    assert files[0] == files[1]


@pytest.mark.parametrize("dialect", [SGLANG, PLAIN])
def test_a_clip_is_pictures_in_order_elsewhere(dialect):
    frames = tuple(picture(seed) for seed in range(3))
    (message,) = sent(Turn("user", (Clip(frames, 1.0),)), dialect=dialect)["messages"]
    for part, frame in zip(message["content"], frames, strict=True):
        pixels = decoded(part["image_url"]["url"], "image/png")
        np.testing.assert_array_equal(pixels, frame.pixels)


def test_bounds_of_pixels_are_the_processor_s_affair_where_it_can_be_told():
    turn, pixels = Turn("user", (picture(0, 240, 320), "?")), (1_000, 20_000)
    (told,) = (fields := sent(turn, pixels=pixels))["messages"]
    assert fields["mm_processor_kwargs"] == {
        "size": {"shortest_edge": 1_000, "longest_edge": 20_000}
    }
    assert decoded(told["content"][0]["image_url"]["url"], "image/png").shape == (240, 320, 3)
    (resized,) = (fields := sent(turn, dialect=PLAIN, pixels=pixels))["messages"]
    assert set(fields) == {"messages"}
    shape = decoded(resized["content"][0]["image_url"]["url"], "image/png").shape
    assert shape == (122, 163, 3)


def test_frames_of_a_clip_are_resized_here():
    clip = Clip((picture(0, 240, 320), picture(1, 240, 320)), 1.0)
    fields = sent(Turn("user", (clip,)), pixels=(1_000, 20_000))
    assert "mm_processor_kwargs" not in fields
    url = fields["messages"][0]["content"][0]["video_url"]["url"]
    file = url.split(",")[1]
    assert decoded(f"data:image/jpeg;base64,{file}", "image/jpeg").shape == (122, 163, 3)


@pytest.mark.parametrize(
    ("dialect", "role", "open_ended", "fields"),
    [
        (
            VLLM,
            "assistant",
            False,
            {"continue_final_message": True, "add_generation_prompt": False},
        ),
        (VLLM, "user", True, {"continue_final_message": True, "add_generation_prompt": False}),
        (VLLM, "user", False, {}),
        (SGLANG, "assistant", False, {"continue_final_message": True}),
        (SGLANG, "user", False, {}),
        (PLAIN, "user", False, {}),
    ],
)
def test_a_turn_is_gone_on_with_where_asked(dialect, role, open_ended, fields):
    body = sent(Turn(role, ("The answer is",)), dialect=dialect, open_ended=open_ended)
    body.pop("messages")
    assert body == fields


@pytest.mark.parametrize(
    ("dialect", "role", "open_ended"),
    [(SGLANG, "user", True), (PLAIN, "user", True), (PLAIN, "assistant", False)],
)
def test_a_turn_that_cannot_be_gone_on_with_is_refused(dialect, role, open_ended):
    with pytest.raises(ModelError, match=f"goes on with the {role}'s turn"):
        sent(Turn(role, ("The answer is",)), dialect=dialect, open_ended=open_ended)


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(1, 10**6), st.floats(1.0, 100.0))
def test_bounded_sizes_keep_bounds_and_proportions(height, width, least, ratio):
    most = int(least * ratio) + 2 * (height + width)  # room for whole pixels
    high, wide = bounded_size(height, width, (least, most))
    if least <= height * width <= most:
        assert (high, wide) == (height, width)
    assert high * wide <= max(most, least + high + wide)
    if height * width < least:
        assert high * wide >= least
    assert abs(high * width - wide * height) <= height + width + high + wide


def test_pictures_are_encoded_once_while_there_is_room():
    store = EncodedPictures(1)
    one = store.base64(picture(0), "png", None)
    assert store.base64(picture(0), "png", None) is one
    assert store.base64(picture(0), "jpeg", None) != one
    assert store.base64(picture(0), "png", (1, 100)) != one
    for seed in range(1, 40):
        store.base64(picture(seed, 120, 120), "png", None)
    assert store.base64(picture(0), "png", None) is not one  # pushed out, and the same again
    assert store.base64(picture(0), "png", None) == one
    none = EncodedPictures(0)
    assert none.base64(picture(0), "png", None) == one
    assert none.base64(picture(0), "png", None) is not none.base64(picture(0), "png", None)
