"""The back end in this process: a vision-language model of transformers, asked in batches."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import torch

from kibble.rewards.errors import FrameError
from kibble.rewards.types import Status
from kibble.rewards.vlm.backend import Backend, BackendSpec
from kibble.rewards.vlm.local.adapters import Adapters, load_adapters, picture_probe
from kibble.rewards.vlm.local.asking import Asking
from kibble.rewards.vlm.local.fingerprint import fingerprint
from kibble.rewards.vlm.local.loading import Opened, open_weights, resolve_dtype
from kibble.rewards.vlm.local.passes import Reader
from kibble.rewards.vlm.local.prefix_tree import PrefixTree
from kibble.rewards.vlm.local.rendering import Rendered, Renderer
from kibble.rewards.vlm.local.schedule import Schedule
from kibble.rewards.vlm.local.sight_cache import SightCache
from kibble.rewards.vlm.local.weight_files import locate
from kibble.rewards.vlm.questions import Answer, Failure, Question, Rate, Say

if TYPE_CHECKING:
    from kibble.rewards.vlm.opening import BackendOptions

__all__ = ["LocalBackend", "open_local"]

REMEMBERED = 4096
"""Answers that are kept: a question asked twice is answered once."""


@final
class LocalBackend:
    """A vision-language model in this process; :func:`open_local` makes it.

    ==================  ===================================================================
    computed once       as long as
    ==================  ===================================================================
    a picture, or two   its features are among the latest ``cache_mb``; known by content
    frames of a clip
    the beginning of a  its keys and values are among the latest ``cache_mb``; the longest
    prompt              beginning that is known is gone on from, pictures included
    an answer           the question is among the latest 4096
    ==================  ===================================================================

    Answers are those of the model without any of it: the same tokens at the same positions, up to
    the rounding of a batched and an unbatched product. Calls from several threads take turns.

    Args:
        opened: The model.
        adapters: Its adapters.
        name: For logs and tables.
        options: ``batch`` and ``cache_mb`` count.
    """

    def __init__(
        self, opened: Opened, adapters: Adapters, *, name: str, options: BackendOptions
    ) -> None:
        self._adapters = adapters
        limit = options.cache_mb * 2**20
        self._tree = PrefixTree(limit)
        self._sights = SightCache(opened.family, limit=limit, batch=max(4, options.batch))
        reader = Reader(opened, self._tree, self._sights)
        schedule = Schedule(reader, self._tree, self._sights, batch=options.batch)
        self._asking = Asking(opened, Renderer(opened.processor, opened.family), schedule)
        self._memo: OrderedDict[object, Answer] = OrderedDict()
        self._remembered = REMEMBERED if limit else 0
        self._lock = threading.Lock()
        config: Any = opened.model.config.get_text_config()
        self._longest: int = config.max_position_embeddings
        self._spec = BackendSpec(
            name=name,
            version=fingerprint(opened.model, opened.processor),
            device=str(opened.model.device),
            rates=True,
            probes=True,
        )

    @property
    def spec(self) -> BackendSpec:
        """What it is; it answers every kind of question."""
        return self._spec

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer Q questions; see :meth:`kibble.rewards.vlm.backend.Backend.answer`.

        Raises:
            ModelError: If a question names an adapter, a special token or an answer that cannot
                be, or its prompt has a form that the model's chat template does not know.
        """
        with self._lock, torch.inference_mode():
            answers: list[Answer | None] = [None] * len(questions)
            names: dict[object, list[int]] = {}
            asked: dict[tuple[str, type], dict[object, Rendered]] = {}
            for i, question in enumerate(questions):
                try:
                    text = self._asking.render(question)
                except FrameError as error:
                    answers[i] = Failure(status=Status.MODEL_ERROR, reason=str(error))
                    continue
                name = _name(question, text)
                names.setdefault(name, []).append(i)
                if name in self._memo:
                    self._memo.move_to_end(name)
                    answers[i] = self._memo[name]
                elif len(text) > self._longest:
                    answers[i] = _too_long(len(text), self._longest)
                else:
                    asked.setdefault((question.adapter, type(question)), {})[name] = text
            for (adapter, kind), group in asked.items():
                chosen = [questions[names[name][0]] for name in group]
                found = self._put(kind, chosen, list(group.values()), adapter)
                for name, answer in zip(group, found, strict=True):
                    self._remember(name, answer)
                    for i in names[name]:
                        answers[i] = answer
            return [answer for answer in answers if answer is not None]

    def _put(
        self, kind: type, questions: list[Any], texts: list[Rendered], adapter: str
    ) -> list[Answer]:
        """Put questions of one kind to one adapter."""
        self._adapters.use(adapter)
        scopes = {
            "scope": adapter,
            "vision_scope": adapter if self._adapters.alters_vision(adapter) else "",
        }
        if kind is Say:
            return self._asking.say(questions, texts, **scopes)
        if kind is Rate:
            return self._asking.rate(questions, texts, **scopes)
        return self._asking.probe(questions, texts, **scopes)

    def _remember(self, name: object, answer: Answer) -> None:
        if isinstance(answer, Failure) or not self._remembered:
            return
        self._memo[name] = answer
        while len(self._memo) > self._remembered:
            self._memo.popitem(last=False)


def open_local(
    weights: str,
    options: BackendOptions,
    *,
    device: torch.device | None = None,
    adapters: Mapping[str, str] | None = None,
    processor: str | None = None,
    special_tokens: Sequence[str] = (),
) -> Backend:
    """Open a vision-language model in this process.

    Args:
        weights: Directory, or hub id whose files are in the local hub cache.
        options: Its ``dtype``, ``batch``, ``cache_mb`` and ``trust_remote_code`` count.
        device: Where it runs; the CPU by default.
        adapters: Name to directory or hub id of low-rank adapters over the model.
        processor: Directory or hub id of tokenizer and processor, if not with the weights.
        special_tokens: Special tokens that the model was given in training, in that order.

    Returns:
        The back end.

    Raises:
        WeightsError: If weights are missing, damaged, of an architecture that is not supported,
            or an adapter has no effect.
    """
    device = device or torch.device("cpu")
    folders = {name: locate(reference) for name, reference in (adapters or {}).items()}
    opened = open_weights(
        locate(weights),
        dtype=resolve_dtype(options.dtype, device),
        device=device,
        trust_remote_code=options.trust_remote_code,
        processor_folder=None if processor is None else locate(processor),
        special_tokens=special_tokens,
    )
    loaded = load_adapters(opened.model, folders, picture_probe(opened.model, opened.processor))
    name = weights.rstrip("/").rpartition("/")[2]
    return LocalBackend(opened, loaded, name=name, options=options)


def _name(question: Question, text: Rendered) -> object:
    """What two questions that have one answer have in common."""
    content = (type(question), question.adapter, text.digest())
    if isinstance(question, Say):
        how = (question.max_tokens, question.choices, question.top, question.temperature)
        return (*content, *how, question.seed if question.temperature else 0)
    if isinstance(question, Rate):
        return (*content, question.answers)
    return (*content, question.tokens)


def _too_long(length: int, longest: int) -> Failure:
    return Failure(
        status=Status.MODEL_ERROR,
        reason=f"the prompt has {length} tokens, and the model reads at most {longest}",
    )
