"""A model behind a service answers as it does here, and its errors are as typed."""

from __future__ import annotations

import logging
import shutil
import subprocess
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from tests.reward_models import CentroidModel, FlakyModel, SmoothedModel

from kibble.rewards import Episode, Estimate, Frames, RewardModel, Status, Task
from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import ConfigError, FrameError, ModelError, WeightsError
from kibble.rewards.remote.model import RemoteModel
from kibble.rewards.service.server import TlsFiles
from kibble.rewards.service.wire import Limits

TOKEN = "0123456789abcdef"
TASK = Task(instruction="move the dot to the right")


def dot(*columns: int) -> Frames:
    image = np.zeros((len(columns), 8, 32, 3), np.uint8)
    for i, column in enumerate(columns):
        image[i, :, column] = 255
    return {"front": image}


def opened(url: str, **options: object) -> RemoteModel:
    text = "&".join(f"{key}={value}" for key, value in options.items())
    model = open_model(f"remote@{url}/dot" + (f"?{text}" if text else ""))
    assert isinstance(model, RemoteModel)
    return model


class SlowModel(CentroidModel):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()
        self.let.set()

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        assert self.let.wait(20.0)
        return super().estimate(episodes, frames)


class BrokenModel(CentroidModel):
    """Cannot do its arithmetic from the third frame on."""

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        if any(episode.steps >= 2 for episode in episodes):
            raise ZeroDivisionError("no mass")
        return super().estimate(episodes, frames)


class TellingModel(CentroidModel):
    """Leaves the distance of two readings in the episode."""

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        for episode in episodes:
            episode.memory["disagreement"] = 0.25
        return super().estimate(episodes, frames)


@pytest.mark.parametrize(("form", "sessions"), [("raw", 1), ("png", 1), ("raw", 3)])
def test_answers_are_those_of_the_model_itself(serve, form, sessions):
    here, there = (
        SmoothedModel(),
        opened(serve({"dot": SmoothedModel}), format=form, sessions=sessions),
    )
    assert isinstance(there, RewardModel)
    assert there.spec == here.spec
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 32, 5).tolist()
    ours = [here.begin(TASK, dot(column)) for column in starts]
    theirs = [there.begin(TASK, dot(column)) for column in starts]
    assert [e.progress for e in theirs] == pytest.approx([e.progress for e in ours])
    for _ in range(6):
        columns = rng.integers(0, 32, 5).tolist()
        expected = here.estimate(ours, dot(*columns))
        got = there.estimate(theirs, dot(*columns))
        for name in ("progress", "success", "confidence", "status"):
            np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
        assert [e.steps for e in theirs] == [e.steps for e in ours]
        np.testing.assert_allclose([e.progress for e in theirs], got.progress)
    assert there.outages == ()


def test_a_batch_larger_than_a_request_may_be_is_sent_in_several(serve):
    limits = Limits(frames=5, body_bytes=4_000, request_pixels=4 * 8 * 32)
    model = opened(serve({"dot": CentroidModel}, limits=limits, queue=64))
    episodes = [model.begin(TASK, dot(0)) for _ in range(8)]
    columns = [1, 2, 3, 5, 8, 13, 21, 30]
    estimate = model.estimate(episodes, dot(*columns))
    np.testing.assert_allclose(estimate.progress, np.array(columns) / 31, rtol=1e-6)


def test_goal_frames_and_demonstration_reach_the_model(serve):
    model = CentroidModel(needs_goal=True)
    there = opened(serve({"dot": lambda: model}))
    assert there.spec.needs_goal
    task = Task(
        instruction="move", goal_frames=dot(31), start_frames=dot(0), demonstration=dot(1, 2, 3)
    )
    there.begin(task, dot(4))
    told, start = model.begun[-1]
    assert told.instruction == "move"
    for sent, arrived in (
        (task.goal_frames, told.goal_frames),
        (task.start_frames, told.start_frames),
        (task.demonstration, told.demonstration),
        (dot(4), start),
    ):
        np.testing.assert_array_equal(arrived["front"], sent["front"])


def test_statuses_and_disagreement_come_through(serve):
    model = opened(serve({"dot": lambda: FlakyModel([Status.OK, Status.PARSE_ERROR])}))
    episodes = [model.begin(TASK, dot(0)) for _ in range(2)]
    for _ in range(20):  # what is proved at the start uses statuses up, so either may be first
        estimate = model.estimate(episodes, dot(7, 9))
        assert set(estimate.status.tolist()) <= {Status.OK, Status.PARSE_ERROR}
    assert np.isnan(estimate.progress[estimate.status != Status.OK]).all()
    telling = opened(serve({"dot": TellingModel}))
    episode = telling.begin(TASK, dot(0))
    telling.estimate([episode], dot(3))
    assert episode.memory["disagreement"] == 0.25


