"""Read a list of one percentage for each of several frames, as GVL asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.json_text import json_ending

__all__ = ["frame_percentages"]

_FRAME = "frame_number"
_PERCENTAGE = "task_completion_percentage"
_DESCRIPTION = "frame_description"


def frame_percentages(text: str, count: int) -> NDArray[np.float64]:
    """Read the percentage of every frame.

    The answer must end with a JSON array, bare or in one code block, of ``count`` objects
    ``{"frame_number": i, "frame_description": "…", "task_completion_percentage": p}`` in any
    order, i = 1..count once each and p in [0, 100]. The description may be left out.

    Args:
        text: The model's answer.
        count: Frames that were shown.

    Returns:
        (count,) float64 in [0, 1], in the order in which the frames were shown.

    Raises:
        AnswerError: If the answer is anything else; one frame left out is an answer for none.

    Source:
        GVL (Ma et al., "Vision Language Models are In-Context Value Learners"); the form as in
        github.com/robometer/robometer, robometer/evals/baselines/gvl.py.

    >>> frame_percentages('[{"frame_number": 1, "task_completion_percentage": 25}]', 1)
    array([0.25])
    """
    entries = json_ending(text, "[")
    if not isinstance(entries, list) or len(entries) != count:
        raise AnswerError(
            f"An answer must list {count} frames, got "
            f"{len(entries) if isinstance(entries, list) else entries!r}."
        )
    if text.count(f'"{_PERCENTAGE}"') != count:
        raise AnswerError(f"An answer must have one list, got {text[-200:]!r}.")
    percentages = np.full(count, np.nan)
    for entry in entries:
        if not isinstance(entry, dict) or not (
            {_FRAME, _PERCENTAGE} <= set(entry) <= {_FRAME, _PERCENTAGE, _DESCRIPTION}
        ):
            raise AnswerError(f"Each entry must have {_FRAME} and {_PERCENTAGE}, got {entry!r}.")
        frame, percentage = entry[_FRAME], entry[_PERCENTAGE]
        if type(frame) is not int or not 1 <= frame <= count:
            raise AnswerError(f"`{_FRAME}` must be an integer in 1..{count}, got {frame!r}.")
        if type(percentage) not in (int, float) or not isinstance(percentage, int | float):
            raise AnswerError(f"`{_PERCENTAGE}` must be a number, got {percentage!r}.")
        if not 0 <= percentage <= 100:
            raise AnswerError(f"`{_PERCENTAGE}` must lie in [0, 100], got {percentage!r}.")
        if not np.isnan(percentages[frame - 1]):
            raise AnswerError(f"Each frame must stand once, got frame {frame} twice.")
        percentages[frame - 1] = percentage / 100.0
    return percentages + 0.0  # no negative zero
