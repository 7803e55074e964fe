"""The desks that the whole way passes by: review, late corrections, soldiers, computers, and what
is refused at each.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from omr.design import load_design
from omr.simulate import load_mix, plan_card, render_card
from tests.office.papers import HEADER, key_file, right_answers
from tests.office.people import with_cheap_keys
from tests.office.walk import Line, Said, Walk, found

pytestmark = pytest.mark.usefixtures("cheap_keys")
FIRST, SECOND, AT_COMPUTER = "370000000001", "370000000002", "540000000003"
MISREAD = "370000000009"
FAINT = ("q5", "q6")
CORRECTION = "类型,准考证号,科目,原值,新值,原因,证据,文号\n"


@dataclass(frozen=True, slots=True)
class Late:
    """An office after its deadlines, with two soldiers' cards, and what each step said."""

    line: Line
    said: dict[str, Said]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Late:
    """Two soldiers with a card each, one faintly marked and one with a wrong number; one candidate
    at a computer; everything reported after the last day.
    """
    line = Line(tmp_path_factory.mktemp("late"))
    with pytest.MonkeyPatch.context() as patch:
        with_cheap_keys(patch.setattr)
        found(line, until="2026-06-12")
        said = _registered(line)
        for number, (ticket, faint) in enumerate(((FIRST, FAINT), (MISREAD, ())), 1):
            _draw(line.folder / "in" / f"{number}.png", number, ticket, faint)
        bag = ("--region", "37", "--box", "1", "--bag", "1")
        said["intake"] = line("intake", line.folder / "in", *bag, "--as", "ou")
        said |= _reviewed(line) | _corrected(line)
        said |= _released(line)
    return Late(line, said)


def _registered(line: Line) -> dict[str, Said]:
    soldiers, others = [HEADER + ",单位"], [HEADER]
    for n, ticket in enumerate((FIRST, SECOND), 1):
        soldiers.append(
            f"{ticket},战士{n},军官证,军字第{n:08d}号,F{n:07d},203,师,37,01,一中,1,{n},1,某部"
        )
    others.append(f"{AT_COMPUTER},机考者,军官证,军字第00000099号,F0000099,109,士,54,02,二中,2,1,1")
    cbt = f"准考证号,科目,试卷,卷型,作答\n{AT_COMPUTER},1,1091,,{right_answers('1091', '')}\n"
    files = {
        "soldiers": line.write("soldiers.csv", "\n".join(soldiers)),
        "others": line.write("others.csv", "\n".join(others), "gb18030"),
        "cbt": line.write("cbt.csv", cbt, "utf-16"),
    }
    roster = ("import", "roster")
    said = {
        "wrong encoding": line(
            *roster, files["others"], "--encoding", "utf-8", "--as", "sun", code=2
        ),
        "no encoding": line(
            *roster, files["others"], "--encoding", "klingon", "--as", "sun", code=2
        ),
        "soldiers": line(*roster, files["soldiers"], "--military", "--as", "sun"),
        "others": line(*roster, files["others"], "--encoding", "gb18030", "--as", "sun"),
    }
    given = ("import", "cbt-answers", files["cbt"], "--as", "sun")
    said["cbt"] = line(*given, "--encoding", "utf-16")
    said["cbt again"] = line(*given)
    return said


def _draw(path: Path, number: int, ticket: str, faint: tuple[str, ...]) -> None:
    says = {"ticket": ticket, "subject": "1", "form": "A", "absent": "", "violation": ""}
    answers = {f"q{n}": option for n, option in enumerate(right_answers("2031", "A"), 1)}
    says |= {"barcode": f"2031A{number:06d}"} | answers
    plan = plan_card(load_design("cn-health-203"), load_mix("clean"), 1, number, says, faint)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(render_card(plan)[0].image)


