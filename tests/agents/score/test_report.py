"""The report in a real browser: offline, in step, by pointer and by keyboard, on a phone too.

Needs a Chromium; ``make browser`` installs Debian's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agents.score.recordings import INSTRUCTION, bar_scores, pushed_scores
from tests.chromium import ARGUMENTS, CHROMIUM

from kibble.agents.score.results import write_results

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: make install")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="NO CHROMIUM: the report is not tested; run `make browser`"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    scores = bar_scores(tmp_path_factory.mktemp("report"))
    write_results(scores)
    return scores.out / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Visit:
    """A page that is open, and everything it complained about or asked the network for."""

    def __init__(self, browser: sync_api.Browser, report: Path, **context: object) -> None:
        options = {"viewport": {"width": 1280, "height": 860}, "offline": True, **context}
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(report.as_uri())
        self.page.wait_for_function("() => document.getElementById('video').readyState >= 2")

    def time(self) -> float:
        """Return where the video is, once it has got there."""
        self.page.wait_for_function("() => !document.getElementById('video').seeking")
        return float(self.page.evaluate("document.getElementById('video').currentTime"))

    def frame(self) -> int:
        """Return the number of the frame that the page says it is at, from 1."""
        return int(self.page.inner_text("#clock").split("·")[1].split("/")[0])

    def head(self) -> float:
        """Return the share of the way at which the playhead of the first chart stands."""
        head = float(self.page.get_attribute("#charts svg .head >> nth=0", "x1") or "nan")
        left, right = (
            float(self.page.get_attribute("#charts svg .grid >> nth=0", name) or "nan")
            for name in ("x1", "x2")
        )
        return (head - left) / (right - left)

    def point(self, share: float, *, chart: int = 0) -> tuple[float, float]:
        """Return where in the window a share of the way lies in a chart."""
        box = self.page.locator("#charts svg").nth(chart).bounding_box()
        assert box is not None
        left, right = (
            float(self.page.get_attribute("#charts svg .grid >> nth=0", name) or "nan")
            for name in ("x1", "x2")
        )
        return box["x"] + left + share * (right - left), box["y"] + box["height"] / 2


@pytest.fixture
def visit(browser: sync_api.Browser, report: Path) -> Iterator[Visit]:
    visit = Visit(browser, report)
    yield visit
    visit.context.close()
    assert visit.complaints == []


def test_page_opens_offline_and_asks_for_nothing(visit: Visit, report: Path) -> None:
    assert visit.requests[0] == report.as_uri()
    assert all(url.startswith("blob:") for url in visit.requests[1:])
    assert visit.page.inner_text("h1") == INSTRUCTION
    facts = visit.page.inner_text("#facts")
    assert "21 frames" in facts
    assert "2.00 s" in facts
    flags = visit.page.inner_text("#flags")
    assert "flaky gave no answer for 6 of 21 frames" in flags
    assert "The frame rate varies." in flags


def test_the_page_says_which_keypoint_is_next_where_a_model_goes_by_them(
    browser: sync_api.Browser, tmp_path: Path
) -> None:
    write_results(pushed_scores(tmp_path))
    visit = Visit(browser, tmp_path / "report.html")
    assert "waypoint 1 of 3: gripper to grasp" in visit.page.inner_text("#way")
    visit.page.keyboard.press("End")
    assert "all 3 waypoints reached" in visit.page.inner_text("#way")
    assert visit.complaints == []
    visit.context.close()


def test_nothing_is_said_of_keypoints_where_there_are_none(visit: Visit) -> None:
    assert visit.page.is_hidden("#way")


def test_video_plays_and_the_playhead_moves_with_it(visit: Visit) -> None:
    assert visit.head() == pytest.approx(0.0)
    visit.page.keyboard.press("Space")
    visit.page.wait_for_function("() => document.getElementById('video').currentTime > 0.5")
    visit.page.wait_for_function("() => position > 0.5")  # what the playhead is drawn by
    assert visit.head() > 0.25
    assert visit.page.get_attribute("#play", "aria-label") == "Pause"
    visit.page.keyboard.press("Space")
    assert visit.page.evaluate("document.getElementById('video').paused")
    assert visit.head() == pytest.approx(visit.time() / 2.0, abs=0.03)


def test_video_stops_at_its_end_and_begins_anew(visit: Visit) -> None:
    visit.page.keyboard.press("End")
    visit.page.keyboard.press("ArrowLeft")
    visit.page.click("#play")
    visit.page.wait_for_function("() => document.getElementById('video').ended")
    visit.page.wait_for_function(
        "() => document.getElementById('play').getAttribute('aria-label') === 'Play'"
    )
    assert visit.head() == pytest.approx(1.0)
    visit.page.click("#play")
    visit.page.wait_for_function("() => document.getElementById('video').currentTime < 1")


@pytest.mark.parametrize("chart", [0, 1, 2, 3])
def test_a_click_in_any_chart_seeks(visit: Visit, chart: int) -> None:
    visit.page.mouse.click(*visit.point(0.5, chart=chart))
    assert visit.time() == pytest.approx(1.0, abs=0.02)
    assert visit.frame() == 11
    assert visit.head() == pytest.approx(0.5, abs=0.01)


def test_dragging_seeks_all_along(visit: Visit) -> None:
    visit.page.mouse.move(*visit.point(0.2))
    visit.page.mouse.down()
    assert visit.time() == pytest.approx(0.4, abs=0.02)
    visit.page.mouse.move(*visit.point(0.7))
    assert visit.time() == pytest.approx(1.4, abs=0.02)
    visit.page.mouse.up()
    visit.page.mouse.move(*visit.point(0.1))
    assert visit.time() == pytest.approx(1.4, abs=0.02)


def test_pointer_shows_values_without_seeking(visit: Visit) -> None:
    visit.page.mouse.move(*visit.point(0.5))
    assert "1.00 s, frame 11 of 21 (pointer)" in visit.page.inner_text("#values caption")
    cells = visit.page.locator("#values tbody tr").nth(0).locator("td").all_inner_texts()
    assert cells[1] == "0.50"
    assert visit.time() == pytest.approx(0.0)
    visit.page.mouse.move(5, 5)
    assert "0.00 s, frame 1 of 21" in visit.page.inner_text("#values caption")


def test_keys_step_and_jump(visit: Visit) -> None:
    press = visit.page.keyboard.press
    press("ArrowRight")
    press("ArrowRight")
    assert visit.time() == pytest.approx(0.2, abs=0.02)
    press("Shift+ArrowRight")
    assert visit.frame() == 13
    press("ArrowLeft")
    assert visit.time() == pytest.approx(1.1, abs=0.02)
    press("End")
    assert visit.time() == pytest.approx(2.0, abs=0.02)
    press("ArrowRight")
    assert visit.frame() == 21
    press("Home")
    assert visit.time() == pytest.approx(0.0, abs=0.02)


def test_what_is_shown_is_the_frame_that_the_page_names(visit: Visit) -> None:
    visit.page.keyboard.press("Home")
    for _ in range(10):
        visit.page.keyboard.press("ArrowRight")
    visit.time()
    script = """() => {
        const video = document.getElementById("video"), canvas = document.createElement("canvas");
        canvas.width = video.videoWidth; canvas.height = video.videoHeight;
        const context = canvas.getContext("2d");
        context.drawImage(video, 0, 0);
        const row = context.getImageData(0, canvas.height >> 1, canvas.width >> 1, 1).data;
        let best = 0;
        for (let i = 0; i < row.length; i += 4) if (row[i] > row[best]) best = i;
        return best / row.length;
    }"""
    assert visit.page.evaluate(script) == pytest.approx(0.5, abs=0.06)  # the bar is half-way


def test_legend_and_number_keys_toggle_curves(visit: Visit) -> None:
    button = visit.page.locator("#values button").nth(0)
    progress = visit.page.locator("#charts svg").nth(0)
    assert progress.locator(".curve").count() == 3  # two models and the simulator
    centroid, flaky, simulator = (
        progress.locator(f".curve[data-curve={label}]")
        for label in ("centroid", "flaky", "simulator")
    )
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert centroid.get_attribute("visibility") == "hidden"
    assert flaky.get_attribute("visibility") == "visible"
    visit.page.keyboard.press("1")
    assert centroid.get_attribute("visibility") == "visible"
    visit.page.keyboard.press("3")
    assert simulator.get_attribute("visibility") == "hidden"


def test_gaps_are_gaps(visit: Visit) -> None:
    progress = visit.page.locator("#charts svg").nth(0)
    path = progress.locator(".curve[data-curve=flaky]").get_attribute("d")
    assert path is not None
    assert path.count("M") == 3  # frames 0 to 4, 7 to 11 and 14 to 18
    for _ in range(5):
        visit.page.keyboard.press("ArrowRight")
    row = visit.page.locator("#values tbody tr").nth(1).locator("td").all_inner_texts()
    assert row[1:] == ["no answer (timeout)", *["\N{EN DASH}"] * 3]
    dot = progress.locator(".dot[data-curve=flaky]")
    assert dot.get_attribute("visibility") == "hidden"


def test_every_control_has_a_name_and_the_chart_is_a_slider(visit: Visit) -> None:
    for button in visit.page.locator("button").all():
        assert button.get_attribute("aria-label") or button.inner_text().strip()
    visit.page.mouse.click(*visit.point(0.25))
    charts = visit.page.locator("#charts")
    assert charts.get_attribute("role") == "slider"
    assert charts.get_attribute("aria-valuetext") == "0.50 s, frame 6 of 21"
    assert visit.page.get_attribute("html", "lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone(browser: sync_api.Browser, report: Path, scheme: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    visit = Visit(browser, report, color_scheme=scheme, **phone)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("#video", "#controls", "#charts", "#values", "#whole"):
        box = visit.page.locator(name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    visit.page.touchscreen.tap(*visit.point(0.5))
    assert visit.time() == pytest.approx(1.0, abs=0.02)
    paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(paper.split("(")[1].split(",")[0]) > 128) == (scheme == "light")
    assert visit.complaints == []
    visit.context.close()


def test_curves_work_where_the_video_does_not(
    browser: sync_api.Browser, report: Path, tmp_path: Path
) -> None:
    text = report.read_text()
    start = text.index('id="film">') + len('id="film">')
    broken = tmp_path / "broken.html"
    broken.write_text(text[:start] + "AAAA" + text[text.index("</script>", start) :])
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(broken.as_uri())
    page.wait_for_selector("#unplayable:visible")
    page.keyboard.press("ArrowRight")
    assert "2/21" in page.inner_text("#clock")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.getElementById('clock').textContent.includes('21/21')")
    context.close()
