"""Makes the scans and the expected readings of sample_scans/ anew, from seeds.

    python -m tests.make_samples            # into sample_scans/
    python -m tests.make_samples light      # one family only

What is expected comes from the simulator's truth and from nowhere else: no page is read here, and
a card is passed over only where its truth is muddy. corpus.toml, the contract, is not touched.
"""

from __future__ import annotations

import json
import shutil
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from omr.design import Design, load_design
from omr.records import U8
from omr.simulate import PageTruth, SimulatedPage, load_mix, simulate_card
from omr.simulate.mix import ScanKind, ScanMode
from omr.simulate.optics import encode
from omr.simulate.plan import Scan

OUT = Path(__file__).resolve().parents[1] / "sample_scans"
CARD, BOTH, QUIZ = "cn-health-203", "two-sided-60", "quiz-a5"
_MOST_UNSETTLED = 2
_MOST_TRIES = 200
_DEFINITE = ("number blank", "number double")  # a doubt is right, and yet the truth is plain

# How a scan is made, by letter: as small as still tells something.
KINDS = {
    "G": ScanKind(ScanMode.GREY, 200, 1.0, (58, 64), (165, 165)),
    "g": ScanKind(ScanMode.GREY, 150, 1.0, (58, 66), (165, 165)),
    "C": ScanKind(ScanMode.COLOUR, 200, 1.0, (60, 60), (165, 165)),
    "c": ScanKind(ScanMode.COLOUR, 150, 1.0, (60, 70), (165, 165)),
    "X": ScanKind(ScanMode.COLOUR, 300, 1.0, (60, 60), (165, 165)),
    "F": ScanKind(ScanMode.BITONAL, 200, 1.0, (75, 75), (145, 180)),
    "f": ScanKind(ScanMode.BITONAL, 300, 1.0, (75, 75), (145, 180)),
}

