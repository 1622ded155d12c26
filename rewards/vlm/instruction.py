"""What an instruction may hold when it is put into a prompt."""

from __future__ import annotations

import re

from kibble.rewards.errors import ConfigError

__all__ = ["check_instruction"]

_CONTROL = re.compile(r"<[|/]?[A-Za-z_][^<>]{0,80}>|\[/?[A-Z][A-Z_0-9]{3,}\]")


def check_instruction(instruction: str) -> None:
    """Refuse an instruction that holds what looks like a tag or a control token.

    Prompts mark pictures, turns and answers by such signs (``<image>``, ``</task>``,
    ``<|im_end|>``, ``[INST]``), and tokenizers read them as what they stand for wherever they
    are: an instruction with one could end its own quotation, move the pictures, or answer for the
    model. Plain words that try to persuade the model cannot be told from other words; against
    those stand the grammar of the read-out and constrained decoding.

    Args:
        instruction: Text from the user.

    Raises:
        ConfigError: If it holds one.

    >>> check_instruction("put the block where x < 3 and y > 2")
    """
    match = _CONTROL.search(instruction)
    if match is not None:
        raise ConfigError(
            f"`instruction` must be plain words, got the sign {match[0]!r}, which prompts and "
            "tokenizers reserve; say what success looks like without it."
        )
