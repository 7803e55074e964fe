"""Every word of the pages has a Chinese translation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import admin_api.console
from admin_api.acts.roles import Role
from admin_api.console.desks.files import FileKind
from admin_api.console.navigation import links_for
from admin_api.console.problems import _STATUSES
from admin_api.corrections.records import CorrectionKind, Standing
from admin_api.errors import KaowuError
from admin_api.joining.states import EnrolmentState, PageState
from admin_api.keys.service import KeyState
from admin_api.release.records import ReleaseKind
from admin_api.review.decisions import Standing as Grading
from admin_api.statistics.words import REASONS, WHY_NOT
from omr.records import DoubtKind, RejectReason
from omr.score.items.flags import Reason

CONSOLE = Path(admin_api.console.__file__).parent
FAMILIES = {
    "roles": Role,
    "corrections": Standing,
    "correction kinds": CorrectionKind,
    "pages": PageState,
    "enrolments": EnrolmentState,
    "grading": Grading,
    "doubts": DoubtKind,
    "rejections": RejectReason,
    "files": FileKind,
    "keys": KeyState,
    "releases": ReleaseKind,
    "reasons to look at an item": Reason,
}


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    with open(CONSOLE / "locale" / "zh.po", "rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id}


def test_every_text_of_a_page_is_translated(known: dict[str, str]) -> None:
    found = extract_from_dir(
        CONSOLE / "templates",
        [("**.html", "jinja2.ext:babel_extract")],
        options_map={"**.html": {"trimmed": "true", "silent": "false"}},
    )
    texts = {str(message) for _, _, message, _, _ in found}
    assert texts
    assert sorted(text for text in texts if not known.get(text)) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_code_has_words(known: dict[str, str], family: str) -> None:
    codes = [one.value for one in FAMILIES[family]]
    assert [code for code in codes if not known.get(f":{code}")] == []


def test_every_refusal_says_what_to_do_with_the_paper(known: dict[str, str]) -> None:
    assert [one for one in RejectReason if not known.get(f":{one.value}_todo")] == []


def test_every_title_error_and_notice_has_words(known: dict[str, str]) -> None:
    titles = {link.title for role in Role for link in links_for(role)}
    errors: set[type[KaowuError]] = set(_STATUSES)
    codes = titles | {error.__name__ for error in errors}
    for path in (CONSOLE / "desks").glob("*.py"):
        said = re.findall(r"\.done\([^\n]*?\"([^\"/{}]{3,})\"\s*\)", path.read_text())
        codes |= set(said)
    assert sorted(code for code in codes if not known.get(f":{code}")) == []


def test_the_report_and_the_console_give_a_reason_the_same_words(known: dict[str, str]) -> None:
    assert {f":{reason.value}": words for reason, words in REASONS.items()}.items() <= known.items()
    assert {f":{why}": words for why, words in WHY_NOT.items()}.items() <= known.items()
