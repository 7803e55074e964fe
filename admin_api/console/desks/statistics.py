"""The statistics desk: what the answers say of the items. It tells the keys, so few may look."""

from __future__ import annotations

from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Response
from pydantic import BaseModel

from admin_api.console.desk import Desk, seated
from admin_api.errors import NotFound
from admin_api.results.responses import READERS
from admin_api.statistics.service import work_out
from admin_api.statistics.shelf import Shelf
from admin_api.statistics.words import GRAVE

router = APIRouter(tags=["statistics desk"])
Onlooker = Annotated[Desk, seated(*READERS)]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDE: tuple[str, ...] = ("scores", "information")
_GRAVE = {reason.value for reason in GRAVE}


class FormShown(BaseModel):
    """One paper's form. Figures that the answers do not settle are null."""

    name: str
    paper: str
    form: str
    persons: int
    items: int
    mean: float | None
    sd: float | None
    kr20: float | None
    alpha: float | None
    sem: float | None
    reliability: float | None
    converged: bool | None
    why_no_model: str
    flagged: int


class FlagShown(BaseModel):
    """A reason to look at an item; `figure` passed `limit`."""

    form: str
    item: str
    place: int
    reason: str
    option: str
    figure: float | None
    limit: float | None
    grave: bool


class OptionShown(BaseModel):
    """Who chose an option; "" is nothing, * several."""

    option: str
    right: bool
    chosen: int
    share: float | None
    correlation: float | None


class ItemShown(BaseModel):
    """An item's figures; `plot` is "" where too few people are drawn."""

    item: str
    place: int
    right: str
    void: bool
    p: float | None
    corrected: float | None
    upper_lower: float | None
    slope: float | None
    difficulty: float | None
    change: float | None
    off_line: float | None
    left_out: str
    plot: str
    flags: list[FlagShown]
    options: list[OptionShown]


class EquivalenceShown(BaseModel):
    """Two forms of a paper, in per cent of full marks; intervals hold 95 %."""

    paper: str
    first: str
    second: str
    mean_first: float | None
    mean_second: float | None
    sd_first: float | None
    sd_second: float | None
    difference: float | None
    difference_from: float | None
    difference_to: float | None
    effect: float | None
    effect_from: float | None
    effect_to: float | None
    ks: float | None
    ks_p: float | None


class StatisticsShown(BaseModel):
    """What was worked out last, "" and nothing where nothing was yet."""

    at: str
    who: str
    forms: list[FormShown]
    grave: list[FlagShown]
    equivalence: list[EquivalenceShown]


class FormPage(BaseModel):
    """One form's items."""

    form: FormShown
    flags: list[FlagShown]
    items: list[ItemShown]
    plots: list[str]


class WorkedOut(BaseModel):
    """How many forms were worked out."""

    forms: int


@router.get("/statistics")
def statistics(desk: Onlooker) -> StatisticsShown:
    """Every form in short, and the items to look at first."""
    shelf = Shelf.of(desk.office)
    if shelf.empty:
        nothing = StatisticsShown(at="", who="", forms=[], grave=[], equivalence=[])
        return desk.show("statistics.html", nothing)
    with desk.office.ledger.moment() as connection:
        at, who = shelf.made(connection)
    flags = _flags(shelf)
    compared = shelf.table("equivalence").iter_rows(named=True)
    shown = StatisticsShown(
        at=at,
        who=who,
        forms=_forms(shelf, flags),
        grave=[one for one in flags if one.grave],
        equivalence=[EquivalenceShown(**_known(row, EquivalenceShown)) for row in compared],
    )
    return desk.show("statistics.html", shown)


@router.post("/statistics")
def work(desk: Onlooker) -> WorkedOut:
    """Work everything out from the answers as they are now."""
    done = work_out(desk.office, desk.signer)
    found = WorkedOut(forms=len(done.study.studied))
    return desk.done(found, "/statistics", "the statistics are worked out")


