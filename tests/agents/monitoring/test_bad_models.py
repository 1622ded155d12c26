"""What becomes of a training run whose reward model fails, is late, answers NaN or changes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.agents.small_runs import small_ppo, small_run
from tests.reward_models import NanModel, TroubledModel

from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig, TrainConfig
from kibble.agents.monitoring.config import MonitorConfig
from kibble.agents.run_directory import RunDirectory
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.train import run_training
from kibble.envs.traps import TRAPS, trap_model
from kibble.rewards import Estimate, Frames, ModelSpec, RewardModel
from kibble.rewards.errors import ModelError

TRAP = TRAPS["detour"]
STEPS = 512


def config(path: Path, **changes: object) -> TrainConfig:
    return small_run(
        path,
        **{
            "task": TaskConfig(name="detour", id=TRAP.id),
            "reward": RewardConfig(name="flawed", kind="model", weights="detour"),
            "agent": small_ppo(n_steps=32, n_epochs=1),
            "steps": STEPS,
            "n_envs": 2,
            "checkpoint_every": 10_000,
            **changes,
        },
    )


@pytest.fixture
def train(tmp_path, monkeypatch):
    def run(model: RewardModel, **changes: object) -> RunDirectory:
        monkeypatch.setattr("kibble.agents.train.load_reward_model", lambda *_: model)
        return run_training(config(tmp_path / "run", **changes))

    return run


def every(count: int, error: Exception) -> Callable[[int], Exception | None]:
    return lambda call: error if call % count == 0 else None


def troubled(trouble: Callable[[int], Exception | None]) -> TroubledModel:
    return TroubledModel(trouble, trap_model("detour"))


def steps_of(directory: Path) -> list[int]:
    return sorted(int(p.name.removeprefix("step_")) for p in (directory / "checkpoints").iterdir())


def episodes_of(directory: Path) -> list[int]:
    lines = (directory / "episodes.jsonl").read_text().splitlines()
    return [json.loads(line)["index"] for line in lines]


def test_a_model_late_once_in_a_hundred_is_held_counted_and_trained_with(train, caplog):
    model = troubled(every(100, TimeoutError("no answer within 2 s")))
    with caplog.at_level(logging.WARNING):
        directory = train(model)
    assert steps_of(directory.path)[-1] == STEPS
    assert "TIMEOUT in slot 0, potential held; failed readings so far: 1." in caplog.text
    assert "no answer within 2 s" in caplog.text


def stops(run: Callable[[], object], error: type[Exception], match: str) -> Exception:
    with pytest.raises(error, match=match) as caught:
        run()
    return caught.value


@pytest.mark.parametrize("monitor", ["warn", "off"])
@pytest.mark.parametrize(
    "trouble",
    [every(5, TimeoutError("late")), every(1, ConnectionError("refused"))],
    ids=["one in five", "all"],
)
def test_a_model_that_fails_too_often_stops_the_run_with_a_checkpoint(
    train, tmp_path, trouble, monitor
):
    error = stops(
        lambda: train(troubled(trouble), monitor=MonitorConfig(action=monitor)),
        ModelError,
        r"failed \d+ of its last \d+ readings .*`max_failure_share` allows 0\.1 of 100",
    )
    assert "A checkpoint was written" in str(error.__notes__)
    (step,) = steps_of(tmp_path / "run")
    assert 0 < step < STEPS
    assert step % 64 == 0  # between two rollouts
    train(troubled(lambda call: None), resume=True, monitor=MonitorConfig(action=monitor))
    assert steps_of(tmp_path / "run")[-1] == STEPS
    episodes = episodes_of(tmp_path / "run")
    assert episodes == list(range(len(episodes)))  # none lost, none twice


def test_one_failure_in_five_is_trained_with_where_the_config_allows_it(train):
    directory = train(
        troubled(every(5, TimeoutError("late"))), shaping=ShapingConfig(max_failure_share=0.3)
    )
    assert steps_of(directory.path)[-1] == STEPS


def test_nan_is_a_failure_and_always_nan_stops_the_run_with_a_checkpoint(train, tmp_path, caplog):
    class Nan(TroubledModel):
        def estimate(self, episodes: object, frames: Frames) -> Estimate:
            return NanModel().estimate(episodes, frames)  # type: ignore[arg-type]

    with caplog.at_level(logging.WARNING):
        stops(
            lambda: train(Nan(lambda call: None, trap_model("detour"))),
            ModelError,
            "'MODEL_ERROR'",
        )
    assert "`progress` must lie in [0, 1] where status is OK, got nan" in caplog.text
    assert steps_of(tmp_path / "run")


def test_an_error_in_the_model_comes_out_as_it_is_after_a_checkpoint(train, tmp_path):
    def fail(call: int) -> Exception | None:
        return KeyError("adapter") if call == 150 else None

    error = stops(lambda: train(troubled(fail)), KeyError, "adapter")
    notes = " ".join(error.__notes__)
    assert "Reward model 'trap_detour' (version '1') raised this. Mend the model" in notes
    assert "go on with: kibble train run=" in notes
    assert steps_of(tmp_path / "run")[-1] >= 300
    train(troubled(lambda call: None), resume=True)
    assert steps_of(tmp_path / "run")[-1] == STEPS


def test_a_new_version_takes_over_from_the_next_episode_on(train, caplog):
    model = troubled(lambda call: None)

    def adapt(call: int) -> None:
        model.version = "1" if call < 100 else "2"

    model.trouble = adapt
    with caplog.at_level(logging.WARNING):
        directory = train(model)
    assert steps_of(directory.path)[-1] == STEPS
    assert "STALE in slot" in caplog.text
    assert "version '2' answers, the episode began with '1'" in caplog.text


def test_two_versions_in_turn_stop_the_run_with_a_checkpoint(train, tmp_path):
    class Balanced(TroubledModel):
        """Two servers behind one address, of different versions."""

        asked = 0

        @property
        def spec(self) -> ModelSpec:
            Balanced.asked += 1
            return replace(super().spec, version=str(Balanced.asked // 50 % 2))

    stops(lambda: train(Balanced(lambda call: None, trap_model("detour"))), ModelError, "pin one")
    assert steps_of(tmp_path / "run")


def test_a_first_episode_that_cannot_be_opened_leaves_nothing_behind_to_repair(train, tmp_path):
    model = troubled(lambda call: None)
    model.begin_trouble = TimeoutError("no answer within 2 s")
    stops(lambda: train(model), ModelError, "could not open the first episode of slot 0")
    model.begin_trouble = None
    train(model, run=str(tmp_path / "again"))
    assert steps_of(tmp_path / "again")[-1] == STEPS


def test_what_failed_is_in_the_scalars(train):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    directory = train(
        troubled(every(4, TimeoutError("late"))), shaping=ShapingConfig(max_failure_share=1.0)
    )
    events = EventAccumulator(str(directory.metrics))
    events.Reload()
    shares = [event.value for event in events.Scalars("reward_model/unanswered")]
    assert np.mean(shares) == pytest.approx(0.25, abs=0.03)
    failed = events.Scalars("reward_model/failed_readings")[-1].value
    assert failed == pytest.approx(0.25 * STEPS, abs=40)


def test_a_share_of_failures_may_be_raised_when_going_on(train):
    trouble = every(5, TimeoutError("late"))
    stops(lambda: train(troubled(trouble)), ModelError, "max_failure_share")
    directory = train(troubled(trouble), resume=True, shaping=ShapingConfig(max_failure_share=0.5))
    assert steps_of(directory.path)[-1] == STEPS


def test_a_new_version_that_fails_on_stored_frames_stops_the_run_with_a_checkpoint(
    train, tmp_path
):
    model = troubled(lambda call: None)

    def adapt(call: int) -> Exception | None:
        model.version = "1" if call < 100 else "2"
        return ModelError("the adapted head is broken") if call > 100 else None

    model.trouble = adapt
    scoring = ScoringConfig(store_mb=5.0)
    stops(lambda: train(model, scoring=scoring), ModelError, "max_failure_share")
    assert steps_of(tmp_path / "run")
    mended = troubled(lambda call: None)
    mended.version = "2"
    train(mended, resume=True, scoring=scoring)
    assert steps_of(tmp_path / "run")[-1] == STEPS
