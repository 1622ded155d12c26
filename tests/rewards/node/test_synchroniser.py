from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError
from kibble.rewards.node.synchroniser import Arrival, Synchroniser

MS = 1_000_000
STAMPS = st.integers(0, 400)


def fed(views, tolerance, arrivals, **options):
    synchroniser = Synchroniser(views, tolerance=tolerance, **options)
    for view, stamp in arrivals:
        synchroniser.add(view, stamp, (view, stamp))
    return synchroniser


def arrivals_of(views):
    return st.lists(st.tuples(st.sampled_from(views), STAMPS), max_size=24)


@given(arrivals=arrivals_of("abc"), count=st.integers(1, 3), tolerance=st.integers(0, 60))
def test_the_set_taken_is_the_newest_and_tightest_of_all_that_are_possible(
    arrivals, count, tolerance
):
    views = "abc"[:count]
    arrivals = [(view, stamp) for view, stamp in arrivals if view in views]
    chosen = fed(views, tolerance, arrivals, depth=100).take()
    stamps = {view: {s for v, s in arrivals if v == view} for view in views}
    possible = [
        (min(combination), min(combination) - max(combination))
        for combination in itertools.product(*stamps.values())
        if max(combination) - min(combination) <= tolerance
    ]
    if not possible:
        assert chosen is None
    else:
        assert chosen is not None
        assert (chosen.newest - chosen.spread, -chosen.spread) == max(possible)
        assert chosen.items == {view: (view, chosen.stamps[view]) for view in views}


@given(
    arrivals=st.lists(st.tuples(st.sampled_from("ab"), STAMPS, st.booleans()), max_size=40),
    depth=st.integers(1, 5),
)
def test_every_item_is_used_once_and_stamps_rise_in_every_view(arrivals, depth):
    synchroniser = Synchroniser("ab", tolerance=30, depth=depth)
    last = {"a": -1, "b": -1}
    for view, stamp, take in arrivals:
        synchroniser.add(view, stamp, stamp)
        taken = synchroniser.take() if take else None
        if taken is not None:
            assert taken.spread <= 30
            assert all(taken.stamps[v] > last[v] for v in "ab")
            assert dict(taken.stamps) == dict(taken.items)
            last = dict(taken.stamps)


@given(arrivals=arrivals_of("a"), depth=st.integers(1, 4))
def test_a_view_keeps_its_newest_items_and_no_more(arrivals, depth):
    synchroniser = fed("a", 0, arrivals, depth=depth)
    kept = []
    while (taken := synchroniser.take()) is not None:
        kept.append(taken.newest)
    assert len(kept) <= min(1, len(arrivals))  # the newest wins, what is older is gone with it
    if arrivals:
        assert kept == [max(stamp for _, stamp in arrivals)]


@given(offset=st.integers(0, 14), delay=st.integers(0, 4), count=st.integers(6, 20))
def test_cameras_with_a_constant_delay_are_paired_by_their_stamps(offset, delay, count):
    synchroniser = Synchroniser(("front", "side"), tolerance=16)
    pairs = []
    for i in range(count):
        synchroniser.add("front", 33 * i, i)
        if i >= delay:
            synchroniser.add("side", 33 * (i - delay) + offset, i - delay)
            taken = synchroniser.take()
            assert taken is not None
            pairs.append((taken.items["front"], taken.items["side"]))
    assert pairs == [(i, i) for i in range(count - delay)]


def test_duplicates_and_reordered_stamps_are_named_and_dropped():
    synchroniser = Synchroniser(("a",), tolerance=0)
    assert synchroniser.add("a", 10, "first") is Arrival.TAKEN
    assert synchroniser.add("a", 10, "again") is Arrival.DUPLICATE
    taken = synchroniser.take()
    assert taken is not None
    assert taken.items == {"a": "first"}
    assert synchroniser.add("a", 10, "once more") is Arrival.DUPLICATE
    assert synchroniser.add("a", 9, "too late") is Arrival.REORDERED
    assert synchroniser.take() is None


def test_a_late_item_that_is_not_used_up_still_completes_its_set():
    synchroniser = fed("ab", 5, [("a", 100), ("a", 133), ("b", 200)])
    assert synchroniser.add("b", 101, "late") is Arrival.TAKEN
    taken = synchroniser.take()
    assert taken is not None
    assert dict(taken.stamps) == {"a": 100, "b": 101}


def test_a_source_whose_clock_was_set_back_is_taken_anew():
    synchroniser = fed(("a", "b"), 5 * MS, [("a", 5000 * MS), ("b", 5000 * MS)])
    assert synchroniser.take() is not None
    assert synchroniser.add("a", 4500 * MS, "half a second back") is Arrival.REORDERED
    assert synchroniser.add("a", 100 * MS, "back") is Arrival.JUMPED_BACK
    assert synchroniser.add("b", 101 * MS, "back too") is Arrival.JUMPED_BACK
    taken = synchroniser.take()
    assert taken is not None
    assert dict(taken.items) == {"a": "back", "b": "back too"}


@given(arrivals=arrivals_of("ab"), now=STAMPS, later=st.lists(STAMPS, max_size=6))
def test_after_the_clock_was_set_back_nothing_is_from_the_future(arrivals, now, later):
    synchroniser = fed("ab", 50, arrivals, depth=50)
    synchroniser.take()
    synchroniser.forget_after(now)
    for view in "ab":
        newest = synchroniser.newest(view)
        assert newest is None or newest <= now
    taken = synchroniser.take()
    assert taken is None or taken.newest <= now
    for stamp in sorted({now + 1 + s for s in later}):  # time begins anew
        synchroniser.add("a", stamp, stamp)
        synchroniser.add("b", stamp, stamp)
        taken = synchroniser.take()
        assert taken is not None
        assert taken.newest == stamp


def test_what_is_forgotten_does_not_come_back():
    synchroniser = fed("ab", 5, [("a", 100), ("b", 100), ("a", 133)])
    synchroniser.forget()
    assert synchroniser.take() is None
    assert synchroniser.add("a", 133, "again") is Arrival.DUPLICATE
    assert synchroniser.add("b", 133, "new") is Arrival.TAKEN
    assert synchroniser.take() is None


@pytest.mark.parametrize(
    ("views", "options", "text"),
    [
        ((), {"tolerance": 1}, "`views` must name at least one"),
        (("a", "a"), {"tolerance": 1}, "each once"),
        (("a",), {"tolerance": -1}, "`tolerance` must be at least 0, got -1"),
        (("a",), {"tolerance": 1, "depth": 0}, "`depth` must be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_refused(views, options, text):
    with pytest.raises(ConfigError, match=text):
        Synchroniser(views, **options)
