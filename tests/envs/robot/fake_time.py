"""Time that passes only where somebody waits, and moves what lives in it meanwhile."""

from __future__ import annotations

from collections.abc import Callable

_STEP = 0.001  # s


class FakeTime:
    """A :class:`kibble.envs.robot.robot_time.RobotTime` for tests."""

    def __init__(self) -> None:
        self._ticks = 1_000_000
        self._repeated: list[_Repeated] = []

    def now(self) -> float:
        return self._ticks * _STEP

    def sleep(self, seconds: float) -> None:
        for _ in range(round(seconds / _STEP)):
            self._ticks += 1
            for repeated in tuple(self._repeated):
                repeated.look(self._ticks)

    def every(self, period: float, act: Callable[[], None]) -> _Repeated:
        repeated = _Repeated(self._repeated, round(period / _STEP), act)
        self._repeated.append(repeated)
        return repeated

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something once, so many s from now."""

        def once() -> None:
            handle.close()
            act()

        handle = self.every(seconds, once)


class _Repeated:
    def __init__(self, all_of_them: list[_Repeated], period: int, act: Callable[[], None]) -> None:
        self._all, self._period, self._act = all_of_them, period, act
        self._left = period

    def look(self, ticks: int) -> None:
        self._left -= 1
        if self._left <= 0:
            self._left = self._period
            self._act()

    def close(self) -> None:
        if self in self._all:
            self._all.remove(self)
