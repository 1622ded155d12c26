"""What a finding means, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kibble.rewards.monitor.finding import Severity

__all__ = ["sentence"]

_Evidence = Mapping[str, float]


def sentence(detector: str, severity: Severity, evidence: _Evidence) -> str:
    """Say what was found and what may be done.

    Args:
        detector: Its name.
        severity: Of an episode, or of many.
        evidence: Its figures.
    """
    if severity is Severity.ALARM and detector in _REPEATED:
        return (
            f"{evidence['episodes']:.0f} of the last {evidence['of']:.0f} episodes show it: "
            f"{_REPEATED[detector]}"
        )
    return _SENTENCES[detector](evidence)


def _oscillating(e: _Evidence) -> str:
    return (
        f"Progress fell {e['falls']:.0f} times after rising, between {e['lowest']:.2f} and "
        f"{e['highest']:.2f}: a loop is paid for each rise unless shaping is potential-based. "
        "Look at the frames; smooth with shaping.smoothing=hysteresis, or mend the model."
    )


def _frozen(e: _Evidence) -> str:
    return (
        f"Progress stayed at {e['lowest']:.3f} for {e['readings']:.0f} readings although the "
        "scene moved: the model does not react to what it sees. Check its views and instruction."
    )


def _disagreement(e: _Evidence) -> str:
    return (
        f"Two readings of the same frames lie {e['distance']:.2f} apart: the scene is unlike what "
        "the model was trained on, and its progress is a guess. Adapt it (grm_tiny: kibble adapt)."
    )


def _collapse(e: _Evidence) -> str:
    return (
        f"All newest readings lie at {e['mean']:.3f} with a spread of {e['spread']:.4f}: the "
        "reward tells nothing apart, so nothing can be learned from it. Check the camera, or "
        "whether the agent has stopped moving."
    )


def _false_success(e: _Evidence) -> str:
    return (
        f"The model judged {e['judged']:.0f} of the last {e['failures']:.0f} failures a success "
        f"({100 * e['rate']:.0f} %, 95 % interval {100 * e['low']:.0f} to {100 * e['high']:.0f}):"
        " its success cannot be trusted. Watch videos of such episodes; adapt the model to them."
    )


def _paid_failure(e: _Evidence) -> str:
    return (
        f"The last {e['failures']:.0f} failures were paid {e['unearned']:.2f} each beyond any "
        f"potential, {100 * e['share']:.0f} % of what success pays: failing can be farmed. "
        "Choose shaping=potential, which pays nothing beyond."
    )


def _divergence(e: _Evidence) -> str:
    return (
        f"The progress that the model reads at the end rose from {e['progress_before']:.2f} to "
        f"{e['progress_after']:.2f} while the true return fell from {e['task_before']:.2f} to "
        f"{e['task_after']:.2f}: the agent learns to please the model, not to do the task."
    )


_SENTENCES: Mapping[str, Callable[[_Evidence], str]] = {
    "oscillating_progress": _oscillating,
    "frozen_progress": _frozen,
    "disagreement": _disagreement,
    "reward_collapse": _collapse,
    "false_success": _false_success,
    "paid_failure": _paid_failure,
    "divergence": _divergence,
}

_REPEATED: Mapping[str, str] = {
    "oscillating_progress": (
        "progress goes up and down, and every rise is paid unless shaping is potential-based. "
        "Choose shaping=potential, or mend the model."
    ),
    "frozen_progress": (
        "progress does not react to what moves. Check the model's views and instruction."
    ),
    "disagreement": (
        "two readings of the same frames lie far apart. Adapt the model (grm_tiny: kibble adapt)."
    ),
}
