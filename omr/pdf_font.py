"""The Chinese font in a PDF: what it can draw, and what stands where it cannot.

A character without a glyph would come out as an empty box, and nobody could tell which it was.
"""

from __future__ import annotations

import re
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from omr.fonts import chinese_font

_BEYOND = re.compile(r"<([0-9A-F]{2})> <([0-9A-F]{5,6})>")  # a code, and a character over U+FFFF
_CMAP = "toUnicodeCMap:"


class _Font(TTFont):  # type: ignore[misc]
    """A font whose characters over U+FFFF can be read back from the PDF, not only seen.

    ReportLab writes them into the table of characters as a single number, where PDF wants UTF-16.
    """

    def addObjects(self, doc: Any) -> None:  # noqa: N802 (ReportLab's name)
        super().addObjects(doc)
        for name, made in doc.idToObject.items():
            if name.startswith(_CMAP) and isinstance(made.content, str):
                made.content = _BEYOND.sub(_as_utf16, made.content)


def register(name: str, *, bold: bool = False) -> None:
    """Have ReportLab know the Chinese font under a name.

    ReportLab lets all names of one face share what was registered first, so nobody registers the
    face in another way.

    Raises:
        FontMissing: set-up has not put it there.
    """
    pdfmetrics.registerFont(_Font(name, str(chinese_font(bold=bold))))


def lacking(words: str, *fonts: str) -> str:
    """The characters of a text, each once, that one of the fonts has no glyph for."""
    glyphs = [_glyphs(font) for font in fonts]
    return "".join(c for c in dict.fromkeys(words) if any(ord(c) not in g for g in glyphs))


def spelled(words: str, *fonts: str) -> str:
    """A text with the code point, such as [U+20BB7], in place of each character that one of the
    fonts has no glyph for.
    """
    for character in lacking(words, *fonts):
        words = words.replace(character, code_point(character))
    return words


def code_point(character: str) -> str:
    """A character by its number, as it stands where it cannot be drawn."""
    return f"[U+{ord(character):04X}]"


def _glyphs(font: str) -> dict[int, int]:
    return pdfmetrics.getFont(font).face.charToGlyph  # type: ignore[no-any-return]


def _as_utf16(found: re.Match[str]) -> str:
    return f"<{found[1]}> <{chr(int(found[2], 16)).encode('utf-16-be').hex().upper()}>"
