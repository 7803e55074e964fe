"""Identical answers (雷同): what a screening listed, for those who may see it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel

from admin_api.acts.roles import ActKind, roles_for
from admin_api.console.desk import Desk, Number, seated
from admin_api.errors import NotFound
from admin_api.results.responses import READERS
from admin_api.similarity import service
from admin_api.similarity.dossier import PICTURES, indices_of, items_of
from admin_api.similarity.service import Run, Within

router = APIRouter(prefix="/similarity", tags=["identical answers"])
Onlooker = Annotated[Desk, seated(*READERS)]
Screener = Annotated[Desk, seated(*roles_for(ActKind.SCREEN))]


class FormTold(BaseModel):
    """A paper's form. What too few sat is not judged."""

    paper: str
    form: str
    persons: int
    items: int
    pairs: int
    judged: bool


class PairRow(BaseModel):
    """A pair; chances are decimal logarithms. Only a flagged one has a dossier."""

    pair: int
    paper: str
    form_name: str
    subject: str
    ticket_one: str
    seat_one: str
    ticket_other: str
    seat_other: str
    seats_apart: int | None
    right_alike: int
    wrong_alike: int
    both_wrong: int
    same: int
    chance: float
    holm: float
    false_rate: float
    flagged: bool
    direction: str


class Screening(BaseModel):
    """One run: the scoring it was based on, all that was compared, and what stands out."""

    number: int
    at: str
    who: str
    within: str
    score_run: int
    compared: int
    alpha: float
    forms: list[FormTold]
    without_key: dict[str, int]
    groups: list[list[str]]
    pairs: list[PairRow]


class Screenings(BaseModel):
    """The runs that are kept, newest first, and one of them."""

    runs: list[int]
    shown: Screening | None


class Screened(BaseModel):
    """A run that was just made."""

    number: int


class ItemTold(BaseModel):
    """Both answers to an item; `alike` is right, wrong or ""."""

    item: str
    one: str
    other: str
    alike: str


class Dossier(BaseModel):
    """A flagged pair for the expert group."""

    number: int
    within: str
    score_run: int
    compared: int
    row: PairRow
    places: list[str]
    items: list[ItemTold]
    indices: list[tuple[str, str]]
    pictures: list[str]


@router.get("")
def newest(desk: Onlooker) -> Screenings:
    """The newest screening, and which there are."""
    known = service.runs(desk.office)
    shown = _screening(service.load(desk.office, known[0])) if known else None
    return desk.show("similarity.html", Screenings(runs=known, shown=shown), within=list(Within))


@router.post("")
def run(desk: Screener, within: Annotated[Within, Form()]) -> Screened:
    """Compare all pairs of the last scoring within places. Nothing is void by it."""
    made = service.run(desk.office, desk.signer, within)
    return desk.done(Screened(number=made.number), "/similarity", "Screened.")


@router.get("/{number}")
def one(desk: Onlooker, number: Number) -> Screenings:
    """One screening."""
    found = Screenings(
        runs=service.runs(desk.office), shown=_screening(service.load(desk.office, number))
    )
    return desk.show("similarity.html", found, within=list(Within))


@router.get("/{number}/{pair}")
def dossier(desk: Onlooker, number: Number, pair: Number) -> Dossier:
    """A flagged pair: every index, every item, the cards and who sat where."""
    found, row = _pair(desk, number, pair)
    items, pictures = items_of(found.folder, pair)
    places = [
        "/".join(row[f"{part}_{who}"] or "" for part in ("region", "site", "venue", "room"))
        for who in ("one", "other")
    ]
    told = Dossier(
        number=number,
        within=found.about["within"],
        score_run=found.about["score_run"],
        compared=found.about["compared"],
        row=PairRow.model_validate(row),
        places=places,
        items=[ItemTold(**item) for item in items],
        indices=indices_of(row),
        pictures=pictures,
    )
    return desk.show("similarity_pair.html", told)


@router.get("/{number}/{pair}/{picture}")
def picture(desk: Onlooker, number: Number, pair: Number, picture: str) -> Response:
    """A picture of a dossier."""
    found, _row = _pair(desk, number, pair)
    path = found.folder / "dossier" / str(pair) / picture
    if picture not in PICTURES or not path.is_file():
        raise NotFound(f"pair {pair} has no picture {picture}")
    headers = {"Cache-Control": "private, max-age=600"}
    return Response(path.read_bytes(), media_type=PICTURES[picture], headers=headers)


def _pair(desk: Desk, number: int, pair: int) -> tuple[Run, dict[str, Any]]:
    found = service.load(desk.office, number)
    rows = [row for row in found.pairs.iter_rows(named=True) if row["pair"] == pair]
    if not rows or not rows[0]["flagged"]:
        raise NotFound(f"screening {number} has no dossier {pair}")
    return found, rows[0]


def _screening(found: Run) -> Screening:
    return Screening.model_validate(
        found.about | {"pairs": list(found.pairs.iter_rows(named=True))}
    )
