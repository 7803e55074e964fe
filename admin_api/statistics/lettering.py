"""The Chinese font in what stands alone: as many of its glyphs as a text needs, inside the file.

A picture in a page may load nothing from outside, and a machine without Chinese fonts would show
boxes.
"""

from __future__ import annotations

import base64
import functools
import io

from omr.fonts import chinese_font

FAMILY = "Noto Sans SC"


def face(text: str) -> str:
    """A style sheet's rule that brings the text's characters beyond ASCII along; "" for none."""
    return _face("".join(sorted({one for one in text if ord(one) > 127})))


@functools.lru_cache(maxsize=256)
def _face(characters: str) -> str:
    if not characters:
        return ""
    code = base64.b64encode(_subset(characters)).decode()
    return f'@font-face {{ font-family: "{FAMILY}"; src: url(data:font/ttf;base64,{code}); }}\n'


def _subset(characters: str) -> bytes:
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    with TTFont(chinese_font(), lazy=True, recalcTimestamp=False) as font:
        # What makes the glyphs finer in print, or other in other languages, is left behind.
        worker = Subsetter(Options(hinting=False, layout_features=[], name_IDs=[1, 2]))
        worker.populate(text=characters)
        worker.subset(font)
        file = io.BytesIO()
        font.save(file)
    return file.getvalue()
