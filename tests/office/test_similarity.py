"""Screening end to end: a pair that copied, its dossier, what the group decides as a violation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from admin_api.acts.verify import verify_chain
from admin_api.errors import NotAllowed, NotFound, Tampered, Unsettled
from admin_api.results import service as results
from admin_api.settings import settings_in
from admin_api.similarity import service
from admin_api.similarity.files import seats_apart, seats_taken
from admin_api.similarity.pictures import map_svg
from admin_api.similarity.service import Run, Within
from admin_api.violations import service as violations
from tests.office.papers import EXAM
from tests.office.people import PASSPHRASE, Desk, new_desk, with_cheap_keys
from tests.office.screened import COPIER, PEOPLE, ROOM, SOURCE, sit, ticket
from tests.office.walk import Line


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("screened")
    with pytest.MonkeyPatch.context() as patch:
        with_cheap_keys(patch.setattr)
        made = new_desk(settings_in(folder / "home"), EXAM)
        sit(made, folder)
        yield made


@pytest.fixture(scope="module")
def run(desk: Desk) -> Run:
    return service.run(desk.office, desk["sun"], Within.ROOM)


def test_the_pair_that_copied_is_found_and_nobody_else(run: Run) -> None:
    flagged = run.pairs.filter(pl.col("flagged"))
    assert flagged.select("ticket_one", "ticket_other", "seats_apart").rows() == [
        (ticket(COPIER), ticket(SOURCE), 1)
    ]
    assert run.about["compared"] == PEOPLE // ROOM * (ROOM * (ROOM - 1) // 2)
    assert run.about["score_run"] == 1
    assert run.about["groups"] == [[f"1 {ticket(COPIER)}", f"1 {ticket(SOURCE)}"]]
    row = flagged.row(0, named=True)
    assert row["same"] == row["right_alike"] + row["wrong_alike"] >= 70
    assert row["holm"] < -2 < 0 > row["false_rate"]


def test_the_dossier_shows_both_cards_every_item_and_where_they_sat(run: Run) -> None:
    folder = run.folder / "dossier" / "1"
    told = json.loads((folder / "pair.json").read_text(encoding="utf-8"))
    assert told["pictures"] == ["map.svg", "null.svg", "one.jpg", "other.jpg"]
    assert [one["item"] for one in told["items"]] == [str(n) for n in range(1, 101)]
    row = run.pairs.row(0, named=True)
    kinds = [one["alike"] for one in told["items"]]
    # Item 31 is void and item 7 has two right answers: see papers.key_file.
    assert kinds[30] == ""
    assert (kinds.count("right"), kinds.count("wrong")) == (row["right_alike"], row["wrong_alike"])
    for name in ("map.svg", "null.svg"):
        ElementTree.fromstring((folder / name).read_bytes())
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert ticket(COPIER) in page
    assert "考生4" not in page, "no names"
    assert "401" in page


def test_the_same_answers_give_the_same_files(desk: Desk, run: Run) -> None:
    again = service.run(desk.office, desk["lin"], Within.ROOM)
    assert again.number > run.number
    for name in ("pairs.parquet", "dossier/1/null.svg", "dossier/1/one.jpg"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes()


@pytest.mark.parametrize("within", [Within.PAPER, Within.SITE])
def test_wider_places_compare_more_and_still_find_the_pair(desk: Desk, within: Within) -> None:
    found = service.run(desk.office, desk["sun"], within)
    assert found.about["compared"] == PEOPLE * (PEOPLE - 1) // 2
    assert found.pairs.filter(pl.col("flagged")).height == 1


def test_who_may_screen_and_what_is_not_there(desk: Desk, run: Run) -> None:
    for name in ("shen", "lu37", "ren"):
        with pytest.raises(NotAllowed):
            service.run(desk.office, desk[name], Within.ROOM)
    with pytest.raises(NotFound):
        service.load(desk.office, 1)
    assert run.number in service.runs(desk.office)


def test_a_list_that_was_altered_is_told(desk: Desk, run: Run) -> None:
    path = run.folder / service.PAIRS
    kept = path.read_bytes()
    pl.read_parquet(path).with_columns(ticket_one=pl.lit("x")).write_parquet(path)
    with pytest.raises(Tampered):
        service.load(desk.office, run.number)
    path.write_bytes(kept)
    service.load(desk.office, run.number)


def test_the_commands(desk: Desk, tmp_path: Path) -> None:
    line = Line(desk.office.settings.home.parent)
    line.write("phrases/sun", PASSPHRASE + "\n")
    out = tmp_path / "list"
    said = line("similarity", "--within", "venue", "--out", out, "--as", "sun")
    assert "1 flagged, 1 groups" in said.out
    assert "voids nothing" in said.out
    assert {path.name for path in out.iterdir()} == {
        *("dossier", "pairs.html", "pairs.parquet", "pairs.xlsx", "run.json"),
    }
    again = line("similarity", "--out", out, "--as", "sun", code=2)
    assert "is there already" in again.err
    assert "--as NAME" in line("similarity", code=2).err
    told = tmp_path / "honesty"
    few = ("--persons", "300", "--sittings", "1", "--copying", "10", "--items", "12")
    line("similarity", "honesty", "--out", told, *few)
    page = (told / "honesty.html").read_text(encoding="utf-8")
    assert "given scores" in page
    assert pl.read_parquet(told / "found.parquet").height == 3 * 6


def test_a_dossier_becomes_a_violation_and_only_then_is_the_subject_void(
    desk: Desk, run: Run, tmp_path: Path
) -> None:
    def states() -> dict[str, str]:
        with desk.ledger.moment() as connection:
            now = results.current(desk.office, connection, stored=False)
        names = now.present.enrolments.select("enrolment", "ticket")
        joined = now.results.join(names, on="enrolment")
        return dict(joined.select("ticket", "state").iter_rows())

    assert set(states().values()) == {"scored"}, "screening voids nothing"
    row = run.pairs.row(0, named=True)
    (tmp_path / "dossier.html").write_bytes(
        (run.folder / "dossier" / "1" / "index.html").read_bytes()
    )
    lines = [
        f"{row[who]},{row['subject']},401,否,答卷雷同，专家组确认,dossier.html,甲,乙,签,,,丙,,,,,"
        for who in ("ticket_one", "ticket_other")
    ]
    head = (
        "准考证号,科目,代码,提醒,事实,证据,记录人一,记录人二,签名,见证人一,见证人二,"
        "考点负责人,告知日期,申辩日期,审核日期,决定书号,送达"
    )
    (tmp_path / "v.csv").write_text("\n".join([head, *lines]), encoding="utf-8")
    entered = violations.enter(desk.office, desk["lu37"], tmp_path / "v.csv")
    for number in entered:
        violations.review(desk.office, desk["lv37"], number, violations.REVIEWED, "")
    document = [f"专1号,{row[w]},{row['subject']},401" for w in ("ticket_one", "ticket_other")]
    (tmp_path / "d.csv").write_text(
        "\n".join(["公文号,准考证号,科目,代码", *document]), encoding="utf-8"
    )
    assert violations.compare(desk.office, desk["lu37"], "37", tmp_path / "d.csv").agrees
    found = states()
    assert {name for name, state in found.items() if state == "void"} == {
        ticket(COPIER),
        ticket(SOURCE),
    }
    with pytest.raises(Unsettled, match="kaowu score"):
        service.run(desk.office, desk["sun"], Within.ROOM)
    with desk.ledger.moment() as connection:
        assert verify_chain(connection).holds


def test_seats_are_apart_by_number_in_one_room_only() -> None:
    one, other = {"room_id": 1, "seat": "03"}, {"room_id": 1, "seat": "10"}
    assert seats_apart(one, other) == 7
    assert seats_apart(one, other | {"room_id": 2}) is None
    assert seats_apart(one, other | {"seat": "B2"}) is None


def test_the_map_holds_everybody_of_the_room_whatever_their_form() -> None:
    schema = ["room_id", "subject", "seat"]
    first = [(1, "1", "01"), (1, "1", ""), (2, "1", "02")]
    forms = [
        pl.DataFrame(people, schema=schema, orient="row")
        for people in (first, [(1, "1", "03"), (1, "2", "04")])
    ]
    assert seats_taken(forms, 1, "1") == ["01", "03"]


def test_the_map_marks_the_pair_and_escapes_what_seats_are_called() -> None:
    drawn = ElementTree.fromstring(map_svg(["2", "10", "<1>"], ("2", "<1>")))
    texts = [one.text for one in drawn.iter() if one.tag.endswith("text")]
    assert texts == ["2", "10", "<1>"]
    fills = [one.get("fill") for one in drawn.iter() if one.tag.endswith("rect")]
    assert fills[0] == fills[2] != fills[1]