def _reviewed(line: Line) -> dict[str, Said]:
    """q5: two say the same. q6: they differ, and a supervisor settles."""
    right = right_answers("2031", "A")
    said = {"doubts": line("review", "list"), "page": line("review", "show", "37/1/1/1")}
    q5, q6 = ("review", "decide", "37/1/1/1", "q5"), ("review", "decide", "1", "q6")
    said["too early"] = line(*q6, "A", "--as", "sun", code=5)
    said["first"] = line(*q5, right[4], "--as", "ren")
    said["second"] = line(*q5, right[4], "--as", "rao")
    said["settled"] = line(*q5, "A", "--as", "ren", code=2)
    other = "A" if right[5] != "A" else "B"
    line(*q6, right[5], "--as", "ren")
    said["differ"] = line(*q6, other, "--as", "rao")
    said["differing"] = line("review", "list")
    said["arbiter"] = line(*q6, right[5], "--as", "sun")
    said["no doubts"] = line("review", "show", "1")
    return said


def _corrected(line: Line) -> dict[str, Said]:
    line.write("reports/letter.pdf", "%PDF-1.4 a letter")
    rows = f"准考证号,{SECOND},1,{MISREAD},{SECOND},误涂,letter.pdf,卫考1号\n"
    path = line.write("reports/late.csv", CORRECTION + rows, "gb18030")
    letting = ("corrections", "override", path, "--why", "the letter came in time")
    handed_in = line.write(
        "materials.csv",
        "考区,箱号,袋号,考点,考场,试室,科目,数量\n37,1,1,01,一中,1,1,2\n37,1,,,,,,1\n37,,,,,,,1\n",
    )
    said = {
        "reconcile": line("reconcile"),
        "materials": line("import", "materials", handed_in, "--as", "sun"),
        "late": line("corrections", "submit", path, "--as", "lu37", code=6),
        "no reason": line("corrections", "override", path, "--why", " ", "--as", "sun", code=2),
        "one": line(*letting, "--as", "sun"),
        "one again": line(*letting, "--as", "sun", code=2),
        "waiting": line("corrections", "list"),
        "approved": line("corrections", "approve", "1", "--as", "song", code=2),
        "two": line(*letting, "--encoding", "gb18030", "--as", "lin"),
        "in force": line("corrections", "list", "--region", "37"),
    }
    return said


