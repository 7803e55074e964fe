"""EXAM.toml: parsed once, with every fault and its line."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Protocol, TypeVar

from admin_api.errors import Refused
from admin_api.exam.rules import fraction, pass_lines, rolling_rules
from admin_api.exam.terms import (
    BarcodeNames,
    Calendar,
    CardUse,
    Exam,
    Medium,
    Paper,
    Penalty,
    Specialty,
    ViolationCode,
)
from omr.score.pass_lines import PassLine, PassLines
from omr.score.rolling import RollingRules
from omr.score.scaling import Rounding
from omr.toml_table import Lines, Table


class _HasCode(Protocol):
    @property
    def code(self) -> str: ...


Coded = TypeVar("Coded", bound=_HasCode)


def load_exam(path: Path) -> tuple[Exam, str]:
    """An exam's file and its whole text, violation codes included.

    Raises:
        Refused: it cannot be read or has faults.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is no UTF-8 text ({error}); save it as UTF-8") from error
    codes = _codes_text(text, path)
    whole = f"{text.rstrip()}\n\n{_as_part(codes)}" if codes else text
    return parse_exam(whole, str(path)), whole


def parse_exam(text: str, source: str) -> Exam:
    """An exam from the text that `load_exam` returned, or from the store.

    Raises:
        Refused: one finding a fault, with its line.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{source} is no TOML", [str(error)]) from error
    findings: list[str] = []
    top = Table(content, "", Lines(text), findings)
    exam = _exam(top, hashlib.sha256(text.encode()).hexdigest())
    top.done()
    findings += _contradictions(exam)
    if findings:
        raise Refused(f"{source} cannot be used as an exam; mend these:", findings)
    return exam


def _codes_text(text: str, path: Path) -> str:
    """The violation codes that the file names, built in or beside it."""
    try:
        named = tomllib.loads(text).get("violations", {})
    except tomllib.TOMLDecodeError:
        return ""
    name = named.get("table") if isinstance(named, dict) else None
    if not isinstance(name, str) or "code" in named:
        return ""
    built_in = resources.files("admin_api.exam") / f"violations-{name}.toml"
    try:
        if built_in.is_file():
            return built_in.read_text(encoding="utf-8")
        return (path.parent / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"{path}: violations.table {name!r} is neither built in (2017) nor a file beside it"
        ) from error


def _as_part(codes: str) -> str:
    """The code table as a part of the exam's own text."""
    kept = [line for line in codes.splitlines() if not line.startswith(("#", "source"))]
    return "\n".join(kept).replace("[[code]]", "[[violations.code]]").strip() + "\n"


def _exam(top: Table, digest: str) -> Exam:
    calendar, ticket = top.table("calendar"), top.table("ticket")
    review, rolling = top.table("review", {"people": 2}), top.table("rolling", {"years": 2})
    violations = top.table("violations")
    violations.text("table", "")
    exam = Exam(
        year=top.whole("year", low=2000, high=2200),
        name=top.text("name"),
        calendar=Calendar(
            calendar.day("corrections_until"),
            calendar.day("violations_from"),
            calendar.day("violations_until"),
        ),
        ticket=_pattern(ticket, "pattern"),
        regions=_named(top, "region"),
        subjects=_named(top, "subject"),
        specialties={s.code: s for s in _coded(top.tables("specialty"), _specialty)},
        papers={p.code: p for p in _coded(top.tables("paper"), _paper)},
        card=_card(top.table("card")),
        review_people=review.whole("people", 2, high=5),
        lines=PassLines.of([PassLine(Fraction(0))]),
        rolling=RollingRules(0, {}),
        violations={c.code: c for c in _coded(violations.tables("code"), _code)},
        sha256=digest,
    )
    exam = replace(exam, lines=pass_lines(top, exam), rolling=rolling_rules(rolling, exam))
    for table in (calendar, ticket, review, rolling, violations):
        table.done()
    return exam


def _coded(tables: list[Table], parse: Callable[[Table], Coded]) -> list[Coded]:
    found: list[Coded] = []
    for table in tables:
        one = parse(table)
        table.done()
        if any(one.code == other.code for other in found):
            table.fault(f"code {one.code!r} stands there twice; keep one", "code")
        found.append(one)
    return found


def _named(top: Table, key: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for table in top.tables(key):
        code, name = table.text("code"), table.text("name")
        table.done()
        if code in names:
            table.fault(f"code {code!r} stands there twice; keep one", "code")
        names[code] = name
    if not names:
        top.fault(f"no [[{key}]]; name at least one")
    return names


def _pattern(table: Table, key: str) -> re.Pattern[str]:
    text = table.text(key)
    try:
        return re.compile(text, re.ASCII)
    except re.error as error:
        table.fault(f"{key} is no regular expression: {error}", key)
        return re.compile("")


def _specialty(table: Table) -> Specialty:
    papers = table.table("papers")
    mapped = {key: papers.text(key) for key in list(papers.content)}
    return Specialty(
        table.text("code"),
        table.text("name"),
        table.text("level"),
        table.choice("medium", Medium),
        mapped,
    )


def _paper(table: Table) -> Paper:
    return Paper(
        table.text("code"),
        table.whole("items", high=500),
        table.whole("options", 5, low=2, high=8),
        table.texts("forms", ()) or ("",),
        fraction(table, "scale"),
        table.choice("round", Rounding, Rounding.NONE),
    )


def _card(table: Table) -> CardUse:
    barcode = table.table("barcode", {})
    names = barcode.choice("names", BarcodeNames, BarcodeNames.NOTHING)
    pattern = barcode.text("pattern", "")
    needed = {BarcodeNames.PAPER: "paper", BarcodeNames.CANDIDATE: "ticket"}.get(names, "")
    use = CardUse(
        design=table.text("design"),
        policy=table.text("policy", "default"),
        ticket=table.text("ticket"),
        subject=table.text("subject", ""),
        form=table.text("form", ""),
        absent=table.text("absent", ""),
        violation=table.text("violation", ""),
        items=table.text("items"),
        barcode=barcode.text("field", ""),
        barcode_names=names,
        barcode_pattern=_pattern(barcode, "pattern") if pattern else re.compile(".*"),
    )
    if needed and needed not in use.barcode_pattern.groupindex:
        barcode.fault(f"pattern needs the part (?P<{needed}>…), since it names it", "pattern")
    if "{n}" not in use.items:
        table.fault('items must say where the number stands, as in "q{n}"', "items")
    barcode.done()
    table.done()
    return use


def _code(table: Table) -> ViolationCode:
    return ViolationCode(
        table.text("code"),
        table.whole("article"),
        table.whole("item"),
        table.choice("penalty", Penalty),
        table.text("archive", ""),
        table.text("title"),
    )


def _contradictions(exam: Exam) -> Iterable[str]:
    for specialty in exam.specialties.values():
        for subject, paper in specialty.papers.items():
            if subject not in exam.subjects:
                yield f"specialty {specialty.code}: there is no subject {subject!r}"
            if paper not in exam.papers:
                yield f"specialty {specialty.code}: there is no paper {paper!r}"
    if not exam.specialties:
        yield "no [[specialty]]; name at least one"
    for sheet in exam.papers.values():
        if sheet.scale <= 0:
            yield f"paper {sheet.code}: scale must be over 0"
    if not exam.violations:
        yield "no violation codes; name a table in [violations]"
    if exam.calendar.violations_from > exam.calendar.violations_until:
        yield "violations_from is after violations_until"
