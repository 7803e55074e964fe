"""The studio in a real browser: trace a blank, mend it, save, read a filled card with it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from playwright.sync_api import Locator, Page, expect

from omr.design import load_design
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.press import print_design
from omr.records import ScannedPage
from omr.simulate import load_mix, read_truth, simulate
from tests.browser.conftest import shoot

Studio = Callable[..., str]


@pytest.fixture
def studio() -> Iterator[Studio]:
    """Starts `omr design studio`, returns its address, stops it by its process id."""
    running: list[subprocess.Popen[str]] = []

    def start(file: Path | str, *more: str) -> str:
        command = [sys.executable, "-m", "omr.cli", "design", "studio", str(file), "--no-browser"]
        process = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout
        found = re.search(r"http://127\.0\.0\.1:\d+/\S+", process.stdout.readline())
        assert found
        return found[0]

    yield start
    for process in running:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """The quiz card, printed blank and scanned at 200 dpi."""
    pdf = tmp_path / "blank.pdf"
    print_design(load_design("quiz-a5"), pdf)
    scan = tmp_path / "scans" / "blank.png"
    scan.parent.mkdir()
    picture = pypdfium2.PdfDocument(str(pdf))[0].render(scale=200 / 72).to_pil()
    picture.save(scan, dpi=(200, 200))
    return scan


def omr(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "omr.cli", *map(str, arguments)], check=True)


def drag(page: Page, selector: str, right: float, down: float) -> None:
    page.locator(selector).scroll_into_view_if_needed()
    place = page.locator(selector).bounding_box()
    assert place
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right / 2, y + down / 2)
    page.mouse.move(x + right, y + down)
    page.mouse.up()


def place_px(shape: Locator) -> tuple[float, float]:
    """Where a shape stands on the sheet, in pixels of the screen, wherever it is scrolled to."""
    x, y, scale = shape.evaluate(
        "e => [e.x.baseVal.value, e.y.baseVal.value, e.ownerSVGElement.getScreenCTM().a]"
    )
    return x * scale, y * scale


def field(page: Page, name: str) -> str:
    return f"svg g.table:has(rect[aria-label^='{name}'])"


def test_trace_mend_save_and_read(page: Page, studio: Studio, blank: Path, tmp_path: Path) -> None:
    design = tmp_path / "traced.toml"
    omr("design", "trace", blank, "--out", design)
    traced = design.read_text()
    page.goto(studio(design))
    expect(page.locator("#file")).to_have_text("traced.toml")
    expect(page.locator("svg image")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("saved")
    boxes = page.locator("svg .box")
    assert boxes.count() == traced.count(".field]]")
    expect(page.locator("#note")).to_be_empty()
    shoot(page, "studio-traced")

    # Drag the first block of questions away, see the bubbles go with it, and take it back.
    before = design.read_text()
    bubble = page.locator(f"{field(page, 'q1 …')} .bubble").first
    at = place_px(bubble)
    drag(page, f"{field(page, 'q1 …')} .box", 40, 25)
    expect(page.locator("#state")).to_contain_text("not saved")
    moved = np.subtract(place_px(bubble), at)
    assert moved == pytest.approx([40, 25], abs=7), "to a neighbour's rows or columns at most"
    expect(page.locator(".names")).to_contain_text("q1")
    page.locator("#undo").click()
    expect(page.locator("#state")).to_contain_text("· saved")
    assert design.read_text() == before, "nothing is written before it is saved"

    # What tracing asks about stands in a list; a click leads to the field's name.
    page.locator("#unnamed-list button").first.click()
    expect(page.locator("#f-name")).to_be_focused()

    # A name that is there already is a finding; a name of its own is none.
    page.locator(f"{field(page, 'grid1')} .box").click()
    name = page.locator("#f-name")
    name.fill("q3")
    name.press("Enter")
    expect(page.locator("#findings")).to_contain_text("two fields are named")
    expect(page.locator("svg .chosen .box")).to_be_visible()
    shoot(page, "studio-finding")
    page.locator("#undo").click()
    expect(page.locator("#findings")).not_to_contain_text("two fields are named")
    page.locator(f"{field(page, 'grid1')} .box").click()
    name.fill("mended")
    name.press("Enter")
    page.locator("#f-title").fill("改过的")
    page.locator("#f-title").press("Enter")
    expect(page.locator(".names")).to_contain_text("mended")
    expect(page.locator("#unnamed-list")).not_to_contain_text("grid1")
    page.locator("#undo").click()
    page.locator("#redo").click()
    expect(page.locator("#f-title")).to_have_value("改过的")
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).to_contain_text("· saved")
    saved = design.read_text()
    assert 'name = "mended"' in saved
    assert saved.splitlines()[0] == traced.splitlines()[0], "comments stay"

    # A filled card is read with it.
    cards = tmp_path / "cards"
    simulate(load_design("quiz-a5"), load_mix("clean"), 1, 3, cards)
    truth = next(iter(read_truth(cards / "truth.jsonl")))
    with page.expect_file_chooser() as chooser:
        page.locator("label[for=scan]").click()
    chooser.value.set_files(cards / truth.file)
    expect(page.locator("#tried table")).to_be_visible(timeout=60_000)
    expect(page.locator("svg .bubble.filled").first).to_be_attached()
    read = {
        row.get_attribute("data-field"): row.locator("td").nth(1).inner_text()
        for row in page.locator("#tried tr").all()
    }
    shoot(page, "studio-tried")
    questions = {name: value for name, value in truth.values.items() if name.startswith("q")}
    known = load_design(str(design))
    assert len(questions) >= 20
    assert {name: read[name].replace("—", "") for name in questions} == questions
    content = (cards / truth.file).read_bytes()
    scan = ScannedPage(content, ScannedPage.digest(content), truth.file, 0)
    outcome = read_page(scan, known, default_policy())
    assert isinstance(outcome, ReadPage)
    values = dict(zip(outcome.reading.fields, outcome.reading.values, strict=True))
    assert {name: values[name] for name in questions} == questions
    assert values["mended"] == next(iter(truth.values.values()))


def test_keys_move_add_delete_and_zoom(page: Page, studio: Studio, tmp_path: Path) -> None:
    design = tmp_path / "mine.toml"
    source = Path("omr/designs/quiz-a5.toml").read_text()
    design.write_text(source)
    page.goto(studio(design))
    expect(page.locator("#findings")).to_contain_text("Nothing")
    page.locator("#desk").focus()
    page.keyboard.press("Tab")
    chosen = page.locator(".names").inner_text()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#state")).to_contain_text("not saved")
    page.keyboard.press("Control+z")
    expect(page.locator("#state")).to_contain_text("· saved")
    page.keyboard.press("Tab")
    assert page.locator(".names").inner_text() != chosen
    count = page.locator("svg .box").count()
    page.locator("#desk").focus()
    page.keyboard.press("Delete")
    expect(page.locator("svg .box")).to_have_count(count - 1)
    page.locator("#undo").click()
    expect(page.locator("svg .box")).to_have_count(count)
    page.locator("#add").select_option("choice")
    page.locator("svg").click(position={"x": 60, "y": 60})
    expect(page.locator("svg .box")).to_have_count(count + 1)
    expect(page.locator("#f-name")).to_have_value("new1")
    before = page.locator("#sheet").bounding_box()
    page.locator("#in").click()
    after = page.locator("#sheet").bounding_box()
    assert before
    assert after
    assert after["width"] == pytest.approx(1.25 * before["width"], rel=0.01)
    page.locator("#tab-text").click()
    text = page.locator("#toml").input_value()
    page.locator("#toml").fill(text.replace('kind = "single"', 'kind = "singel"', 1))
    page.locator("#tab-field").click()
    expect(page.locator("#findings")).to_contain_text("kind must be one of")
    page.locator("#save").click()
    expect(page.locator("#notice")).to_contain_text("no design yet")
    assert design.read_text() == source


def test_somebody_elses_change_is_not_lost(page: Page, studio: Studio, tmp_path: Path) -> None:
    design = tmp_path / "mine.toml"
    design.write_text(Path("omr/designs/quiz-a5.toml").read_text())
    page.goto(studio(design))
    page.locator("svg .box").first.click()
    page.locator("#f-title").fill("另一个")
    page.locator("#f-title").press("Enter")
    expect(page.locator("#state")).to_contain_text("not saved")
    theirs = design.read_text() + "# theirs\n"
    design.write_text(theirs)
    page.locator("#save").click()
    expect(page.locator("#notice")).to_contain_text("changed by another program")
    assert design.read_text() == theirs
    page.get_by_role("button", name="Reload the file").click()
    expect(page.locator("#state")).to_contain_text("· saved")


def test_the_exam_card(page: Page, studio: Studio, tmp_path: Path) -> None:
    """A crowded card: every table has its box, both sides of a two-sided card are there."""
    design = tmp_path / "card.toml"
    design.write_text(Path("omr/designs/cn-health-203.toml").read_text())
    page.goto(studio(design))
    expect(page.locator("svg image")).to_be_visible()
    page.locator(f"{field(page, 'ticket')} .box").click()
    expect(page.locator("#f-length")).to_have_value("12")
    page.wait_for_load_state("networkidle")
    shoot(page, "studio-exam-card")
    two = tmp_path / "two.toml"
    two.write_text(Path("omr/designs/two-sided-60.toml").read_text())
    page.goto(studio(two))
    page.get_by_role("button", name="back").click()
    expect(page.locator("svg image")).to_have_attribute("data-key", re.compile("back"))


def test_what_is_typed_is_saved_and_the_scan_is_read_anew(
    page: Page, studio: Studio, tmp_path: Path
) -> None:
    design = tmp_path / "mine.toml"
    page.goto(studio("quiz-a5", "--out", str(design)))
    expect(page.locator("#state")).to_contain_text("not saved")
    cards = tmp_path / "cards"
    simulate(load_design("quiz-a5"), load_mix("clean"), 1, 8, cards)
    truth = next(iter(read_truth(cards / "truth.jsonl")))
    page.locator("#scan").set_input_files(cards / truth.file)
    expect(page.locator("#tried table")).to_be_visible(timeout=60_000)
    expect(page.locator("#show-scan")).to_have_attribute("aria-pressed", "true")
    page.locator(f"{field(page, 'q1 …')} .box").click()
    page.locator("#f-name").fill("item{n}")
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).to_contain_text("· saved")
    assert 'name = "item{n}"' in design.read_text()
    first = truth.values["q1"] or "—"
    again = page.locator("#tried tr[data-field='item1'] td").nth(1)
    expect(again).to_have_text(first)

    # Half a row down it is doubted, or refused whole; back again it reads as before.
    page.locator("#desk").focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#state")).to_contain_text("not saved")
    expect(page.locator("#tried .doubt:not(:empty)").first).to_be_attached()
    page.keyboard.press("Control+z")
    expect(page.locator("#state")).to_contain_text("· saved")
    expect(again).to_have_text(first)


def test_new_tables_and_other_kinds(page: Page, studio: Studio, tmp_path: Path) -> None:
    design = tmp_path / "mine.toml"
    design.write_text(Path("omr/designs/quiz-a5.toml").read_text())
    page.goto(studio(design))
    page.locator("#add").select_option("barcode")
    page.locator("svg").click(position={"x": 150, "y": 350})
    expect(page.locator("#f-kind")).to_have_value("barcode")
    width = page.locator("#f-size-x")
    width.fill("31.5")
    width.press("Enter")
    expect(page.locator("svg .chosen .box")).to_have_attribute("width", "31.5")
    drag(page, "svg .handle.across", 40, 0)
    expect(width).not_to_have_value("31.5")
    page.locator("#f-kind").select_option("picture")
    expect(page.locator("#f-symbologies")).to_have_count(0)
    page.locator(f"{field(page, 'q1 …')} .box").click()
    page.locator("#f-kind").select_option("letters")
    expect(page.locator("#f-length")).to_have_value("15")
    page.locator("#f-kind").select_option("single")
    expect(page.locator("#f-count")).to_have_value("15")
    expect(page.locator("#findings")).not_to_contain_text("not known here")


def test_unsaved_work_is_offered_before_anything_else(
    page: Page, studio: Studio, tmp_path: Path
) -> None:
    design = tmp_path / "mine.toml"
    design.write_text(Path("omr/designs/quiz-a5.toml").read_text())
    page.goto(studio(design))
    page.locator("svg .box").first.click()
    page.locator("#f-title").fill("没保存")
    page.locator("#f-title").press("Enter")
    expect(page.locator("#state")).to_contain_text("not saved")
    page.goto("about:blank")
    page.goto(studio(design))
    expect(page.locator("#earlier")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#earlier")).to_be_visible()
    shoot(page, "studio-earlier")
    page.get_by_role("button", name="Take it up").click()
    expect(page.locator("#earlier")).to_be_hidden()
    page.locator("svg .box").first.click()
    expect(page.locator("#f-title")).to_have_value("没保存")


def test_a_file_that_is_no_design_is_mended_in_its_text(
    page: Page, studio: Studio, tmp_path: Path
) -> None:
    design = tmp_path / "mine.toml"
    text = Path("omr/designs/quiz-a5.toml").read_text()
    design.write_text(text.replace("[page]", "[page", 1))
    page.goto(studio(design))
    expect(page.locator("#state")).to_contain_text("no design yet")
    page.locator("#findings button").first.click()
    page.locator("#toml").fill(text)
    page.locator("#toml").press("Control+s")
    expect(page.locator("#findings")).to_contain_text("Nothing")
    expect(page.locator("#state")).to_contain_text("· saved")
    assert design.read_text() == text
