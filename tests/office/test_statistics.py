"""A sitting's answers, and its item statistics: the command, what it writes, who is not in it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import fastexcel
import numpy as np
import polars as pl
import pytest

from admin_api.errors import Refused, StoreError
from admin_api.exam.parse import load_exam
from admin_api.office import open_office
from admin_api.results.present import present
from admin_api.results.responses import PERSONS, Sat
from admin_api.results.responses import responses as answers_of
from admin_api.results.service import current
from admin_api.settings import settings_in
from admin_api.statistics.columns import ITEMS, OPTIONS, PLACES
from admin_api.statistics.earlier import read_earlier
from admin_api.statistics.folder import written
from admin_api.statistics.study import Study, study
from omr.score.items.analysis import Wanted
from omr.score.marking import mark_cards
from tests.items.sittings import KEYED, responses
from tests.office.papers import EXAM
from tests.office.walk import CARDS, Line, Walk
from tests.office.walk import found as founded


@pytest.fixture(scope="module")
def found() -> Study:
    exam, _ = load_exam(EXAM)
    wrong = KEYED.replace("A", "B", 1)
    sat = Sat((responses("A", 0.0, 7, wrong), responses("B", 0.1, 8)), {("1091", ""): 3})
    return study(exam, sat, None, Wanted())


@pytest.fixture(scope="module")
def folder(found: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("statistics") / "out"
    with written(found, out):
        pass
    return out


def test_the_void_are_left_out_and_small_places_are_not_shown_apart(found: Study) -> None:
    for one in found.studied:
        assert one.analysis.form.persons == 298
        assert [(p.level, p.name, p.persons) for p in one.places] == [
            ("region", "37 山东", 293),
            ("site", "37/01", 148),
            ("site", "37/02", 145),
        ]
        assert one.small == 2, "the region of five people, and its site"
        assert one.line == 60
    assert found.void == 4
    ((paper, forms),) = found.equivalent
    assert (paper, forms.first, forms.second) == ("2031", "A", "B")


def test_a_form_whose_people_are_all_void_is_empty(tmp_path: Path) -> None:
    exam, _ = load_exam(EXAM)
    one = responses("A", 0.0, 7)
    void = replace(one, persons=one.persons.with_columns(void=pl.lit(True)))
    with written(study(exam, Sat((void,), {}), None, Wanted()), tmp_path / "out"):
        pass
    items = pl.read_parquet(tmp_path / "out" / "items.parquet")
    assert items["persons"].sum() == 0
    assert items["p"].null_count() == items.height
    assert not pl.read_parquet(tmp_path / "out" / "places.parquet").height


def test_the_tables_say_what_the_figures_are(found: Study, folder: Path) -> None:
    items = pl.read_parquet(folder / "items.parquet")
    assert dict(items.schema) == ITEMS
    assert items.height == 40
    one = found.studied[0].analysis
    own = items.filter(pl.col("form") == "A")
    np.testing.assert_allclose(own["p"], one.items.p, atol=1e-6)
    np.testing.assert_allclose(own["corrected"], one.items.corrected, atol=1e-6)
    assert own["flags"][0].to_list()[0] == "key suspected A"
    options = pl.read_parquet(folder / "options.parquet")
    assert dict(options.schema) == OPTIONS
    assert (options.group_by("form", "item").agg(pl.sum("chosen"))["chosen"] == 298).all()
    rights = options.filter("right").join(items, on=["form", "item"])
    assert (rights["share"] - rights["p"]).abs().max() < 1e-6
    places = pl.read_parquet(folder / "places.parquet")
    assert dict(places.schema) == PLACES
    assert set(places["place"]) == {"37 山东", "37/01", "37/02"}
    whole = places.filter((pl.col("place") == "37 山东") & (pl.col("form") == "A"))["p"][0]
    parts = places.filter((pl.col("level") == "site") & (pl.col("form") == "A"))
    weighted = sum(np.array(p) * n for p, n in parts.select("p", "persons").iter_rows())
    np.testing.assert_allclose(whole, weighted / 293, atol=1e-5)
    book = fastexcel.read_excel(folder / "statistics.xlsx")
    names = ["items", "options", "forms", "flags", "places", "scores", "equivalence"]
    assert book.sheet_names == names
    assert book.load_sheet("items").to_polars().height == 40
    (forms,) = pl.read_parquet(folder / "equivalence.parquet").iter_rows(named=True)
    assert (forms["first"], forms["second"]) == ("A", "B")
    assert forms["effect"] == pytest.approx(found.equivalent[0][1].effect, abs=1e-6)


def test_pages_name_nobody_and_show_what_to_look_at_first(found: Study, folder: Path) -> None:
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert "疑似答案有误：选项 A" in index
    assert "1091" in index
    page = (folder / "2031-A.html").read_text(encoding="utf-8")
    assert page.index("待查试题") < page.index("试题 (items)")
    assert page.count("<details>") == 21, "each item's figures, and the places, are folded"
    written_texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for one in found.studied:
        assert one.places
        for text in written_texts:
            assert not re.search(rb"3799\d{8}", text), "no ticket"
    assert "54/07" not in page
    for source in re.findall(r'src="([^"]+)"', page):
        assert (folder / source).is_file()
    assert (folder.stat().st_mode & 0o077) == 0


def test_plots_are_text_in_chinese_with_the_glyphs_along_and_no_date(folder: Path) -> None:
    for name in ("scores", "information", "item-1"):
        svg = (folder / "2031-A" / f"{name}.svg").read_text(encoding="utf-8")
        assert "<text" in svg
        assert "font/ttf;base64," in svg
        assert "<dc:date>" not in svg
    assert "合格线" in (folder / "2031-A" / "scores.svg").read_text(encoding="utf-8")


def test_the_same_answers_are_the_same_bytes(found: Study, folder: Path, tmp_path: Path) -> None:
    form = found.studied[1]
    with written(replace(found, studied=(form,)), tmp_path / "again"):
        pass
    files = [path.relative_to(folder) for path in sorted((folder / form.name).iterdir())]
    assert len(files) == 22
    for name in (*files, Path(f"{form.name}.html")):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_next_year_is_compared_with_the_items_that_are_the_same(folder: Path) -> None:
    exam, _ = load_exam(EXAM)
    earlier = read_earlier(folder / "items.parquet")
    sat = Sat((responses("A", 0.5, 9),), {})
    (one,) = study(exam, sat, earlier, Wanted(models=False)).studied
    drift = one.analysis.drift
    assert drift is not None
    assert np.isnan(drift.before[0]), "another key: another item"
    assert np.isfinite(drift.before[1:]).all()
    assert (drift.change[1:] > 0).mean() > 0.8, "abler people"


def test_what_is_no_earlier_table(tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pl.DataFrame({"p": [1]}).write_parquet(other)
    (tmp_path / "text").write_text("no table")
    for path in (other, tmp_path / "text", tmp_path / "nothing"):
        with pytest.raises(Refused, match=r"no items\.parquet"):
            read_earlier(path)


def test_a_folder_of_other_files_is_left_alone(found: Study, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep")
    with pytest.raises(StoreError, match="other files"), written(found, tmp_path / "mine"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "letter.txt"]


@pytest.fixture
def line(walk: Walk, tmp_path: Path, cheap_keys: None) -> Line:
    """A copy of the office that went the whole way."""
    shutil.copytree(walk.line.folder, tmp_path / "office")
    settings = {"KAOWU_DATABASE": f"sqlite:///{tmp_path / 'office' / 'home' / 'kaowu.db'}"}
    return Line(tmp_path / "office", settings)


def test_the_command_from_end_to_end(line: Line, walk: Walk, tmp_path: Path) -> None:
    said = line("stats", "--out", tmp_path / "out", "--as", "shen")
    assert "too few people for a model" in said.out
    items = pl.read_parquet(tmp_path / "out" / "items.parquet")
    people = items.unique(["paper", "form"])["persons"].sum()
    assert people == CARDS - 1, "the void one is left out"
    assert items.filter("void")["item"].unique().to_list() == ["31"]
    assert items.filter(pl.col("item") == "7")["right"].unique().to_list() == ["A|C"]
    assert items["flags"].list.len().sum() == 0, "of so few nothing is said"
    pages = "".join(path.read_text() for path in (tmp_path / "out").glob("*.html"))
    assert not [ticket for ticket in walk.tickets if ticket in pages]
    assert "考生" not in pages
    again = line("stats", "--previous", tmp_path / "out" / "items.parquet", "--as", "sun")
    assert "statistics/index.html" in again.out
    kept = pl.read_parquet(line.folder / "home" / "statistics" / "items.parquet")
    assert kept["change"].drop_nulls().abs().max() == 0
    line("audit", "verify")


def test_who_may_not_look(line: Line, tmp_path: Path) -> None:
    for name in ("ou", "kang", "lu37"):
        said = line("stats", "--out", tmp_path / "out", "--as", name, code=5)
        assert "statistics needs the role" in said.err
    assert not (tmp_path / "out").exists()


def test_an_office_without_answers(tmp_path: Path, cheap_keys: None) -> None:
    line = Line(tmp_path)
    founded(line)
    said = line("stats", "--as", "sun", code=2)
    assert "no answers to work out yet" in said.err


def test_the_answers_are_those_that_were_scored(walk: Walk) -> None:
    office = open_office(settings_in(walk.line.folder / "home"))
    with office.ledger.moment() as connection:
        scored = current(office, connection)
        sat = answers_of(office, connection, scored.present)
    assert sat.without_key == {}
    assert sum(one.answers.persons for one in sat.responses) == CARDS
    assert len({(one.paper, one.form) for one in sat.responses}) == len(sat.responses)
    marks = {}
    for one in sat.responses:
        assert dict(one.persons.schema) == PERSONS
        table = one.answers.table()
        units = mark_cards(one.answers.masks, table)
        for enrolment, got in zip(one.persons["enrolment"], units, strict=True):
            marks[enrolment] = Fraction(int(got), table.denominator)
        assert one.answers.right().sum(axis=1).tolist() == (units // table.denominator).tolist()
    raw = scored.results.filter(pl.col("state") == "scored").select("enrolment", "raw")
    assert raw.height == CARDS - 1, "one is void"
    assert {e: Fraction(text) for e, text in raw.iter_rows()}.items() <= marks.items()


def test_who_sat_where(walk: Walk) -> None:
    office = open_office(settings_in(walk.line.folder / "home"))
    with office.ledger.moment() as connection:
        sat = answers_of(office, connection, present(office, connection))
    persons = pl.concat(one.persons for one in sat.responses).sort("seat")
    assert set(persons["ticket"]) == set(walk.tickets)
    places = persons.select("region", "site", "venue", "medium").unique().rows()
    assert places == [("37", "01", "一中", "card")]
    assert persons["room"].to_list() == persons["subject"].to_list(), "each subject in its room"
    assert persons.filter("void")["ticket"].to_list() == [walk.tickets[1]]
    assert not np.isin(0, persons["room_id"].to_numpy())
