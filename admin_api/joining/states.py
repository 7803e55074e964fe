"""Where a page and an enrolment stand; the tables in admin_api/README.md say what each means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class PageState(StrEnum):
    """What became of a page. Where several apply, the first in this order counts."""

    REPLACED = "replaced"
    REJECTED = "rejected"
    IN_REVIEW = "in_review"
    DUPLICATE_CARD = "duplicate_card"
    DUPLICATE_NUMBER = "duplicate_number"
    CARD_WITHOUT_CANDIDATE = "card_without_candidate"
    UNREGISTERED_NUMBER = "unregistered_number"
    WRONG_SUBJECT = "wrong_subject"
    WRONG_FORM = "wrong_form"
    WRONG_ROOM = "wrong_room"
    ABSENT_WITH_ANSWERS = "absent_with_answers"
    MATCHED = "matched"


class EnrolmentState(StrEnum):
    """What became of an enrolment."""

    ANSWERED = "answered"
    ABSENT = "absent"
    CARD_IN_QUESTION = "card_in_question"
    CANDIDATE_WITHOUT_CARD = "candidate_without_card"


@dataclass(frozen=True, slots=True)
class Joined:
    """Cards joined to people: `frames.PAGE_STATES` and `frames.ENROLMENT_STATES`."""

    pages: pl.DataFrame
    enrolments: pl.DataFrame
