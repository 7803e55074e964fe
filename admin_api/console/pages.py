"""Pages: Jinja templates in the person's language."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from admin_api.pages.catalogue import translations

LANGUAGES = {"zh": "中文", "en": "English"}
_HERE = Path(__file__).parent


@functools.cache
def environment(language: str) -> Environment:
    """The templates in a language."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    found = translations(_HERE / "locale", language)
    made.install_gettext_translations(found, newstyle=True)  # type: ignore[attr-defined]
    made.filters["term"] = lambda code: _term(found.gettext, str(code))
    return made


def render(template: str, language: str, shown: Mapping[str, Any]) -> str:
    """A page's HTML."""
    return environment(language).get_template(template).render(shown)


def _term(gettext: Any, code: str) -> str:
    """The words for a code such as `in_review`; the catalogue lists codes with a leading colon."""
    said = str(gettext(f":{code}"))
    return said if not said.startswith(":") else code.replace("_", " ")
