"""Where the Chinese font for printed cards is found: Noto Sans SC, put there by `make setup`."""

from __future__ import annotations

from pathlib import Path

from omr.errors import OmrError

FONT_FOLDER = Path(__file__).resolve().parents[1] / "build" / "fonts"
REGULAR = "NotoSansSC_400Regular.ttf"
BOLD = "NotoSansSC_700Bold.ttf"


class FontMissing(OmrError):
    """The Chinese font is not where set-up puts it."""

    exit_code = 4

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"no Chinese font at {path}; run `make setup`, which puts it there")


def chinese_font(bold: bool = False) -> Path:
    """The TrueType file that cards are printed with. Raises `FontMissing`."""
    path = FONT_FOLDER / (BOLD if bold else REGULAR)
    if not path.is_file():
        raise FontMissing(path)
    return path
