"""From scans to a signed release; every result is worked out apart, in plain Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.verify import verify_chain
from admin_api.errors import NotAllowed, Refused, Tampered, Unsettled
from admin_api.intake.scans import BagName, Lot
from admin_api.intake.service import take_in
from admin_api.keys import service as keys
from admin_api.keys.service import KeyState
from admin_api.registration import service as registration
from admin_api.release import service as release
from admin_api.release.records import ReleaseKind
from admin_api.release.verify import verify
from admin_api.results import service as results
from admin_api.settings import Settings
from admin_api.settling.service import settle
from omr.design import load_design
from omr.pool import Limits
from omr.progress import Silent
from omr.simulate import load_mix, read_truth, simulate
from tests.office.papers import EXAM, HEADER, key_file, right_answers
from tests.office.people import Desk, new_desk

CARDS = 10
Truth = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    simulate(load_design("cn-health-203"), load_mix("clean"), CARDS, 11, folder)
    return folder


@pytest.fixture(scope="module")
def truth(scans: Path) -> Truth:
    return {page.file: dict(page.values) for page in read_truth(scans / "truth.jsonl")}


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    """The tests' exam, where the barcode names nothing and one item is left out."""
    text = EXAM.read_text(encoding="utf-8")
    path = tmp_path / "EXAM.toml"
    path.write_text(text.replace('names = "paper"', 'names = "nothing"'), encoding="utf-8")
    return path


@pytest.fixture
def desk(settings: Settings, cheap_keys: None, exam: Path) -> Desk:
    return new_desk(settings, exam)


def plain_score(values: dict[str, str], void: str = "left_out") -> Fraction:
    """A card's score by hand: item 31 is void, A and C are right for item 7."""
    right = right_answers(f"203{values['subject']}", values["form"])
    got = 0
    for item in range(1, 101):
        answer = values[f"q{item}"]
        if item == 31:
            got += void == "credited"
        elif item == 7:
            got += answer in ("A", "C")
        else:
            got += answer == right[item - 1]
    return Fraction(got * 100, 99 if void == "left_out" else 100)


@pytest.fixture
def taken(desk: Desk, scans: Path, truth: Truth, tmp_path: Path) -> Desk:
    """Everybody registered, the cards taken in by subject, the keys in force."""
    rows = [HEADER]
    bags = ["考区,箱号,袋号,考点,考场,试室,科目,数量"]
    by_subject: dict[str, list[str]] = {}
    for n, (file, values) in enumerate(sorted(truth.items()), 1):
        person = f"{values['ticket']},考生{n},军官证,军字第{n:08d}号,F{n:07d},203,师"
        rows.append(f"{person},37,01,一中,{values['subject']},{n},{values['subject']}")
        by_subject.setdefault(values["subject"], []).append(file)
    path = tmp_path / "roster.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    registration.import_roster(desk.office, desk["sun"], path, military=False)
    lots = []
    for subject, files in sorted(by_subject.items()):
        bags.append(f"37,{subject},{subject},01,一中,{subject},{subject},{len(files)}")
        lots.append(
            Lot(BagName("37", subject, subject), tuple(scans / file for file in sorted(files)))
        )
    materials = tmp_path / "materials.csv"
    materials.write_text("\n".join(bags), encoding="utf-8")
    registration.import_materials(desk.office, desk["sun"], materials)
    take_in(desk.office, desk["ou"], lots, Limits(0), Silent())
    return desk


def load_keys(desk: Desk, folder: Path, truth: Truth, *people: str, **more: Any) -> None:
    for paper, form in sorted({(f"203{v['subject']}", v["form"]) for v in truth.values()}):
        for person in people:
            keys.load(desk.office, desk[person], key_file(folder, paper, form, **more))


def scores_of(desk: Desk) -> dict[str, Fraction]:
    with desk.ledger.moment() as connection:
        found = results.current(desk.office, connection)
    names = found.present.enrolments.select("enrolment", "ticket")
    rows = found.results.filter(pl.col("state") == "scored").join(names, on="enrolment")
    return {row["ticket"]: Fraction(row["score"]) for row in rows.iter_rows(named=True)}


def released(desk: Desk, hash_: str) -> Iterator[dict[str, Any]]:
    folder = release.folder_of(desk.office, hash_)
    yield from pl.read_parquet(folder / "results.parquet").iter_rows(named=True)


def test_from_scans_to_a_signed_release(taken: Desk, truth: Truth, tmp_path: Path) -> None:
    desk, office = taken, taken.office
    load_keys(desk, tmp_path, truth, "kang")
    assert scores_of(desk) == {}, "a key that one person loaded is not in force"
    with pytest.raises(Unsettled, match="no key is in force"):
        release.freeze(office, desk["lin"])
    load_keys(desk, tmp_path, truth, "kong")
    expected = {v["ticket"]: plain_score(v) for v in truth.values()}
    assert scores_of(desk) == expected
    with pytest.raises(Unsettled, match="run kaowu score"):
        release.freeze(office, desk["lin"])
    run = results.score(office, desk["sun"])
    assert (run.results, run.outcomes, run.open) == (CARDS, CARDS, 0)
    again = results.score(office, desk["sun"])
    assert (again.results, again.outcomes) == (0, 0)

    (made,) = release.freeze(office, desk["lin"])
    assert release.freeze(office, desk["luo"]) == [made], "the same facts, the same release"
    records = {record["ticket"]: record for record in released(desk, made.hash)}
    for ticket, score in expected.items():
        (one,) = records[ticket]["subjects"]
        assert (Fraction(one["score"]), one["passed"]) == (score, score >= 60)
    with pytest.raises(Tampered, match="needs the signatures"):
        release.publish(office, desk["lin"], made.hash)
    release.sign(office, desk["lin"], made.hash[:8])
    with pytest.raises(Refused, match="signed it already"):
        release.sign(office, desk["lin"], made.hash)
    with pytest.raises(NotAllowed):
        release.sign(office, desk["sun"], made.hash)
    release.sign(office, desk["luo"], made.hash)
    release.publish(office, desk["lin"], made.hash)
    with desk.ledger.moment() as connection:
        public = release.release_keys(connection)
        assert verify_chain(connection).holds
    checked = verify(release.folder_of(office, made.hash), public)
    assert (checked.candidates, checked.signed_by) == (CARDS, ("lin", "luo"))


