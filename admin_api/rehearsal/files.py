"""A made-up sitting as the files that really arrive: rosters, lists, keys, scans, reports."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from admin_api.registration.sheets import write_sheet
from admin_api.rehearsal.exam_files import exam_text, key_text
from admin_api.rehearsal.scans import AGAIN, FIRST, draw_scans, places, scans_of
from admin_api.rehearsal.troubles import make_world
from admin_api.rehearsal.truth import NAME as TRUTH
from admin_api.rehearsal.truth import bag_counts, truth_text
from admin_api.rehearsal.world import SPECIALTIES, Candidate, Fix, SittingPlan, World
from omr.pdf_font import register
from omr.score.dbf import write_dbf

_ROSTER = {
    "ticket": "准考证号",
    "name": "姓名",
    "id_kind": "证件类型",
    "id_number": "证件号",
    "file_number": "档案号",
    "specialty": "专业代码",
    "level": "级别",
    "region": "考区",
    "site": "考点",
    "venue": "考场",
    "room": "试室",
    "seat": "座位号",
    "subjects": "报考科目",
    "unit": "单位",
}
_MATERIALS = ("考区", "箱号", "袋号", "考点", "考场", "试室", "科目", "数量")
_CORRECTION = ("类型", "准考证号", "科目", "原值", "新值", "原因", "证据", "文号")
_VIOLATION = (
    *("准考证号", "科目", "代码", "提醒", "事实", "证据", "记录人一", "记录人二", "签名"),
    *("见证人一", "见证人二", "考点负责人", "告知日期", "申辩日期", "审核日期", "决定书号", "送达"),
)
_DOCUMENT = ("公文号", "准考证号", "科目", "代码")
_FOLDERS = (
    *("rosters", "attendance", "materials", "cbt", "keys", "corrections", "violations"),
    *(FIRST, AGAIN),
)
Row = Sequence[str]


def write_sitting(plan: SittingPlan, folder: Path, workers: int = 1) -> World:
    """Write everything that a sitting sends to the centre, and its truth; returns the sitting.

    The same plan gives the same bytes, whatever the workers. Scans that were drawn for this very
    sitting are kept; those of another one, and its lists, are deleted.
    """
    world = make_world(plan)
    truth = truth_text(world)
    before = folder / TRUTH
    if not before.is_file() or before.read_text(encoding="utf-8") != truth:
        for name in _FOLDERS:
            shutil.rmtree(folder / name, ignore_errors=True)
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    before.write_text(truth, encoding="utf-8")
    (folder / "EXAM.toml").write_text(exam_text(), encoding="utf-8")
    _write_rosters(world, folder / "rosters")
    _write_lists(world, folder)
    for (paper, form), key in world.keys.items():
        text = key_text(paper, form, key)
        (folder / "keys" / f"{paper}{form}.toml").write_text(text, encoding="utf-8")
    _write_corrections(world, folder / "corrections")
    _write_violations(world, folder / "violations")
    draw_scans(scans_of(world), folder, workers)
    return world


def _write_rosters(world: World, folder: Path) -> None:
    """A DBF in GBK, a workbook, a CSV in GB18030 for what GBK cannot hold; the military apart."""
    for name in ("37.dbf", "54.xlsx", "66.csv", "military.csv"):
        path = folder / name
        rows = [
            _registered(person)
            for person in world.candidates
            if (path.stem == "military" if person.military else path.stem == person.region)
        ]
        if path.suffix == ".dbf":
            frame = pl.DataFrame(rows, schema=list(_ROSTER), orient="row")
            write_dbf([frame], path, dict(frame.schema), {})
        elif path.suffix == ".xlsx":
            write_sheet(pl.DataFrame(rows, schema=[*_ROSTER.values()], orient="row"), path)
        else:
            encoding = "utf-8" if path.stem == "military" else "gb18030"
            path.write_text(_csv(tuple(_ROSTER.values()), rows), encoding=encoding)


def _registered(person: Candidate) -> Row:
    return (
        *(person.ticket, person.name, "居民身份证", person.id_number, person.file_number),
        *(person.specialty, SPECIALTIES[person.specialty].level),
        *(person.region, f"{person.region}01", "一中", person.room, f"{person.seat:02d}"),
        "".join(person.sittings),
        "某部" if person.military else "",
    )


def _write_lists(world: World, folder: Path) -> None:
    came: dict[str, list[Row]] = {}
    computer: list[Row] = []
    for person in world.candidates:
        for sitting in person.sittings.values():
            listed = "到" if sitting.listed else "缺"
            came.setdefault(person.region, []).append((person.ticket, sitting.subject, listed))
            if not SPECIALTIES[person.specialty].on_card and sitting.present:
                said = "".join(answer or "-" for answer in sitting.answers)
                computer.append((person.ticket, sitting.subject, sitting.paper, "", said))
    for region, rows in came.items():
        text = _csv(("准考证号", "科目", "到考"), rows)
        (folder / "attendance" / f"{region}.csv").write_text(text, encoding="utf-8-sig")
    text = _csv(("准考证号", "科目", "试卷", "卷型", "作答"), computer)
    (folder / "cbt" / "answers.csv").write_text(text, encoding="utf-8")
    text = _csv(("年度", "档案号", "专业代码", "科目", "成绩", "合格"), world.history)
    (folder / "history.csv").write_text(text, encoding="utf-8")
    for region, rows in _handed_in(world).items():
        frame = pl.DataFrame(rows, schema=list(_MATERIALS), orient="row")
        write_sheet(frame, folder / "materials" / f"{region}.xlsx")


def _handed_in(world: World) -> dict[str, list[Row]]:
    """By region: the cards of its bags, the bags of its boxes, and its boxes."""
    bags: dict[str, list[Row]] = {}
    boxes: dict[str, dict[str, int]] = {}
    for (region, box, bag), cards in bag_counts(world).items():
        row = (region, box, bag, f"{region}01", "一中", bag, box, str(cards))
        bags.setdefault(region, []).append(row)
        of_region = boxes.setdefault(region, {})
        of_region[box] = of_region.get(box, 0) + 1
    for region, rows in bags.items():
        rows += [(region, box, *[""] * 5, str(many)) for box, many in boxes[region].items()]
        rows.append((region, *[""] * 6, str(len(boxes[region]))))
    return bags


def _write_corrections(world: World, folder: Path) -> None:
    where = places(world)
    _print_letter(folder / "evidence.pdf", "考点情况说明（演练）")
    files = {f"{region}.csv": fixes for region, fixes in world.corrections.items()}
    files |= {"late-54.csv": world.late, "refused-54.csv": world.refused}
    for name, fixes in files.items():
        rows = [_correction(fix, where) for fix in fixes]
        (folder / name).write_text(_csv(_CORRECTION, rows), encoding="utf-8")


def _correction(fix: Fix, where: dict[int, str]) -> Row:
    old = f"{fix.old}@{where[id(fix.card)]}" if fix.card else fix.old
    told = (fix.kind, fix.ticket, fix.subject, old, fix.new, fix.reason)
    return (*told, "evidence.pdf", "卫考〔2026〕1号")


def _write_violations(world: World, folder: Path) -> None:
    _print_letter(folder / "record.pdf", "试室情况记录单（演练）")
    for region, rows in world.violations.items():
        records = [
            (
                *(*row, "是", "经提醒不改", "record.pdf", "记录甲", "记录乙", "签", "", ""),
                *("负责人", "2026-06-02", "", "2026-06-05", f"决{number}", "是"),
            )
            for number, row in enumerate(rows, 1)
        ]
        (folder / f"{region}.csv").write_text(_csv(_VIOLATION, records), encoding="utf-8")
        listed = [("鲁卫考〔2026〕9号", *row) for row in rows]
        text = _csv(_DOCUMENT, listed)
        (folder / f"{region}-document.csv").write_text(text, encoding="utf-8")


def _csv(header: Row, rows: Iterable[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _print_letter(path: Path, words: str) -> None:
    """A letter of one line, as PDF; the same words give the same bytes."""
    register("letter")
    page = Canvas(str(path), pagesize=A4, invariant=1)
    page.setFont("letter", 16)
    page.drawString(72, 720, words)
    page.save()
