"""A document open in the studio."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin_api.studio.boxes import state_of
from admin_api.studio.document import Document, Place

DESIGNS = Path("omr/designs")
TICKET = Place("front", 0)


@pytest.fixture
def document(tmp_path: Path) -> Document:
    path = tmp_path / "card.toml"
    path.write_bytes((DESIGNS / "cn-health-203.toml").read_bytes())
    return Document(path)


def boxes(document: Document, name: str) -> dict:
    return next(
        box for side in state_of(document)["sides"] for box in side["boxes"] if name in box["names"]
    )
