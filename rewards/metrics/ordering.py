"""Does progress rise with time in a video of success? Value-order correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

__all__ = ["value_order_correlation"]


def value_order_correlation(progress: ArrayLike, *, flat: float = 1e-3) -> float:
    """Spearman's correlation of progress with time.

    VOC = correlation of the ranks of progress with 0 … T - 1, ties sharing their mean rank. A
    constant reading, and a video of fewer than two frames, has no order: 0. Ranks know no size, so
    a reading that varies by less than ``flat`` counts as constant; otherwise rounding, which
    depends on what else is in a batch, would have an order. In a video of steady success VOC
    should be 1, in the same video reversed -1, in shuffled or frozen frames 0. A model that merely
    counts frames gets 1 in all of them.

    Args:
        progress: (T,) readings in the order in which the frames were shown.
        flat: Largest minus smallest reading below which they have no order.

    Returns:
        VOC in [-1, 1].

    Raises:
        ValueError: If a reading is not finite or the array is not one-dimensional.

    Source:
        Ma et al. 2024, "Vision Language Models are In-Context Value Learners" (GVL), section 3.

    >>> value_order_correlation([0.0, 0.2, 0.9]), value_order_correlation([0.5, 0.5, 0.5])
    (1.0, 0.0)
    """
    values = np.asarray(progress, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(
            f"`progress` must be finite and of shape (T,), got shape {values.shape}"
            f"{'' if np.isfinite(values).all() else ' with NaN or infinity'}."
        )
    if len(values) < 2 or np.ptp(values) < flat or np.ptp(values) == 0.0:
        return 0.0
    correlation = float(stats.spearmanr(np.arange(len(values)), values).statistic)
    return min(1.0, max(-1.0, correlation))
