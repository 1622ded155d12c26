"""The marks that several answers agree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kibble.rewards.keypoints.prompting.agreement import agree, choice_distance
from kibble.rewards.keypoints.prompting.slots import Slot
from kibble.rewards.keypoints.proposal import Keypoint
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.vlm.questions import Token
from kibble.rewards.vlm.readouts.said import said_probability

__all__ = ["Chosen", "Said", "agreed_marks", "label_probability"]

_REACH = 0.1  # of the picture's longer side, at which two marks say different things


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A mark that was said for a slot.

    Args:
        label: The mark, or "none".
        probability: Of it, in [0, 1]; 1 where it is not told.
    """

    label: str
    probability: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was agreed on; a role that a view does not show is left out there.

    Args:
        points: View and role to (u, v), pixels.
        confidences: The same to a confidence in [0, 1].
        coarse: Those of which only the tile is known.
    """

    points: Mapping[tuple[str, Role], tuple[float, float]]
    confidences: Mapping[tuple[str, Role], float]
    coarse: frozenset[tuple[str, Role]] = frozenset()

    @property
    def present(self) -> tuple[Role, ...]:
        """Roles that some view shows."""
        return tuple(role for role in ROLES if any(found is role for _, found in self.points))

    def keypoint(self, role: Role) -> Keypoint:
        """Return a present role in all views that show it, as sure as the least sure of them."""
        views = [view for view, found in self.points if found is role]
        return Keypoint(
            pixels={view: self.points[view, role] for view in views},
            confidence=min(self.confidences[view, role] for view in views),
        )


def agreed_marks(
    samples: Sequence[Mapping[str, Said]],
    slots: Sequence[Slot],
    sizes: Mapping[str, tuple[int, int]],
    *,
    asked: int,
) -> Chosen:
    """Choose the sample that all others are nearest to.

    It is taken as a whole, so that its marks belong together. Marks differ wholly from a tenth of
    the picture's longer side on. The confidence of each mark is how near the others' are to it,
    or with one sample the probability of its label.

    Args:
        samples: By key, what was said; at least one.
        slots: What was asked for.
        sizes: View to (height, width), pixels.
        asked: How many samples were asked for.
    """

    def far(slot: Slot, one: Mapping[str, Said], other: Mapping[str, Said]) -> float:
        places = (slot.pixel(said[slot.key].label) for said in (one, other))
        return choice_distance(*places, reach=_REACH * max(sizes[slot.view]))

    def apart(one: Mapping[str, Said], other: Mapping[str, Said]) -> float:
        return sum(far(slot, one, other) for slot in slots) / len(slots)

    medoid = agree(samples, apart, asked=asked).answer
    points: dict[tuple[str, Role], tuple[float, float]] = {}
    confidences: dict[tuple[str, Role], float] = {}
    coarse: set[tuple[str, Role]] = set()
    for slot in slots:
        said = medoid[slot.key]
        place = slot.pixel(said.label)
        if place is None:
            continue
        points[slot.view, slot.role] = place
        if said.label in slot.tiles.names:
            coarse.add((slot.view, slot.role))
        missing = asked - len(samples)
        differing = missing + sum(far(slot, medoid, sample) for sample in samples)
        confidences[slot.view, slot.role] = (
            said.probability if asked == 1 else max(0.0, 1.0 - differing / (asked - 1))
        )
    return Chosen(points=points, confidences=confidences, coarse=frozenset(coarse))


def label_probability(tokens: Sequence[Token], key: str, label: str) -> float:
    """Return the probability of the tokens that spell a key's label in a reply.

    Returns:
        In [0, 1]; 1 where the back end does not tell or the tokens do not spell it.

    >>> tokens = [Token(text='{"a": "', logprob=-9.0), Token(text='7"', logprob=0.0)]
    >>> label_probability(tokens, "a", "7")
    1.0
    """
    text = "".join(token.text for token in tokens)
    begin = text.rfind(f'"{key}"')
    at = text.find(label, begin + len(key) + 2)
    if min(begin, at) < 0:
        return 1.0
    spelt: list[Token] = []
    length = 0
    for token in tokens:
        if length >= at + len(label):
            break
        spelt.append(token)
        length += len(token.text)
    return said_probability(spelt, label)
