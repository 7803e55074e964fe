"""A made-up sitting as the files that really arrive: rosters, lists, keys, scans, reports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from admin_api.registration.sheets import write_sheet
from admin_api.rehearsal.world import REGIONS, SUBJECTS, YEAR, Candidate, Card, World
from omr.design import load_design
from omr.simulate import load_mix
from omr.simulate.plan import plan_card
from omr.simulate.render import render_card

DESIGN = "cn-health-203"
_ROSTER = (
    *("准考证号", "姓名", "证件类型", "证件号", "档案号", "专业代码", "级别", "考区", "考点"),
    *("考场", "试室", "座位号", "报考科目", "单位"),
)
_CORRECTION = ("类型", "准考证号", "科目", "原值", "新值", "原因", "证据", "文号")
_VIOLATION = (
    *("准考证号", "科目", "代码", "提醒", "事实", "证据", "记录人一", "记录人二", "签名"),
    *("见证人一", "见证人二", "考点负责人", "告知日期", "申辩日期", "审核日期", "决定书号", "送达"),
)
Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan to draw: where to, and what it says."""

    path: Path
    number: int
    wanted: dict[str, str]
    torn: bool


def write_world(world: World, folder: Path, workers: int) -> None:
    """Write every file that the office is sent; scans that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "EXAM.toml").write_text(exam_text(), encoding="utf-8")
    _rosters(world, folder / "rosters")
    _lists(world, folder)
    _keys(world, folder / "keys")
    _reports(world, folder)
    _draw(scans_of(world, folder), workers)


def exam_text() -> str:
    """The rehearsal's EXAM.toml."""
    lines = [
        f'year = {YEAR}\nname = "卫生专业技术资格考试（演练）"\n',
        "[calendar]\ncorrections_until = 2026-06-12\nviolations_from = 2026-06-01",
        'violations_until = 2026-06-12\n\n[ticket]\npattern = "[0-9]{12}"\n',
    ]
    lines += [f'[[region]]\ncode = "{code}"\nname = "{name}"' for code, name in REGIONS.items()]
    lines += [f'[[subject]]\ncode = "{code}"\nname = "{name}"' for code, name in SUBJECTS.items()]
    for code, name, level, medium in (
        ("203", "护理学", "师", "card"),
        ("109", "口腔医学技术", "士", "computer"),
    ):
        papers = ", ".join(f'{s} = "{code}{s}"' for s in SUBJECTS)
        lines.append(
            f'[[specialty]]\ncode = "{code}"\nname = "{name}"\nlevel = "{level}"\n'
            f'medium = "{medium}"\npapers = {{ {papers} }}'
        )
        forms = '["A", "B"]' if medium == "card" else "[]"
        lines += [
            f'[[paper]]\ncode = "{code}{s}"\nitems = 100\nforms = {forms}\nscale = "100"'
            for s in SUBJECTS
        ]
    lines.append(
        f'[card]\ndesign = "{DESIGN}"\nticket = "ticket"\nsubject = "subject"\nform = "form"\n'
        'absent = "absent"\nviolation = "violation"\nitems = "q{n}"\n[card.barcode]\n'
        'field = "barcode"\nnames = "paper"\n'
        'pattern = "(?P<paper>[0-9]{4})(?P<form>[AB])[0-9]{6}"\n\n[review]\npeople = 2\n\n'
        '[[pass_line]]\nline = "60"\n[[pass_line]]\nregion = "54"\nline = "55"\n\n'
        '[rolling]\nyears = 2\n[[rolling.merge]]\nfrom = ["109", "110"]\nto = "109"\n\n'
        '[violations]\ntable = "2017"'
    )
    return "\n".join(lines) + "\n"


def bag_of(person: Candidate, subject: str) -> tuple[str, str, str]:
    """Region, box and bag of a candidate's card: a box a subject, a bag a room."""
    return person.region, subject, person.room