def test_a_new_key_version_changes_exactly_its_scores(
    taken: Desk, truth: Truth, tmp_path: Path
) -> None:
    desk = taken
    load_keys(desk, tmp_path, truth, "kang", "kong")
    results.score(desk.office, desk["sun"])
    form = next(iter(truth.values()))
    paper, letter = f"203{form['subject']}", form["form"]
    for person in ("kang", "kong"):
        mended = key_file(tmp_path, paper, letter, 2, "credited")
        found = keys.load(desk.office, desk[person], mended)
    assert (found.state, found.version) == (KeyState.READY, 2)
    run = results.score(desk.office, desk["sun"])
    mine = [v for v in truth.values() if (f"203{v['subject']}", v["form"]) == (paper, letter)]
    assert set(run.changed["ticket"]) == {v["ticket"] for v in mine}
    scores = scores_of(desk)
    for values in mine:
        assert scores[values["ticket"]] == plain_score(values, "credited")


def test_two_people_must_load_the_same_key(taken: Desk, truth: Truth, tmp_path: Path) -> None:
    desk, values = taken, next(iter(truth.values()))
    paper, form = f"203{values['subject']}", values["form"]
    one = key_file(tmp_path, paper, form)
    keys.load(desk.office, desk["kang"], one)
    with pytest.raises(Refused, match="another person must load it"):
        keys.load(desk.office, desk["kang"], one)
    other = key_file(tmp_path, paper, form, 1, "credited")
    with pytest.raises(Refused, match="differs from what kang loaded"):
        keys.load(desk.office, desk["kong"], other)
    with pytest.raises(NotAllowed):
        keys.load(desk.office, desk["sun"], one)
    with desk.ledger.moment() as connection:
        stored = json.dumps(
            [list(map(str, row)) for row in connection.execute(select(tables.key_entry))]
            + [list(map(str, row)) for row in connection.execute(select(tables.act))],
            ensure_ascii=False,
        )
    right = right_answers(paper, form)
    assert all(right[at : at + 6] not in stored for at in range(95))


def test_what_is_open_blocks_until_two_people_let_it_stand(
    taken: Desk, truth: Truth, tmp_path: Path
) -> None:
    desk = taken
    load_keys(desk, tmp_path, truth, "kang", "kong")
    row = "379999999999,缺席,军官证,军字第99999999号,F9999999,203,师,37,01,一中,1,99,1"
    path = tmp_path / "late.csv"
    path.write_text(f"{HEADER}\n{row}", encoding="utf-8")
    registration.import_roster(desk.office, desk["sun"], path, military=True)
    results.score(desk.office, desk["sun"])
    with pytest.raises(Unsettled) as blocked:
        release.freeze(desk.office, desk["lin"])
    matters = [line.split(": ")[0] for line in blocked.value.findings]
    assert "candidate 379999999999 1 without card" in matters
    for matter in matters:
        settle(desk.office, desk["sun"], matter, "the room's record says so")
        with pytest.raises(Refused, match="another person"):
            settle(desk.office, desk["sun"], matter, "once more")
        settle(desk.office, desk["lin"], matter, "seen the record too")
    results.score(desk.office, desk["sun"])
    public, military = release.freeze(desk.office, desk["lin"])
    assert (public.kind, military.kind) == (ReleaseKind.PUBLIC, ReleaseKind.MILITARY)
    assert "379999999999" not in {record["ticket"] for record in released(desk, public.hash)}
    (soldier,) = released(desk, military.hash)
    assert (soldier["ticket"], soldier["subjects"][0]["state"]) == ("379999999999", "none")
    manifest = release.folder_of(desk.office, public.hash) / "manifest.json"
    assert "seen the record too" in manifest.read_text(encoding="utf-8")
    for person in ("lin", "luo"):
        release.sign(desk.office, desk[person], military.hash)
    with pytest.raises(Refused, match="never public"):
        release.publish(desk.office, desk["lin"], military.hash)
    done = release.export_military(desk.office, desk["lin"], military.hash, tmp_path / "to")
    assert done.candidates == 1


def test_a_withdrawal_is_a_release_that_supersedes(
    taken: Desk, truth: Truth, tmp_path: Path
) -> None:
    desk, office = taken, taken.office
    load_keys(desk, tmp_path, truth, "kang", "kong")
    results.score(office, desk["sun"])
    (made,) = release.freeze(office, desk["lin"])
    with pytest.raises(Refused, match="not published"):
        release.withdraw(office, desk["lin"], made.hash, "a wrong key")
    for person in ("lin", "luo"):
        release.sign(office, desk[person], made.hash)
    release.publish(office, desk["lin"], made.hash)
    gone = release.withdraw(office, desk["lin"], made.hash, "a wrong key")
    assert (gone.kind, gone.supersedes) == (ReleaseKind.WITHDRAWAL, made.hash)
    for person in ("lin", "luo"):
        release.sign(office, desk[person], gone.hash)
    release.publish(office, desk["luo"], gone.hash)
    with desk.ledger.moment() as connection:
        now = release.published(connection)
    assert now is not None
    assert now.hash == gone.hash
    assert list(released(desk, gone.hash)) == []
