"""Every word of the portal has a Chinese translation."""

from __future__ import annotations

from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import admin_api.portal

PORTAL = Path(admin_api.portal.__file__).parent


def test_every_text_is_translated() -> None:
    with open(PORTAL / "locale" / "zh.po", "rb") as file:
        known = {str(one.id) for one in read_po(file) if one.id and one.string}
    found = extract_from_dir(
        PORTAL / "pages",
        [("**.html", "jinja2.ext:babel_extract")],
        options_map={"**.html": {"trimmed": "true", "silent": "false"}},
    )
    texts = {str(message) for _, _, message, _, _ in found}
    assert len(texts) > 20
    assert sorted(texts - known) == []