# Why a page may be refused, as the simulator names it, and the reasons that tell the same.
REASONS = {
    "mark hidden": ("folded_or_torn", "mark_missing"),
    "streak over marks": ("streak", "mark_missing"),
    "too dark": ("too_dark",),
    "low contrast": ("low_contrast",),
    "double feed": ("double_feed", "mark_missing", "folded_or_torn", "too_stretched"),
    "blank sheet": ("blank_page",),
    "other design": ("wrong_design",),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A family: a letter of `kinds` a card. `refused` wants cards that cannot be read."""

    name: str
    design: str
    mix: str
    kinds: str
    refused: bool = False


RECIPES = (
    Recipe("clean", CARD, "clean", "GgFfcX"),
    Recipe("clean_two_sided", BOTH, "clean", "gFc"),
    Recipe("clean_quiz", QUIZ, "clean", "GFc"),
    Recipe("everyday", CARD, "everyday", "GFfFfgFfFf"),
    Recipe("everyday_two_sided", BOTH, "everyday", "FgfFf"),
    Recipe("everyday_quiz", QUIZ, "everyday", "FfgFfF"),
    # the hand
    Recipe("light", CARD, "light", "GgFf"),
    Recipe("light_two_sided", BOTH, "light", "gF"),
    Recipe("light_quiz", QUIZ, "light", "gF"),
    Recipe("heavy", CARD, "heavy", "gFf"),
    Recipe("pen", QUIZ, "pen", "cgF"),
    Recipe("half", CARD, "half", "gFf"),
    Recipe("tick", CARD, "tick", "gFf"),
    Recipe("cross", CARD, "cross", "GFf"),
    Recipe("cross_quiz", QUIZ, "cross", "gF"),
    Recipe("line", CARD, "line", "gFf"),
    Recipe("dot", CARD, "dot", "gFf"),
    Recipe("outside", CARD, "outside", "GFf"),
    # what is said
    Recipe("erasure", CARD, "erasure", "GgFf"),
    Recipe("erasure_two_sided", BOTH, "erasure", "gF"),
    Recipe("double_answer", QUIZ, "double_answer", "gFf"),
    Recipe("blank_answer", BOTH, "blank_answer", "Ff"),
    Recipe("number", CARD, "number", "gFf"),
    Recipe("barcode", CARD, "barcode", "gFFf"),
    # the sheet
    Recipe("red_residue", CARD, "red_residue", "gFf"),
    Recipe("grain", QUIZ, "grain", "gFf"),
    Recipe("folded_corner", CARD, "folded_corner", "gFf"),
    Recipe("folded_over_marks", CARD, "folded_corner", "gFfF", refused=True),
    Recipe("folded_over_marks_quiz", QUIZ, "folded_corner", "gF", refused=True),
    Recipe("crease", CARD, "crease", "GgFfF"),
    Recipe("torn_edge", CARD, "torn_edge", "gFf"),
    Recipe("hole", BOTH, "hole", "Ff"),
    Recipe("stain", CARD, "stain", "gFf"),
    # the feed
    Recipe("skew", CARD, "skew", "GFf"),
    Recipe("skew_quiz", QUIZ, "skew", "gF"),
    Recipe("shift", QUIZ, "shift", "gFf"),
    Recipe("scale", CARD, "scale", "gFf"),
    Recipe("stretch", CARD, "stretch", "gFf"),
    Recipe("stretch_two_sided", BOTH, "stretch", "gF"),
    Recipe("turned", CARD, "turned", "gFfF"),
    Recipe("turned_quiz", QUIZ, "turned", "gFc"),
    # the scanner
    Recipe("shadow", CARD, "shadow", "GF"),
    Recipe("streak", CARD, "streak", "GFf"),
    Recipe("streak_over_marks", CARD, "streak", "gF", refused=True),
    Recipe("border", QUIZ, "border", "gFf"),
    Recipe("blur", CARD, "blur", "GF"),
    Recipe("noise", CARD, "noise", "gF"),
    Recipe("jpeg", CARD, "jpeg", "GG"),
    Recipe("bitonal", CARD, "bitonal", "FFFFFF"),
    Recipe("low_contrast", CARD, "low_contrast", "Gf"),
    Recipe("too_dark", CARD, "too_dark", "gF", refused=True),
    # in the wrong stack
    Recipe("other_design", CARD, "other_design", "FfFf", refused=True),
)
NO_CARD = "no_card"


def make_family(recipe: Recipe, seed: int, folder: Path) -> None:
    """Write a family's scans and expected.jsonl."""
    design = load_design(recipe.design)
    lines = []
    index = 0
    for letter in recipe.kinds:
        pages, index = _next_card(recipe, design, seed, index, letter)
        for page in pages:
            (folder / page.truth.file).write_bytes(page.image)
            lines.append(expected_line(page.truth))
    _write_lines(lines, folder)


def _next_card(
    recipe: Recipe, design: Design, seed: int, index: int, letter: str
) -> tuple[tuple[SimulatedPage, ...], int]:
    """The first card from `index` on whose truth is plain, and the index after it."""
    mix = replace(load_mix(recipe.mix), scans=(KINDS[letter],))
    for k in range(index, index + _MOST_TRIES):
        pages = simulate_card(design, mix, seed, k)
        if recipe.refused:
            plain = all(page.truth.unreadable for page in pages)
        else:
            plain = all(_plain(page.truth) for page in pages)
        if plain:
            return pages, k + 1
    raise SystemExit(f"{recipe.name}: no plain card of kind {letter!r} from {index} on")


def _plain(truth: PageTruth) -> bool:
    """Whether a person could settle nearly all of a page."""
    muddy = [why for why in truth.unsettled.values() if why not in (*_DEFINITE, "barcode gone")]
    return not truth.unreadable and len(muddy) <= _MOST_UNSETTLED


def expected_line(truth: PageTruth) -> dict[str, object]:
    """A line of expected.jsonl for a simulated page."""
    line: dict[str, object] = {"file": truth.file}
    reason = next((r for start, r in REASONS.items() if truth.unreadable.startswith(start)), ())
    if not truth.values or truth.unreadable == "double feed":
        return {**line, "card": False, "reject": list(reason)}
    line |= {"side": str(truth.side), "values": truth.values}
    unsettled = [name for name, why in truth.unsettled.items() if why not in _DEFINITE]
    if unsettled:
        line["unsettled"] = unsettled
    if reason:
        line["reject"] = list(reason)
    return line


def _write_lines(lines: list[dict[str, object]], folder: Path) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "expected.jsonl").write_text(text, "utf-8")


# ── pages that are no cards ──────────────────────────────────────────────────────────────────


def make_no_cards(seed: int, folder: Path) -> None:
    """Blank sheets, double feeds, and all that is left in a feeder by mistake."""
    lines = []
    for name in ("blank_sheet", "double_feed"):
        for design in (CARD, QUIZ):
            for k, letter in enumerate("gF"):
                mix = replace(load_mix(name), scans=(KINDS[letter],))
                page = simulate_card(load_design(design), mix, seed, k)[0]
                file = f"{name}-{page.truth.file}"
                (folder / file).write_bytes(page.image)
                lines.append({"file": file, "card": False})
    for number, (name, letter, pixels) in enumerate(strange_pages(seed)):
        kind = KINDS[letter]
        scan = Scan(kind, 60, 160, 245.0, 20.0, 1.0, 0.0, 1.0)
        page = pixels
        if kind.mode is ScanMode.BITONAL:
            page = (pixels > scan.threshold).astype(np.uint8) * 255
        image, suffix = encode(np.ascontiguousarray(page), scan)
        file = f"{number:02d}-{name}{suffix}"
        (folder / file).write_bytes(image)
        lines.append({"file": file, "card": False})
    _write_lines(lines, folder)


