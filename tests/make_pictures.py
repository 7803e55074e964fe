"""Makes the pictures in README.md and omr/README.md: python -m tests.make_pictures."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np

from omr.batch import engine
from omr.design import load_design
from omr.detect.decode import decode
from omr.detect.straighten import Straightened, straighten
from omr.pipeline import ReadPage
from omr.policy import default_policy
from omr.records import F64, U8, ScannedPage
from omr.simulate import load_mix, simulate_card
from omr.simulate.mix import parse_mix
from omr.trace import overlay_of
from tests.test_pictures import found_by, photographed, png, sheet, with_markers

PICTURES = Path(__file__).resolve().parents[1] / "omr"
HALF_PX = 520  # height of a picture in omr/README.md
WIDTH_PX = 1000
STEP = 8  # grey levels that become one, so that the file stays small
CARD = 69
NEVER = ("heavy", "pen", "folded_corner", "turned", "barcode", "stain", "streak")
MIX: dict[str, Any] = {
    "base": "everyday",
    "scan": [{"mode": "colour", "dpi": 200, "quality": [85, 90]}],
    "paper": {"grain": [0.001, 0.002]},
    "sensor": {"noise": [0.5, 0.8]},
    "defect": {
        "light": {"rate": 1.0, "level": [0.3, 0.4]},
        "erasure": {"rate": 1.0, "count": [5, 5], "residue": [0.25, 0.35], "alone": 0.2},
        "double_answer": {"rate": 1.0, "count": [1, 1]},
        **{name: {"rate": 0.0} for name in NEVER},
    },
}


def main() -> None:
    """A card of every day: a light hand, erasures, a double answer, and a doubt."""
    design = load_design("cn-health-203")
    (card,) = simulate_card(design, parse_mix(MIX, "picture"), 7, CARD)
    page = ScannedPage(card.image, ScannedPage.digest(card.image), "room-3/000412.jpg", 412)
    picture = overlay_of(page, engine(page, design, default_policy(), None), design)
    height = round(picture.shape[0] * WIDTH_PX / picture.shape[1])
    small = cv2.resize(picture, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    paper = small.min(axis=2) > 237
    flat = np.minimum(small // STEP * STEP + STEP // 2, 255).astype(np.uint8)
    flat[paper] = 246
    flat[small.min(axis=2) > 252] = 255
    write(flat[:, :, ::-1], "overlay.png")
    found_by_printed_marks()
    found_on_photos()


def write(picture: U8, name: str) -> None:
    """A PNG beside the package's README."""
    encoded = imagecodecs.png_encode(np.ascontiguousarray(picture), level=9)
    (PICTURES / name).write_bytes(encoded)


def side_by_side(seen: U8, marks_px: F64, page: U8) -> U8:
    """What was scanned with what was found on it in green, and the page that was read."""
    left = cv2.cvtColor(seen, cv2.COLOR_GRAY2BGR)
    thick = max(2, round(seen.shape[0] / 250))
    for x, y in np.rint(marks_px).astype(int):
        cv2.circle(left, (int(x), int(y)), 6 * thick, (40, 160, 40), thick, cv2.LINE_AA)
    if len(marks_px) == 4:
        hull = cv2.convexHull(np.rint(marks_px).astype(np.int32))
        cv2.polylines(left, [hull], True, (40, 160, 40), thick)
    parts = [left, page if page.ndim == 3 else cv2.cvtColor(page, cv2.COLOR_GRAY2BGR)]
    scales = [HALF_PX / p.shape[0] for p in parts]
    sized = [
        cv2.resize(p, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[: HALF_PX - 1]
        for p, scale in zip(parts, scales, strict=True)
    ]
    gap = np.full((HALF_PX - 1, 24, 3), 255, np.uint8)
    joined = np.concatenate([sized[0], gap, sized[1]], axis=1)
    return np.asarray(joined // 16 * 16 + 8, np.uint8)


def found_by_printed_marks() -> None:
    """A timing track with two locator marks; four corner marks."""
    for name, out in (("cn-health-203", "align-tracks.png"), ("quiz-a5", "align-corners.png")):
        design = load_design(name)
        card = simulate_card(design, load_mix("skew"), 5, 2)[0]
        page = ScannedPage(card.image, ScannedPage.digest(card.image), "p", 0)
        outcome = engine(page, design, default_policy(), None)
        assert isinstance(outcome, ReadPage)
        overlay = overlay_of(page, outcome, design)
        raster = decode(page, colour=False)
        write(side_by_side(raster.pixels, outcome.alignment.marks_px, overlay)[:, :, ::-1], out)


def found_on_photos() -> None:
    """By the sheet's outline, by four markers, by a reference picture."""
    around, markers = with_markers(sheet(0))
    reference = b64encode(png(sheet(1))).decode()
    for out, photo, step in (
        ("align-outline.png", photographed(sheet(0), 1.0), 'kind = "outline"'),
        ("align-markers.png", photographed(around, 0.5), markers),
        (
            "align-reference.png",
            photographed(sheet(0), 1.5),
            f'kind = "reference"\npicture = "base64:{reference}"',
        ),
    ):
        design = found_by(step)
        image = png(photo)
        page = ScannedPage(image, ScannedPage.digest(image), "p", 0)
        flat = straighten(decode(page, colour=False), design, 0)
        assert isinstance(flat, Straightened)
        height, width = flat.raster.pixels.shape
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        seen = cv2.perspectiveTransform(corners[:, None], flat.matrix)[:, 0]
        outcome = engine(page, design, default_policy(), None)
        write(side_by_side(photo, seen, overlay_of(page, outcome, design))[:, :, ::-1], out)


if __name__ == "__main__":
    main()
