"""What comes from the rooms: attendance, materials and computer-based answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from admin_api.exam.terms import Exam, Paper
from admin_api.registration.checks import Checks, Imported
from admin_api.registration.columns import ATTENDANCE, COMPUTER_ANSWERS, MATERIALS
from admin_api.registration.roster import check_ticket
from admin_api.registration.sheets import read_sheet

PRESENT: dict[str, object] = {
    "到": True, "缺": False, "1": True, "0": False, "到考": True, "缺考": False,
    "true": True, "false": False,
}  # fmt: skip
_MOST_OPTIONS = 8  # one byte an item
_MASKED = 0xE000  # code points from here stand for sets of options while answers are taken apart


def read_attendance(path: Path, exam: Exam, *, encoding: str | None = None) -> Imported:
    """Who came (签到表), one row a ticket and subject.

    Columns: row Int64; ticket, subject: String; present: Boolean.

    Raises:
        ImportRefused: with every fault of the file.
    """
    checks = Checks(read_sheet(path, ATTENDANCE, encoding=encoding))
    check_ticket(checks, exam)
    check_subject(checks, exam)
    checks.translate("present", PRESENT, pl.Boolean())
    checks.unique(["ticket", "subject"])
    return checks.done(*ATTENDANCE.names)


def check_subject(checks: Checks, exam: Exam) -> None:
    """Subjects must be the exam's."""
    checks.refuse_unknown("subject", exam.subjects, "is no subject of this exam")


def read_materials(path: Path, exam: Exam, *, encoding: str | None = None) -> Imported:
    """What was handed in: cards of a bag, bags of a box, boxes of a region (回收单).

    Columns: row Int64; of: String, what is counted in: "bag", "box" or "region"; region, box, bag,
    site, venue, room, subject: String, "" where it does not apply; count: Int64.

    Raises:
        ImportRefused: with every fault of the file.
    """
    checks = Checks(read_sheet(path, MATERIALS, encoding=encoding))
    checks.refuse_unknown("region", exam.regions, "is no region of this exam")
    check_subject(checks, exam)
    has_bag, has_box = pl.col("bag") != "", pl.col("box") != ""
    checks.refuse_empty(
        ["box", "site", "venue", "room", "subject"],
        has_bag,
        "a bag's line names its box, its room and its subject",
    )
    for column in ("site", "venue", "room"):
        checks.refuse(
            column,
            ~has_bag & (pl.col(column) != ""),
            "names a room without a bag; name the bag, or leave the room out for a whole box",
        )
    checks.refuse_unlike("count", "[0-9]{1,6}", "is no count; write a whole number")
    of = pl.when(has_bag).then(pl.lit("bag")).when(has_box).then(pl.lit("box"))
    checks.frame = checks.frame.with_columns(
        pl.col("count").cast(pl.Int64, strict=False), of.otherwise(pl.lit("region")).alias("of")
    )
    checks.unique(["region", "box", "bag"])
    subjects = pl.col("subject").filter(pl.col("subject") != "").n_unique()
    mixed = subjects.over("region", "box") > 1
    checks.warn("box", has_box & mixed, "holds several subjects; a box should hold one")
    return checks.done("of", *MATERIALS.names)


def read_computer_answers(path: Path, exam: Exam, *, encoding: str | None = None) -> Imported:
    """Answers given on computers (机考作答), one row a ticket and subject.

    Columns: row Int64; ticket, subject, paper, form: String, form "" where there is one only;
    answers: Binary, one byte an item, whose bit k is option k.

    Raises:
        ImportRefused: with every fault of the file.
    """
    checks = Checks(read_sheet(path, COMPUTER_ANSWERS, encoding=encoding))
    check_ticket(checks, exam)
    check_subject(checks, exam)
    checks.refuse_unknown("paper", exam.papers, "is no paper of this exam")
    _check_papers(checks, exam)
    checks.frame = checks.frame.with_columns(pl.lit(None, pl.Binary).alias("masks"))
    for paper in exam.papers.values():
        _take_answers(checks, paper)
    checks.unique(["ticket", "subject"])
    return checks.done("ticket", "subject", "paper", "form", pl.col("masks").alias("answers"))


def _check_papers(checks: Checks, exam: Exam) -> None:
    for paper in exam.papers.values():
        own = pl.col("paper") == paper.code
        forms = ", ".join(form or "(empty)" for form in paper.forms)
        checks.refuse(
            "form",
            own & ~pl.col("form").is_in(list(paper.forms)),
            f"is no form of paper {paper.code}; it has {forms}",
        )
        fits = {
            subject
            for specialty in exam.specialties.values()
            for subject, code in specialty.papers.items()
            if code == paper.code
        }
        checks.refuse(
            "paper",
            own & pl.col("subject").is_in(list(exam.subjects)) & ~pl.col("subject").is_in(fits),
            f"is a paper of subject {', '.join(sorted(fits))}; find out which of the two is right",
        )


def _take_answers(checks: Checks, paper: Paper) -> None:
    """Check a paper's answers and put their masks into the frame."""
    here = (pl.col("paper") == paper.code) & (pl.col("answers") != "")
    rows = checks.frame.filter(here)
    if rows.is_empty():
        return
    letters = [chr(ord("A") + option) for option in range(min(paper.options, _MOST_OPTIONS))]
    sets = {
        f"[{''.join(x for k, x in enumerate(letters) if mask >> k & 1)}]": chr(_MASKED + mask)
        for mask in range(1, 1 << len(letters))
    }
    several = rows["answers"].str.contains("[", literal=True).any()
    plain = pl.col("answers").str.replace_many(sets) if several else pl.col("answers")
    checks.frame = checks.frame.with_columns(pl.when(here).then(plain).alias("plain"))
    checks.refuse(
        "answers",
        here & pl.col("plain").str.contains(rf"[^{''.join(letters)}\-\x{{E000}}-\x{{E0FF}}]"),
        f"may hold {letters[0]} to {letters[-1]}, - for a blank and several letters in brackets in "
        "the alphabet's order, such as A[BD]-C; export it so",
    )
    count = pl.col("plain").str.len_chars()
    checks.refuse(
        "answers",
        here & (count != paper.items),
        pl.concat_str(
            pl.lit("has "),
            count.cast(pl.String),
            pl.lit(f" answers, and paper {paper.code} has {paper.items} items; export it whole"),
        ),
    )
    sound = here & (count == paper.items)
    plains = checks.frame.filter(sound)
    masks = pl.DataFrame(
        {"row": plains["row"], "found": _masks(plains["plain"], paper.items)},
        schema={"row": pl.Int64, "found": pl.Binary},
    )
    checks.frame = (
        checks.frame.join(masks, on="row", how="left", maintain_order="left")
        .with_columns(pl.coalesce("masks", "found").alias("masks"))
        .drop("found", "plain")
    )


def _masks(plain: pl.Series, items: int) -> list[bytes]:
    """One byte an item; every text has `items` characters of the basic plane."""
    if plain.is_empty():
        return []
    text = "".join(plain.to_list()).encode("utf-16-le", errors="replace")
    points: NDArray[np.uint16] = np.frombuffer(text, np.uint16)
    if len(points) != len(plain) * items:  # a rare character: refused already
        return [b""] * len(plain)
    mask_of = np.zeros(1 << 16, np.uint8)
    for option in range(_MOST_OPTIONS):
        mask_of[ord("A") + option] = 1 << option
    mask_of[_MASKED : _MASKED + 256] = np.arange(256)
    rows: list[bytes] = mask_of[points].view(f"V{items}").tolist()
    return rows
