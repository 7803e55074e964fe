"""The roster (报名库): who sits what, and where."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from admin_api.exam.terms import Exam
from admin_api.registration.checks import Checks, Imported
from admin_api.registration.columns import ROSTER
from admin_api.registration.identity import KINDS, capitals, id_fault, kind_of, place_unknown
from admin_api.registration.sheets import read_sheet

FILE_NUMBER = "[0-9A-Za-z-]{4,32}"
_SEPARATORS = r"[\s,，、;；/+]+"
_DOT_LOOK_ALIKES = r"[\x{2022}\x{2027}\x{2219}\x{22C5}\x{30FB}\x{FF65}．]"
_LOST_IN_NAME = "[?？□〓]"
_PRIVATE = r"[\x{E000}-\x{F8FF}]"
_PLACE = ("region", "site", "venue", "room", "seat")


def read_roster(path: Path, exam: Exam, *, encoding: str | None = None) -> Imported:
    """The candidates of a roster, one row a ticket.

    Columns: row Int64; ticket, name, id_kind (its own name), id_number (in capitals), file_number,
    specialty, level (the specialty's where it is left out), region, site, venue, room, seat, unit:
    String, "" for none; subjects: List(String), in the exam's order; military: Boolean, whether a
    unit is named.

    Raises:
        ImportRefused: with every fault of the file.
    """
    checks = Checks(read_sheet(path, ROSTER, encoding=encoding))
    check_ticket(checks, exam)
    checks.refuse_unknown("region", exam.regions, "is no region of this exam")
    _check_names(checks)
    _check_identity(checks)
    _check_file_numbers(checks)
    _check_specialties(checks, exam)
    checks.unique(["ticket"])
    checks.refuse_shared(
        ["id_number", "id_kind"],
        (pl.col("id_number") != "") & (pl.col("id_kind") != ""),
        "is the person of {at} under another ticket; delete one, or correct the document's number",
    )
    _check_seats(checks)
    return checks.done(
        *(c for c in ROSTER.names if c != "subjects"),
        pl.col("enrolled").alias("subjects"),
        (pl.col("unit") != "").alias("military"),
    )


def check_ticket(checks: Checks, exam: Exam) -> None:
    """Tickets must match the exam's pattern."""
    # Python's own matching, since polars' differs in what \d and lookaheads are.
    fits = [exam.ticket.fullmatch(ticket) is not None for ticket in checks.frame["ticket"]]
    checks.frame = checks.frame.with_columns(pl.Series("fits", fits, dtype=pl.Boolean))
    checks.refuse(
        "ticket",
        (pl.col("ticket") != "") & ~pl.col("fits"),
        f"does not match the exam's tickets ({exam.ticket.pattern}); compare it with the source",
    )


def _check_names(checks: Checks) -> None:
    name = pl.col("name")
    checks.warn(
        "name",
        name.str.contains(_LOST_IN_NAME),
        "may have lost a character in a conversion; compare it with the document",
    )
    checks.warn(
        "name",
        name.str.contains(_PRIVATE),
        "holds a private-use character, which is another one on another computer; find its "
        "standard code",
    )
    checks.warn(
        "name", name.str.contains(_DOT_LOOK_ALIKES), "holds a dot other than the usual · (U+00B7)"
    )


def _check_identity(checks: Checks) -> None:
    checks.frame = checks.frame.with_columns(
        kind_of("id_kind").alias("kind"), capitals("id_number").alias("id_number")
    )
    checks.refuse(
        "id_kind",
        (pl.col("id_kind") != "") & (pl.col("kind") == ""),
        f"is no known kind of document; use one of {', '.join(kind.name for kind in KINDS)}",
    )
    checks.frame = checks.frame.with_columns(
        pl.col("kind").alias("id_kind"), id_fault("kind", "id_number").alias("fault")
    )
    there = pl.col("id_number") != ""
    checks.refuse("id_number", there & pl.col("fault").is_not_null(), pl.col("fault"))
    checks.warn(
        "id_number",
        there & place_unknown("kind", "id_number"),
        "begins with a province that is not known; compare it with the document",
    )


def _check_file_numbers(checks: Checks) -> None:
    number = pl.col("file_number")
    lacking = checks.frame.filter(number == "").height
    if lacking:
        checks.note(f"{lacking} candidates have no file number 档案号; their scores do not roll")
    checks.warn(
        "file_number",
        (number != "") & ~number.str.contains(f"^{FILE_NUMBER}$"),
        "is unlike other file numbers; if it is wrong, scores do not roll",
    )


def _check_specialties(checks: Checks, exam: Exam) -> None:
    checks.refuse_unknown("specialty", exam.specialties, "is no specialty of this exam")
    levels = {code: specialty.level for code, specialty in exam.specialties.items()}
    own = pl.col("specialty").replace_strict(levels, default="", return_dtype=pl.String)
    checks.refuse(
        "level",
        (pl.col("level") != "") & (own != "") & (pl.col("level") != own),
        pl.concat_str(
            pl.lit("is not the level of the specialty ("),
            own,
            pl.lit("); find out which of the two is right"),
        ),
    )
    # Few specialties and few sets of subjects: each pair is parsed once.
    pairs = checks.frame.select("specialty", "subjects").unique()
    parsed = [enrolled(exam, *pair) for pair in pairs.iter_rows()]
    known = pairs.with_columns(
        pl.Series("enrolled", [p[0] for p in parsed], dtype=pl.List(pl.String)),
        pl.Series("unfit", [p[1] for p in parsed], dtype=pl.String),
    )
    checks.frame = checks.frame.join(
        known, on=["specialty", "subjects"], how="left", maintain_order="left"
    ).with_columns(pl.when(pl.col("level") == "").then(own).otherwise("level").alias("level"))
    checks.refuse("subjects", pl.col("unfit") != "", pl.col("unfit"))


def enrolled(exam: Exam, specialty: str, text: str) -> tuple[list[str], str]:
    """The subjects that a cell such as `1234` or `1、3` names, in the exam's order, and what is
    wrong with it, "" for nothing."""
    codes = [code for code in re.split(_SEPARATORS, text) if code]
    if all(len(code) == 1 for code in exam.subjects):
        codes = list("".join(codes))
    if not text or specialty not in exam.specialties:
        return [], ""
    papers = exam.specialties[specialty].papers
    unfit = [code for code in codes if code not in papers]
    if unfit:
        return [], (
            f"names {', '.join(unfit)}, and specialty {specialty} has {', '.join(papers)}; name "
            "subjects of the specialty"
        )
    if len(set(codes)) < len(codes):
        return [], "names a subject twice; name it once"
    if not codes:
        return [], "names no subject; name one or delete the row"
    return [code for code in exam.subjects if code in codes], ""


def _check_seats(checks: Checks) -> None:
    frame = checks.frame
    together = pl.concat_str([pl.col(c) for c in _PLACE], separator="\x1f")
    if not frame.filter((pl.col("seat") != "") & together.is_duplicated()).height:
        return
    checks.frame = frame.filter(together.is_duplicated()).explode("enrolled")
    checks.refuse_shared(
        ["seat", "region", "site", "venue", "room", "enrolled"],
        (pl.col("seat") != "") & pl.col("enrolled").is_not_null(),
        "is the seat of {at} too, in the same room and subject; give one of them another seat",
    )
    checks.frame = frame
