"""Shaping terms as pure functions of potentials.

The potential-based term ``F = gamma * Phi(s') - Phi(s)`` leaves the optimal policies as they are
(Ng, Harada and Russell 1999); so it does when the potential changes with time (Devlin and Kudenko
2012), which is what a potential held between queries and an annealed weight amount to. For a
potential of the state alone it does what initialising the critic by Phi does (Wiewiora 2003). The
other modes are baselines that change what is optimal; they are here to show how they fail.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kibble.rewards.errors import ShapingError

__all__ = ["ShapingMode", "check_gamma", "parse_mode", "shape", "shaping_term"]

FloatArray: TypeAlias = NDArray[np.floating]
BoolArray: TypeAlias = NDArray[np.bool_]


class ShapingMode(str, enum.Enum):
    """How potentials become a reward. Only ``potential`` keeps the optimal policies.

    =============  ==============================  ===========================================
    mode           term                            what goes wrong
    =============  ==============================  ===========================================
    potential      gamma * Phi(s') - Phi(s),       nothing: optimal policies are unchanged
                   Phi(s') = 0 where terminated
    difference     Phi(s') - Phi(s)                rewards detours when gamma < 1
    absolute       Phi(s') on queried steps, or 0  hovering near the goal pays more than success
    held_absolute  Phi(s') held on every step      the same, and pays between queries too
    none           0                               sparse
    =============  ==============================  ===========================================
    """

    POTENTIAL = "potential"
    DIFFERENCE = "difference"
    ABSOLUTE = "absolute"
    HELD_ABSOLUTE = "held_absolute"
    NONE = "none"


_Term: TypeAlias = Callable[[FloatArray, FloatArray, BoolArray, BoolArray, float], FloatArray]


def _potential(
    phi: FloatArray, next_phi: FloatArray, terminated: BoolArray, queried: BoolArray, gamma: float
) -> FloatArray:
    return gamma * np.where(terminated, np.zeros_like(next_phi), next_phi) - phi


def _difference(
    phi: FloatArray, next_phi: FloatArray, terminated: BoolArray, queried: BoolArray, gamma: float
) -> FloatArray:
    return next_phi - phi


def _absolute(
    phi: FloatArray, next_phi: FloatArray, terminated: BoolArray, queried: BoolArray, gamma: float
) -> FloatArray:
    return np.where(queried, next_phi, np.zeros_like(next_phi))


def _held_absolute(
    phi: FloatArray, next_phi: FloatArray, terminated: BoolArray, queried: BoolArray, gamma: float
) -> FloatArray:
    return next_phi.copy()


def _none(
    phi: FloatArray, next_phi: FloatArray, terminated: BoolArray, queried: BoolArray, gamma: float
) -> FloatArray:
    return np.zeros_like(next_phi)


_TERMS: Mapping[ShapingMode, _Term] = {
    ShapingMode.POTENTIAL: _potential,
    ShapingMode.DIFFERENCE: _difference,
    ShapingMode.ABSOLUTE: _absolute,
    ShapingMode.HELD_ABSOLUTE: _held_absolute,
    ShapingMode.NONE: _none,
}


def check_gamma(gamma: float) -> float:
    """Return the discount factor if it lies in [0, 1].

    Raises:
        ShapingError: If it does not, or is not finite.

    >>> check_gamma(0.99)
    0.99
    """
    if not 0.0 <= gamma <= 1.0:  # also refuses NaN; catches 99 typed for 0.99
        raise ShapingError(
            f"`gamma` must lie in [0, 1], got {gamma}; pass the agent's own discount factor."
        )
    return float(gamma)


def parse_mode(mode: ShapingMode | str) -> ShapingMode:
    """Return the shaping mode of that name.

    Raises:
        ShapingError: If there is none; the text suggests the nearest name.

    >>> parse_mode("potential").name
    'POTENTIAL'
    """
    try:
        return ShapingMode(mode)
    except ValueError:
        names = [member.value for member in ShapingMode]
        near = difflib.get_close_matches(str(mode), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "choose one of them."
        raise ShapingError(f"`mode` must be one of {names}, got {mode!r}; {hint}") from None


def shaping_term(
    phi: ArrayLike,
    next_phi: ArrayLike,
    terminated: ArrayLike,
    *,
    gamma: float,
    weight: ArrayLike = 1.0,
    next_weight: ArrayLike = 1.0,
    mode: ShapingMode | str = ShapingMode.POTENTIAL,
    queried: ArrayLike = True,
) -> FloatArray:
    r"""Return the shaping term of each transition from s to s'.

    In the mode ``potential``::

        F = gamma * next_weight * Phi(s') - weight * Phi(s),   Phi(s') = 0 where terminated

    so that sum_t gamma^t F_t = gamma^T w_T Phi_T - w_0 Phi_0 over T steps. At a truncation Phi(s')
    is the potential of the true last frame: a time limit is not a termination. The other modes
    are defined in :class:`ShapingMode`; there too the weight multiplies the potential.

    Args:
        phi: Phi(s), any shape, float.
        next_phi: Phi(s'), same shape.
        terminated: Whether s' is terminal, same shape, bool. Truncation does not count.
        gamma: The agent's discount factor, in [0, 1].
        weight: Weight of the potential when s was reached, scalar or same shape.
        next_weight: Weight of the potential when s' was reached, scalar or same shape.
        mode: One of :class:`ShapingMode`.
        queried: Whether Phi(s') is a fresh estimate rather than a held one, scalar or same shape;
            read by the mode ``absolute`` alone.

    Returns:
        The term, in the shape of ``phi`` and the floating dtype of ``phi`` and ``next_phi``.

    Raises:
        ShapingError: If gamma is outside [0, 1], a value is not finite, shapes differ, or
            ``terminated`` is not boolean.

    Source:
        Ng, Harada and Russell 1999, theorem 1; Devlin and Kudenko 2012 for potentials
        and weights that change with time; Grzes 2017 for Phi = 0 at termination.

    >>> shaping_term([0.25, 0.5], [0.5, 0.75], [False, True], gamma=0.5)
    array([ 0. , -0.5])
    >>> shaping_term([0.25, 0.5], [0.5, 0.75], [False, True], gamma=0.5, mode="difference")
    array([0.25, 0.25])
    """
    check_gamma(gamma)
    chosen = parse_mode(mode)
    before, after = _floats(phi=phi, next_phi=next_phi)
    ended = _like(before, terminated, name="terminated")
    fresh = _like(before, queried, name="queried", scalar=True)
    w, next_w = _weights(before, weight=weight, next_weight=next_weight)
    term = _TERMS[chosen](w * before, next_w * after, ended, fresh, gamma)
    return np.asarray(term, dtype=before.dtype)


def shape(
    reward: ArrayLike,
    phi: ArrayLike,
    next_phi: ArrayLike,
    terminated: ArrayLike,
    *,
    gamma: float,
    weight: ArrayLike = 1.0,
    next_weight: ArrayLike = 1.0,
    mode: ShapingMode | str = ShapingMode.POTENTIAL,
) -> FloatArray:
    """Return reward plus shaping term, ``r + gamma * Phi(s') - Phi(s)``, of each transition.

    Args:
        reward: Primary reward r(s, a, s'), any shape, float; itself never altered.
        phi: Phi(s), same shape.
        next_phi: Phi(s'), same shape.
        terminated: Whether s' is terminal, same shape, bool. Truncation does not count.
        gamma: The agent's discount factor, in [0, 1].
        weight: Weight of the potential when s was reached, scalar or same shape.
        next_weight: Weight of the potential when s' was reached, scalar or same shape.
        mode: One of :class:`ShapingMode`.

    Returns:
        The shaped reward, in the same shape and the common floating dtype of the three arrays.

    Raises:
        ShapingError: As :func:`shaping_term`, and if the reward is not finite.

    Source:
        Ng, Harada and Russell 1999.

    >>> shape([0.0, 1.0], [0.25, 0.5], [0.5, 0.75], [False, True], gamma=0.5)
    array([0. , 0.5])
    """
    primary, before, after = _floats(reward=reward, phi=phi, next_phi=next_phi)
    return np.asarray(
        primary
        + shaping_term(
            before,
            after,
            terminated,
            gamma=gamma,
            weight=weight,
            next_weight=next_weight,
            mode=mode,
        )
    )


def _floats(**named: ArrayLike) -> tuple[FloatArray, ...]:
    """Bring the arguments to one floating dtype; they must be finite and of one shape."""
    arrays = {name: np.asarray(value) for name, value in named.items()}
    dtype = np.result_type(*arrays.values())
    if not np.issubdtype(dtype, np.floating):
        dtype = np.result_type(dtype, np.float64)
    first_name, first = next(iter(arrays.items()))
    for name, array in arrays.items():
        if array.shape != first.shape:
            raise ShapingError(
                f"`{name}` must have the shape of `{first_name}`, {first.shape}, got "
                f"{array.shape}; pass one value per transition."
            )
        _check_finite(name, array)
    return tuple(array.astype(dtype, copy=False) for array in arrays.values())


def _weights(like: FloatArray, **named: ArrayLike) -> tuple[FloatArray, ...]:
    weights = []
    for name, value in named.items():
        array = np.asarray(value, dtype=like.dtype)
        if array.shape not in ((), like.shape):
            raise ShapingError(
                f"`{name}` must be a scalar or have the shape of `phi`, {like.shape}, got "
                f"{array.shape}; pass one weight for all or one per transition."
            )
        _check_finite(name, array)
        weights.append(array)
    return tuple(weights)


def _like(like: FloatArray, value: ArrayLike, *, name: str, scalar: bool = False) -> BoolArray:
    array = np.asarray(value)
    if array.dtype != np.bool_:
        raise ShapingError(
            f"`{name}` must be boolean, got dtype {array.dtype}; pass the environment's own flag, "
            "not a mask of floats or a merged `done`."
        )
    if array.shape != like.shape and not (scalar and array.shape == ()):
        raise ShapingError(
            f"`{name}` must have the shape of `phi`, {like.shape}, got {array.shape}; "
            "pass one flag per transition."
        )
    return np.broadcast_to(array, like.shape)


def _check_finite(name: str, array: NDArray[np.generic]) -> None:
    finite = np.isfinite(array)
    if not np.all(finite):
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ShapingError(
            f"`{name}` must be finite, got {array[where]} at index {where}; "
            "mend the reward model or the environment that gave it."
        )
