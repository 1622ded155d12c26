"""What may be said of the newest reading at one moment: its status, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from kibble.rewards.node.scorer import Scored
from kibble.rewards.types import Status

__all__ = ["Situation", "Verdict", "judge"]

_STANDSTILL = 1.0  # s
_NOTICED = 0.1  # s that a reading takes until it is mentioned


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known at one moment.

    Args:
        trouble: Why views cannot be used; "" if all can.
        standstill: s for which the clock has not moved.
        idle: Why no episode runs; "" if one does, or has just ended.
        scored: The newest reading of the episode; ``None`` before its first.
        shown: Whether it was published before.
        age: s since the stamp of its newest frame; negative where that lies in the future.
        deadline: s that it may be old.
        waited_for: Why there is no newer set of images.
        reading_for: s for which the model has been reading; 0 where it is not.
        set_back: s by which the clock was set back since the last reading; 0 where it was not.
    """

    trouble: str
    standstill: float
    idle: str
    scored: Scored | None
    shown: bool
    age: float
    deadline: float
    waited_for: str
    reading_for: float
    set_back: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said.

    Args:
        status: Only OK renews the potential.
        text: What is wrong and what to do; "" where the status is OK.
    """

    status: Status
    text: str = ""


def judge(situation: Situation) -> Verdict:
    """Return the first of these that holds.

    ============  ==============================================================================
    status        when
    ============  ==============================================================================
    MISSING_VIEW  a camera is silent, has several publishers, or its images cannot be used
    STALE         the clock stands still, or no episode runs, or nothing of it was read yet
    the model's   the newest reading failed
    STALE         the newest reading's newest frame is older than the deadline, or is from the
                  future by more than that, or was published before
    OK            else
    ============  ==============================================================================
    """
    scored = situation.scored
    if situation.trouble:
        return Verdict(status=Status.MISSING_VIEW, text=_sentence(situation.trouble))
    if situation.standstill > _STANDSTILL:
        return _stale(
            f"the clock has stood still for {situation.standstill:.1f} s; is /clock published?"
        )
    if situation.idle:
        return _stale(situation.idle)
    if scored is not None and scored.reading.status is not Status.OK:
        reason = scored.reading.reason or "the model could not read the newest frames"
        if scored.reading.status is Status.STALE:  # the model was replaced meanwhile
            reason += "; start the next episode to be read by it"
        return Verdict(status=scored.reading.status, text=_sentence(reason))
    if scored is None or situation.shown:
        return _stale(_pending(situation))
    if situation.age > situation.deadline:
        return _stale(
            f"the newest frame is {situation.age:.2f} s old, `deadline` is "
            f"{situation.deadline:g} s; the model took {scored.model_time:.2f} s"
            f"{_clocks(situation.age - scored.model_time, situation.deadline)}"
        )
    if situation.age < -situation.deadline:
        return _stale(
            f"the newest frame's stamp lies {-situation.age:.2f} s in the future; the clocks of "
            "camera and node are not in step"
        )
    return Verdict(status=Status.OK)


def _pending(situation: Situation) -> str:
    """Say why there is nothing new."""
    if situation.set_back:
        return (
            f"the clock was set back by {situation.set_back:.1f} s; images from then on are "
            "waited for"
        )
    if situation.reading_for > _NOTICED:
        return f"the model has been reading the newest frames for {situation.reading_for:.1f} s"
    return situation.waited_for


def _clocks(delay: float, deadline: float) -> str:
    """Hint at clocks that differ, where frames were old before the model had them."""
    return "; are the clocks of camera and node in step?" if delay > deadline else ""


def _stale(text: str) -> Verdict:
    return Verdict(status=Status.STALE, text=_sentence(text))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."