def _released(line: Line) -> dict[str, Said]:
    said: dict[str, Said] = {}
    for paper, form in (("2031", "A"), ("1091", "")):
        path = key_file(line.folder, paper, form)
        line("key", "load", path, "--as", "kang")
        said["key twice"] = line("key", "load", path, "--as", "kang", code=2)
        line("key", "load", path, "--as", "kong")
    said["unscored"] = line("release", "freeze", "--as", "lin", code=7)
    said["score"] = line("score", "--as", "sun")
    said["results"] = line("results")
    said["freeze"] = line("release", "freeze", "--as", "lin")
    _, military = re.findall("^[0-9a-f]{64}", said["freeze"].out, re.MULTILINE)
    export = ("release", "export-military", military[:12], "--to", line.folder / "soldiers")
    said["unsigned"] = line(*export, "--as", "lin", code=8)
    for name in ("lin", "luo"):
        line("release", "sign", military[:12], "--as", name)
    said["never public"] = line("release", "publish", military[:12], "--as", "lin", code=2)
    said["export"] = line(*export, "--as", "lin")
    said["export again"] = line(*export, "--as", "lin", code=2)
    said["releases"] = line("release", "list")
    keys_file = line.folder / "keys.toml"
    line("release", "keys", "--out", keys_file)
    said["verify"] = line("release", "verify", line.folder / "soldiers", "--keys", keys_file)
    return said


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("wrong encoding", "is not utf-8; name its encoding"),
        ("no encoding", "klingon"),
        ("soldiers", "2 rows taken"),
        ("others", "1 rows taken"),
        ("cbt", "1 rows taken"),
        ("cbt again", "imported before; nothing changed"),
        ("doubts", "2 fields on 1 pages to settle"),
        ("doubts", "37/1/1 card 1"),
        ("page", "image: "),
        ("page", "q6: reads"),
        ("too early", "37/1/1 card 1: graders do not differ on q6; leave it to them"),
        ("first", "37/1/1 card 1 (page 1) q5: waits for another grader"),
        ("second", "settled as "),
        ("settled", "37/1/1 card 1: q5 is settled; a correction can still change it"),
        ("differ", "graders differ; a supervisor settles it"),
        ("differing", "differ\n1 fields on 1 pages to settle"),
        ("arbiter", "settled as "),
        ("no doubts", "37/1/1 card 1 (page 1)"),
        ("no doubts", "nothing on it is to be settled"),
        ("late", "were due by 2026-06-12 23:59:59, China Standard Time; nothing was taken"),
        ("late", "kaowu corrections override"),
        ("reconcile", f"unregistered_number: 37/1/1 card 2, {MISREAD} is on no roster"),
        ("reconcile", "count room 37/01/一中/1 subject 1 cards + absent = seats: expected 2"),
        ("materials", "3 rows taken"),
        ("no reason", "give a reason"),
        ("one", "1 late corrections noted"),
        ("one again", "another person must agree"),
        ("waiting", f"ticket of {SECOND} subject 1, late: '{MISREAD}' -> '{SECOND}', late"),
        ("approved", "is late; it cannot be approved"),
        ("two", "1 let in once more"),
        ("in force", "in_force, 卫考1号"),
        ("key twice", "another person must load it"),
        ("unscored", "run kaowu score"),
        ("score", "3 results and 3 outcomes"),
        ("freeze", "military: not signed"),
        ("unsigned", "needs the signatures of 2 people"),
        ("never public", "military results are never public"),
        ("export", "2 military candidates, signed"),
        ("export again", "exists already; name a new folder"),
        ("releases", "signed by lin, luo, exported"),
        ("verify", "2 candidates, kind military"),
    ],
)
def test_every_desk_says_what_it_did_or_what_to_do(late: Late, step: str, told: str) -> None:
    assert told in late.said[step].out + late.said[step].err, late.said[step]


def test_what_people_settled_and_corrected_is_scored(late: Late) -> None:
    rows = late.said["results"].out.splitlines()
    for ticket in (FIRST, SECOND, AT_COMPUTER):
        assert f"{ticket} 1 scored 9800/99 passed" in rows, "item 7 is accepted otherwise"


def test_who_left_acts_no_more(late: Late, tmp_path: Path) -> None:
    line = Line(tmp_path / "copy")
    shutil.copytree(late.line.folder, line.folder)
    line.write("phrases/newcomer", "a passphrase for tests")
    assert "public key" in line("staff", "add", "newcomer", "--role", "auditor", "--as", "an").out
    assert "give a reason" in line("staff", "revoke", "sun", "--why", "", "--as", "an", code=2).err
    line("staff", "revoke", "sun", "--why", "left the office", "--as", "an")
    assert "sun was revoked" in line("score", "--as", "sun", code=5).err
    listed = line("staff", "list").out.splitlines()
    assert [row.split()[0] for row in listed if row.endswith("revoked")] == ["sun"]
    assert listed[-1].startswith("newcomer")
    assert "staff.revoke sun because left the office" in line("audit", "list").out
    nobody = line("staff", "revoke", "zhao", "--why", "left the office", "--as", "an", code=2)
    assert "no 'zhao' on the staff; see kaowu staff list" in nobody.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--role", "region", "--region", "99"), 2, "need their region; known: 37, 54"),
        (("--role", "operator", "--region", "37"), 2, "bound to no region"),
        (("--role", "site", "--region", "37"), 2, "need their site"),
    ],
)
def test_a_person_who_fits_no_place_is_refused_before_the_passphrase(
    late: Late, words: tuple[str, ...], code: int, told: str
) -> None:
    assert told in late.line("staff", "add", "newcomer", *words, "--as", "an", code=code).err


