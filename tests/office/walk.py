"""The office by its command line, in this process, and a walk from init to a published release."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from admin_api.cli import main
from omr.design import load_design
from omr.simulate import load_mix, read_truth, simulate
from tests.office.papers import EXAM, HEADER, key_file
from tests.office.people import STAFF

PHRASE = "a passphrase for tests"
CARDS = 10


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass
class Line:
    """A command line in a folder of its own; `kaowu(...)` runs a command."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str | Path, code: int = 0) -> Said:
        out, err = io.StringIO(), io.StringIO()
        environment = {
            "KAOWU_HOME": str(self.folder / "home"),
            "KAOWU_PASSPHRASES": str(self.folder / "phrases"),
            "KAOWU_WORKERS": "1",
        } | self.settings
        with (
            mock.patch.dict("os.environ", environment),
            mock.patch.object(sys, "argv", ["kaowu", *map(str, words)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
                found = 0
            except SystemExit as ended:
                found = int(ended.code or 0)
        said = Said(found, out.getvalue(), err.getvalue())
        assert said.code == code, f"{words}: {said}"
        assert "Traceback" not in said.err
        return said

    def write(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path


def exam_text(until: str = "2099-06-12") -> str:
    text = EXAM.read_text(encoding="utf-8").replace('names = "paper"', 'names = "nothing"')
    return (
        text.replace("corrections_until = 2026-06-12", f"corrections_until = {until}")
        .replace("violations_until = 2026-06-12", f"violations_until = {until}")
        .replace("violations_from = 2026-06-01", "violations_from = 2020-06-01")
    )


def found(line: Line, until: str = "2099-06-12") -> None:
    for name in ("an", *STAFF):
        line.write(f"phrases/{name}", PHRASE + "\n")
    line("init", line.write("EXAM.toml", exam_text(until)), "--admin", "an")
    for name, (role, region, site) in STAFF.items():
        place = ("--region", region, "--site", site) if region == "37" else ()
        if not region or place:
            line("staff", "add", name, "--role", role.value, *place, "--as", "an")


@dataclass
class Walk:
    """An office after the whole way, and what each step said."""

    line: Line
    tickets: list[str]
    subjects: list[str]
    said: dict[str, Said]
    release: str


def walked(folder: Path) -> Walk:
    """Everything in order, once: ten cards of one region, one person absent, one violation."""
    line = Line(folder)
    found(line)
    scans = line.folder / "drawn"
    simulate(load_design("cn-health-203"), load_mix("clean"), CARDS, 11, scans)
    truth = {page.file: dict(page.values) for page in read_truth(scans / "truth.jsonl")}
    tickets, subjects, said = _files(line, scans, truth)
    said |= _taken_in(line)
    said |= _reported(line, tickets, subjects)
    said |= _scored(line, truth)
    release = _released(line, said)
    return Walk(line, tickets, subjects, said, release)


def _files(
    line: Line, scans: Path, truth: dict[str, dict[str, str]]
) -> tuple[list[str], list[str], dict[str, Said]]:
    roster, attendance = [HEADER], ["准考证号,科目,到考"]
    bags = ["考区,箱号,袋号,考点,考场,试室,科目,数量"]
    counts: dict[str, int] = {}
    for n, (file, values) in enumerate(sorted(truth.items()), 1):
        subject = values["subject"]
        person = f"{values['ticket']},考生{n},军官证,军字第{n:08d}号,F{n:07d},203,师"
        roster.append(f"{person},37,01,一中,{subject},{n},{subject}")
        attendance.append(f"{values['ticket']},{subject},到")
        counts[subject] = counts.get(subject, 0) + 1
        place = line.folder / "in" / "37" / subject / "1"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(scans / file, place / Path(file).name)
    absent = "370000000099"
    first = min(counts)
    roster.append(
        f"{absent},缺考者,军官证,军字第99号,F0000099,203,师,37,01,一中,{first},99,{first}"
    )
    attendance.append(f"{absent},{first},缺")
    bags += [f"37,{s},1,01,一中,{s},{s},{count}" for s, count in sorted(counts.items())]
    line.write("roster.csv", "\n".join(roster), "gb18030")
    line.write("attendance.csv", "\n".join(attendance))
    line.write("materials.csv", "\n".join(bags))
    line.write("cbt.csv", "准考证号,科目,试卷,卷型,作答\n")
    line.write("history.csv", "年度,档案号,专业代码,科目,成绩,合格\n2025,F0000001,203,1,71,是\n")
    rows = [truth[file] for file in sorted(truth)]
    return [v["ticket"] for v in rows], [v["subject"] for v in rows], {}


def _taken_in(line: Line) -> dict[str, Said]:
    roster = line.folder / "roster.csv"
    said = {
        "roster": line("import", "roster", roster, "--encoding", "gb18030", "--as", "sun"),
        "again": line("import", "roster", roster, "--as", "sun"),
    }
    for kind in ("attendance", "materials", "history"):
        said[kind] = line("import", kind, line.folder / f"{kind}.csv", "--as", "sun")
    said["intake"] = line("intake", line.folder / "in", "--tree", "--as", "ou")
    said["intake again"] = line("intake", line.folder / "in", "--tree", "--as", "ou")
    said["review"] = line("review", "list")
    return said


def _reported(line: Line, tickets: list[str], subjects: list[str]) -> dict[str, Said]:
    line.write("reports/letter.pdf", "%PDF-1.4 a letter")
    line.write(
        "reports/corrections.csv",
        "类型,准考证号,科目,原值,新值,原因,证据,文号\n"
        f"姓名,{tickets[0]},,考生1,考生壹,录错,letter.pdf,卫考1号\n",
    )
    line.write(
        "reports/violations.csv",
        "准考证号,科目,代码,提醒,事实,证据,记录人一,记录人二,签名,见证人一,见证人二,"
        "考点负责人,告知日期,申辩日期,审核日期,决定书号,送达\n"
        f"{tickets[1]},{subjects[1]},101,是,手机响,letter.pdf,甲,乙,签,,,丙,,,,,\n",
    )
    document = f"公文号,准考证号,科目,代码\n卫考违1号,{tickets[1]},{subjects[1]},101\n"
    line.write("reports/document.csv", document)
    reports = line.folder / "reports"
    return {
        "submit": line("corrections", "submit", reports / "corrections.csv", "--as", "lu37"),
        "approve": line("corrections", "approve", "1", "--as", "sun"),
        "corrections": line("corrections", "list", "--region", "37"),
        "enter": line("violations", "enter", reports / "violations.csv", "--as", "lu37"),
        "reviewed": line("violations", "review", "1", "reviewed", "--as", "lv37"),
        "compare": line(
            "violations", "compare", reports / "document.csv", "--region", "37", "--as", "lu37"
        ),
        "violations": line("violations", "list"),
    }


def _scored(line: Line, truth: dict[str, dict[str, str]]) -> dict[str, Said]:
    said: dict[str, Said] = {}
    needed = sorted({(f"203{v['subject']}", v["form"]) for v in truth.values()})
    for paper, form in needed:
        path = key_file(line.folder, paper, form)
        said["one keyholder"] = line("key", "load", path, "--as", "kang")
        said["two keyholders"] = line("key", "load", path, "--as", "kong")
    said["keys"] = line("key", "status")
    said["reconcile"] = line("reconcile")
    said["score"] = line("score", "--as", "sun")
    said["results"] = line("results")
    return said


def _released(line: Line, said: dict[str, Said]) -> str:
    said["frozen"] = line("release", "freeze", "--as", "lin")
    release = re.match("[0-9a-f]{64}", said["frozen"].out)
    assert release is not None
    name, keys_file = release.group(), line.folder / "keys.toml"
    folder = line.folder / "home" / "releases" / name
    line("release", "keys", "--out", keys_file)
    said["unsigned"] = line("release", "verify", folder, "--keys", keys_file, code=8)
    line("release", "sign", name[:10], "--as", "lin")
    said["signed twice"] = line("release", "sign", name[:10], "--as", "lin", code=2)
    said["one signature"] = line("release", "publish", name[:10], "--as", "lin", code=8)
    line("release", "sign", name[:10], "--as", "luo")
    said["verify"] = line("release", "verify", folder, "--keys", keys_file)
    said["publish"] = line("release", "publish", name[:10], "--as", "lin")
    said["releases"] = line("release", "list")
    said["audit"] = line("audit", "verify")
    return name
