"""Words in a language, from catalogues as translators edit them: `LANGUAGE.po`, compiled here."""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations


def translations(folder: Path, language: str) -> Translations:
    """A folder's catalogue in a language; empty where there is none: the texts' own language."""
    path = folder / f"{language}.po"
    if not path.is_file():
        return Translations()
    with open(path, "rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
