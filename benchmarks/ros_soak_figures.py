"""What one run of ``ros_soak.py`` comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ros_reward_watch import RewardWatch

__all__ = ["figures_of"]

_WINDOW = 5.0  # s of a point of the series
_WARM = 0.5  # share of a run in which memory may settle: the service's cache fills up


def figures_of(
    watch: RewardWatch,
    samples: Sequence[Mapping[str, float]],
    spent: Mapping[str, float],
    *,
    deadline: float,
    rate: float,
) -> dict[str, object]:
    """Return figures as they are written down.

    Args:
        watch: What was heard.
        samples: One per second: `at`, s, and resident MB by process.
        spent: Cores by process, those of `others`, and the `seconds` of the run.
        deadline: s.
        rate: Hz of rewards.
    """
    rows = np.array(watch.rows)  # (N, 4) s: at, published, received, model
    processes = [name for name in samples[0] if name != "at"]
    kept = [s["answers kept"] for s in samples if "answers kept" in s]
    late = int((rows[:, 1] > deadline).sum())
    return {
        "rate_hz": rate,
        "seconds": round(spent["seconds"], 1),
        "messages": watch.messages,
        "messages_per_second": round(watch.messages / spent["seconds"], 2),
        "not_heard": watch.unheard,
        "episodes": watch.episodes,
        "statuses": dict(watch.statuses),
        "texts": dict(watch.texts.most_common(12)),
        "ok_past_deadline": late,
        "checks_that_failed": watch.broken,
        "image_to_published_ms": _quantiles(rows[:, 1]),
        "image_to_received_ms": _quantiles(rows[:, 2]),
        "model_ms": _quantiles(rows[:, 3]),
        "memory_mb": {name: _memory(samples, name) for name in processes},
        "answers_kept_mb": [round(kept[0], 1), round(kept[-1], 1)] if kept else None,
        "cores_used": {name: round(spent[name], 3) for name in (*processes, "others")},
        "series": _series(rows, samples, processes),
    }


def _quantiles(values: np.ndarray) -> dict[str, float]:
    p50, p95, p99 = 1e3 * np.quantile(values, (0.5, 0.95, 0.99))
    figures = {"p50": p50, "p95": p95, "p99": p99, "max": 1e3 * values.max()}
    return {name: round(float(value), 2) for name, value in figures.items()}


def _memory(samples: Sequence[Mapping[str, float]], name: str) -> dict[str, float]:
    """Resident memory after settling: at first, at last (medians of a tenth), and its slope."""
    settled = [s for s in samples if s["at"] >= _WARM * samples[-1]["at"]]
    at = np.array([s["at"] for s in settled])
    mb = np.array([s[name] for s in settled])
    tenth = max(1, len(mb) // 10)
    slope = np.polyfit(at / 60.0, mb, 1)[0] if len(mb) > 1 else 0.0
    return {
        "first": round(float(np.median(mb[:tenth])), 2),
        "last": round(float(np.median(mb[-tenth:])), 2),
        "most": round(float(mb.max()), 2),
        "per_minute": round(float(slope), 4),
    }


def _series(
    rows: np.ndarray, samples: Sequence[Mapping[str, float]], processes: Sequence[str]
) -> list[dict[str, float]]:
    """Points over time: p50 and maximum of the latency, ms, and resident memory, MB."""
    points = []
    for begin in np.arange(0.0, samples[-1]["at"], _WINDOW):
        latency = 1e3 * rows[(rows[:, 0] >= begin) & (rows[:, 0] < begin + _WINDOW), 1]
        seen = [s for s in samples if begin <= s["at"] < begin + _WINDOW]
        if not seen:
            continue
        point = {"at": round(float(begin + _WINDOW / 2), 1)}
        if len(latency):
            point["p50_ms"] = round(float(np.median(latency)), 2)
            point["max_ms"] = round(float(latency.max()), 2)
        for name in processes:
            point[name] = round(float(np.median([s[name] for s in seen])), 2)
        kept = [s["answers kept"] for s in seen if "answers kept" in s]
        if kept:
            point["answers kept"] = round(kept[-1], 2)
        points.append(point)
    return points
