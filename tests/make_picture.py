"""Makes omr/overlay.png, the picture in README.md: python -m tests.make_picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np

from omr.batch import engine
from omr.design import load_design
from omr.policy import default_policy
from omr.records import ScannedPage
from omr.simulate import simulate_card
from omr.simulate.mix import parse_mix
from omr.trace import overlay_of

OUT = Path(__file__).resolve().parents[1] / "omr" / "overlay.png"
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
    OUT.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(flat[:, :, ::-1]), level=9))


if __name__ == "__main__":
    main()