def test_an_error_of_the_model_is_a_status_and_its_reason_is_logged(serve, caplog):
    model = opened(serve({"dot": BrokenModel}))
    episode = model.begin(TASK, dot(0))
    statuses = []
    with caplog.at_level(logging.WARNING, "kibble.rewards.remote"):
        for column in (1, 2, 3, 4):
            statuses.append(int(model.estimate([episode], dot(column)).status[0]))
    assert statuses == [Status.OK, Status.OK, Status.MODEL_ERROR, Status.MODEL_ERROR]
    assert "ZeroDivisionError" in caplog.text


def is_late(model: RemoteModel, episode: Episode, frames: Frames) -> bool:
    """Whether the service says so, or does not even say that in time."""
    try:
        return bool(model.estimate([episode], frames).status[0] == Status.TIMEOUT)
    except TimeoutError as error:
        return "did not answer within" in str(error)


def test_a_late_answer_is_a_timeout_and_the_episode_goes_on(serve):
    slow = SlowModel()
    url = serve({"dot": lambda: slow})
    model, hurried = opened(url), opened(url, timeout=0.4)
    episode = model.begin(TASK, dot(0))
    slow.let.clear()
    assert is_late(hurried, episode, dot(3))
    slow.let.set()
    for _ in range(50):  # the late frame may still be under way
        estimate = model.estimate([episode], dot(31))
        if estimate.status[0] == Status.OK:
            break
    assert estimate.progress[0] == pytest.approx(1.0)
    assert model.outages == hurried.outages == ()


def test_an_episode_that_was_unused_for_long_is_opened_again(serve):
    model = opened(serve({"dot": SmoothedModel}, expiry=0.2))
    episode = model.begin(TASK, dot(0))
    model.estimate([episode], dot(31))
    before = episode.memory["name"]
    threading.Event().wait(0.8)
    estimate = model.estimate([episode], dot(31))
    assert estimate.status[0] == Status.OK
    assert estimate.progress[0] == pytest.approx(0.5)  # as the first frame after the start
    assert episode.memory["name"] != before


def test_an_ended_episode_is_closed_on_the_service(serve):
    url = serve({"dot": CentroidModel}, episodes=2)
    model = opened(url)
    first, second = (model.begin(TASK, dot(column)) for column in (1, 2))
    with pytest.raises(TimeoutError):
        opened(url, timeout=0.5).begin(TASK, dot(3))
    model.end([first])
    model.begin(TASK, dot(3))
    assert model.estimate([second], dot(31)).status[0] == Status.OK


def test_errors_say_what_is_wrong(serve, monkeypatch):
    url = serve({"dot": CentroidModel, "spot": CentroidModel}, token=TOKEN)
    with pytest.raises(ConfigError, match=r"wants a token.*KIBBLE_TOKEN"):
        opened(url)
    monkeypatch.setenv("KIBBLE_TOKEN", "se cret")
    with pytest.raises(ConfigError, match=r"KIBBLE_TOKEN must be printable ASCII") as caught:
        opened(url)
    assert "se cret" not in str(caught.value)
    monkeypatch.setenv("KIBBLE_TOKEN", TOKEN)
    with pytest.raises(WeightsError, match=r"the model 'dit', got dot, spot; did you mean dot"):
        open_model(f"remote@{url}/dit")
    with pytest.raises(WeightsError, match=r"the model '', got dot, spot; name one"):
        open_model(f"remote@{url}/")
    with pytest.raises(ConfigError, match="`ca` must be a file of certificates"):
        opened(url, ca="/dev/null")
    model = opened(url)
    with pytest.raises(FrameError, match="View 'front' is required"):
        model.begin(TASK, {"wrist": dot(1)["front"]})


@pytest.mark.parametrize(
    ("key", "value"),
    [("timeout", 0), ("wait", -1), ("max_outage", "inf"), ("format", "bmp"), ("quality", 0)],
)
def test_options_out_of_range_are_refused_by_name(key, value):
    with pytest.raises(ConfigError, match=f"`{key}` must"):
        open_model(f"remote@http://127.0.0.1:9/dot?{key}={value}")


def test_start_frames_that_the_model_fails_on_are_its_error(serve):
    class Unopened(CentroidModel):
        def begin(self, task: Task, start_frames: Frames) -> Episode:
            if "dot" in task.instruction:
                raise ModelError("no start")
            return super().begin(task, start_frames)

    model = opened(serve({"dot": Unopened}))
    with pytest.raises(ModelError, match="no start"):
        model.begin(TASK, dot(1))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate by openssl")
def test_https_with_a_certificate_of_ones_own(serve, tmp_path):
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *words, *files, *names], check=True, capture_output=True)
    tls = TlsFiles(certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    url = serve({"dot": CentroidModel}, tls=tls)
    assert url.startswith("https://")
    model = opened(url, ca=tmp_path / "cert.pem")
    assert model.begin(TASK, dot(31)).progress == pytest.approx(1.0)
    with pytest.raises(ConfigError, match=r"must be one that this machine trusts.*ca=cert.pem"):
        opened(url)
