"""The office through its command line: from init to a published release, and what goes wrong."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import xlsxwriter

from admin_api.database import create_tables, open_engine
from admin_api.settings import settings_in
from tests.office.papers import HEADER
from tests.office.walk import CARDS, PHRASE, Line, Said, Walk, exam_text, found

pytestmark = pytest.mark.usefixtures("cheap_keys")


# ── the whole way ────────────────────────────────────────────────────────────────────────────


def test_every_step_says_what_it_did(walk: Walk) -> None:
    expected = {
        "roster": "11 rows taken",
        "again": "imported before; nothing changed",
        "attendance": "11 rows taken",
        "materials": "rows taken",
        "history": "1 rows taken",
        "intake": f"{CARDS} pages: {CARDS} read",
        "intake again": f"{CARDS} were there already",
        "review": "0 fields on 0 pages to settle",
        "submit": "1 corrections taken, 0 known",
        "approve": "in_force",
        "corrections": "卫考1号",
        "enter": "1 violations entered",
        "reviewed": "/101, reviewed",
        "compare": "agree record by record; closed",
        "violations": "101 reviewed",
        "one keyholder": "waits for another person",
        "two keyholders": "version 1",
        "reconcile": f"pages: {CARDS} matched",
        "score": "11 results and 11 outcomes",
        "verify": "11 candidates, kind public",
        "publish": "is published: 11 candidates",
        "releases": "<- in force",
        "audit": "acts hold; head",
    }
    said = {step: walk.said[step].out for step in expected}
    assert {step: words for step, words in expected.items() if words not in said[step]} == {}, said


def test_refusals_say_what_to_do(walk: Walk) -> None:
    assert "signatures of 2 people" in walk.said["unsigned"].err
    assert "another release clerk" in walk.said["signed twice"].err
    assert "signatures of 2 people" in walk.said["one signature"].err


def test_a_score_is_explained_in_words_and_as_a_page(walk: Walk) -> None:
    page = walk.line.folder / "why.html"
    said = walk.line("explain", walk.tickets[0], walk.subjects[0], "--html", page)
    assert "Figures (fill, darkness; 0-255)" in said.out
    assert "考生壹" in said.out
    assert "data:image/jpeg" in page.read_text(encoding="utf-8")
    assert "370000009999 is no candidate" in walk.line("explain", "370000009999", code=2).err


def test_voids_and_absences_show_as_such(walk: Walk) -> None:
    void = walk.line("results", walk.tickets[1]).out
    assert "void" in void
    assert " 0" not in void
    assert "absent" in walk.line("results", "370000000099").out


def test_transcripts_are_printed_and_their_code_checks(walk: Walk) -> None:
    line, out = walk.line, walk.line.folder / "one.pdf"
    said = line("release", "transcripts", walk.release, "--ticket", walk.tickets[0], "--out", out)
    assert "1 transcripts" in said.out
    assert out.read_bytes().startswith(b"%PDF")
    nobody = ("--ticket", "370000009999", "--out", out)
    assert "no transcript" in line("release", "transcripts", walk.release, *nobody, code=2).err
    keys_file = line.folder / "keys.toml"
    line("release", "check-transcript", "not a code", "--keys", keys_file, code=8)


def test_an_altered_release_is_named(walk: Walk, tmp_path: Path) -> None:
    copy = tmp_path / walk.release
    shutil.copytree(walk.line.folder / "home" / "releases" / walk.release, copy)
    results = copy / "results.parquet"
    content = bytearray(results.read_bytes())
    content[len(content) // 2] ^= 1
    results.write_bytes(content)
    said = walk.line("release", "verify", copy, "--keys", walk.line.folder / "keys.toml", code=8)
    assert "results.parquet: altered" in said.err


def test_there_is_no_military_release_to_export(walk: Walk, tmp_path: Path) -> None:
    asked = ("release", "export-military", walk.release, "--to", tmp_path / "m", "--as", "lin")
    assert "no military release" in walk.line(*asked, code=2).err


def test_a_withdrawal_takes_its_place(walk: Walk, tmp_path: Path) -> None:
    """On a copy, so that the others still find the release in force."""
    shutil.copytree(walk.line.folder, tmp_path / "copy")
    line = Line(tmp_path / "copy")
    made = line("release", "withdraw", walk.release, "--why", "a wrong key", "--as", "lin").out
    name = made[:64]
    line("release", "publish", name, "--as", "lin", code=8)
    for person in ("lin", "luo"):
        line("release", "sign", name, "--as", person)
    line("release", "publish", name, "--as", "lin")
    listed = line("release", "list").out.splitlines()
    assert "withdrawal" in next(row for row in listed if "in force" in row)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────


def test_a_wrong_passphrase(walk: Walk, tmp_path: Path) -> None:
    (tmp_path / "sun").write_text("a wrong passphrase")
    other = Line(walk.line.folder, {"KAOWU_PASSPHRASES": str(tmp_path)})
    assert "not the passphrase of sun" in other("score", "--as", "sun", code=5).err
    assert "holds no passphrase of song" in other("score", "--as", "song", code=5).err


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        (("score", "--as", "ren"), "needs the role supervisor or release"),
        (("corrections", "approve", "1", "--as", "lu37"), "needs the role supervisor"),
        (("release", "freeze", "--as", "sun"), "needs the role release"),
        (
            ("staff", "revoke", "ou", "--why", "because", "--as", "sun"),
            "needs the role administrator",
        ),
        (("key", "load", "{key}", "--as", "sun"), "needs the role keyholder"),
        (("intake", "{in}", "--tree", "--as", "lu37"), "needs the role operator or supervisor"),
    ],
)
def test_each_role_does_its_own(walk: Walk, words: tuple[str, ...], needs: str) -> None:
    line = walk.line
    key = next(line.folder.glob("203*-1.toml"))
    paths = {"{key}": str(key), "{in}": str(line.folder / "in")}
    assert needs in line(*(paths.get(word, word) for word in words), code=5).err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("score", "--as", "nobody"), 2, "no 'nobody' on the staff; see kaowu staff list"),
        (("import", "roster", "missing.csv", "--as", "sun"), 2, "missing.csv"),
        (("intake", "missing", "--as", "ou", "--region", "37"), 2, "--bag"),
        (("corrections", "approve", "99", "--as", "sun"), 2, "no correction 99"),
        (("violations", "review", "99", "reviewed", "--as", "lv37"), 2, "no violation 99"),
        (("violations", "review", "1", "maybe", "--as", "lv37"), 2, "reviewed or rejected"),
        (("review", "show", "99"), 2, "no page 99"),
        (("review", "show", "37/1/1/99"), 2, "no page 37/1/1/99"),
        (("review", "show", "37/1"), 2, "write REGION/BOX/BAG/CARD"),
        (("review", "decide", "99", "q1", "A", "--as", "ren"), 2, "no page 99"),
        (("review", "decide", "1", "q1", "A", "--as", "ren"), 2, "not in doubt"),
        (("review", "decide", "1", "q1", "Z", "--as", "ren"), 2, "cannot read 'Z'"),
        (("review", "replace", "1", "--by", "1", "--why", "x", "--as", "ou"), 2, "itself"),
        (("settle", "nothing", "--reason", "", "--as", "sun"), 2, "give a reason"),
        (("settle", "nothing", "--reason", "because", "--as", "sun"), 2, "see kaowu reconcile"),
        (("results", "370000009999"), 2, "is no candidate"),
        (("release", "sign", "ffff", "--as", "lin"), 2, "0 releases begin with"),
        (("staff", "add", "ou", "--role", "operator", "--as", "an"), 2, "not used again"),
        (("staff", "revoke", "an", "--why", "leaves", "--as", "an"), 2, "only administrator"),
        (("corrections", "override", "x.csv", "--why", "late", "--as", "sun"), 2, "not late"),
    ],
)
def test_what_cannot_be_done_is_told(
    walk: Walk, words: tuple[str, ...], code: int, told: str
) -> None:
    assert told in walk.line(*words, code=code).err


def test_an_empty_folder_a_file_for_a_folder_and_a_strange_tree(walk: Walk, tmp_path: Path) -> None:
    empty = walk.line("intake", tmp_path, "--tree", "--as", "ou", code=3)
    assert "region/box/bag" in empty.err
    bag = ("--region", "99", "--box", "1", "--bag", "1", "--as", "ou")
    unknown = walk.line("intake", walk.line.folder / "in", *bag, code=2)
    assert "no region 99" in unknown.err


def test_bad_rosters_are_refused_whole(walk: Walk, tmp_path: Path) -> None:
    book = tmp_path / "numbers.xlsx"
    with xlsxwriter.Workbook(book) as workbook:
        sheet = workbook.add_worksheet("一")
        sheet.write_row(0, 0, HEADER.split(","))
        row = [
            "考生",
            "军官证",
            "军字第1号",
            "F1234567",
            "203",
            "师",
            "37",
            "01",
            "一中",
            "1",
            "1",
            "1",
        ]
        sheet.write_number(1, 0, 370000000777)
        sheet.write_row(1, 1, row)
    said = walk.line("import", "roster", book, "--as", "sun", code=2)
    assert "A2" in said.err or "row 2" in said.err
    assert "number" in said.err
    mixed = tmp_path / "mixed.csv"
    mixed.write_bytes(HEADER.encode() + b"\n\xff\xfe\x81\x20,\n")
    assert "encoding" in walk.line("import", "roster", mixed, "--as", "sun", code=2).err
    assert "370000000777" not in walk.line("results").out


def test_another_regions_candidate_does_not_exist_for_a_region(walk: Walk) -> None:
    path = walk.line.write(
        "reports/other.csv",
        "类型,准考证号,科目,原值,新值,原因,证据,文号\n"
        "姓名,540000000001,,甲,乙,录错,letter.pdf,卫考2号\n",
    )
    said = walk.line("corrections", "submit", path, "--as", "lu37", code=2)
    assert "540000000001 is no candidate of region 37" in said.err


def test_after_the_deadline_it_says_whom_to_ask(tmp_path: Path) -> None:
    line = Line(tmp_path)
    found(line, until="2026-06-12")
    path = line.write("c.csv", "类型,准考证号,科目,原值,新值,原因,证据,文号\n")
    said = line("corrections", "submit", path, "--as", "lu37", code=6)
    assert "2026-06-12 23:59:59" in said.err
    assert "corrections override" in said.err
    assert "were due by" in line("violations", "enter", path, "--as", "lu37", code=6).err


def test_an_office_is_founded_once_and_needs_its_exam_and_its_secret(tmp_path: Path) -> None:
    line = Line(tmp_path)
    assert "begin with kaowu init" in line("results", code=2).err
    line.write("phrases/an", "short")
    exam = line.write("EXAM.toml", exam_text())
    assert "at least 12" in line("init", exam, "--admin", "an", code=2).err
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    line.write("phrases/an", PHRASE)
    broken = line.write("bad.toml", "year = 'soon'")
    assert "year" in line("init", broken, "--admin", "an", code=2).err
    cut_short(line)
    assert "was cut short; run kaowu init" in line("results", code=2).err
    line("init", exam, "--admin", "an")
    assert "import the roster first" in empty_release(line).err
    assert "already" in line("init", exam, "--admin", "an", code=2).err
    (tmp_path / "home" / "secret.key").unlink()
    assert "copy it from the machine" in line("results", code=4).err


def cut_short(line: Line) -> None:
    """A set-up that was killed after its tables and before its first act."""
    settings = settings_in(line.folder / "home")
    settings.home.mkdir()
    create_tables(open_engine(settings.database))


def empty_release(line: Line) -> Said:
    line.write("phrases/lin", PHRASE)
    line("staff", "add", "lin", "--role", "release", "--as", "an")
    return line("release", "freeze", "--as", "lin", code=2)


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    said = Line(tmp_path, {"KAOWU_HOEM": "x"})("results", code=2)
    assert "KAOWU_HOEM" in said.err


def test_a_bag_goes_in_by_its_names(walk: Walk, tmp_path: Path) -> None:
    shutil.copytree(walk.line.folder, tmp_path / "copy")
    line = Line(tmp_path / "copy")
    scan = next((line.folder / "in").rglob("*.jpg"))
    blank = tmp_path / "torn.jpg"
    blank.write_bytes(scan.read_bytes()[:2000])
    bag = ("--region", "37", "--box", "9", "--bag", "9", "--as", "ou")
    assert "1 rejected" in line("intake", blank, *bag).out
    told = line("reconcile").out
    assert "37/9/9" in told
    assert "bags on no list" in told
    blocked = line("release", "freeze", "--supersedes", walk.release, "--as", "lin", code=7)
    assert "matters are open" in blocked.err
    key = re.search(r"^\s*(page \d+ rejected): ", blocked.err, re.MULTILINE)
    assert key is not None
    first = line("settle", key.group(1), "--reason", "not a card", "--as", "sun")
    assert "37/9/9 card 1" in first.out
    assert "another person must agree" in first.out
    assert "it stands" in line("settle", key.group(1), "--reason", "seen it too", "--as", "luo").out