def strange_pages(seed: int) -> Iterator[tuple[str, str, U8]]:
    """Name, kind of scan and pixels of pages on which there is nothing to read."""
    rng = np.random.default_rng(seed)
    yield "letter", "g", _letter(rng, 150, 28)
    yield "newspaper", "F", _newspaper(rng, 200)
    yield "photograph", "c", _photograph(rng, 150)
    yield "ruled", "F", _ruled(200)
    yield "table-of-boxes", "F", _boxes(rng, 200)
    yield "ladder-of-bars", "F", _bars(200)
    yield "dots", "F", _dots(rng, 200)
    yield "black", "g", np.full(_a4(150), 12, np.uint8)
    yield "corner-blocks", "F", _corner_blocks(200)


def _a4(dpi: int) -> tuple[int, int]:
    return round(297 * dpi / 25.4), round(210 * dpi / 25.4)


def _paper(dpi: int) -> U8:
    return np.full(_a4(dpi), 244, np.uint8)


def _words(rng: np.random.Generator, count: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join(
        "".join(rng.choice(list(letters), int(rng.integers(2, 10)))) for _ in range(count)
    )


def _letter(rng: np.random.Generator, dpi: int, lines: int) -> U8:
    page = _paper(dpi)
    font = cv2.FontFace("sans")
    size, step = dpi // 8, dpi // 5
    for k in range(lines):
        text = _words(rng, int(rng.integers(7, 10)))
        cv2.putText(page, text, (dpi, dpi + k * step), (40,), font, size, 400)
    return page


def _newspaper(rng: np.random.Generator, dpi: int) -> U8:
    page = _paper(dpi)
    font = cv2.FontFace("sans")
    cv2.putText(page, _words(rng, 3).upper(), (dpi // 2, dpi), (20,), font, dpi // 2, 800)
    for column in range(4):
        left = dpi // 2 + column * round(1.85 * dpi)
        for k in range(64):
            text = _words(rng, 4)[:26]
            cv2.putText(page, text, (left, round(1.6 * dpi) + k * dpi // 7), (30,), font, 18, 400)
    return page


def _photograph(rng: np.random.Generator, dpi: int) -> U8:
    height, width = _a4(dpi)
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 8):
        small = rng.random((2**octave + 1, 2**octave + 1, 3)).astype(np.float32)
        total += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = total.min(), total.max()
    picture = ((total - low) / (high - low) * 230 + 10).astype(np.uint8)
    for _ in range(14):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = tuple(int(c) for c in rng.integers(20, 230, 3))
        cv2.ellipse(picture, centre, (90, 40), float(rng.integers(180)), 0, 360, colour, -1)
    return np.dstack([picture, np.full((height, width), 255, np.uint8)])


def _ruled(dpi: int) -> U8:
    page = _paper(dpi)
    for y in range(dpi, page.shape[0] - dpi // 2, dpi * 8 // 25):
        cv2.line(page, (dpi // 3, y), (page.shape[1] - dpi // 3, y), (90,), 2)
    return page


def _boxes(rng: np.random.Generator, dpi: int) -> U8:
    """A form of some other kind: many boxes, some of them filled."""
    page = _paper(dpi)
    for y in range(dpi, page.shape[0] - dpi, dpi // 4):
        for x in range(dpi // 2, page.shape[1] - dpi // 2, dpi * 2 // 5):
            filled = rng.random() < 0.3
            thickness = cv2.FILLED if filled else 2
            cv2.rectangle(page, (x, y), (x + dpi // 5, y + dpi // 9), (40,), thickness)
    return page


def _bars(dpi: int) -> U8:
    """Bars down both edges, like timing tracks, but at no card's pitch."""
    page = _paper(dpi)
    for y in range(dpi // 2, page.shape[0] - dpi // 2, round(0.36 * dpi)):
        for x in (round(0.25 * dpi), page.shape[1] - round(0.45 * dpi)):
            cv2.rectangle(page, (x, y), (x + dpi // 5, y + dpi // 10), (20,), cv2.FILLED)
    return page


def _dots(rng: np.random.Generator, dpi: int) -> U8:
    page = _paper(dpi)
    for _ in range(1500):
        at = (int(rng.integers(page.shape[1])), int(rng.integers(page.shape[0])))
        cv2.circle(page, at, int(rng.integers(2, 22)), (30,), cv2.FILLED)
    return page


def _corner_blocks(dpi: int) -> U8:
    """A square in each corner, as on some other system's sheets."""
    page = _paper(dpi)
    height, width = page.shape
    side, inset = dpi // 5, dpi // 3
    for x in (inset, width - inset - side):
        for y in (inset, height - inset - side):
            cv2.rectangle(page, (x, y), (x + side, y + side), (20,), cv2.FILLED)
    return page


def main(names: list[str], out: Path = OUT) -> None:
    """Make the named families anew, or all of them."""
    for recipe in RECIPES:
        if not names or recipe.name in names:
            make_family(recipe, _seed(recipe.name), _emptied(out / recipe.name))
    if not names or NO_CARD in names:
        make_no_cards(_seed(NO_CARD), _emptied(out / NO_CARD))


def _seed(name: str) -> int:
    """A family's own seed, whatever other families there are."""
    return zlib.crc32(name.encode())


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
