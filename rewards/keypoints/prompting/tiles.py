"""The grid over a picture: tiles named a1, b3, … as on a chess board."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.errors import ConfigError

__all__ = ["Tiles"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """Equal tiles; columns are lettered from the left, rows numbered from the bottom.

    Args:
        columns: Of the grid, 1 to 26.
        rows: Of the grid, 1 to 26.

    Raises:
        ConfigError: If a number is out of range.

    Source:
        Grid of 5 by 5 tiles for waypoints: MOKA (Liu et al. 2024), KAGI (Lee et al. 2024).

    >>> Tiles(columns=5, rows=5).centre("a1", (100, 100))
    (10.0, 90.0)
    """

    columns: int = 5
    rows: int = 5

    def __post_init__(self) -> None:
        if not (1 <= self.columns <= 26 and 1 <= self.rows <= 26):
            raise ConfigError(
                f"A grid must have 1 to 26 columns and rows, got {self.columns} x {self.rows}; "
                "5 x 5 is usual."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """All tiles, row after row from the bottom."""
        return tuple(
            f"{letter}{row}"
            for row in range(1, self.rows + 1)
            for letter in _LETTERS[: self.columns]
        )

    @property
    def letters(self) -> str:
        """Letters of the columns, from the left."""
        return _LETTERS[: self.columns]

    def centre(self, name: str, size: tuple[int, int]) -> tuple[float, float]:
        """Return the middle (u, v) of a tile, pixels.

        Args:
            name: One of ``names``.
            size: (height, width) of the picture, pixels.

        Raises:
            ConfigError: If there is no such tile.
        """
        if name not in self.names:
            raise ConfigError(
                f"A tile must be one of {self.names[0]} to {self.names[-1]}, got {name!r}."
            )
        height, width = size
        column, row = _LETTERS.index(name[0]), int(name[1:])
        return ((column + 0.5) * width / self.columns, height - (row - 0.5) * height / self.rows)

    def name_at(self, pixel: tuple[float, float], size: tuple[int, int]) -> str:
        """Return the tile that a pixel (u, v) lies in; one outside belongs to the nearest."""
        height, width = size
        column = min(max(int(pixel[0] * self.columns / width), 0), self.columns - 1)
        row = min(max(int((height - pixel[1]) * self.rows / height), 0), self.rows - 1)
        return f"{_LETTERS[column]}{row + 1}"
