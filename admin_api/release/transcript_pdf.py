"""Transcripts on paper: A4, one page a candidate, the code at its foot.

A character that the font lacks stands as its code point, such as [U+20BB7], and a line on the page
says so; the code holds the character itself.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from admin_api.release.records import Statement
from omr.outputs import whole_file
from omr.pdf_font import code_point, lacking, register, spelled

_PLAIN, _BOLD = "transcript", "transcript-bold"
_LEFT, _RIGHT, _TOP = 25 * mm, 185 * mm, 262 * mm
_CODE_MM = 62.0
_FACT_MM = 63.0  # room for a fact beside its name
_GREY, _INK = 0.42, 0.1
_ONE_AT_A_TIME = threading.Lock()  # ReportLab's fonts are shared, and read at a place of their own
STATES = {
    "scored": "",
    "absent": "缺考",
    "void": "成绩无效",
    "none": "无成绩",
    "carried": "",
}


class _Specialty(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...


class Printed(Protocol):
    """What of an exam stands on a transcript; `Exam` has it all."""

    @property
    def year(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def regions(self) -> Mapping[str, str]: ...
    @property
    def subjects(self) -> Mapping[str, str]: ...
    @property
    def specialties(self) -> Mapping[str, _Specialty]: ...


@dataclass(frozen=True, slots=True)
class _Style:
    """How words stand there; `most` is the width, in points, that they may take."""

    size: float
    bold: bool = False
    middle: bool = False
    grey: float = _INK
    most: float = _RIGHT - _LEFT


_HEAD, _NOTE = _Style(10, grey=_GREY), _Style(8.5, grey=_GREY)
_FACT = _Style(11.5, most=_FACT_MM * mm)


@dataclass(slots=True)
class _Sheet:
    """A page being drawn. `spelled_out` are the characters that stand as code points."""

    canvas: Canvas
    spelled_out: dict[str, None] = field(default_factory=dict)

    def write(self, x: float, y: float, words: str, style: _Style) -> None:
        """Words, smaller where they would take more room than there is."""
        font = _BOLD if style.bold else _PLAIN
        self.spelled_out |= dict.fromkeys(lacking(words, font))
        shown = spelled(words, font)
        width = pdfmetrics.stringWidth(shown, font, style.size)
        self.canvas.setFillGray(style.grey)
        self.canvas.setFont(font, style.size * min(1.0, style.most / max(width, 1.0)))
        draw = self.canvas.drawCentredString if style.middle else self.canvas.drawString
        draw(x, y, shown)

    def line(self, y: float) -> None:
        """A line from margin to margin."""
        self.canvas.setLineWidth(0.6)
        self.canvas.setStrokeGray(_INK)
        self.canvas.line(_LEFT, y, _RIGHT, y)


def print_transcripts(
    out: Path, exam: Printed, statement: Statement, pages: Iterator[tuple[Mapping[str, Any], str]]
) -> int:
    """Write the transcripts of records, each with its code's text; returns how many.

    The file is there whole or not at all.

    Raises:
        OutputError: it cannot be written.
        FontMissing: set-up has not put the font there.
    """
    count = 0
    with _ONE_AT_A_TIME, whole_file(out) as draft:
        _register_fonts()
        canvas = Canvas(str(draft), pagesize=A4, invariant=True)
        canvas.setTitle(f"{exam.year} {exam.name} 成绩单")
        for record, code in pages:
            _draw(_Sheet(canvas), exam, statement, record)
            _draw_code(canvas, code)
            canvas.showPage()
            count += 1
        canvas.save()
    return count


@functools.cache
def _register_fonts() -> None:
    register(_PLAIN)
    register(_BOLD, bold=True)


def _draw(sheet: _Sheet, exam: Printed, statement: Statement, record: Mapping[str, Any]) -> None:
    title = _Style(15, bold=True, middle=True)
    sheet.write(105 * mm, _TOP, f"{exam.year}年{exam.name}", title)
    sheet.write(105 * mm, _TOP - 12 * mm, "成 绩 单", replace(title, size=20))
    sheet.line(_TOP - 20 * mm)
    _facts(sheet, exam, record)
    y = _TOP - 66 * mm
    for x, head in ((0, "科目"), (70, "成绩"), (95, "合格"), (118, "备注")):
        sheet.write(_LEFT + x * mm, y, head, _HEAD)
    sheet.line(y - 3 * mm)
    for one in record["subjects"]:
        y -= 10 * mm
        _subject(sheet, exam, one, y)
    sheet.line(y - 4 * mm)
    verdict = "全部科目合格" if record["qualified"] else "尚有科目未合格"
    sheet.write(_LEFT, y - 14 * mm, verdict, _Style(13, bold=True))
    sheet.write(_LEFT, 30 * mm, "成绩发布编号", _NOTE)
    sheet.write(_LEFT, 25 * mm, statement.release[:32], _Style(8.5))
    sheet.write(_LEFT, 21 * mm, statement.release[32:], _Style(8.5))
    words = "右侧二维码载有本成绩单全部内容及两人数字签名，可离线核验。"
    sheet.write(_LEFT, 13 * mm, words, _NOTE)
    if sheet.spelled_out:
        marks = "、".join(map(code_point, sheet.spelled_out))
        words = f"{marks}：打印字库无此字，以其统一码编号代替；二维码内为原字。"
        sheet.write(_LEFT, _TOP - 56 * mm, words, _NOTE)


def _facts(sheet: _Sheet, exam: Printed, record: Mapping[str, Any]) -> None:
    specialty = exam.specialties[record["specialty"]]
    facts = (
        ("姓名", record["name"]),
        ("准考证号", record["ticket"]),
        ("证件号", _hidden(record["id_number"])),
        ("报考专业", f"{specialty.code} {specialty.name}"),
        ("级别", record["level"]),
        ("考区", exam.regions.get(record["region"], record["region"])),
    )
    for n, (what, value) in enumerate(facts):
        x, y = _LEFT + (n % 2) * 85 * mm, _TOP - (30 + 9 * (n // 2)) * mm
        sheet.write(x, y, what, _HEAD)
        sheet.write(x + 20 * mm, y, value, _FACT)


def _subject(sheet: _Sheet, exam: Printed, one: Mapping[str, Any], y: float) -> None:
    carried = one["carried"]
    note = STATES[one["state"]] or (f"{carried}年合格，成绩滚动" if carried else "")
    subject = exam.subjects.get(one["subject"], one["subject"])
    sheet.write(_LEFT, y, subject, _Style(12, most=68 * mm))
    sheet.write(_LEFT + 70 * mm, y, one["score"] or "—", _Style(12, bold=True, most=23 * mm))
    passed = "合格" if one["passed"] or carried else "不合格"
    sheet.write(_LEFT + 95 * mm, y, passed if one["state"] != "absent" else "—", _Style(12))
    sheet.write(_LEFT + 118 * mm, y, note, _Style(9.5, grey=_GREY, most=42 * mm))


def _draw_code(canvas: Canvas, code: str) -> None:
    """The code, its modules as one path: bottom right, with a quiet zone."""
    symbol = segno.make(code, error="l", boost_error=False, micro=False)
    size = _CODE_MM * mm / (len(symbol.matrix) + 8)
    left, top = _RIGHT - _CODE_MM * mm + 4 * size, 12 * mm + _CODE_MM * mm - 4 * size
    path = canvas.beginPath()
    for row, modules in enumerate(symbol.matrix):
        start = None
        for column, dark in enumerate((*modules, 0)):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                width = (column - start) * size
                path.rect(left + start * size, top - (row + 1) * size, width, size)
                start = None
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)


def _hidden(number: str) -> str:
    """An identity number with its middle hidden: paper lies about."""
    if len(number) < 8:
        return "*" * len(number)
    return number[:4] + "*" * (len(number) - 8) + number[-4:]
