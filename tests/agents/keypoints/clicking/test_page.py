"""The clicking page in a real browser: by pointer, by touch, by keyboard, on a phone, in the dark.

Needs a Chromium; ``make browser`` installs Debian's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agents.keypoints.clicking.opened import Opened, opened
from tests.chromium import ARGUMENTS, CHROMIUM
from tests.rewards.keypoints.fixed.marked import marked_scene

from kibble.rewards.keypoints.fixed.document import as_document
from kibble.rewards.keypoints.fixed.file import read_file
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: make install")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="NO CHROMIUM: the page is not tested; run `make browser`"
)

PLACES = {
    "gripper": {"front": (48.0, 12.0), "side": (30.0, 20.0)},
    "grasp": {"front": (30.0, 60.0), "side": (35.0, 60.0)},
    "function": {"front": (44.0, 50.0), "side": (50.0, 50.0)},
    "target": {"front": (80.0, 80.0), "side": (90.0, 70.0)},
}


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Visit:
    """A page that is open, and everything it complained about."""

    def __init__(self, browser: sync_api.Browser, page: Opened, **context: object) -> None:
        self.opened = page
        self.touches = bool(context.get("has_touch"))
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 860}, **context}
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(page.server.url)

    def spot(self, view: str, place: tuple[float, float]) -> tuple[float, float]:
        """Return where a pixel of a picture is in the window."""
        box = self.page.locator(f"#view-{view}").bounding_box()
        assert box is not None
        width = {"front": 96, "side": 128}[view]
        return (
            box["x"] + place[0] * box["width"] / width,
            box["y"] + place[1] * box["height"] / 96,
        )

    def touch(self, view: str, place: tuple[float, float]) -> None:
        x, y = self.spot(view, place)
        if self.touches:
            self.page.touchscreen.tap(x, y)
        else:
            self.page.mouse.click(x, y)

    def mark_all(self) -> None:
        for places in PLACES.values():
            for view, place in places.items():
                self.touch(view, place)

    def point(self, role: str, view: str) -> tuple[float, float] | None:
        found = self.page.evaluate(f"state.keypoints[{role!r}]?.[{view!r}] ?? null")
        return None if found is None else (float(found[0]), float(found[1]))

    def save(self) -> None:
        self.page.click("#save")
        self.page.wait_for_selector("#saved:not([hidden])")

    def error(self) -> str:
        """Return what is wrong, once the page says it."""
        self.page.wait_for_selector("#errors p")
        return str(self.page.inner_text("#errors"))


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Opened]:
    with opened(tmp_path / "marks.yaml") as page:
        yield page


@pytest.fixture
def visit(browser: sync_api.Browser, page: Opened) -> Iterator[Visit]:
    visit = Visit(browser, page)
    yield visit
    visit.context.close()
    assert visit.complaints == []


def test_points_are_clicked_one_after_the_other_and_saved(visit: Visit) -> None:
    assert "Still to mark: gripper, grasp, function, target" in visit.page.inner_text("#todo")
    visit.mark_all()
    assert "All points are marked" in visit.page.inner_text("#todo")
    visit.page.fill("#instruction", "push it")
    visit.save()
    scene = read_file(visit.opened.path)
    assert scene.instruction == "push it"
    assert scene.proposal.sizes == {"front": (96, 96), "side": (96, 128)}
    for role, places in PLACES.items():
        pixels = scene.proposal.keypoints[Role(role)].pixels
        for view, place in places.items():
            assert pixels[view] == pytest.approx(place, abs=0.3)
    assert [step.height for step in scene.proposal.waypoints] == [0.06, 0.0, 0.0]
    assert str(visit.opened.path) in visit.page.inner_text("#saved-where")


def test_a_point_is_dragged_under_the_loupe(visit: Visit) -> None:
    visit.mark_all()
    start, end = visit.spot("front", PLACES["grasp"]["front"]), visit.spot("front", (10.0, 90.0))
    visit.page.mouse.move(start[0] + 6, start[1])  # not quite on it, which is no move
    visit.page.mouse.down()
    visit.page.mouse.move(end[0] + 6, end[1], steps=4)
    assert visit.page.is_visible("#loupe")
    visit.page.mouse.up()
    assert visit.point("grasp", "front") == pytest.approx((10.0, 90.0), abs=0.3)
    assert visit.point("target", "front") == pytest.approx(PLACES["target"]["front"], abs=0.3)
    visit.page.mouse.move(5, 5)
    assert not visit.page.is_visible("#loupe")
    visit.page.keyboard.press("Control+z")
    assert visit.point("grasp", "front") == pytest.approx(PLACES["grasp"]["front"], abs=0.3)


def test_a_drag_past_the_edge_stays_inside(visit: Visit) -> None:
    visit.page.mouse.move(*visit.spot("front", (48.0, 48.0)))
    visit.page.mouse.down()
    visit.page.mouse.move(*visit.spot("front", (-30.0, 130.0)))
    visit.page.mouse.up()
    assert visit.point("gripper", "front") == (0.0, 96.0)


def test_everything_can_be_done_by_keyboard(visit: Visit) -> None:
    moves = {"1": "ArrowUp", "2": "ArrowLeft", "3": "ArrowRight", "4": "ArrowDown"}
    for number, key in moves.items():
        for view in ("front", "side"):
            visit.page.focus(f"#view-{view}")
            visit.page.keyboard.press(number)
            visit.page.keyboard.press("Enter")
            visit.page.keyboard.press(f"Shift+{key}")
            visit.page.keyboard.press(key)
    assert visit.point("gripper", "front") == (48.0, 37.0)
    assert visit.point("function", "side") == (75.0, 48.0)
    visit.page.focus("#view-side")
    visit.page.keyboard.press("2")
    visit.page.keyboard.press("Delete")
    assert visit.point("grasp", "side") is None
    visit.page.focus("#save")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("#saved:not([hidden])")
    kept = read_file(visit.opened.path).proposal.keypoints[Role.GRASP].pixels
    assert kept == {"front": (37.0, 48.0)}


def test_the_way_is_edited_ordered_and_has_places_of_its_own(visit: Visit) -> None:
    visit.mark_all()
    visit.page.click("text=pick and place")
    visit.page.click("#remove-1")
    visit.page.click("#up-2")
    visit.page.fill("#height-0", "7.5")
    visit.page.select_option("#fingers-0", "closed")
    visit.page.click("#add")
    visit.page.select_option("#to-3", "own")
    visit.page.click("#save")
    assert "Mark the place of step 4 first." in visit.error()
    visit.touch("front", (20.0, 30.0))
    visit.touch("side", (25.0, 35.0))
    visit.save()
    way = read_file(visit.opened.path).proposal.waypoints
    assert [step.height for step in way] == [0.075, 0.05, 0.1, 0.0]
    assert way[0].gripper is GripperState.CLOSED
    assert way[0] == Waypoint(
        mover=Role.GRIPPER, anchor=Role.GRASP, height=0.075, gripper=GripperState.CLOSED
    )
    assert way[3].mover is Role.FUNCTION
    assert way[3].pixels["front"] == pytest.approx((20.0, 30.0), abs=0.3)
    assert way[3].pixels["side"] == pytest.approx((25.0, 35.0), abs=0.3)


def test_a_height_that_was_just_typed_loses_neither_click_nor_tab(visit: Visit) -> None:
    visit.page.fill("#height-0", "9")
    visit.page.click("#remove-2")  # whose button must still be there once the height is taken
    assert visit.page.evaluate("state.waypoints.map(step => step.height)") == [0.09, 0]
    visit.page.focus("#height-1")
    visit.page.keyboard.press("Control+a")
    visit.page.keyboard.type("-2")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.id") == "fingers-1"
    assert visit.page.evaluate("state.waypoints[1].height") == -0.02


def test_mistakes_are_said_before_anything_is_saved(visit: Visit) -> None:
    visit.page.click("#save")
    assert "Mark gripper and grasp and function and target first." in visit.error()
    visit.mark_all()
    visit.page.wait_for_function("() => !document.querySelector('#errors p')")
    visit.page.keyboard.press("4")
    for view in ("front", "side"):
        x, y = PLACES["function"][view]
        visit.page.evaluate(f"put({view!r}, {x}, {y})")
        visit.page.evaluate(f"state.keypoints.function[{view!r}] = [{x}, {y}]")
    visit.page.evaluate("show()")
    assert "'function' and 'target' must lie apart" in visit.error()
    visit.page.click("#save")
    assert "must lie apart" in visit.error()
    assert not visit.opened.path.exists()


def test_a_page_outlives_its_command_with_a_sentence(visit: Visit) -> None:
    visit.mark_all()
    visit.page.wait_for_timeout(400)  # until the last check was answered
    visit.opened.server.stop()
    visit.page.click("#save")
    assert "has ended" in visit.error()
    visit.complaints.clear()  # the browser itself reports the refused connection


def test_it_begins_with_points_that_exist(browser: sync_api.Browser, tmp_path: Path) -> None:
    begin = as_document(marked_scene())
    with opened(tmp_path / "marks.yaml", begin=begin) as page:
        visit = Visit(browser, page)
        assert visit.point("function", "front") == (44.0, 55.0)
        assert visit.page.locator("#way li").count() == 4
        visit.page.fill("#instruction", "")
        visit.save()
        visit.context.close()
        assert visit.complaints == []
    assert read_file(page.path) == marked_scene(instruction=None)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_one_picture_and_takes_touches(
    browser: sync_api.Browser, page: Opened, scheme: str
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    visit = Visit(browser, page, color_scheme=scheme, **phone)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 390
    assert visit.page.is_visible("#view-front")
    assert not visit.page.is_visible("#view-side")
    visit.mark_all()  # after the front view the side view comes to the front by itself
    assert "All points are marked" in visit.page.inner_text("#todo")
    smallest = visit.page.evaluate(
        "Math.min(...[...document.querySelectorAll('button, select, #way input')]"
        ".filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height))"
    )
    assert smallest >= 36
    paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in paper.strip("rgb()").split(","))
    assert (light > 600) == (scheme == "light")
    visit.page.locator("#save").tap()
    visit.page.wait_for_selector("#saved:not([hidden])")
    visit.context.close()
    assert visit.complaints == []
    pixels = read_file(page.path).proposal.keypoints[Role.TARGET].pixels
    assert pixels["side"] == pytest.approx((90.0, 70.0), abs=0.5)


def test_a_single_view_has_no_tabs(browser: sync_api.Browser, tmp_path: Path) -> None:
    with opened(tmp_path / "marks.yaml", views={"front": (96, 96)}) as page:
        visit = Visit(browser, page, viewport={"width": 390, "height": 844})
        assert not visit.page.is_visible("#tabs")
        assert visit.page.is_visible("#view-front")
        visit.context.close()
        assert visit.complaints == []
