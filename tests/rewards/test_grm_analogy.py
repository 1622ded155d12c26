"""Known sentences that run along a new task."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.rewards.grm.analogy import Analogy, Pattern, choose_analogy, related_patterns

TIME = np.linspace(0.0, 1.0, 11)


def test_a_pattern_forgets_colours_and_takes_others():
    pattern = Pattern.of("Push the red cube onto the blue pad, the red one")
    assert pattern.text == "push the {0} cube onto the {1} pad, the {0} one"
    assert pattern == Pattern.of("push the green cube onto the red pad, the green one")
    assert pattern.fill(("green", "red")) == "push the green cube onto the red pad, the green one"


def test_braces_in_a_sentence_do_no_harm():
    assert Pattern.of("close {the} red drawer").fill(("blue",)) == "close (the) blue drawer"


def test_related_sentences_share_a_meaning_and_the_number_of_colours():
    known = [
        "open the red drawer",
        "open the blue drawer",
        "use the red handle",
        "put the red cube into the blue drawer",
        "push the red cube",
    ]
    found = related_patterns("close the green drawer", known)
    assert [pattern.text for pattern in found] == ["open the {0} drawer"]


@pytest.mark.parametrize(
    ("readings", "chosen"),
    [
        ({"falls": 1.0 - TIME, "waves": np.sin(6 * TIME)}, "falls"),
        ({"rises": 0.2 + 0.7 * TIME, "falls": 1.0 - 0.5 * TIME}, "rises"),
        ({"hardly": 0.5 + 0.1 * TIME}, None),
        ({"still": np.full(11, 0.5)}, None),
        ({}, None),
    ],
)
def test_the_sentence_that_runs_along_most_is_chosen(readings, chosen):
    patterns = {Pattern(name, 0): values for name, values in readings.items()}
    found = choose_analogy(patterns, TIME)
    assert (found.text if found else None) == chosen


def test_an_analogy_maps_readings_to_progress_and_leaves_unknown_success_out():
    success = np.where(TIME >= 1.0, 1.0, 0.0)
    success[-3:-1] = np.nan
    analogy = Analogy.fit(
        Pattern("open", 0), readings=1.0 - 0.6 * TIME, progress=TIME, success=success
    )
    assert analogy.correlation == pytest.approx(-1.0)
    np.testing.assert_allclose(analogy.progress(1.0 - 0.6 * TIME), TIME, atol=1e-9)
    assert analogy.progress([0.1, 2.0]).tolist() == [1.0, 0.0]
    assert analogy.success([0.1, 0.9]).tolist() == [1.0, 0.0]