def scans_of(world: World, folder: Path) -> list[Scan]:
    """Every scan, in feed order; a torn card is scanned again later, under rescans/."""
    scans: list[Scan] = []
    fed: dict[tuple[str, str, str], int] = {}
    for number, (person, sitting, card) in enumerate(world.cards()):
        bag = bag_of(person, sitting.subject)
        fed[bag] = fed.get(bag, 0) + 1
        path = folder.joinpath("scans", *bag, f"{fed[bag]:04d}.jpg")
        wanted = wanted_of(card)
        scans.append(Scan(path, number, wanted, card.spoiled == "torn"))
        if card.spoiled == "torn":
            again = folder.joinpath("rescans", *bag, f"{fed[bag]:04d}.jpg")
            scans.append(Scan(again, number, wanted, torn=False))
    return scans


def wanted_of(card: Card) -> dict[str, str]:
    """What a card's fields read."""
    said = {"ticket": card.ticket, "subject": card.subject, "form": card.form}
    said |= {"absent": card.absent, "violation": "", "barcode": card.barcode}
    return said | {f"q{n}": answer for n, answer in enumerate(card.answers, 1)}


def _rosters(world: World, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    rows = {
        person.ticket: (
            *(person.ticket, person.name, "居民身份证", person.id_number, person.file_number),
            person.specialty,
            "士" if person.specialty == "109" else "师",
            *(person.region, f"{person.region}01", "一中", person.room, f"{person.seat:02d}"),
            "1234",
            "某部" if person.military else "",
        )
        for person in world.candidates
    }
    civil = [p for p in world.candidates if not p.military]
    for region, suffix in (("37", "csv"), ("54", "xlsx"), ("66", "csv")):
        own = [rows[p.ticket] for p in civil if p.region == region]
        path = folder / f"{region}.{suffix}"
        if suffix == "xlsx":
            write_sheet(pl.DataFrame(own, schema=list(_ROSTER), orient="row"), path)
        else:
            path.write_text(_csv(_ROSTER, own), encoding="gb18030")
    own = [rows[p.ticket] for p in world.candidates if p.military]
    (folder / "military.csv").write_text(_csv(_ROSTER, own), encoding="utf-8")


def _lists(world: World, folder: Path) -> None:
    attendance, computer = [], []
    for person in world.candidates:
        for sitting in person.sittings.values():
            came = "到" if sitting.listed else "缺"
            attendance.append((person.ticket, sitting.subject, came))
            if person.specialty == "109" and sitting.present:
                said = "".join(answer or "-" for answer in sitting.answers)
                computer.append((person.ticket, sitting.subject, sitting.paper, "", said))
    came_in: dict[str, tuple[Row, Iterable[Row], str]] = {
        "attendance.csv": (("准考证号", "科目", "到考"), attendance, "utf-8-sig"),
        "cbt-answers.csv": (("准考证号", "科目", "试卷", "卷型", "作答"), computer, "utf-8"),
        "history.csv": (
            ("年度", "档案号", "专业代码", "科目", "成绩", "合格"),
            world.history,
            "utf-8",
        ),
    }
    for name, (header, rows, encoding) in came_in.items():
        (folder / name).write_text(_csv(header, rows), encoding=encoding)
    (folder / "materials.csv").write_text(_materials(world), encoding="gb18030")


def _materials(world: World) -> str:
    counts: dict[tuple[str, str, str], int] = {}
    for person, sitting, card in world.cards():
        if card.spoiled != "extra":  # the spoiled card was not counted: the bag has one more
            bag = bag_of(person, sitting.subject)
            counts[bag] = counts.get(bag, 0) + 1
    rows: list[Row] = []
    for (region, box, number), cards in sorted(counts.items()):
        rows.append((region, box, number, f"{region}01", "一中", number, box, str(cards)))
    for region in sorted({region for region, _, _ in counts}):
        boxes = sorted({box for r, box, _ in counts if r == region})
        for box in boxes:
            bags = sum(1 for r, b, _ in counts if (r, b) == (region, box))
            rows.append((region, box, "", "", "", "", "", str(bags)))
        rows.append((region, "", "", "", "", "", "", str(len(boxes))))
    return _csv(("考区", "箱号", "袋号", "考点", "考场", "试室", "科目", "数量"), rows)


def _keys(world: World, folder: Path) -> None:
    """Item 12 is void and credited; on computers 31 is left out; 7 has two right answers."""
    folder.mkdir(exist_ok=True)
    for (paper, form), answers in world.keys.items():
        second = "A" if answers[6] != "A" else "B"
        more = "" if form else ', "31" = "left_out"'
        (folder / f"{paper}{form}.toml").write_text(
            f'paper = "{paper}"\nform = "{form}"\nversion = 1\n\n[[section]]\nname = "A1"\n'
            f'kind = "single"\nanswers = "{"".join(answers)}"\n'
            f'accept = {{ "7" = ["{answers[6]}", "{second}"] }}\n'
            f'void = {{ "12" = "credited"{more} }}\n',
            encoding="utf-8",
        )


def _reports(world: World, folder: Path) -> None:
    place = folder / "corrections"
    place.mkdir(exist_ok=True)
    (place / "evidence.txt").write_text("考点情况说明（演练）", encoding="utf-8")
    files = {f"{region}.csv": rows for region, rows in world.corrections.items() if rows}
    files |= {"late-54.csv": world.late, "refused-54.csv": world.refused}
    for name, said in files.items():
        fixes = [(*row, "evidence.txt", "鲁卫考〔2026〕1号") for row in said]
        (place / name).write_text(_csv(_CORRECTION, fixes), encoding="utf-8")
    place = folder / "violations"
    place.mkdir(exist_ok=True)
    (place / "record.txt").write_text("试室情况记录单（演练）", encoding="utf-8")
    for region, rows in world.violations.items():
        records = [
            (
                *(
                    *row,
                    "是",
                    "经提醒不改",
                    "record.txt",
                    "记录甲",
                    "记录乙",
                    "签",
                    "",
                    "",
                    "负责人",
                ),
                *("2026-06-02", "", "2026-06-05", f"决{n}", "是"),
            )
            for n, row in enumerate(rows, 1)
        ]
        (place / f"{region}.csv").write_text(_csv(_VIOLATION, records), encoding="utf-8")
        listed = [("鲁卫考〔2026〕9号", *row) for row in rows]
        header = ("公文号", "准考证号", "科目", "代码")
        (place / f"{region}-document.csv").write_text(_csv(header, listed), encoding="utf-8")


def _draw(scans: Iterable[Scan], workers: int) -> None:
    missing = [scan for scan in scans if not scan.path.is_file()]
    if not missing:
        return
    for folder in {scan.path.parent for scan in missing}:
        folder.mkdir(parents=True, exist_ok=True)
    if workers < 2 or len(missing) < 20:
        for scan in missing:
            draw(scan)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(draw, missing, chunksize=8):
            pass


def draw(scan: Scan) -> None:
    """Draw one card and look at it through a scanner; a torn one's file ends in the middle."""
    plan = plan_card(load_design(DESIGN), load_mix("clean"), 2026, scan.number, scan.wanted)
    image = render_card(plan)[0].image
    partial = scan.path.with_suffix(".part")
    partial.write_bytes(image[: len(image) // 2] if scan.torn else image)
    partial.rename(scan.path)


def _csv(header: Row, rows: Iterable[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def truth_text(world: World) -> str:
    """What truly happened, as JSON, for whoever checks the office's results."""
    people = [
        {
            "ticket": p.ticket,
            "name": world.names.get(p.ticket, p.name),
            "file_number": p.file_number,
            "specialty": p.specialty,
            "region": p.region,
            "military": p.military,
            "sittings": {
                s.subject: {
                    "paper": s.paper,
                    "form": s.form,
                    "answers": s.answers,
                    "present": s.present,
                    "void": s.void,
                }
                for s in p.sittings.values()
            },
        }
        for p in world.candidates
    ]
    keys = {f"{paper}{form}": answers for (paper, form), answers in world.keys.items()}
    return json.dumps({"people": people, "keys": keys, "history": world.history})
