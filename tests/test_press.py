"""Printed cards, looked at as pixels: true size, marks in place, bubbles clear, codes readable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imagecodecs
import numpy as np
import pypdfium2 as pdfium
import pytest
import zxingcpp
from numpy.typing import NDArray

from omr.design import BubbleShape, CornerShape, Design, FieldKind, Ink, Side, load_design
from omr.design_check import check_design
from omr.design_parse import parse_design
from omr.errors import DesignError, OutputError, RosterError
from omr.pipeline import ReadPage, read_page
from omr.policy import default_policy
from omr.press import RosterRow, print_design
from omr.press_layout import lay_out
from omr.records import ScannedPage
from tests.test_design import SMALL, changed

DPI = 200
PX = DPI / 25.4
DESIGNS = ("cn-health-203", "quiz-a5", "two-sided-60")
BLANK_FROM = 235  # the drop-out red's own level in the red channel is 244


def printed(design: Design, folder: Path, roster: Sequence[RosterRow] = ()) -> pdfium.PdfDocument:
    out = folder / "cards.pdf"
    print_design(design, out, roster=roster)
    return pdfium.PdfDocument(out.read_bytes())


def pixels(pdf: pdfium.PdfDocument, page: int = 0) -> NDArray[np.uint8]:
    """A page as RGB at 200 dpi."""
    image = pdf[page].render(scale=DPI / 72, rev_byteorder=True).to_numpy()
    return np.ascontiguousarray(image[:, :, :3])


def row_for(design: Design, name: str = "欧阳娜娜", barcode: str = "") -> RosterRow:
    lengths = [f.length for f in design.sides[0].fields if f.name in ("ticket", "student")]
    number = "20201234567890"[: lengths[0]]
    return RosterRow(number, name, barcode or number, 2)


def crop(image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    left, top, right, bottom = (round(v * PX) for v in box)
    return np.ascontiguousarray(image[top:bottom, left:right])


# ── geometry ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", DESIGNS)
def test_pages_are_true_to_a_tenth_of_a_mm(name: str, tmp_path: Path) -> None:
    design = load_design(name)
    pdf = printed(design, tmp_path)
    assert len(pdf) == len(design.sides)
    for page in pdf:
        width, height = (points / 72 * 25.4 for points in page.get_size())
        assert abs(width - design.width_mm) < 0.1
        assert abs(height - design.height_mm) < 0.1


@pytest.mark.parametrize("name", DESIGNS)
def test_marks_are_where_the_design_says(name: str, tmp_path: Path) -> None:
    design = load_design(name)
    pdf = printed(design, tmp_path)
    for at, side in enumerate(design.sides):
        image = pixels(pdf, at)
        shapes = ["rect"] * sum(len(t.centres_mm) for t in side.tracks)
        shapes += [c.shape.value for c in side.corners]
        for centre, size, shape in zip(side.marks_mm(), side.marks_size_mm(), shapes, strict=True):
            expected = np.concatenate([centre - size / 2, centre + size / 2])
            assert np.abs(dark_extent(image, expected) - expected).max() <= 0.15, (centre, shape)
            x, y = (int(v * PX) for v in centre)
            assert bool(image[y, x].max() < 30) is (shape != CornerShape.ELL)


def dark_extent(image: NDArray[np.uint8], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left, top, right and bottom in mm of what is black within 1 mm round a box."""
    left, top = (int((v - 1.0) * PX) for v in box[:2])
    right, bottom = (int((v + 1.0) * PX) for v in box[2:])
    dark = image[top:bottom, left:right].max(axis=2) < 128
    across, down = np.flatnonzero(dark.any(axis=0)), np.flatnonzero(dark.any(axis=1))
    edges = [left + across[0], top + down[0], left + across[-1] + 1, top + down[-1] + 1]
    return np.array(edges) / PX


