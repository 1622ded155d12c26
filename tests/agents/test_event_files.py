"""Event files of a run that was stopped and resumed within the same second."""

from __future__ import annotations

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kibble.agents.event_files import make_logger


def write(directory, steps, value, *, resumed_at):
    logger = make_logger(directory, resumed_at=resumed_at)
    for step in steps:
        logger.record("rollout/x", value)
        logger.dump(step)
    logger.close()


def test_a_resumed_file_is_read_after_the_one_it_continues(tmp_path):
    write(tmp_path, (64, 128, 192), 1.0, resumed_at=None)
    write(tmp_path, (192, 256), 2.0, resumed_at=128)
    write(tmp_path, (256, 320), 3.0, resumed_at=192)
    seconds = [int(path.name.split(".")[3]) for path in tmp_path.iterdir()]
    assert len(set(seconds)) == 3
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    read = [(event.step, event.value) for event in events.Scalars("rollout/x")]
    assert read == [(64, 1.0), (128, 1.0), (192, 2.0), (256, 3.0), (320, 3.0)]