@router.get("/statistics/statistics.xlsx", response_class=Response)
def book(desk: Onlooker) -> Response:
    """All tables as an XLSX file."""
    return _file(Shelf.of(desk.office).book(), _XLSX, "statistics.xlsx")


@router.get("/statistics/statistics.zip", response_class=Response)
def archive(desk: Onlooker) -> Response:
    """Pages, plots and tables; items.parquet among them is for next year's comparison."""
    return _file(Shelf.of(desk.office).archive(), "application/zip", "statistics.zip")


@router.get("/statistics/{form}")
def form_page(desk: Onlooker, form: str) -> FormPage:
    """One form: its figures, what to look at, and every item."""
    shelf = Shelf.of(desk.office)
    flags = _flags(shelf)
    found = [one for one in _forms(shelf, flags) if one.name == form]
    if not found:
        raise NotFound(f"no form {form} was worked out")
    own, plots = [one for one in flags if one.form == form], shelf.plots(form)
    items = _items(shelf, found[0], own, plots)
    wide = [name for name in _WIDE if name in plots]
    page = FormPage(form=found[0], flags=own, items=items, plots=wide)
    return desk.show("statistics_form.html", page)


@router.get("/statistics/{form}/{plot}.svg", response_class=Response)
def plot(desk: Onlooker, form: str, plot: str) -> Response:
    """A plot of a form or of one of its items."""
    return Response(Shelf.of(desk.office).plot(form, plot), media_type="image/svg+xml")


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)


def _name(row: dict[str, Any]) -> str:
    return f"{row['paper']}-{row['form']}" if row["form"] else row["paper"]


def _forms(shelf: Shelf, flags: list[FlagShown]) -> list[FormShown]:
    flagged: dict[str, set[str]] = {}
    for one in flags:
        flagged.setdefault(one.form, set()).add(one.item)
    return [
        FormShown(
            name=_name(row), flagged=len(flagged.get(_name(row), ())), **_known(row, FormShown)
        )
        for row in shelf.table("forms").iter_rows(named=True)
    ]


def _flags(shelf: Shelf) -> list[FlagShown]:
    places = _placed(shelf.table("items"))
    rows = shelf.table("flags").join(places, on=["paper", "form", "item"], maintain_order="left")
    return [
        FlagShown(
            form=_name(row),
            grave=row["reason"] in _GRAVE,
            **{k: row[k] for k in ("item", "place", "reason", "option", "figure", "limit")},
        )
        for row in rows.iter_rows(named=True)
    ]


def _items(
    shelf: Shelf, form: FormShown, flags: list[FlagShown], plots: frozenset[str]
) -> list[ItemShown]:
    options: dict[str, list[OptionShown]] = {}
    for row in _own(shelf.table("options"), form).iter_rows(named=True):
        options.setdefault(row["item"], []).append(OptionShown(**_known(row, OptionShown)))
    own: dict[str, list[FlagShown]] = {}
    for one in flags:
        own.setdefault(one.item, []).append(one)
    rows = _own(shelf.table("items"), form)
    found = []
    for place, row in enumerate(rows.iter_rows(named=True), 1):
        name, plot = row["item"], f"item-{place}"
        found.append(
            ItemShown(
                place=place,
                plot=plot if plot in plots else "",
                **_known(row, ItemShown, without=("flags",)),
                flags=own.get(name, []),
                options=options[name],
            )
        )
    return found


def _placed(items: pl.DataFrame) -> pl.DataFrame:
    """Which item of its form each is, from 1."""
    place = pl.int_range(1, pl.len() + 1).over("paper", "form").alias("place")
    return items.select("paper", "form", "item", place)


def _own(table: pl.DataFrame, form: FormShown) -> pl.DataFrame:
    return table.filter((pl.col("paper") == form.paper) & (pl.col("form") == form.form))


def _known(
    row: dict[str, Any], model: type[BaseModel], without: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {name: row[name] for name in model.model_fields if name in row and name not in without}