# ── regions: what they enter, and what is refused ────────────────────────────────────────────

VIOLATIONS = (
    "准考证号,科目,代码,提醒,事实,证据,记录人一,记录人二,签名,见证人一,见证人二,考点负责人,"
    "告知日期,申辩日期,审核日期,决定书号,送达\n"
)
FORM = "是,手机响,letter.pdf,甲,乙,签,,,丙,,,,,"


@pytest.fixture
def copied(walk: Walk, tmp_path: Path) -> Line:
    """The walk's office, to be changed at will."""
    shutil.copytree(walk.line.folder, tmp_path / "copy")
    return Line(tmp_path / "copy")


def test_a_rejected_violation_and_a_document_that_differs(walk: Walk, copied: Line) -> None:
    line, ticket, subject = copied, walk.tickets[2], walk.subjects[2]
    listed = line.write("reports/v.csv", f"{VIOLATIONS}{ticket},{subject},101,{FORM}\n", "gb18030")
    entered = line("violations", "enter", listed, "--encoding", "gb18030", "--as", "lu37")
    assert "1 violations entered" in entered.out
    document = line.write(
        "reports/d.csv", f"公文号,准考证号,科目,代码\n卫考违2号,{ticket},{subject},101\n"
    )
    compare = ("violations", "compare", document, "--region", "37", "--as", "lu37")
    waiting = line(*compare, code=7)
    assert f"{ticket}/{subject}/101" in waiting.err, "named by what a person knows"
    own = line("violations", "review", "2", "reviewed", "--as", "lu37", code=5)
    assert "another person reviews" in own.err
    assert (
        "give a reason" in line("violations", "review", "2", "rejected", "--as", "lv37", code=2).err
    )
    why = ("--why", "it was another candidate")
    line("violations", "review", "2", "rejected", *why, "--as", "lv37")
    differing = line(*compare, code=7)
    assert f"{ticket}/{subject}/101: in the document, not in the system" in differing.err
    assert f"{walk.tickets[1]}/{walk.subjects[1]}/101: in the system, not in" in differing.err
    assert "101 rejected" in line("violations", "list", "--region", "37").out


def test_a_rejected_correction_says_why(walk: Walk, copied: Line) -> None:
    row = f"姓名,{walk.tickets[3]},,考生4,考生肆,录错,letter.pdf,卫考3号\n"
    path = copied.write("reports/c.csv", CORRECTION + row, "gb18030")
    copied("corrections", "submit", path, "--encoding", "gb18030", "--as", "lu37")
    assert (
        "give a reason"
        in copied("corrections", "reject", "2", "--why", "", "--as", "sun", code=2).err
    )
    done = copied("corrections", "reject", "2", "--why", "the letter is another's", "--as", "sun")
    assert f"name of {walk.tickets[3]}: rejected" in done.out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("corrections", "submit", "{other}", "--as", "zang54"), 2, "no candidate of region 54"),
        (("violations", "enter", "{listed}", "--as", "zang54"), 2, "is no candidate of yours"),
        (("violations", "review", "1", "reviewed", "--as", "zang54"), 2, "in region 54"),
        (("violations", "compare", "x", "--region", "37", "--as", "zang54"), 2, "no region 37"),
        (("violations", "compare", "x", "--region", "99", "--as", "sun"), 2, "known: 37, 54"),
        (("violations", "compare", "x", "--region", "37", "--as", "sun"), 2, "cannot be read"),
    ],
)
def test_a_region_sees_its_own(
    walk: Walk, copied: Line, words: tuple[str, ...], code: int, told: str
) -> None:
    row = f"姓名,{walk.tickets[3]},,考生4,考生肆,录错,letter.pdf,卫考3号\n"
    form = f"{walk.tickets[2]},{walk.subjects[2]},101,{FORM}\n"
    copied.write("phrases/zang54", "a passphrase for tests")
    copied("staff", "add", "zang54", "--role", "region", "--region", "54", "--as", "an")
    paths = {
        "{other}": str(copied.write("reports/o.csv", CORRECTION + row)),
        "{listed}": str(copied.write("reports/l.csv", VIOLATIONS + form)),
    }
    said = copied(*(paths.get(word, word) for word in words), code=code)
    assert told in said.err


