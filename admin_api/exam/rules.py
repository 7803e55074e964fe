"""Pass lines (合格线) and rolling rules (成绩滚动) of EXAM.toml, as `omr.score` takes them.

What it would refuse when scores are worked out is refused here already, at the table to mend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from admin_api.exam.terms import Exam
from omr.errors import ScoringError
from omr.score.key import parse_marks
from omr.score.pass_lines import PassLine, PassLines
from omr.score.rolling import RollingRules, merges_of
from omr.toml_table import Table

_NO_LINES = PassLines.of([PassLine(Fraction(0))])
Merge = tuple[tuple[str, ...], str]  # what was merged, and into what


def fraction(table: Table, key: str, default: str | None = None) -> Fraction:
    """An exact number, written as text."""
    text = table.text(key, default)
    try:
        return parse_marks(text)
    except ValueError:
        table.fault(f'{key} must be a number or a fraction in quotes, such as "60"', key)
        return Fraction(1)


def pass_lines(top: Table, exam: Exam) -> PassLines:
    """The `[[pass_line]]` tables; `exam` says what they may name."""
    tables = top.tables("pass_line")
    rules = [_line(table, exam) for table in tables]
    if not any(not rule.named for rule in rules):
        top.fault('no [[pass_line]] for everybody; add one with line = "60" alone')
        return _NO_LINES
    try:
        return PassLines.of(rules)
    except ScoringError as error:
        tables[_culprit(rules, PassLines.of)].fault(f"[[pass_line]]: {error}")
        return _NO_LINES


def rolling_rules(rolling: Table, exam: Exam) -> RollingRules:
    """The `[rolling]` table with its merges."""
    years = rolling.whole("years", 2, high=10)
    tables = rolling.tables("merge")
    merges = [_merge(table) for table in tables]
    needed = {code: tuple(one.papers) for code, one in exam.specialties.items()}

    def rules_of(some: Sequence[Merge]) -> RollingRules:
        merged: dict[str, tuple[str, ...]] = {}
        for sources, target in some:
            merged[target] = (*merged.get(target, ()), *sources)
        return RollingRules(exam.year, needed, merges_of(merged), years)

    try:
        rules = rules_of(merges)
    except ScoringError as error:
        at = tables[_culprit(merges, rules_of)] if tables else rolling
        at.fault(f"[[rolling.merge]]: {error}" if tables else f"[rolling]: {error}")
        return RollingRules(exam.year, {})
    for table, (_, target) in zip(tables, merges, strict=True):
        if (now := rules.became(target)) not in exam.specialties:
            table.fault(f"[[rolling.merge]]: {now} is no specialty of this exam", "to")
    return rules


def _culprit(rules: Sequence[object], build: Callable[..., object]) -> int:
    """Which rule to mend: the last without which the others hold, else the last of all."""
    for at in reversed(range(len(rules))):
        try:
            build([*rules[:at], *rules[at + 1 :]])
        except ScoringError:
            continue
        return at
    return len(rules) - 1


def _line(table: Table, exam: Exam) -> PassLine:
    known = {
        "region": exam.regions,
        "specialty": exam.specialties,
        "subject": exam.subjects,
        "level": {one.level for one in exam.specialties.values()},
    }
    named = {key: table.text(key) if table.has(key) else None for key in known}
    for key, value in named.items():
        if value is not None and value not in known[key]:
            told = ", ".join(sorted(known[key]))
            table.fault(f"[[pass_line]] names the {key} {value!r}; known: {told}", key)
    year = table.whole("year", low=2000, high=2200) if table.has("year") else None
    rule = PassLine(fraction(table, "line"), year, **named)
    table.done()
    return rule


def _merge(table: Table) -> Merge:
    if not isinstance(table.content.get("from", []), list) or not table.content.get("from"):
        table.fault('[[rolling.merge]]: write from as a list of codes, such as ["109"]', "from")
    merge = table.texts("from"), table.text("to")
    table.done()
    return merge
