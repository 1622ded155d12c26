"""The same points on pictures of another size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.proposal import Keypoint, Proposal

__all__ = ["fit_to"]

Pixels = Mapping[str, tuple[float, float]]


def fit_to(proposal: Proposal, sizes: Mapping[str, tuple[int, int]]) -> Proposal:
    """Scale a proposal to pictures of other sizes and keep the views that are there.

    Width and height are scaled each by itself, as a resize does; a picture that was cropped has
    other pixels, which nobody can tell from its size.

    Args:
        proposal: Made on pictures of ``proposal.sizes``.
        sizes: View to (height, width) in pixels of the pictures at hand.

    Raises:
        ProposalError: If a point is marked in none of these views.
    """
    shared = {view: size for view, size in sizes.items() if view in proposal.sizes}

    def scaled(name: str, pixels: Pixels) -> dict[str, tuple[float, float]]:
        kept = {}
        for view in (view for view in pixels if view in shared):
            (height, width), (old_height, old_width) = shared[view], proposal.sizes[view]
            u, v = pixels[view]
            kept[view] = (u * width / old_width, v * height / old_height)
        if pixels and not kept:
            raise ProposalError(
                f"Keypoint {name!r} of {proposal.source!r} must be marked in a view that is seen, "
                f"got marks in {sorted(pixels)} and frames of {sorted(sizes)}; mark it there."
            )
        return kept

    return Proposal(
        keypoints={
            role: Keypoint(
                pixels=scaled(role.value, keypoint.pixels), confidence=keypoint.confidence
            )
            for role, keypoint in proposal.keypoints.items()
        },
        waypoints=tuple(
            replace(waypoint, pixels=scaled(f"waypoint {number}", waypoint.pixels))
            for number, waypoint in enumerate(proposal.waypoints)
        ),
        sizes=shared,
        source=proposal.source,
        confidence=proposal.confidence,
    )
