"""Cards in: kept, read, stored once, and settled by people."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.verify import verify_chain
from admin_api.errors import NotAllowed, NotFound, Refused
from admin_api.intake.frame import read_cards
from admin_api.intake.scans import BagName, Lot, lots_in
from admin_api.intake.service import take_in
from admin_api.review.decisions import Standing
from admin_api.review.service import decide, decided_cards, open_fields, replace_page
from omr.design import load_design
from omr.pool import Limits
from omr.progress import Silent
from omr.simulate import load_mix, read_truth, simulate
from tests.office.people import Desk

BAG = BagName("37", "1", "7")
INLINE = Limits(0)  # in this process


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight cards with erasures, and a file that is no card."""
    folder = tmp_path_factory.mktemp("scans")
    simulate(load_design("cn-health-203"), load_mix("erasure"), 8, 6, folder)
    (folder / "zz.jpg").write_bytes(b"this is no picture")
    return folder


def taken(desk: Desk, *paths: Path, bag: BagName = BAG):
    return take_in(desk.office, desk["ou"], [Lot(bag, paths)], INLINE, Silent())


def test_what_is_stored_is_what_the_cards_say(desk: Desk, scans: Path) -> None:
    done = taken(desk, scans)
    assert done.pages == 9
    assert done.statuses["rejected"] == 1
    with desk.ledger.moment() as connection:
        cards = read_cards(connection, desk.office.exam.card)
        assert verify_chain(connection).holds
    truth = {Path(page.file).name: page.values for page in read_truth(scans / "truth.jsonl")}
    sources = desk.ledger.read(select(tables.page.c.source).order_by(tables.page.c.id))["source"]
    compared = 0
    for source, card in zip(sources, cards.iter_rows(named=True), strict=True):
        said = truth.get(Path(source).name)
        if said is None or card["status"] == "rejected":
            continue
        for name in ("ticket", "subject", "form"):
            assert card[name] == said[name] or name in card["open"]
        for item in range(100):
            letters = "".join(x for k, x in enumerate("ABCDE") if card["answers"][item] >> k & 1)
            assert letters == said[f"q{item + 1}"] or f"q{item + 1}" in card["open"]
            compared += 1
    assert compared == 800


def test_taking_the_same_in_again_changes_nothing(desk: Desk, scans: Path) -> None:
    taken(desk, scans)
    before = desk.ledger.read(select(tables.act.c.id)).height
    again = taken(desk, scans)
    assert (again.pages, again.known) == (0, 9)
    assert desk.ledger.read(select(tables.act.c.id)).height == before


def test_a_kept_image_outlives_its_file(desk: Desk, scans: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(scans, copy)
    taken(desk, copy)
    shutil.rmtree(copy)
    for row in desk.ledger.read(select(tables.page)).iter_rows(named=True):
        assert not row["image"] or desk.office.vault.get(row["image"])


def test_a_rescan_goes_behind_and_stands_for_the_old_page(desk: Desk, scans: Path) -> None:
    files = sorted(path for path in scans.iterdir() if path.suffix == ".jpg")
    taken(desk, *files[:3])
    taken(desk, files[5])
    pages = desk.ledger.read(select(tables.page).order_by(tables.page.c.id))
    assert pages["position"].to_list() == [1, 2, 3, 4]
    replace_page(desk.office, desk["ou"], 1, 4, "it was folded")
    with desk.ledger.moment() as connection:
        cards = read_cards(connection, desk.office.exam.card)
    assert cards["replaced"].to_list() == [True, False, False, False]
    with pytest.raises(Refused, match="replaced already"):
        replace_page(desk.office, desk["ou"], 1, 3, "again")
    with pytest.raises(Refused, match="before 37/1/7 card 3"):
        replace_page(desk.office, desk["ou"], 3, 2, "the wrong way round")
    with pytest.raises(NotFound, match="no page 99"):
        replace_page(desk.office, desk["ou"], 2, 99, "typed wrongly")


def test_two_graders_settle_a_field_and_a_supervisor_what_they_differ_on(
    desk: Desk, scans: Path
) -> None:
    taken(desk, scans)
    with desk.ledger.moment() as connection:
        waiting = open_fields(connection, desk.office.exam)
    answers = [one for one in waiting if one.field.startswith("q")]
    assert len(answers) >= 2, "the scans need two doubted answers"
    first, second = answers[:2]
    office = desk.office
    with pytest.raises(NotAllowed, match="do not differ"):
        decide(office, desk["sun"], first.page, first.field, "A")
    assert decide(office, desk["ren"], first.page, first.field, "B").standing is Standing.WAITING
    assert decide(office, desk["ren"], first.page, first.field, "A").standing is Standing.WAITING
    assert decide(office, desk["rao"], first.page, first.field, "A").standing is Standing.SETTLED
    with pytest.raises(Refused, match="is settled"):
        decide(office, desk["ren"], first.page, first.field, "C")
    decide(office, desk["ren"], second.page, second.field, "")
    differing = decide(office, desk["rao"], second.page, second.field, "AC")
    assert differing.standing is Standing.DIFFERING
    assert decide(office, desk["sun"], second.page, second.field, "AC").value == "AC"
    with desk.ledger.moment() as connection:
        cards = decided_cards(connection, office.exam)
        left = open_fields(connection, office.exam)
        raw = read_cards(connection, office.exam.card)
    rows = {row["page"]: row for row in cards.iter_rows(named=True)}
    assert rows[first.page]["answers"][int(first.field[1:]) - 1] == 0b1
    assert rows[second.page]["answers"][int(second.field[1:]) - 1] == 0b101
    assert first.field not in rows[first.page]["open"]
    assert rows[second.page]["decisions"]
    assert len(left) == len(waiting) - 2
    assert raw["decisions"].explode().drop_nulls().is_empty(), "a raw reading is never touched"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("q999", "A", "no field"),
        ("ticket", "12", "12 characters"),
        ("subject", "9", "allowed"),
        ("form", "BA", "in this order"),
    ],
)
def test_values_that_no_field_can_have(
    desk: Desk, scans: Path, field: str, value: str, says: str
) -> None:
    taken(desk, sorted(scans.glob("*.jpg"))[0])
    with pytest.raises(Refused, match=says):
        decide(desk.office, desk["ren"], 1, field, value)


def test_who_may_take_in_and_from_where(desk: Desk, scans: Path, tmp_path: Path) -> None:
    with pytest.raises(NotAllowed, match="needs the role operator"):
        take_in(desk.office, desk["ren"], [Lot(BAG, (scans,))], INLINE, Silent())
    with pytest.raises(Refused, match="no region 99"):
        taken(desk, scans, bag=BagName("99", "1", "1"))
    folder = tmp_path / "tree" / "37" / "1" / "7"
    folder.mkdir(parents=True)
    shutil.copy(sorted(scans.glob("*.jpg"))[0], folder)
    assert lots_in(tmp_path / "tree") == [Lot(BAG, (folder,))]


def test_a_rejected_page_says_why(desk: Desk, scans: Path) -> None:
    taken(desk, scans / "zz.jpg")
    row = desk.ledger.read(select(tables.reading)).row(0, named=True)
    assert row["reason"] == "unsupported_file"
    assert json.loads(row["record"])["advice"]