@pytest.mark.parametrize("name", DESIGNS)
def test_bubbles_are_blank_and_outlined(name: str, tmp_path: Path) -> None:
    design = load_design(name)
    pdf = printed(design, tmp_path, [row_for(design)])
    for at, side in enumerate(design.sides):
        image = pixels(pdf, at)
        look = design.bubbles
        inner = np.array([look.width_mm, look.height_mm]) / 2 - look.stroke_mm / 2 - 0.15
        for x, y in side.centres_mm:
            inside = crop(image, (x - inner[0], y - inner[1], x + inner[0], y + inner[1]))
            if look.shape is BubbleShape.OVAL:
                h, w = inside.shape[:2]
                inside = inside[h // 4 : -h // 4, w // 4 : -w // 4]
            assert inside[:, :, 0].min() >= BLANK_FROM
            left = crop(
                image, (x - look.width_mm / 2 - 0.2, y - 0.3, x - look.width_mm / 2 + 0.2, y + 0.3)
            )
            assert left[:, :, 1].min() < 200, "the outline is there"


@pytest.mark.parametrize("name", DESIGNS)
def test_nothing_black_stands_near_a_bubble(name: str, tmp_path: Path) -> None:
    design = load_design(name)
    pdf = printed(design, tmp_path, [row_for(design)])
    for at, side in enumerate(design.sides):
        red = pixels(pdf, at)[:, :, 0]
        around = red[near_bubbles(design, side, red.shape)]
        assert around.size
        assert around.min() >= BLANK_FROM


def near_bubbles(design: Design, side: Side, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels up to 1.05 mm from a bubble, where the reader looks for stray ink; no outlines."""
    look = design.bubbles
    outline = look.stroke_mm / 2 + 0.15
    near = np.zeros(shape[:2], bool)
    for grow, value in ((1.05, True), (outline, False)):
        for x, y in side.centres_mm:
            w, h = look.width_mm / 2 + grow, look.height_mm / 2 + grow
            left, right = round((x - w) * PX), round((x + w) * PX)
            near[round((y - h) * PX) : round((y + h) * PX), left:right] = value
    return near


def test_red_is_a_spot_colour_without_cyan_or_black(tmp_path: Path) -> None:
    design = load_design("cn-health-203")
    out = tmp_path / "card.pdf"
    print_design(design, out)
    content = out.read_bytes()
    assert b"/Separation" in content
    assert b"DropOutRed" in content
    red = pixels(pdfium.PdfDocument(content))
    coloured = red[red[:, :, 1] < 180]
    coloured = coloured[coloured[:, 0] > 100]
    assert len(coloured) > 1000
    assert coloured[:, 0].min() >= BLANK_FROM
    assert b"Separation" not in quiz_bytes(tmp_path)


def quiz_bytes(folder: Path) -> bytes:
    print_design(load_design("quiz-a5"), folder / "quiz.pdf")
    return (folder / "quiz.pdf").read_bytes()


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    assert quiz_bytes(tmp_path) == quiz_bytes(tmp_path)


def test_text_is_vector_and_fonts_are_embedded_as_a_subset(tmp_path: Path) -> None:
    design = load_design("cn-health-203")
    pdf = printed(design, tmp_path)
    words = pdf[0].get_textpage().get_text_range()
    for part in (design.title, "准考证号", "缺考标记", "专业实践能力", "100"):
        assert part in words
    content = (tmp_path / "cards.pdf").read_bytes()
    assert b"/FontFile2" in content
    assert b"/Subtype /Image" not in content
    assert len(content) < 200_000


SIDEWAYS = (
    SMALL[: SMALL.index("[[front.field]]")]
    + """
[[front.field]]
name = "student"
title = "学号"
kind = "digits"
length = 3
at = { column = 1, row = 4 }
character_step = { row = 1 }
value_step = { column = 1 }

[[front.field]]
name = "v{n}"
kind = "single"
values = "ABCD"
count = 4
at = { column = 1, row = 10 }
value_step = { row = 1 }
field_step = { column = 2 }

[[front.field]]
name = "seen{n}"
title = "已核对 {n}"
kind = "flag"
count = 2
at = { column = 10, row = 10 }
field_step = { row = 1 }
"""
)


@pytest.mark.parametrize("design", [*DESIGNS, "sideways", "sideways in black"])
def test_words_never_lie_on_words_or_bubbles(design: str) -> None:
    text = SIDEWAYS
    if design.endswith("black"):
        text = text.replace('"red"', '"black"').replace("labelled = true", "labelled = false")
    card = load_design(design) if design in DESIGNS else parse_design(text, "sideways.toml")
    assert check_design(card) == ()
    for side in card.sides:
        texts = lay_out(card, side).texts
        for value in {v for field in side.fields for v in field.values if len(field.values) > 1}:
            assert any(t.words == value for t in texts), value
        parts = [(t.extent(), t.words) for t in texts]
        for k, (a, words) in enumerate(parts):
            for b, others in parts[:k]:
                apart = a.right_mm <= b.x_mm or b.right_mm <= a.x_mm
                apart |= a.bottom_mm <= b.y_mm or b.bottom_mm <= a.y_mm
                assert apart, (words, others)


# ── personal cards ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", DESIGNS)
def test_a_roster_gives_each_candidate_a_card(name: str, tmp_path: Path) -> None:
    design = load_design(name)
    row = row_for(design)
    rows = [row, RosterRow(row.number[::-1], "买买提·艾合麦提江", row.number[::-1], 3)]
    pdf = printed(design, tmp_path, rows)
    sides = len(design.sides)
    assert len(pdf) == len(rows) * sides
    for page in range(len(pdf)):
        candidate, side = rows[page // sides], design.sides[page % sides]
        image = pixels(pdf, page)
        for zone in side.zones_of(FieldKind.BARCODE):
            right, bottom = zone.x_mm + zone.width_mm, zone.y_mm + zone.height_mm
            part = crop(image, (zone.x_mm, zone.y_mm, right, bottom))
            assert [(f.text, f.format.name) for f in codes(part, zone.symbologies)] == [
                (candidate.barcode, zone.symbologies[0])
            ]
        words = pdf[page].get_textpage().get_text_range()
        assert candidate.name in words
    first = pdf[0].get_textpage().get_text_range()
    assert row.number in first.replace("\r\n", "").replace(" ", "")


def codes(part: NDArray[np.uint8], symbologies: Sequence[str]) -> list[zxingcpp.Barcode]:
    formats = zxingcpp.barcode_formats_from_str(",".join(symbologies))
    return list(zxingcpp.read_barcodes(part, formats=formats))


def small(symbology: str, size: str = "[30.0, 18.0]") -> Design:
    zone = ('kind = "barcode"', f'kind = "barcode"\nsymbologies = ["{symbology}"]')
    return parse_design(
        changed(zone, ("size_mm = [30.0, 12.0]", f"size_mm = {size}")), "small.toml"
    )


def test_each_symbology_reads_back(tmp_path: Path) -> None:
    for symbology, check, size in (("Code128", "", "[30.0, 18.0]"), ("Code39", "L", "[38.0, 18.0]"),
                                   ("QRCode", "", "[30.0, 18.0]")):  # fmt: skip
        design = small(symbology, size)
        row = RosterRow("123456", "王小明", "123456", 2)
        image = pixels(printed(design, tmp_path, [row]))
        assert [f.text for f in codes(image, [symbology])] == ["123456" + check]


def test_bars_are_ten_mil_or_more_with_their_quiet_zones(tmp_path: Path) -> None:
    design = load_design("cn-health-203")
    image = pixels(printed(design, tmp_path, [row_for(design)]))
    (zone,) = design.sides[0].zones_of(FieldKind.BARCODE)
    middle = crop(image, (zone.x_mm, zone.y_mm + 8, zone.x_mm + zone.width_mm, zone.y_mm + 9))
    dark = middle[4, :, 0] < 128
    at = np.flatnonzero(np.diff(dark.astype(int)))
    thin = np.diff(at).min() / PX
    assert thin >= 0.254 - 0.5 / PX
    module = 0.508
    assert at[0] / PX >= 10 * module - 1.0 / PX
    assert (len(dark) - at[-1]) / PX >= 10 * module - 1.0 / PX


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (RosterRow("12345", "王小明", "12345", 7), "row 7: number 12345 has 5 characters"),
        (RosterRow("12345X", "王小明", "12345X", 7), "row 7: number 12345X holds 'X'"),
        (RosterRow("123456", "\U00020bb7野", "123456", 7), "row 7: the font has no '\U00020bb7'"),
        (RosterRow("123456", "王小明", "1" * 40, 7), "row 7: barcode '1+' needs"),
        (RosterRow("123456", "王小明", "条码", 7), "row 7: barcode '条码' holds '条'"),
        (RosterRow("123456", "王" * 90, "123456", 7), "row 7: .* too long to print"),
    ],
)
def test_rows_that_do_not_fit_the_card_are_refused(
    row: RosterRow, says: str, tmp_path: Path
) -> None:
    out = tmp_path / "cards.pdf"
    with pytest.raises(RosterError, match=says):
        print_design(small("Code128"), out, roster=[row])
    assert not list(tmp_path.iterdir())


def test_designs_that_cannot_take_a_roster_say_so(tmp_path: Path) -> None:
    table = SMALL[
        SMALL.index('[[front.field]]\nname = "code"') : SMALL.index('[[front.field]]\nname = "q')
    ]
    bare = parse_design(changed((table, "")), "small.toml")
    row = RosterRow("123456", "王小明", "123456", 2)
    with pytest.raises(DesignError, match="no place for names"):
        print_design(bare, tmp_path / "cards.pdf", roster=[row])
    framed = changed((table, ""), ('text = "小卡"', 'text = "姓名"\nframe_mm = [50.0, 8.0]'))
    design = parse_design(framed.replace("x_mm = 60.0", "x_mm = 30.0"), "small.toml")
    words = printed(design, tmp_path, [row])[0].get_textpage().get_text_range()
    assert "王小明" in words
    ticket = framed[
        framed.index('[[front.field]]\nname = "ticket"') : framed.index(
            '[[front.field]]\nname = "q'
        )
    ]
    numberless = parse_design(framed.replace(ticket, ""), "small.toml")
    words = printed(numberless, tmp_path, [row])[0].get_textpage().get_text_range()
    assert "王小明 123456" in words, "a card without cells and barcode still shows the number"
    with pytest.raises(RosterError, match="no barcode zone"):
        print_design(design, tmp_path / "b.pdf", roster=[RosterRow("123456", "王小明", "9", 2)])


def test_a_design_with_a_character_that_the_font_lacks_is_refused(tmp_path: Path) -> None:
    design = parse_design(changed(('text = "小卡"', 'text = "\U00020bb7"')), "small.toml")
    with pytest.raises(DesignError, match=r"U\+20BB7"):
        print_design(design, tmp_path / "cards.pdf")


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        print_design(load_design("quiz-a5"), tmp_path / "none" / "cards.pdf")
    (tmp_path / "cards.pdf").mkdir()
    with pytest.raises(OutputError):
        print_design(load_design("quiz-a5"), tmp_path / "cards.pdf")
    assert [p.name for p in tmp_path.iterdir()] == ["cards.pdf"]


# ── through the engine ───────────────────────────────────────────────────────────────────────


def scan_of(pdf: pdfium.PdfDocument, page: int) -> ScannedPage:
    image = imagecodecs.png_encode(pixels(pdf, page))
    return ScannedPage(image, ScannedPage.digest(image), "press.pdf", page, dpi=DPI)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("personal", [False, True])
def test_a_printed_card_reads_as_blank_with_every_mark_found(
    name: str, personal: bool, tmp_path: Path
) -> None:
    design = load_design(name)
    row = row_for(design)
    pdf = printed(design, tmp_path, [row] if personal else [])
    for at, side in enumerate(design.sides):
        page = read_page(scan_of(pdf, at), design, default_policy())
        assert isinstance(page, ReadPage), page
        assert page.reading.side is side.name
        assert len(page.alignment.marks_px) == len(side.marks_mm())
        values = dict(zip(page.reading.fields, page.reading.values, strict=True))
        zones = {zone.name for zone in side.zones_of(FieldKind.BARCODE)}
        assert {field: v for field, v in values.items() if v and field not in zones} == {}
        assert [code.text for code in page.reading.barcodes] == [row.barcode * personal] * len(
            zones
        )
        assert design.ink in (Ink.RED, Ink.BLACK)
