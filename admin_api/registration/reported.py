"""What regions report and what other years say: corrections, violations, earlier scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from admin_api.exam.terms import Exam
from admin_api.registration.checks import Checks, Imported
from admin_api.registration.columns import CORRECTIONS, FORMAL_DOCUMENT, HISTORY, VIOLATIONS
from admin_api.registration.roster import FILE_NUMBER, check_ticket
from admin_api.registration.sheets import read_sheet
from admin_api.registration.sittings import check_subject

CORRECTION_KINDS: dict[str, object] = {
    "准考证号": "ticket",
    "科目": "subject",
    "卷型": "form",
    "条形码": "barcode",
    "姓名": "name",
    "证件类型": "id_kind",
    "证件号": "id_number",
    "缺考": "absent",
    "违纪标识": "violation",
    "换座": "swap",
}
"""What may be corrected, and the names that the service uses, which are accepted as well."""

FIXED_KINDS = ("专业", "专业代码", "级别", "specialty", "level")
"""What a correction never changes."""

OF_ONE_SUBJECT = ("subject", "form", "barcode", "absent", "violation", "swap")
"""Kinds of corrections that name a subject."""

YES: dict[str, object] = {
    "是": True, "否": False, "1": True, "0": False, "true": True, "false": False,
}  # fmt: skip
SIGNATURES: dict[str, object] = {"签": "signed", "拒签": "refused"}
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日", "%Y-%m-%d %H:%M:%S")


def read_history(path: Path, exam: Exam, *, encoding: str | None = None) -> Imported:
    """Scores of earlier years (历年成绩), one row a year, file number, specialty and subject.

    Columns: row, year: Int64; file_number, specialty, subject, score: String, score an exact
    decimal number or "" for none; passed: Boolean.

    Raises:
        ImportRefused: with every fault of the file.
    """
    checks = Checks(read_sheet(path, HISTORY, encoding=encoding))
    checks.refuse_unlike("year", "(?:19|20)[0-9]{2}", "is no year; write four digits")
    checks.refuse_unlike(
        "file_number", FILE_NUMBER, "is no file number; compare it with the source"
    )
    check_subject(checks, exam)
    known = {*exam.specialties, *exam.rolling.merges}
    checks.warn(
        "specialty",
        ~pl.col("specialty").is_in(sorted(known)),
        "is no specialty of this exam and was merged into none; its scores do not roll",
    )
    checks.refuse_unlike(
        "score",
        r"[0-9]{1,3}(?:\.[0-9]{1,6})?",
        "is no score; write a number such as 60 or 59.5, or leave it empty",
    )
    checks.frame = checks.frame.with_columns(pl.col("year").cast(pl.Int64, strict=False))
    checks.refuse(
        "year", pl.col("year") >= exam.year, f"is not before this exam's year, {exam.year}"
    )
    checks.translate("passed", YES, pl.Boolean())
    checks.unique(["file_number", "year", "specialty", "subject"])
    return checks.done(*HISTORY.names)


def read_corrections(path: Path, exam: Exam, *, encoding: str | None = None) -> Imported:
    """Corrections (数据修正) that a region reports, one row a kind, ticket and subject.

    Columns: row Int64; kind (a value of `CORRECTION_KINDS`), ticket, subject ("" for the whole
    candidate), old, new, reason, evidence (the name of a file beside), document: String. `new` may
    be "" where a mark or a text is to be taken away, `old` where it lacked.

    Raises:
        ImportRefused: with every fault of the file.
    """
    checks = Checks(read_sheet(path, CORRECTIONS, encoding=encoding))
    checks.refuse(
        "kind",
        pl.col("kind").is_in(FIXED_KINDS),
        "can never be changed by a correction; delete the row",
    )
    names = {str(value): value for value in CORRECTION_KINDS.values()}
    checks.translate("kind", CORRECTION_KINDS | names, pl.String())
    # A ticket of a misfilled card may be no ticket at all, so its pattern is not held.
    check_subject(checks, exam)
    checks.refuse_empty(
        ["subject"], pl.col("kind").is_in(OF_ONE_SUBJECT), "this kind is about one subject"
    )
    checks.refuse(
        "new",
        (pl.col("old") == pl.col("new")),
        "is the same as the old value; write what is right, or delete the row",
    )
    _check_evidence(checks, path.parent)
    checks.unique(["ticket", "kind", "subject"])
    return checks.done(*CORRECTIONS.names)


def read_violations(path: Path, exam: Exam, *, encoding: str | None = None) -> Imported:
    """Violations (违纪), one row a ticket, subject and code.

    Columns: row Int64; reminded: Boolean; notice, defence, reviewed: Date, null for none;
    signature: String, "signed" or "refused"; all others String, "" for none; evidence is the name
    of a file beside.

    Raises:
        ImportRefused: with every fault of the file.
    """
    checks = Checks(read_sheet(path, VIOLATIONS, encoding=encoding))
    check_ticket(checks, exam)
    check_subject(checks, exam)
    _check_code(checks, exam)
    checks.translate("reminded", YES, pl.Boolean())
    checks.refuse(
        "recorder2",
        (pl.col("recorder2") != "") & (pl.col("recorder1") == pl.col("recorder2")),
        "is recorder1 again; two people record a violation",
    )
    checks.translate("signature", SIGNATURES, pl.String())
    checks.refuse_empty(
        ["witness1", "witness2"],
        pl.col("signature") == "refused",
        "where the candidate refuses to sign, two witnesses do",
    )
    checks.refuse(
        "witness2",
        (pl.col("witness2") != "") & (pl.col("witness1") == pl.col("witness2")),
        "is witness1 again; two people witness a refusal to sign",
    )
    _take_dates(checks, ("notice", "defence", "reviewed"))
    _check_evidence(checks, path.parent)
    checks.unique(["ticket", "subject", "code"])
    return checks.done(*VIOLATIONS.names)


def read_formal_document(path: Path, exam: Exam, *, encoding: str | None = None) -> Imported:
    """The list in a formal document about violations (正式文件).

    Columns: row Int64; document, ticket, subject, code: String.

    Raises:
        ImportRefused: with every fault of the file.
    """
    checks = Checks(read_sheet(path, FORMAL_DOCUMENT, encoding=encoding))
    check_ticket(checks, exam)
    check_subject(checks, exam)
    _check_code(checks, exam)
    checks.unique(["ticket", "subject", "code"])
    return checks.done(*FORMAL_DOCUMENT.names)


def _check_code(checks: Checks, exam: Exam) -> None:
    checks.refuse_unknown("code", exam.violations, "is no code of the table of violations")


def _take_dates(checks: Checks, columns: Sequence[str]) -> None:
    for column in columns:
        text = pl.col(column)
        day = pl.coalesce(text.str.to_date(form, strict=False) for form in _DATES)
        checks.refuse(column, (text != "") & day.is_null(), "is no date; write it as 2026-06-01")
        checks.frame = checks.frame.with_columns(day.alias(column))


def _check_evidence(checks: Checks, folder: Path) -> None:
    """Evidence must be files in that folder; names that lead out of it are refused."""
    for name in checks.frame["evidence"].unique().sort().to_list():
        if not name:
            continue
        here = pl.col("evidence") == name
        if "/" in name or "\\" in name or name in (".", ".."):
            checks.refuse(
                "evidence", here, "is a path; put the file beside this one and give its name only"
            )
        elif not _is_plain_file(folder / name):
            checks.refuse(
                "evidence", here, "is no file beside this one; put it there, or correct the name"
            )


def _is_plain_file(path: Path) -> bool:
    try:
        return path.is_file() and not path.is_symlink()
    except (OSError, ValueError):  # a name that no file can have
        return False
