"""The frames that travel between the features, their columns declared once.

intake ──CARDS──▶ review, corrections (overlays) ──CARDS──▶ joining ──▶ PAGE_STATES
registration ──ENROLMENTS, BAGS──▶                              └─────▶ ENROLMENT_STATES ──▶ scores
"""

from __future__ import annotations

import polars as pl

Schema = dict[str, pl.DataType]
_IDS = pl.List(pl.Int64())

CARDS: Schema = {
    "page": pl.Int64(),
    "reading": pl.Int64(),  # the newest of the page
    "region": pl.String(),
    "box": pl.String(),
    "bag": pl.String(),
    "position": pl.Int64(),  # in the bag's feed, from 1
    "sha256": pl.String(),  # of the image
    "status": pl.String(),  # read, review, rejected
    "replaced": pl.Boolean(),  # another page stands for it, or it is no card
    "ticket": pl.String(),  # "" blank; "?" stands for a digit that cannot be told
    "subject": pl.String(),
    "form": pl.String(),
    "absent": pl.Boolean(),
    "violation": pl.Boolean(),
    "barcode": pl.String(),
    "barcode_paper": pl.String(),  # the barcode's parts by the exam's pattern, "" where it has none
    "barcode_form": pl.String(),
    "barcode_ticket": pl.String(),
    "answers": pl.Binary(),  # one byte an item, bit k is option k
    "open": pl.List(pl.String()),  # fields with a doubt that nobody settled yet
    "decisions": _IDS,  # the settled decisions that changed or confirmed something
    "corrections": _IDS,
}
"""A row a page, in the order of page ids: as read, then as decided, then as corrected."""

ENROLMENTS: Schema = {
    "enrolment": pl.Int64(),
    "candidate": pl.Int64(),
    "ticket": pl.String(),
    "subject": pl.String(),
    "paper": pl.String(),
    "room": pl.Int64(),
    "seat": pl.String(),
    "region": pl.String(),
    "specialty": pl.String(),
    "medium": pl.String(),  # card, computer
    "present": pl.Boolean(),  # null where no list names it
    "corrections": _IDS,  # that changed `present`
    "computer_answers": pl.Int64(),  # the fact's id, null where there is none
    "computer_form": pl.String(),
    "computer_masks": pl.Binary(),
}
"""A row an enrolment, in the order of enrolment ids."""

BAGS: Schema = {
    "region": pl.String(),
    "box": pl.String(),
    "bag": pl.String(),
    "room": pl.Int64(),
    "subject": pl.String(),
    "cards": pl.Int64(),
}
"""A row a bag as the recovery forms list it (回收确认单)."""

ROOMS: Schema = {
    "room": pl.Int64(),
    "name": pl.String(),  # region/site/venue/room, as people know it
}
"""A row a room (试室)."""

CARD = pl.format("{}/{}/{} card {}", "region", "box", "bag", "position")
"""A card as people know it: the bag that it came in, and its place there."""

PAGE_STATES: Schema = {
    "page": pl.Int64(),
    "state": pl.String(),
    "enrolment": pl.Int64(),  # that it names, null where none
    "evidence": pl.String(),
}
"""A row a page: exactly one state each."""

ENROLMENT_STATES: Schema = {
    "enrolment": pl.Int64(),
    "state": pl.String(),
    "page": pl.Int64(),  # of its one matched card, null where there is none
    "reading": pl.Int64(),
    "form": pl.String(),  # settled: of the card, its barcode or the computer
    "answers": pl.Binary(),  # null where there are none to score
    "evidence": pl.String(),
}
"""A row an enrolment: exactly one state each."""


def in_order(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The frame, with a note where it is sorted by an id: millions are then merged, not hashed."""
    ids = frame[key]
    if ids.null_count() or not ids.is_sorted():
        return frame
    return frame.with_columns(ids.set_sorted())


def beside(left: pl.DataFrame, right: pl.DataFrame, key: str) -> pl.DataFrame:
    """A left join, in the order of `left`, by an id that each has once in `right`.

    Where they lie alike already, as they mostly do, not a row of millions is moved.
    """
    ids = left[key]
    if ids.equals(right[key]) and not ids.null_count():
        return left.hstack(right.drop(key))
    return left.join(right, on=key, how="left", maintain_order="left")


def empty(schema: Schema) -> pl.DataFrame:
    """A frame of these columns without rows."""
    return pl.DataFrame(schema=schema)


RESULTS: Schema = {
    "enrolment": pl.Int64(),
    "candidate": pl.Int64(),
    "subject": pl.String(),
    "paper": pl.String(),
    "form": pl.String(),
    "state": pl.String(),  # scored, absent, void, none (no card), open (not settled)
    "raw": pl.String(),  # marks on the paper, exact; "" where there are none
    "score": pl.String(),  # after scaling, exact
    "line": pl.String(),  # the pass line that applied
    "passed": pl.Boolean(),
    "page": pl.Int64(),  # null where there is no card
    "reading": pl.Int64(),
    "key_version": pl.Int64(),
    "decisions": _IDS,
    "corrections": _IDS,
    "violations": _IDS,
    "evidence": pl.String(),
}
"""A row an enrolment: its result and the facts that it rests on."""

OUTCOMES: Schema = {
    "candidate": pl.Int64(),
    "qualified": pl.Boolean(),  # every subject passed within the years that roll
    "passed": pl.List(pl.String()),  # subjects passed in this sitting
    "carried": pl.List(pl.Struct({"subject": pl.String(), "year": pl.Int64()})),
    "evidence": pl.String(),
}
"""A row a candidate: what the subjects come to."""
