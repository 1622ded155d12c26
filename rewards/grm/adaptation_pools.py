"""Everything that adaptation learns from, read once by the parts of the network that stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.grm.analogy import Analogy, Pattern, choose_analogy, related_patterns
from kibble.rewards.grm.demonstration import (
    Copy,
    Demonstration,
    Labels,
    copy_demonstration,
    label_demonstration,
)
from kibble.rewards.grm.frame_reader import FrameReader, ReadClip, SeenFrames, judge
from kibble.rewards.grm.network import GrmNetwork
from kibble.rewards.grm.recolouring import colour_words, swap_words
from kibble.rewards.grm.replay import Replay

__all__ = ["Pools", "gather_pools", "known_sentences"]

_KNOWN = 200  # sentences that new ones are compared with
_MADE_UP = 64  # sentences of known words where there is no replay
_REPLAY_FRAMES = 16
_GOALS = 3  # of each replayed scene
_PROBE_EVERY = 5  # replayed scenes that training does not see
_UNSEEN_EVERY = 6  # copies kept for calibration, one for so many to learn from


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pools:
    """Clips by what is done with them.

    Args:
        taught: ``demonstration``, ``counterfactual`` and ``analogy``: clips with targets.
        kept: ``contrast`` (the demonstration under known sentences) and ``kept`` (other scenes):
            clips whose answers are to stay.
        unseen: Copies of the demonstrations that are not learned from.
        probes: Other scenes that are not learned from.
        labels: What each demonstration was taken to show.
        analogy: The known sentence that was used, or ``None``.
    """

    taught: Mapping[str, Sequence[ReadClip]]
    kept: Mapping[str, Sequence[ReadClip]]
    unseen: Sequence[ReadClip]
    probes: Sequence[ReadClip]
    labels: tuple[Labels, ...]
    analogy: str | None


def known_sentences(
    vocabulary: Sequence[str], replay: Sequence[Replay], rng: np.random.Generator
) -> list[str]:
    """Sentences that the network answers: those of the replay, else made up of known words."""
    known = sorted({sentence for scene in replay for sentence in scene.sentences})
    if known:
        return [known[i] for i in sorted(rng.permutation(len(known))[:_KNOWN])]
    return [
        " ".join(rng.choice(list(vocabulary), size=int(rng.integers(3, 7))))
        for _ in range(_MADE_UP)
    ]


def gather_pools(
    reader: FrameReader,
    teacher: GrmNetwork,
    demonstrations: Sequence[Demonstration],
    replay: Sequence[Replay],
    rng: np.random.Generator,
    *,
    copies: int,
    recolours: bool,
    mirrors: bool,
    analogies: bool,
    known: Sequence[str],
    on_read: Callable[[int], None],
) -> Pools:
    """Read demonstrations in many looks, and the replay.

    Args:
        reader: The parts that stay.
        teacher: The network whose answers to known sentences count.
        demonstrations: At the network's image size.
        replay: Other scenes.
        rng: Source of every draw.
        copies: Copies of each demonstration to learn from.
        recolours: Whether copies may change colours.
        mirrors: Whether copies may exchange left and right.
        analogies: Whether to look for a known sentence that runs along.
        known: Known sentences.
        on_read: Called with the number of copies and scenes read.
    """
    gathered = _Gathered()
    for demonstration in demonstrations:
        seen = reader.see(demonstration.frames)
        labels = label_demonstration(seen.embedding.numpy())
        pattern = (
            _find(reader, teacher, demonstration, seen, labels, replay) if analogies else None
        )
        read = []
        wanted = copies + max(1, copies // _UNSEEN_EVERY)
        for _ in range(wanted):
            look = copy_demonstration(
                demonstration, rng, views=reader.views, recolours=recolours, mirrors=mirrors
            )
            read.append(_read_copy(reader, look, pattern, known, rng))
            gathered.count += 1
            on_read(gathered.count)
        analogy = None if pattern is None else _fit(teacher, pattern, read[:copies], labels)
        gathered.add_copies(teacher, read, copies, labels, analogy)
        gathered.analogies.append((Pattern.of(demonstration.instruction), demonstration, analogy))
    probe = len(replay) >= _PROBE_EVERY
    for number, scene in enumerate(replay):
        gathered.add_scene(
            reader, teacher, scene, rng, probe=probe and number % _PROBE_EVERY == _PROBE_EVERY - 1
        )
        on_read(gathered.count)
    return gathered.pools()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ReadCopy:
    own: list[ReadClip]
    counterfactual: ReadClip | None
    analogous: ReadClip | None
    analogous_counterfactual: ReadClip | None
    known: list[ReadClip]


class _Gathered:
    def __init__(self) -> None:
        self.count = 0
        self.analogies: list[tuple[Pattern, Demonstration, Analogy | None]] = []
        self._labels: list[Labels] = []
        self._demonstration: list[ReadClip] = []
        self._counterfactual: list[ReadClip] = []
        self._analogy: list[ReadClip] = []
        self._contrast: list[ReadClip] = []
        self._kept: list[ReadClip] = []
        self._unseen: list[ReadClip] = []
        self._probes: list[ReadClip] = []

    def add_copies(
        self,
        teacher: GrmNetwork,
        read: Sequence[_ReadCopy],
        copies: int,
        labels: Labels,
        analogy: Analogy | None,
    ) -> None:
        """Label the copies of one demonstration."""
        self._labels.append(labels)
        for number, one in enumerate(read):
            own = [
                replace(clip, progress=labels.progress, success=labels.success) for clip in one.own
            ]
            if number >= copies:
                self._unseen += own[:1]
                continue
            self._demonstration += own
            self._contrast += one.known
            self._contrast += [
                clip for clip in (one.analogous, one.analogous_counterfactual) if clip is not None
            ]
            if one.counterfactual is not None:
                self._counterfactual.append(
                    _without_progress(one.counterfactual)
                    if analogy is None or one.analogous_counterfactual is None
                    else _by_analogy(
                        teacher, analogy, one.counterfactual, one.analogous_counterfactual
                    )
                )

    def add_scene(
        self,
        reader: FrameReader,
        teacher: GrmNetwork,
        scene: Replay,
        rng: np.random.Generator,
        *,
        probe: bool,
    ) -> None:
        """Read a scene under its own sentences, and under new ones where an analogy fits."""
        self.count += 1
        seen = reader.see(scene.thinned(_REPLAY_FRAMES).frames)
        goals = rng.permutation(len(scene.phrasings))[:_GOALS]
        own = [str(rng.choice(scene.phrasings[goal])) for goal in goals]
        if probe:
            self._probes += reader.read(seen, own)
            return
        self._kept += reader.read(seen, own)
        done: set[Pattern] = set()
        for new, demonstration, analogy in self.analogies:
            if analogy is None or new in done:
                continue
            done.add(new)
            for phrasings in scene.phrasings:
                colours = _colours_that_fit(analogy.pattern, phrasings)
                if colours is None:
                    continue
                swaps = dict(zip(colour_words(demonstration.instruction), colours, strict=True))
                told = [swap_words(sentence, swaps) for sentence in demonstration.sentences]
                old, *news = reader.read(seen, [analogy.pattern.fill(colours), *told])
                self._contrast.append(old)
                self._analogy += [_by_analogy(teacher, analogy, clip, old) for clip in news]

    def pools(self) -> Pools:
        used = [analogy for _, _, analogy in self.analogies if analogy is not None]
        return Pools(
            taught={
                "demonstration": self._demonstration,
                "counterfactual": self._counterfactual,
                "analogy": self._analogy,
            },
            kept={"contrast": self._contrast, "kept": self._kept},
            unseen=self._unseen,
            probes=self._probes,
            labels=tuple(self._labels),
            analogy=used[0].pattern.text if used else None,
        )


def _colours_that_fit(pattern: Pattern, phrasings: Sequence[str]) -> tuple[str, ...] | None:
    """The colours of a goal that the pattern means, or ``None``."""
    for sentence in phrasings:
        if Pattern.of(sentence) == pattern:
            return colour_words(sentence)
    return None


def _find(
    reader: FrameReader,
    teacher: GrmNetwork,
    demonstration: Demonstration,
    seen: SeenFrames,
    labels: Labels,
    replay: Sequence[Replay],
) -> Pattern | None:
    """The known sentence whose reading runs along the demonstration."""
    known = sorted({sentence for scene in replay for sentence in scene.sentences})
    patterns = related_patterns(demonstration.instruction, known)
    if not patterns:
        return None
    colours = colour_words(demonstration.instruction)
    clips = reader.read(seen, [pattern.fill(colours) for pattern in patterns])
    readings = {
        pattern: judge(teacher, clip)[0] for pattern, clip in zip(patterns, clips, strict=True)
    }
    return choose_analogy(readings, labels.progress.astype(np.float64))


def _read_copy(
    reader: FrameReader,
    look: Copy,
    pattern: Pattern | None,
    known: Sequence[str],
    rng: np.random.Generator,
) -> _ReadCopy:
    sentences = [*look.sentences, *(str(text) for text in rng.choice(list(known), size=2))]
    if look.counterfactual is not None:
        sentences.append(look.counterfactual)
    if pattern is not None:
        sentences.append(pattern.fill(look.colours))
        if look.counterfactual is not None:
            sentences.append(pattern.fill(look.other_colours))
    clips = iter(reader.read(reader.see(look.frames), sentences))
    own = [next(clips) for _ in look.sentences]
    strangers = [next(clips), next(clips)]
    counterfactual = next(clips) if look.counterfactual is not None else None
    analogous = next(clips) if pattern is not None else None
    return _ReadCopy(
        own=own,
        known=strangers,
        counterfactual=counterfactual,
        analogous=analogous,
        analogous_counterfactual=next(clips, None),
    )


def _fit(
    teacher: GrmNetwork, pattern: Pattern, read: Sequence[_ReadCopy], labels: Labels
) -> Analogy:
    clips = [one.analogous for one in read if one.analogous is not None]
    readings = np.concatenate([judge(teacher, clip)[0] for clip in clips]).astype(np.float64)
    return Analogy.fit(
        pattern,
        readings=readings,
        progress=np.tile(labels.progress.astype(np.float64), len(clips)),
        success=np.tile(labels.success.astype(np.float64), len(clips)),
    )


def _by_analogy(teacher: GrmNetwork, analogy: Analogy, clip: ReadClip, old: ReadClip) -> ReadClip:
    """A clip under a new sentence with what the known sentence says of it."""
    reading = judge(teacher, old)[0]
    return replace(
        clip,
        progress=_float32(analogy.progress(reading)),
        success=_float32(analogy.success(reading)),
    )


def _without_progress(clip: ReadClip) -> ReadClip:
    nothing = np.zeros(len(clip), np.float32)
    return replace(clip, progress=nothing, success=nothing)


def _float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)