def test_a_rescan_stands_for_a_card_named_by_its_place(copied: Line) -> None:
    """Whoever holds the bag knows no page numbers."""
    scan = next((copied.folder / "in").rglob("*.jpg"))
    torn = copied.folder / "torn.jpg"
    torn.write_bytes(scan.read_bytes()[:2000])
    bag = ("--region", "37", "--box", "9", "--bag", "9", "--as", "ou")
    copied("intake", torn, *bag)
    copied("intake", scan, *bag)
    told = copied("reconcile").out
    assert re.search(r"the same picture: 37/\d/1 card \d+, 37/9/9 card 2\n", told)
    replace = ("review", "replace", "37/9/9/1", "--by")
    other = next(line for line in told.splitlines() if line.startswith("page 11 rejected"))
    assert "37/9/9 card 1" in other
    assert (
        "no page 37/9/9/3"
        in copied(*replace, "37/9/9/3", "--why", "torn", "--as", "ou", code=2).err
    )
    elsewhere = copied(*replace, "37/1/1/1", "--why", "it was torn", "--as", "ou", code=2)
    assert "37/9/9 card 1 and 37/1/1 card 1 are of different bags" in elsewhere.err
    assert "give a reason" in copied(*replace, "37/9/9/2", "--why", "", "--as", "ou", code=2).err
    done = copied(*replace, "37/9/9/2", "--why", "it was torn", "--as", "ou")
    assert "37/9/9 card 2 (page 12) stands for 37/9/9 card 1 (page 11)" in done.out


# ── a chain, a release or a transcript that somebody changed ─────────────────────────────────


def test_a_changed_fact_breaks_the_chain_where_it_was_changed(copied: Line) -> None:
    import sqlite3

    with sqlite3.connect(copied.folder / "home" / "kaowu.db") as database:
        database.execute("DROP TRIGGER no_update_candidate")
        database.execute("UPDATE candidate SET name = 'somebody else' WHERE id = 1")
    said = copied("audit", "verify", code=8)
    assert "import by sun" in said.err
    assert "rows of candidate" in said.err


def test_a_noted_head_must_still_be_there(walk: Walk) -> None:
    head = walk.said["audit"].out.split()[-1]
    walk.line("audit", "verify", "--head", head)
    assert "cut short" in walk.line("audit", "verify", "--head", "f" * 64, code=8).err


@pytest.mark.parametrize("harm", ["not a manifest", '{"exam": {}}'])
def test_nobody_signs_a_release_with_a_broken_manifest(copied: Line, harm: str) -> None:
    path = next((copied.folder / "home" / "releases").iterdir()) / "manifest.json"
    path.write_text(harm, encoding="utf-8")
    copied.write("phrases/lan", "a passphrase for tests")
    copied("staff", "add", "lan", "--role", "release", "--as", "an")
    said = copied("release", "sign", path.parent.name, "--as", "lan", code=8)
    assert "is no manifest" in said.err


