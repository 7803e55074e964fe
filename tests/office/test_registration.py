"""Files into the store: whole or not at all, each once, and never against what is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.verify import verify_chain
from admin_api.errors import NotAllowed
from admin_api.registration import service
from admin_api.registration.errors import ImportRefused
from admin_api.registration.frames import read_bags, read_candidates, read_enrolments
from tests.office.people import Desk

HEADER = "准考证号,姓名,证件类型,证件号,档案号,专业代码,级别,考区,考点,考场,试室,座位号,报考科目"
WANG = "370000000001,王一,居民身份证,11010519491231002X,F0000001,203,师,37,01,一中,01,01,1234"
ID, OTHER_ID = "11010519491231002X", "440524188001010014"
LI = "370000000002,李二,军官证,军字第12345678号,F0000002,203,师,37,01,一中,01,02,13"


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def rostered(desk: Desk, tmp_path: Path) -> Desk:
    path = written(tmp_path, "roster.csv", HEADER, WANG, LI)
    stored = service.import_roster(desk.office, desk["sun"], path, military=False)
    assert (stored.new, stored.known) == (2, 0)
    return desk


def acts(desk: Desk) -> int:
    return desk.ledger.read(select(tables.act.c.id)).height


def test_a_roster_becomes_candidates_enrolments_and_rooms(rostered: Desk) -> None:
    with rostered.ledger.moment() as connection:
        rows = read_enrolments(connection, rostered.office.exam, read_candidates(connection))
        assert verify_chain(connection).holds
    assert rows["subject"].to_list() == ["1", "2", "3", "4", "1", "3"]
    assert rows["paper"].to_list() == ["2031", "2032", "2033", "2034", "2031", "2033"]
    assert rows["room"].unique().to_list() == [1]
    assert rows["present"].null_count() == 6


def test_the_same_file_again_changes_nothing(rostered: Desk, tmp_path: Path) -> None:
    before = acts(rostered)
    path = tmp_path / "roster.csv"
    again = service.import_roster(rostered.office, rostered["sun"], path, military=False)
    assert again.again
    assert acts(rostered) == before


def test_rows_that_stand_there_are_known_and_new_ones_enter(rostered: Desk, tmp_path: Path) -> None:
    zhao = WANG.replace("0001,王一", "0003,赵三").replace(
        "11010519491231002X", "440524188001010014"
    )
    zhao = zhao.replace("01,01,1234", "01,03,1234").replace("F0000001", "F0000003")
    path = written(tmp_path, "more.csv", HEADER, WANG, zhao)
    stored = service.import_roster(rostered.office, rostered["sun"], path, military=False)
    assert (stored.new, stored.known) == (1, 1)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (WANG.replace("王一", "王二"), "name"),
        (WANG.replace(",1234", ",123"), "subjects"),
        (WANG.replace("01,01,1234", "02,01,1234"), "room"),
        (WANG.replace("0001,", "0009,").replace("F0000001", "F0000009"), "id_number"),
        (
            WANG.replace("0001,", "0009,").replace(ID, OTHER_ID),
            "seat",
        ),
    ],
)
def test_a_file_against_what_is_there_is_refused_whole(
    rostered: Desk, tmp_path: Path, row: str, column: str
) -> None:
    new = (
        LI.replace("0002,李二", "0008,周八")
        .replace("12345678", "87654321")
        .replace("01,02,", "01,08,")
    )
    path = written(tmp_path, "against.csv", HEADER, new, row)
    before = acts(rostered)
    with pytest.raises(ImportRefused, match=column) as refused:
        service.import_roster(rostered.office, rostered["sun"], path, military=False)
    assert "row 3" in str(refused.value)
    assert acts(rostered) == before
    assert rostered.ledger.read(select(tables.candidate.c.id)).height == 2


def test_a_military_file_marks_everybody(desk: Desk, tmp_path: Path) -> None:
    path = written(tmp_path, "roster.csv", HEADER, WANG)
    service.import_roster(desk.office, desk["sun"], path, military=True)
    assert desk.ledger.read(select(tables.candidate.c.military))["military"].to_list() == [True]


def test_attendance_names_enrolments(rostered: Desk, tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.csv", "准考证号,科目,到考", "370000000001,1,到", "370000000002,3,缺"
    )
    service.import_attendance(rostered.office, rostered["sun"], path)
    with rostered.ledger.moment() as connection:
        came = read_enrolments(connection, rostered.office.exam, read_candidates(connection))[
            "present"
        ].to_list()
    assert came == [True, None, None, None, None, False]
    other = written(tmp_path, "b.csv", "准考证号,科目,到考", "370000000001,1,缺")
    with pytest.raises(ImportRefused, match="contradicts"):
        service.import_attendance(rostered.office, rostered["sun"], other)
    stranger = written(tmp_path, "c.csv", "准考证号,科目,到考", "370000000002,2,到")
    with pytest.raises(ImportRefused, match="not enrolled"):
        service.import_attendance(rostered.office, rostered["sun"], stranger)


def test_materials_count_bags_boxes_and_regions(rostered: Desk, tmp_path: Path) -> None:
    header = "考区,箱号,袋号,考点,考场,试室,科目,数量"
    lines = ["37,1,7,01,一中,01,1,2", "37,1,,,,,,1", "37,,,,,,,1"]
    path = written(tmp_path, "m.csv", header, *lines)
    assert service.import_materials(rostered.office, rostered["sun"], path).new == 3
    with rostered.ledger.moment() as connection:
        bags = read_bags(connection)
    assert bags.rows() == [("37", "1", "7", 1, "1", 2)]
    unknown = written(tmp_path, "n.csv", header, "37,1,8,01,一中,99,1,2")
    with pytest.raises(ImportRefused, match="no roster names"):
        service.import_materials(rostered.office, rostered["sun"], unknown)


def test_history_is_kept_by_file_number(rostered: Desk, tmp_path: Path) -> None:
    header = "年度,档案号,专业代码,科目,成绩,合格"
    path = written(
        tmp_path, "h.csv", header, "2025,F0000001,203,1,71,是", "2025,F0000001,203,2,50,否"
    )
    assert service.import_history(rostered.office, rostered["sun"], path).new == 2
    other = written(tmp_path, "i.csv", header, "2025,F0000001,203,2,60,是")
    with pytest.raises(ImportRefused, match="contradicts"):
        service.import_history(rostered.office, rostered["sun"], other)


def test_computer_answers_are_of_the_enrolled_paper(desk: Desk, tmp_path: Path) -> None:
    row = WANG.replace(",203,师,", ",109,士,")
    path = written(tmp_path, "roster.csv", HEADER, row)
    service.import_roster(desk.office, desk["sun"], path, military=False)
    header, answers = "准考证号,科目,试卷,卷型,作答", "A[BD]-" + "C" * 97
    good = written(tmp_path, "g.csv", header, f"370000000001,1,1091,,{answers}")
    assert service.import_computer_answers(desk.office, desk["sun"], good).new == 1
    stored = desk.ledger.read(select(tables.computer_answers.c.answers))["answers"][0]
    assert (len(stored), stored[:4]) == (100, bytes([1, 10, 0, 4]))
    wrong = written(tmp_path, "w.csv", header, f"370000000001,1,2031,A,{answers}")
    with pytest.raises(ImportRefused, match="paper"):
        service.import_computer_answers(desk.office, desk["sun"], wrong)


def test_imports_belong_to_the_centre(desk: Desk, tmp_path: Path) -> None:
    path = written(tmp_path, "roster.csv", HEADER, WANG)
    with pytest.raises(NotAllowed):
        service.import_roster(desk.office, desk["lu37"], path, military=False)
