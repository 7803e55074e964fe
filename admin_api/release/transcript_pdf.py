"""Transcripts on paper: A4, one page a candidate, the code at its foot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from admin_api.release.records import Statement
from omr.fonts import chinese_font
from omr.outputs import whole_file

_PLAIN, _BOLD = "transcript", "transcript-bold"
_LEFT, _RIGHT, _TOP = 25 * mm, 185 * mm, 262 * mm
_CODE_MM = 62.0
_GREY, _INK = 0.42, 0.1
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


def print_transcripts(
    out: Path, exam: Printed, statement: Statement, pages: Iterator[tuple[Mapping[str, Any], str]]
) -> int:
    """Write the transcripts of records, each with its code's text; returns how many.

    The file is there whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    pdfmetrics.registerFont(TTFont(_PLAIN, str(chinese_font())))
    pdfmetrics.registerFont(TTFont(_BOLD, str(chinese_font(bold=True))))
    count = 0
    with whole_file(out) as draft:
        canvas = Canvas(str(draft), pagesize=A4, invariant=True)
        canvas.setTitle(f"{exam.year} {exam.name} 成绩单")
        for record, code in pages:
            _draw(canvas, exam, statement, record)
            _draw_code(canvas, code)
            canvas.showPage()
            count += 1
        canvas.save()
    return count


def _draw(canvas: Canvas, exam: Printed, statement: Statement, record: Mapping[str, Any]) -> None:
    _text(canvas, 105 * mm, _TOP, f"{exam.year}年{exam.name}", 15, bold=True, middle=True)
    _text(canvas, 105 * mm, _TOP - 12 * mm, "成 绩 单", 20, bold=True, middle=True)
    canvas.setLineWidth(0.6)
    canvas.setStrokeGray(_INK)
    canvas.line(_LEFT, _TOP - 20 * mm, _RIGHT, _TOP - 20 * mm)
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
        _text(canvas, x, y, what, 10, grey=_GREY)
        _text(canvas, x + 20 * mm, y, value, 11.5)
    y = _TOP - 66 * mm
    for x, head in ((0, "科目"), (70, "成绩"), (95, "合格"), (118, "备注")):
        _text(canvas, _LEFT + x * mm, y, head, 10, grey=_GREY)
    canvas.line(_LEFT, y - 3 * mm, _RIGHT, y - 3 * mm)
    for one in record["subjects"]:
        y -= 10 * mm
        _subject(canvas, exam, one, y)
    canvas.line(_LEFT, y - 4 * mm, _RIGHT, y - 4 * mm)
    verdict = "全部科目合格" if record["qualified"] else "尚有科目未合格"
    _text(canvas, _LEFT, y - 14 * mm, verdict, 13, bold=True)
    _text(canvas, _LEFT, 30 * mm, "成绩发布编号", 8.5, grey=_GREY)
    _text(canvas, _LEFT, 25 * mm, statement.release[:32], 8.5)
    _text(canvas, _LEFT, 21 * mm, statement.release[32:], 8.5)
    words = "右侧二维码载有本成绩单全部内容及两人数字签名，可离线核验。"
    _text(canvas, _LEFT, 13 * mm, words, 8.5, grey=_GREY)


def _subject(canvas: Canvas, exam: Printed, one: Mapping[str, Any], y: float) -> None:
    carried = one["carried"]
    note = STATES[one["state"]] or (f"{carried}年合格，成绩滚动" if carried else "")
    _text(canvas, _LEFT, y, exam.subjects.get(one["subject"], one["subject"]), 12)
    _text(canvas, _LEFT + 70 * mm, y, one["score"] or "—", 12, bold=True)
    passed = "合格" if one["passed"] or carried else "不合格"
    _text(canvas, _LEFT + 95 * mm, y, passed if one["state"] != "absent" else "—", 12)
    _text(canvas, _LEFT + 118 * mm, y, note, 9.5, grey=_GREY)


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


def _text(
    canvas: Canvas,
    x: float,
    y: float,
    words: str,
    size: float,
    *,
    bold: bool = False,
    middle: bool = False,
    grey: float = _INK,
) -> None:
    canvas.setFillGray(grey)
    canvas.setFont(_BOLD if bold else _PLAIN, size)
    (canvas.drawCentredString if middle else canvas.drawString)(x, y, words)


def _hidden(number: str) -> str:
    """An identity number with its middle hidden: paper lies about."""
    if len(number) < 8:
        return "*" * len(number)
    return number[:4] + "*" * (len(number) - 8) + number[-4:]