def test_a_transcripts_code_is_checked_without_an_office(walk: Walk, tmp_path: Path) -> None:
    from admin_api.release.transcripts import pages_of
    from admin_api.release.verify import load_keys

    folder = walk.line.folder / "home" / "releases" / walk.release
    keys_file = walk.line.folder / "keys.toml"
    _, code = next(pages_of(folder, load_keys(keys_file), walk.tickets[0]))
    elsewhere = Line(tmp_path)
    check = ("release", "check-transcript")
    said = elsewhere(*check, code, "--keys", keys_file)
    assert f"release {walk.release[:12]}: it holds" in said.out
    assert f"{walk.tickets[0]} 考生壹" in said.out
    short = elsewhere(*check, code[:-9], "--keys", keys_file, code=8)
    assert "the code is not whole; scan it again" in short.err
    other = code[:60] + ("A" if code[60] != "A" else "B") + code[61:]
    assert "does not hold" in elsewhere(*check, other, "--keys", keys_file, code=8).err
    assert "No such file" in elsewhere(*check, code, "--keys", "none.toml", code=2).err


# ── files and folders that are not what they should be ───────────────────────────────────────


def test_nothing_is_taken_in_from_nowhere(walk: Walk, tmp_path: Path) -> None:
    bag = ("--region", "37", "--box", "9", "--bag", "9", "--as", "ou")
    missing = walk.line("intake", tmp_path / "scna", *bag, code=2)
    assert "nothing is there; check the paths" in missing.err
    assert "scna" in missing.err
    assert "holds no scans" in walk.line("intake", tmp_path, *bag, code=2).err
    (tmp_path / "notes.txt").write_text("not a scan")
    assert "holds no scans" in walk.line("intake", tmp_path, *bag, code=2).err
    assert "37/9/9" not in walk.line("reconcile").out


@pytest.mark.parametrize(
    "words",
    [
        ("release", "keys", "--out", "{no}/keys.toml"),
        ("release", "transcripts", "{release}", "--out", "{no}/t.pdf"),
        ("explain", "{ticket}", "{subject}", "--html", "{no}/why.html"),
    ],
)
def test_an_output_in_a_folder_that_is_not_there(
    walk: Walk, tmp_path: Path, words: tuple[str, ...]
) -> None:
    given = {"release": walk.release, "ticket": walk.tickets[0], "subject": walk.subjects[0]}
    given["no"] = str(tmp_path / "no")
    said = walk.line(*(word.format(**given) for word in words), code=4)
    assert "cannot be written (No such file or directory)" in said.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No such file or directory"),
        ("a = [", "no TOML"),
        ("a = 3", "a is not known here"),
    ],
)
def test_keys_that_are_none(walk: Walk, tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "key.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert told in walk.line("key", "load", path, "--as", "kang", code=2).err


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({"KAOWU_DATABASE": "mysql://x/y"}, 4, "mysql is not served"),
        ({"KAOWU_DATABASE": "nonsense"}, 4, "no database URL"),
        ({"KAOWU_DATABASE": "sqlite:////proc/kaowu/x.db"}, 4, "cannot be created"),
        ({"KAOWU_DATABASE": "postgresql://u@127.0.0.1:1/x"}, 4, "Connection refused"),
        ({"KAOWU_HOME": "{folder}/EXAM.toml"}, 4, "cannot be set up: Not a directory"),
        ({"KAOWU_WORKERS": "many"}, 2, "whole number from 1"),
        ({"KAOWU_PASSPHRASES": "{folder}/none"}, 5, "unset KAOWU_PASSPHRASES to be asked"),
    ],
)
def test_settings_that_cannot_be_used(
    walk: Walk, tmp_path: Path, settings: dict[str, str], code: int, told: str
) -> None:
    folder = walk.line.folder
    given = {name: value.format(folder=folder) for name, value in settings.items()}
    given.setdefault("KAOWU_HOME", str(tmp_path / "home"))
    given.setdefault("KAOWU_PASSPHRASES", str(folder / "phrases"))
    said = Line(tmp_path, given)("init", folder / "EXAM.toml", "--admin", "an", code=code)
    assert told in said.err


def test_a_database_that_is_none(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.write("home/kaowu.db", "only text, and a lot of it; " * 99)
    assert "file is not a database" in line("results", code=4).err
