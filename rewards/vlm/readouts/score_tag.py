"""Read ``<score>+NN%</score>``, the answer of the General Reward Model."""

from __future__ import annotations

import re

from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["signed_percentage"]

_TAG = re.compile(r"<score>([+-]?[0-9]{1,3}(?:\.[0-9]{1,2})?)%</score>")


def signed_percentage(text: str) -> float:
    r"""Read a signed percentage in its tag, clamped to [-1, 1].

    The whole answer but for surrounding white space must be one tag around a number with a
    percent sign. The prompt demands an integer; the authors' fine-tuning data, which the weights
    answer like, have one decimal.

    Args:
        text: The model's answer.

    Returns:
        The hop in [-1, 1].

    Raises:
        AnswerError: If the answer is anything else.

    Source:
        Robo-Dopamine, github.com/FlagOpen/Robo-Dopamine, examples/inference.py ("Output Format")
        and dataset/utils/1_generate_data.py (``format_score_tag``).

    >>> signed_percentage("<score>+33%</score>"), signed_percentage(" <score>-140%</score>\n")
    (0.33, -1.0)
    """
    match = _TAG.fullmatch(text.strip())
    if match is None:
        raise AnswerError(
            f"An answer must be one line such as <score>+33%</score>, got {text[:200]!r}."
        )
    return max(-100.0, min(100.0, float(match[1]))) / 100.0 + 0.0  # no negative zero
