"""Maps of grid worlds, and the exact process that each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError
from kibble.rewards.tabular import FiniteMDP

__all__ = ["ACTIONS", "BELTS", "Cell", "Layout"]

Cell = tuple[int, int]
ACTIONS: tuple[Cell, ...] = ((-1, 0), (0, 1), (1, 0), (0, -1), (0, 0))
"""Row and column change of up, right, down, left and wait."""
BELTS: dict[str, Cell] = {"^": (-1, 0), ">": (0, 1), "v": (1, 0), "<": (0, -1)}
"""Signs of conveyor belts and where they carry."""
_OPEN = "S.*GPX^>v<"
_KNOWN = _OPEN + "#F"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A grid world drawn with letters; the robot's cell is the state.

    ``#`` wall, ``.`` floor, ``*`` lit floor, ``S`` start, ``G`` flag and ``P`` pad (either ends
    the episode in success, reward 1), ``X`` pit (ends it in failure, reward 0), ``F`` a poster of
    the flag on a wall, ``^ > v <`` conveyor belts: a robot on a belt is carried along it, unless
    it drives off to a cell that is no belt.

    Args:
        rows: The map, rows of one length, walls all around.
        slip: Probability that a move goes to one of the two sides instead, in [0, 1).

    Raises:
        ConfigError: If the map has another sign, ragged rows, an open edge, no start or no goal.
    """

    rows: tuple[str, ...]
    slip: float = 0.0

    def __post_init__(self) -> None:
        text = "".join(self.rows)
        edge = self.rows[0] + self.rows[-1] + "".join(row[0] + row[-1] for row in self.rows)
        if (
            set(text) - set(_KNOWN)
            or len({len(row) for row in self.rows}) != 1
            or set(edge) - {"#", "F"}
            or "S" not in text
            or not {"G", "P"} & set(text)
        ):
            raise ConfigError(
                f"`rows` must be a map of the signs {_KNOWN!r} with walls all around, a start and "
                f"a goal, got {list(self.rows)}."
            )
        if not 0.0 <= self.slip < 1.0:
            raise ConfigError(f"`slip` must lie in [0, 1), got {self.slip}.")

    @property
    def size(self) -> Cell:
        """Rows and columns."""
        return len(self.rows), len(self.rows[0])

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell of each state, in the order of reading."""
        height, width = self.size
        return tuple(
            (r, c) for r in range(height) for c in range(width) if self.rows[r][c] in _OPEN
        )

    def sign(self, cell: Cell) -> str:
        """Return what the map says at a cell."""
        return self.rows[cell[0]][cell[1]]

    def is_goal(self, cell: Cell) -> bool:
        """Whether the task is done there."""
        return self.sign(cell) in "GP"

    def is_terminal(self, cell: Cell) -> bool:
        """Whether an episode ends there."""
        return self.sign(cell) in "GPX"

    def mdp(self) -> FiniteMDP:
        """Return the process: reward 1 on reaching a goal, 0 otherwise."""
        cells = self.cells
        index = {cell: state for state, cell in enumerate(cells)}
        count = len(cells)
        transition = np.zeros((count, len(ACTIONS), count))
        for state, cell in enumerate(cells):
            for action, move in enumerate(ACTIONS):
                for target, chance in self._outcomes(cell, move):
                    transition[state, action, index[target]] += chance
        goals = np.array([self.is_goal(cell) for cell in cells])
        start = np.array([self.sign(cell) == "S" for cell in cells], np.float64)
        return FiniteMDP(
            transition=transition,
            reward=np.broadcast_to(goals.astype(np.float64), transition.shape).copy(),
            terminal=np.array([self.is_terminal(cell) for cell in cells]),
            start=start / start.sum(),
        )

    def steps_to_goal(self) -> NDArray[np.float64]:
        """Return the fewest steps from each cell to a goal, (S,); infinite where there is no way.

        Slips are left out.
        """
        cells = self.cells
        index = {cell: state for state, cell in enumerate(cells)}
        steps = np.array([0.0 if self.is_goal(cell) else np.inf for cell in cells])
        for _ in cells:
            for state, cell in enumerate(cells):
                if not self.is_terminal(cell):
                    reached = [index[self._moved(cell, move)] for move in ACTIONS]
                    steps[state] = min(steps[state], 1.0 + steps[reached].min())
        return steps

    def _outcomes(self, cell: Cell, move: Cell) -> list[tuple[Cell, float]]:
        if self.is_terminal(cell):
            return [(cell, 1.0)]
        ahead = self._moved(cell, move)
        if not self.slip or move == (0, 0):
            return [(ahead, 1.0)]
        left, right = (move[1], move[0]), (-move[1], -move[0])
        aside = [(self._moved(cell, side), self.slip / 2) for side in (left, right)]
        return [(ahead, 1.0 - self.slip), *aside]

    def _moved(self, cell: Cell, move: Cell) -> Cell:
        """Where a robot gets to that wants to make this move."""
        wanted = (cell[0] + move[0], cell[1] + move[1])
        carried = BELTS.get(self.sign(cell))
        if carried is None:
            return wanted if self.sign(wanted) in _OPEN else cell
        if self.sign(wanted) in _OPEN and self.sign(wanted) not in BELTS:
            return wanted
        return (cell[0] + carried[0], cell[1] + carried[1])
