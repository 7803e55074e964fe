"""Item statistics of the present: worked out, kept where the console shows them, and noted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from admin_api.acts.ledger import Signer, need_role
from admin_api.acts.roles import ActKind
from admin_api.errors import Refused
from admin_api.office import Office
from admin_api.results.present import present
from admin_api.results.responses import responses
from admin_api.statistics.earlier import read_earlier
from admin_api.statistics.folder import digest_of, written
from admin_api.statistics.study import Study, study
from omr.score.items.analysis import Wanted


@dataclass(frozen=True, slots=True)
class Written:
    """What was worked out, and where it lies."""

    study: Study
    folder: Path


def kept(office: Office) -> Path:
    """Where the statistics that were worked out last lie for the console."""
    return office.settings.home / "statistics"


def work_out(
    office: Office, signer: Signer, out: Path | None = None, previous: Path | None = None
) -> Written:
    """Work out everything that the answers say now, write it to `out` (or for the console), and
    note who did: what is written tells the keys.

    `previous` is the `items.parquet` of an earlier year.

    Raises:
        NotAllowed: the signer's role does not allow it.
        Refused: nobody has answered a paper whose key is in force, or `previous` is another file.
        StoreError: `out` cannot be written, or holds other files.
    """
    need_role(signer, ActKind.STATISTICS)
    earlier = read_earlier(previous) if previous else None
    with office.ledger.moment() as connection:
        sat = responses(office, connection, present(office, connection))
    if not sat.responses:
        lacking = [f"no key of {paper}{form} is in force" for paper, form in sat.without_key]
        raise Refused("there are no answers to work out yet", lacking)
    wanted = Wanted(threads=office.settings.processes)
    found = study(office.exam, sat, earlier, wanted)
    folder = out if out is not None else kept(office)
    people = sum(one.analysis.form.persons for one in found.studied)
    with (
        written(found, folder) as partial,
        office.ledger.act(signer, ActKind.STATISTICS, target="items") as act,
    ):
        act.details |= {"persons": people, "items": digest_of(partial)}
    return Written(found, folder)
