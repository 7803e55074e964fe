"""The statistics desk: what was worked out last, as pages, plots and files."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from admin_api.exam.parse import load_exam
from admin_api.results.responses import Sat
from admin_api.statistics.folder import written
from admin_api.statistics.service import kept
from admin_api.statistics.study import study
from omr.score.items.analysis import Wanted
from tests.console.conftest import EXAM, Room
from tests.items.sittings import KEYED, responses

PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study: one form, with one wrong key."""
    exam, _ = load_exam(EXAM)
    sat = Sat((responses("A", 0.0, 7, KEYED.replace("A", "B", 1)),), {})
    out = tmp_path_factory.mktemp("study") / "statistics"
    with written(study(exam, sat, None, Wanted(models=False)), out):
        pass
    return out


@pytest.fixture
def shown(room: Room, folder: Path) -> Room:
    """A console in whose home the study lies."""
    shutil.copytree(folder, kept(room.desk.office))
    return room


def test_nothing_is_shown_before_anything_was_worked_out(room: Room) -> None:
    browser = room.enter("sun")
    assert browser.get("/statistics").json()["forms"] == []
    for path in ("2031-A", "statistics.xlsx", "statistics.zip", "2031-A/scores.svg"):
        assert browser.get(f"/statistics/{path}").status_code == 404
    said = browser.post("/statistics")
    assert (said.status_code, said.json()["kind"]) == (422, "Refused")


def test_what_to_look_at_first_and_every_item(shown: Room) -> None:
    browser = shown.enter("shen")
    found = browser.get("/statistics").json()
    assert [one["name"] for one in found["forms"]] == ["2031-A"]
    assert [(one["item"], one["reason"], one["option"]) for one in found["grave"]] == [
        ("1", "key suspected", "A"),
        ("1", "negative discrimination", ""),
    ]
    form = browser.get("/statistics/2031-A").json()
    assert len(form["items"]) == 20
    assert form["items"][0]["right"] == "B"
    assert sum(one["chosen"] for one in form["items"][3]["options"]) == 298
    for path in ("/statistics", "/statistics/2031-A"):
        page = browser.get(path, headers=PAGE).text
        assert "疑似答案有误" in page
        assert "style=" not in page


def test_plots_and_files_are_handed_out_and_nothing_else(shown: Room) -> None:
    browser = shown.enter("lin")
    svg = browser.get("/statistics/2031-A/item-1.svg")
    assert svg.headers["content-type"].startswith("image/svg+xml")
    book = browser.get("/statistics/statistics.xlsx").content
    assert "items" in fastexcel.read_excel(book).sheet_names
    archive = zipfile.ZipFile(io.BytesIO(browser.get("/statistics/statistics.zip").content))
    assert pl.read_parquet(io.BytesIO(archive.read("items.parquet"))).height == 20
    assert "2031-A/item-20.svg" in archive.namelist()
    (Path(kept(shown.desk.office)).parent / "outside.svg").write_text("<svg/>")
    for path in ("..%2F/outside.svg", "2031-A/..%2F..%2Foutside.svg", "2031-B", "2031-A/x.svg"):
        assert browser.get(f"/statistics/{path}").status_code == 404, path
