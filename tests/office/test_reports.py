"""What regions report: in time to the second, by their own region, approved by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from admin_api import tables
from admin_api.clock import CST
from admin_api.corrections import service
from admin_api.corrections.overlay import overlay_cards, overlay_enrolments
from admin_api.corrections.records import Correction, CorrectionKind, Standing, Verdict, standings
from admin_api.errors import NotAllowed, NotFound, Refused, TooLate, Unsettled
from admin_api.exam.parse import load_exam
from admin_api.frames import CARDS, ENROLMENTS
from admin_api.registration import service as registration
from admin_api.registration.errors import ImportRefused
from admin_api.violations import service as violations
from tests.office.papers import EXAM
from tests.office.people import Desk
from tests.office.test_joining import card, enrolment

SITTING, _ = load_exam(EXAM)
ROSTER = "准考证号,姓名,证件类型,证件号,档案号,专业代码,级别,考区,考点,考场,试室,座位号,报考科目"
WANG, LI = "370000000001", "370000000002"
ZHANG = "540000000001"
LAST = datetime(2026, 6, 12, 23, 59, 59, 999999, tzinfo=CST)
OVER = datetime(2026, 6, 13, 0, 0, 0, tzinfo=CST)
HEADER = "类型,准考证号,科目,原值,新值,原因,证据,文号"
ABSENT = f"缺考,{WANG},1,缺,到,签到表误记,e.txt,文1号"
Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    (tmp_path / "e.txt").write_text("evidence")

    def write(*rows: str, header: str = HEADER, name: str = "list.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]), encoding="utf-8")
        return path

    return write


@pytest.fixture
def desk(desk: Desk, written: Written) -> Desk:
    people = [
        f"{WANG},王一,军官证,军字第00000001号,F1,203,师,37,01,一中,01,01,1234",
        f"{LI},李二,军官证,军字第00000002号,F2,203,师,37,01,一中,01,02,1234",
        f"{ZHANG},张三,军官证,军字第00000003号,F3,203,师,54,01,一中,01,01,1234",
    ]
    roster = written(*people, header=ROSTER, name="roster.csv")
    registration.import_roster(desk.office, desk["sun"], roster, military=False)
    return desk


def where(desk: Desk) -> dict[int, Standing]:
    with desk.ledger.moment() as connection:
        return standings(service.corrections(connection), service.verdicts(connection))


# ── the deadline, to the second ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", [CST, UTC])
def test_the_last_moment_of_the_day_is_in_time(desk: Desk, written: Written, zone) -> None:
    desk.clock.moment = LAST.astimezone(zone)
    assert service.submit(desk.office, desk["lu37"], written(ABSENT)).new == (1,)


@pytest.mark.parametrize("zone", [CST, UTC])
def test_the_first_moment_of_the_next_is_late(desk: Desk, written: Written, zone) -> None:
    desk.clock.moment = OVER.astimezone(zone)
    with pytest.raises(TooLate, match="2026-06-12 23:59:59, China Standard Time") as late:
        service.submit(desk.office, desk["lu37"], written(ABSENT))
    assert "kaowu corrections override" in str(late.value)
    assert where(desk) == {}


def test_two_people_let_a_late_one_in_and_it_stays_late(desk: Desk, written: Written) -> None:
    path = written(ABSENT)
    with pytest.raises(Refused, match="not late"):
        service.override(desk.office, desk["sun"], path, "why")
    desk.clock.moment = OVER
    service.override(desk.office, desk["sun"], path, "the letter was in time")
    assert where(desk) == {1: Standing.LATE}
    with pytest.raises(Refused, match="another person"):
        service.override(desk.office, desk["sun"], path, "once more")
    with pytest.raises(Refused, match="cannot be approved"):
        service.judge(desk.office, desk["song"], 1, Verdict.APPROVED)
    with pytest.raises(NotAllowed):
        service.override(desk.office, desk["lu37"], path, "our own")
    service.override(desk.office, desk["song"], path, "seen the letter")
    assert where(desk) == {1: Standing.IN_FORCE}
    with desk.ledger.moment() as connection:
        assert [one.late for one in service.in_force(connection)] == [True]


@pytest.mark.parametrize(
    ("moment", "taken"),
    [
        (datetime(2026, 5, 31, 23, 59, 59, tzinfo=CST), False),
        (datetime(2026, 6, 1, 0, 0, 0, tzinfo=CST), True),
        (LAST, True),
        (OVER, False),
    ],
)
def test_violations_have_their_window(
    desk: Desk, written: Written, moment: datetime, taken: bool
) -> None:
    desk.clock.moment = moment
    path = violation(written)
    if taken:
        assert violations.enter(desk.office, desk["lu37"], path) == (1,)
    else:
        with pytest.raises(TooLate):
            violations.enter(desk.office, desk["lu37"], path)


# ── corrections ──────────────────────────────────────────────────────────────────────────────


def test_a_file_is_taken_whole_or_refused_whole(desk: Desk, written: Written) -> None:
    bad = (
        ABSENT,
        f"缺考,{ZHANG},1,缺,到,r,e.txt,文1号",
        f"科目,{LI},3,4,9,r,e.txt,文1号",
        f"换座,{LI},3,,{ZHANG},r,e.txt,文1号",
    )
    with pytest.raises(ImportRefused) as refused:
        service.submit(desk.office, desk["lu37"], written(*bad))
    told = str(refused.value)
    assert "row 3" in told and "row 4" in told and "row 5" in told  # noqa: PT018
    assert f"{ZHANG} is no candidate of region 37" in told
    assert where(desk) == {}


@pytest.mark.parametrize("kind", ["专业", "级别", "specialty", "答案"])
def test_what_is_never_corrected(desk: Desk, written: Written, kind: str) -> None:
    path = written(f"{kind},{WANG},1,a,b,r,e.txt,文1号")
    with pytest.raises(ImportRefused):
        service.submit(desk.office, desk["lu37"], path)


def test_the_same_again_changes_nothing(desk: Desk, written: Written) -> None:
    path = written(ABSENT)
    assert service.submit(desk.office, desk["lu37"], path).new == (1,)
    again = service.submit(desk.office, desk["lu37"], path)
    assert (again.new, again.known) == ((), 1)


def test_somebody_else_decides(desk: Desk, written: Written) -> None:
    service.submit(desk.office, desk["lu37"], written(ABSENT))
    assert where(desk) == {1: Standing.PROPOSED}
    with pytest.raises(NotAllowed):
        service.judge(desk.office, desk["lu37"], 1, Verdict.APPROVED)
    with pytest.raises(NotFound):
        service.judge(desk.office, desk["sun"], 9, Verdict.APPROVED)
    assert service.judge(desk.office, desk["sun"], 1, Verdict.APPROVED) is Standing.IN_FORCE
    with pytest.raises(Refused):
        service.judge(desk.office, desk["song"], 1, Verdict.APPROVED)
    evidence = desk.ledger.read(select(tables.correction.c.evidence))["evidence"][0]
    assert desk.office.vault.get(evidence) == b"evidence"


def test_two_of_one_thing_conflict(desk: Desk, written: Written) -> None:
    service.submit(desk.office, desk["lu37"], written(f"姓名,{WANG},,王一,王乙,r,e.txt,文1号"))
    service.submit(desk.office, desk["lv37"], written(f"姓名,{WANG},,王一,王义,r,e.txt,文2号"))
    assert set(where(desk).values()) == {Standing.CONFLICTING}
    with desk.ledger.moment() as connection:
        assert len(service.open_matters(connection)) == 2
    service.judge(desk.office, desk["sun"], 1, Verdict.REJECTED, "the other one is right")
    assert where(desk)[2] is Standing.PROPOSED


def correction(kind: str, ticket: str, subject: str, old: str, new: str) -> Correction:
    words = ("r", "e", "文1号", "lu37", "2026")
    return Correction(7, CorrectionKind(kind), "37", ticket, subject, old, new, *words, late=False)


def overlaid(one: Correction, *cards) -> tuple[list, list[str]]:
    frame = pl.DataFrame(cards, schema=CARDS, orient="row")
    found, matters = overlay_cards(frame, [one], SITTING.card)
    return list(found.iter_rows(named=True)), [matter.words for matter in matters]


@pytest.mark.parametrize(
    ("one", "read", "column", "value"),
    [
        (correction("ticket", LI, "1", "379", LI), {"ticket": "379"}, "ticket", LI),
        (correction("ticket", LI, "1", f"{WANG}@1/7/1", LI), {}, "ticket", LI),
        (correction("subject", WANG, "1", "2", "1"), {"subject": "2"}, "subject", "1"),
        (correction("form", WANG, "1", "A", "B"), {}, "form", "B"),
        (correction("barcode", WANG, "1", "", "2031B000009"), {"barcode": ""}, "barcode_form", "B"),
        (correction("absent", WANG, "1", "缺", "到"), {"absent": True}, "absent", False),
        (correction("violation", WANG, "1", "是", "否"), {"violation": True}, "violation", False),
    ],
)
def test_a_correction_is_laid_over_its_card(one, read, column, value) -> None:
    rows, matters = overlaid(one, card(1, **read, open=[one.kind.value, "q1"]))
    assert matters == []
    assert rows[0][column] == value
    assert rows[0]["corrections"] == [7]
    assert rows[0]["open"] == ["q1"]


def test_a_swap_exchanges_two_cards() -> None:
    rows, matters = overlaid(correction("swap", WANG, "1", "", LI), card(1, WANG), card(2, LI))
    assert [row["ticket"] for row in rows] == [LI, WANG]
    assert matters == []


@pytest.mark.parametrize(
    ("one", "cards", "says"),
    [
        (correction("form", WANG, "1", "B", "A"), [card(1)], "reads 'A'"),
        (correction("form", WANG, "1", "A", "B"), [], "fits 0 cards"),
        (correction("form", WANG, "1", "A", "B"), [card(1), card(2)], "fits 2 cards"),
        (correction("form", WANG, "1", "A", "B"), [card(1, region="54")], "fits 0 cards"),
        (correction("swap", WANG, "1", "", LI), [card(1)], "exactly one card"),
    ],
)
def test_what_fits_nothing_changes_nothing(one, cards, says) -> None:
    rows, matters = overlaid(one, *cards)
    assert says in matters[0]
    assert all(row["corrections"] == [] for row in rows)


def test_attendance_is_corrected_where_it_is_listed() -> None:
    people = pl.DataFrame([enrolment(1, WANG, present=False)], schema=ENROLMENTS, orient="row")
    found, lost = overlay_enrolments(people, [correction("absent", WANG, "1", "缺", "到")])
    assert (found["present"][0], found["corrections"].to_list(), lost) == (True, [[7]], [])
    _, lost = overlay_enrolments(people, [correction("absent", LI, "1", "缺", "到")])
    assert "fits no enrolment" in lost[0].words


# ── violations ───────────────────────────────────────────────────────────────────────────────

FORM = (
    "准考证号,科目,代码,提醒,事实,证据,记录人一,记录人二,签名,见证人一,见证人二,考点负责人,"
    "告知日期,申辩日期,审核日期,决定书号,送达"
)
DOCUMENT = "公文号,准考证号,科目,代码"


def violation(written: Written, ticket: str = WANG, code: str = "103") -> Path:
    rest = "是,标记,e.txt,甲,乙,签,,,丙,2026-06-02,,2026-06-05,决1,是"
    return written(f"{ticket},2,{code},{rest}", header=FORM, name="v.csv")


def test_a_document_must_agree_record_by_record(desk: Desk, written: Written) -> None:
    office = desk.office
    (number,) = violations.enter(office, desk["lu37"], violation(written))
    document = written(f"文9号,{WANG},2,104", header=DOCUMENT, name="d.csv")
    with pytest.raises(Unsettled, match="review"):
        violations.compare(office, desk["lu37"], "37", document)
    with pytest.raises(NotAllowed, match="another person reviews"):
        violations.review(office, desk["lu37"], number, violations.REVIEWED)
    violations.review(office, desk["lv37"], number, violations.REVIEWED)
    with desk.ledger.moment() as connection:
        assert [m.key for m in violations.open_matters(connection)] == ["violations of 37"]
    found = violations.compare(office, desk["lu37"], "37", document)
    assert found.words == (
        f"{WANG}/2/103: in the system, not in the document",
        f"{WANG}/2/104: in the document, not in the system",
    )
    good = written(f"文9号,{WANG},2,103", header=DOCUMENT, name="d.csv")
    assert violations.compare(office, desk["lu37"], "37", good).agrees
    with desk.ledger.moment() as connection:
        assert violations.open_matters(connection) == []
    violations.enter(office, desk["lu37"], violation(written, LI, "201"))
    with desk.ledger.moment() as connection:
        assert len(violations.open_matters(connection)) == 1, "a new entry opens it again"


def test_penalties_by_article(desk: Desk, written: Written) -> None:
    office = desk.office
    for ticket, code in ((WANG, "103"), (LI, "201")):
        (number,) = violations.enter(office, desk["lu37"], violation(written, ticket, code))
        violations.review(office, desk["lv37"], number, violations.REVIEWED)
    with desk.ledger.moment() as connection:
        rows = violations.penalties(connection, office.exam).rows()
    assert rows == [(1, WANG, "2", "103", ""), (2, LI, "", "201", "2031")]


def test_other_regions_do_not_exist(desk: Desk, written: Written) -> None:
    with pytest.raises(ImportRefused, match="no candidate of yours"):
        violations.enter(desk.office, desk["lu37"], violation(written, ZHANG))
    (number,) = violations.enter(desk.office, desk["lu37"], violation(written))
    with pytest.raises(NotFound):
        violations.review(desk.office, desk["zang54"], number, violations.REVIEWED)
    document = written(f"文9号,{WANG},2,103", header=DOCUMENT, name="d.csv")
    with pytest.raises(NotFound):
        violations.compare(desk.office, desk["zang54"], "37", document)
