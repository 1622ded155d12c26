"""From where on a monitor calls something a finding."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import final

from kibble.rewards.errors import ShapingError

__all__ = ["Thresholds"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a measure becomes a finding.

    Args:
        readings: Newest readings of an episode that are looked at.
        amplitude: Least rise and fall of progress that counts as oscillation, in (0, 1].
        falls: Falls among those readings that are a finding.
        still: Newest readings in a row without reaction to motion that are a finding.
        disagreement: Mean distance of two readings of the same frames that is a finding.
        spread: Standard deviation of all newest progress below which the reward has collapsed.
        false_success: Rate at which failures are judged successes that is a finding, once the
            lower end of its interval is above it.
        unearned: Pay beyond any potential in a failed episode that is a finding, as a share of
            what success pays.
        episodes: Newest episodes that are looked at.
        repeated: Episodes among them with the same finding that make it an alarm.

    Raises:
        ShapingError: If one is out of range.
    """

    readings: int = 40
    amplitude: float = 0.15
    falls: int = 3
    still: int = 25
    disagreement: float = 0.25
    spread: float = 0.01
    false_success: float = 0.2
    unearned: float = 0.25
    episodes: int = 30
    repeated: int = 10

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:  # also refuses NaN
                raise ShapingError(f"`{field.name}` must be more than 0, got {value}.")
        if self.still > self.readings:
            raise ShapingError(
                f"`still` must be at most `readings`, {self.readings}, got {self.still}; "
                "raise `readings`."
            )
        if self.repeated > self.episodes:
            raise ShapingError(
                f"`repeated` must be at most `episodes`, {self.episodes}, got {self.repeated}; "
                "raise `episodes`."
            )
