"""Screening for identical answers (雷同): run on one scoring, its outcome kept as files.

A run lists pairs for the expert group and voids nothing. What the group decides is entered as a
violation under article 11, and goes the way of every violation.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.ledger import Signer, need_role
from admin_api.acts.roles import ActKind
from admin_api.bulk import digest_of
from admin_api.clock import written_at
from admin_api.errors import NotFound, Refused, StoreError, Tampered, Unsettled
from admin_api.office import Office
from admin_api.results.responses import Responses, responses
from admin_api.results.service import as_stored, current
from admin_api.similarity.dossier import Sheets, write_dossiers
from admin_api.similarity.files import named_pairs, write_lists
from omr.score.similarity.answers import Answers
from omr.score.similarity.listing import ALPHA, LEAST_PERSONS, Form, list_pairs
from omr.score.similarity.rings import rings
from omr.score.similarity.screening import STEPS

RUN, PAIRS = "run.json", "pairs.parquet"


class Within(StrEnum):
    """Who is compared with whom."""

    ROOM = "room"
    VENUE = "venue"
    SITE = "site"
    REGION = "region"
    PAPER = "paper"


_PLACES: Mapping[Within, tuple[str, ...]] = {
    Within.ROOM: ("room_id",),
    Within.VENUE: ("region", "site", "venue"),
    Within.SITE: ("region", "site"),
    Within.REGION: ("region",),
    Within.PAPER: (),
}


@dataclass(frozen=True, slots=True)
class Run:
    """A run as kept in `folder`. `about` says what it was based on and how much was compared;
    `pairs` are `files.LISTED`.
    """

    number: int
    folder: Path
    about: dict[str, Any]
    pairs: pl.DataFrame


def run(office: Office, signer: Signer, within: Within) -> Run:
    """Compare all pairs within places, list what stands out, and keep it with a dossier a pair.

    Raises:
        Unsettled: there is no scoring, or facts came in since; nothing is screened that is not
            what was scored.
    """
    need_role(signer, ActKind.SCREEN)
    home = office.settings.home / "similarity"
    draft = home / f".draft-{secrets.token_hex(4)}"
    try:
        draft.mkdir(parents=True)
        return load(office, _kept(office, signer, within, draft))
    except OSError as error:
        raise StoreError(
            f"{home} cannot be written ({error.strerror}); free some space or mend its rights"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _kept(office: Office, signer: Signer, within: Within, draft: Path) -> int:
    """Screen, write everything into `draft`, and give it the act's number as its name.

    The work is done on one moment of the store and outside the act, so that nobody who writes waits
    for it.
    """
    with office.ledger.moment() as connection:
        scored = current(office, connection, stored=False)
        basis = _basis(connection, scored.results)
        sat = responses(office, connection, scored.present)
        told, about = _screened(sat.responses, within, office.settings.processes)
        about |= {"within": within.value, "exam": office.exam.name, "score_run": basis}
        about["without_key"] = {"".join(form): n for form, n in sat.without_key.items()}
        about["groups"] = rings(_people(told))
        write_lists(draft, told, about)
        flagged = told.filter(pl.col("flagged"))
        write_dossiers(Sheets(office, connection, sat.responses), flagged, about, draft)
    with office.ledger.act(signer, ActKind.SCREEN, target=f"within {within.value}") as act:
        about |= {"number": act.id, "at": written_at(office.ledger.clock()), "who": signer.name}
        text = json.dumps(about, ensure_ascii=False, indent=1)
        (draft / RUN).write_text(text, encoding="utf-8")
        act.details |= {
            "score_run": basis,
            "compared": about["compared"],
            "flagged": flagged.height,
            "pairs": digest_of(told, "pair"),
        }
        place = draft.parent / str(act.id)
        shutil.rmtree(place, ignore_errors=True)  # of a run whose act was not stored in the end
        draft.rename(place)
    return act.id


def runs(office: Office) -> list[int]:
    """The numbers of the runs that are kept and in the audit, newest first."""
    query = select(tables.act.c.id).where(tables.act.c.kind == ActKind.SCREEN.value)
    known = office.ledger.read(query.order_by(tables.act.c.id.desc()))["id"].to_list()
    return [n for n in known if (office.settings.home / "similarity" / str(n) / RUN).is_file()]


def load(office: Office, number: int) -> Run:
    """A run as it is kept.

    Raises:
        NotFound: there is none of that number.
        Tampered: its list is not the one that was signed for.
    """
    folder = office.settings.home / "similarity" / str(number)
    if number not in runs(office):
        raise NotFound(f"there is no screening {number}; run kaowu similarity")
    about = json.loads((folder / RUN).read_text(encoding="utf-8"))
    pairs = pl.read_parquet(folder / PAIRS)
    row = office.ledger.read(select(tables.act.c.details).where(tables.act.c.id == number))
    if json.loads(row.item())["pairs"] != digest_of(pairs, "pair"):
        raise Tampered(f"{folder / PAIRS} is not as it was signed for; restore the backup")
    return Run(number, folder, about, pairs)


def _basis(connection: Connection, results: pl.DataFrame) -> int:
    table = tables.score_run
    query = select(table.c.id, table.c.inputs).order_by(table.c.id.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    if last is None or last.inputs != digest_of(as_stored(results), "enrolment"):
        raise Unsettled("what is screened must be what was scored; run kaowu score first")
    return int(last.id)


def _screened(
    sat: tuple[Responses, ...], within: Within, threads: int
) -> tuple[pl.DataFrame, dict[str, Any]]:
    forms = [_form(one, within) for one in sat]
    listed = list_pairs(forms, threads=threads)
    judged = [n for n, form in enumerate(forms) if form.judged]
    tallies = dict(zip(judged, listed.tallies.tolist(), strict=True))
    about: dict[str, Any] = {
        "compared": listed.compared,
        "alpha": ALPHA,
        "least_persons": LEAST_PERSONS,
        "tally_steps": STEPS,
        "forms": [
            {
                "paper": one.paper,
                "form": one.form,
                "persons": one.answers.persons,
                "items": form.answers.items,
                "pairs": form.pairs,
                "judged": form.judged,
                "tally": tallies.get(n, []),
            }
            for n, (one, form) in enumerate(zip(sat, forms, strict=True))
        ],
    }
    return named_pairs(listed.pairs, sat), about


def _form(one: Responses, within: Within) -> Form:
    """A form's answers, and a number for the place in which each person is compared."""
    try:
        answers = Answers.of_matrix(one.answers)
    except ValueError as error:
        raise Refused(f"paper {one.paper}{one.form} cannot be screened: {error}") from error
    places = _PLACES[within]
    if not places:
        return Form(answers, np.zeros(answers.persons, np.int64))
    numbers = one.persons.select(pl.struct(places).rank("dense")).to_series()
    return Form(answers, numbers.fill_null(0).to_numpy().astype(np.int64))


def _people(pairs: pl.DataFrame) -> list[tuple[str, str]]:
    flagged = pairs.filter(pl.col("flagged"))
    return [
        (f"{row['subject']} {row['ticket_one']}", f"{row['subject']} {row['ticket_other']}")
        for row in flagged.iter_rows(named=True)
    ]
