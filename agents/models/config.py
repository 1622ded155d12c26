"""Settings of ``kibble models``."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.agents.near_names import one_of

__all__ = ["ModelsConfig"]


@dataclass(frozen=True, kw_only=True)
class ModelsConfig:
    """Settings of ``kibble models``.

    Args:
        name: A reward model whose facts and options are shown, such as topreward; null lists all.
        format: table for people, json for programs.

    Raises:
        ConfigError: If the format is unknown.
    """

    name: str | None = None
    format: str = "table"

    def __post_init__(self) -> None:
        one_of("format", self.format, ("table", "json"))
