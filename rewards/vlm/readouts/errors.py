"""The error of an answer that is no reading."""

from __future__ import annotations

from kibble.rewards.errors import ModelError

__all__ = ["AnswerError"]


class AnswerError(ModelError):
    """An answer does not follow its grammar; the frame gets the status ``PARSE_ERROR``."""
