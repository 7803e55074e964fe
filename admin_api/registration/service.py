"""Registration (报名) and what comes from the rooms: files in, whole or not at all, each once."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.ledger import Act, Signer, need_role
from admin_api.acts.roles import ActKind
from admin_api.errors import NotFound, Refused
from admin_api.office import Office
from admin_api.registration.checks import Imported, ImportReport
from admin_api.registration.known import refuse_contradictions, same_rows
from admin_api.registration.reported import read_history
from admin_api.registration.roster import read_roster
from admin_api.registration.sittings import (
    read_attendance,
    read_computer_answers,
    read_materials,
)

ROOM = ("region", "site", "venue", "room")
_PERSON = ("ticket", "name", "id_kind", "id_number", "file_number", "specialty", "level")
_PERSON_ALL = (*_PERSON, "region", "site", "military", "unit")


@dataclass(frozen=True, slots=True)
class Stored:
    """What an import came to: `new` rows entered, `known` ones that stood there as they are."""

    report: ImportReport
    new: int
    known: int
    again: bool = False  # the very file was imported before


def import_roster(
    office: Office, signer: Signer, path: Path, *, encoding: str | None = None, military: bool
) -> Stored:
    """A roster (报名库): candidates, their enrolments and rooms.

    `military` marks everybody in the file as military; without it a unit does.

    Raises:
        ImportRefused: any row has a fault, or contradicts what is there.
    """
    need_role(signer, ActKind.IMPORT)
    imported = read_roster(path, office.exam, encoding=encoding)
    frame = imported.frame
    if military:
        frame = frame.with_columns(pl.lit(True).alias("military"))
    with _taken(office, signer, "roster", path, imported) as act:
        if act is None:
            return Stored(imported.report, 0, 0, again=True)
        new = _new_candidates(act, frame, path)
        rooms = _rooms(act, new)
        first = act.next_id(tables.candidate)
        new = new.with_columns(pl.int_range(first, first + pl.len()).alias("candidate"))
        people = new.select(pl.col("candidate").alias("id"), *_PERSON_ALL)
        act.add(tables.candidate, people)
        enrolments = _enrolments(office, new, rooms)
        _refuse_taken_seats(act, new, enrolments, path)
        act.add(tables.enrolment, enrolments)
        act.details["rows"] = new.height
    return Stored(imported.report, new.height, frame.height - new.height)


def import_attendance(
    office: Office, signer: Signer, path: Path, *, encoding: str | None = None
) -> Stored:
    """Who came (签到表).

    Raises:
        ImportRefused: any row has a fault, names nobody, or contradicts what is there.
    """
    need_role(signer, ActKind.IMPORT)
    imported = read_attendance(path, office.exam, encoding=encoding)
    with _taken(office, signer, "attendance", path, imported) as act:
        if act is None:
            return Stored(imported.report, 0, 0, again=True)
        frame = _with_enrolment(act, imported.frame, path)
        known = act.read(select(tables.attendance.c.enrolment, tables.attendance.c.present))
        new = same_rows(frame, known, ["enrolment"], ["present"], path)
        act.add(tables.attendance, new.select("enrolment", "present"))
    return Stored(imported.report, new.height, frame.height - new.height)


def import_computer_answers(
    office: Office, signer: Signer, path: Path, *, encoding: str | None = None
) -> Stored:
    """Answers given on computers (机考作答).

    Raises:
        ImportRefused: any row has a fault, names nobody, is of another paper than the candidate's,
            or contradicts what is there.
    """
    need_role(signer, ActKind.IMPORT)
    imported = read_computer_answers(path, office.exam, encoding=encoding)
    with _taken(office, signer, "cbt-answers", path, imported) as act:
        if act is None:
            return Stored(imported.report, 0, 0, again=True)
        frame = _with_enrolment(act, imported.frame, path)
        refuse_contradictions(
            frame,
            pl.col("paper") != pl.col("enrolled_paper"),
            path,
            "paper",
            "is not the paper that this candidate enrolled for; find out which is right",
        )
        answers = tables.computer_answers
        columns = (answers.c.enrolment, answers.c.paper, answers.c.form, answers.c.answers)
        known = act.read(select(*columns))
        new = same_rows(frame, known, ["enrolment"], ["paper", "form", "answers"], path)
        act.add(answers, new.select("enrolment", "paper", "form", "answers"))
    return Stored(imported.report, new.height, frame.height - new.height)


def import_history(
    office: Office, signer: Signer, path: Path, *, encoding: str | None = None
) -> Stored:
    """Scores of earlier years (历年成绩), for rolling.

    Raises:
        ImportRefused: any row has a fault or contradicts what is there.
    """
    need_role(signer, ActKind.IMPORT)
    imported = read_history(path, office.exam, encoding=encoding)
    with _taken(office, signer, "history", path, imported) as act:
        if act is None:
            return Stored(imported.report, 0, 0, again=True)
        past, key = tables.past_result, ["year", "file_number", "specialty", "subject"]
        known = act.read(select(*(past.c[name] for name in (*key, "score", "passed"))))
        new = same_rows(imported.frame, known, key, ["score", "passed"], path)
        act.add(past, new.select(*key, "score", "passed"))
    return Stored(imported.report, new.height, imported.frame.height - new.height)


def import_materials(
    office: Office, signer: Signer, path: Path, *, encoding: str | None = None
) -> Stored:
    """What was handed in: cards of bags, bags of boxes, boxes of regions (回收单).

    Raises:
        ImportRefused: any row has a fault, names a room that no roster has, or contradicts what is
            there.
    """
    need_role(signer, ActKind.IMPORT)
    imported = read_materials(path, office.exam, encoding=encoding)
    frame, entered = imported.frame, 0
    with _taken(office, signer, "materials", path, imported) as act:
        if act is None:
            return Stored(imported.report, 0, 0, again=True)
        for of, table, key, count in (
            ("bag", tables.bag, ["region", "box", "bag"], "cards"),
            ("box", tables.box, ["region", "box"], "bags"),
            ("region", tables.region_boxes, ["region"], "boxes"),
        ):
            rows = frame.filter(pl.col("of") == of).with_columns(pl.col("count").alias(count))
            said = [count]
            if of == "bag":
                rows = _with_room(act, rows, path)
                said = ["room", "subject", count]
            known = act.read(select(*(table.c[name] for name in (*key, *said))))
            new = same_rows(rows, known, key, said, path)
            act.add(table, new.select(*key, *said))
            entered += new.height
    return Stored(imported.report, entered, frame.height - entered)


@contextlib.contextmanager
def _taken(
    office: Office, signer: Signer, kind: str, path: Path, imported: Imported
) -> Iterator[Act | None]:
    """An act that imports a file; None where the very file was imported before."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    done = tables.file_in
    before = office.ledger.read(
        select(done.c.id).where(done.c.kind == kind, done.c.sha256 == digest)
    )
    if before.height:
        yield None
        return
    office.vault.put(content)
    with office.ledger.act(signer, ActKind.IMPORT, target=f"{kind} {path.name}") as act:
        rows = imported.report.rows
        act.add(done, [{"kind": kind, "sha256": digest, "name": path.name, "rows": rows}])
        yield act


def _new_candidates(act: Act, frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The candidates that are not there yet; those that are must be the same."""
    person = tables.candidate
    stored = act.read(select(person.c.id.label("stored"), *(person.c[n] for n in _PERSON_ALL)))
    if stored.is_empty():
        return frame
    others = stored.select("id_kind", "id_number", pl.col("ticket").alias("other"))
    shared = frame.join(others, on=["id_kind", "id_number"], how="left", maintain_order="left")
    refuse_contradictions(
        shared,
        (pl.col("id_number") != "") & (pl.col("other") != pl.col("ticket")),
        path,
        "id_number",
        "is registered under another ticket already; correct one of the two",
    )
    seats = _seats_of(act, stored["stored"])
    known = stored.join(seats, left_on="stored", right_on="candidate", how="left")
    said = [*_PERSON_ALL[1:], "venue", "room", "seat", "subjects"]
    new = same_rows(_sorted(frame), _sorted(known), ["ticket"], said, path)
    return frame.filter(pl.col("ticket").is_in(new["ticket"].implode()))


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("subjects").list.sort())


def _seats_of(act: Act, candidates: pl.Series) -> pl.DataFrame:
    enrolment, room = tables.enrolment, tables.room
    columns = (enrolment.c.candidate, enrolment.c.subject, enrolment.c.seat, enrolment.c.room)
    rows = act.read(select(*columns))
    rooms = act.read(select(room.c.id, room.c.venue, room.c.room))
    return (
        rows.filter(pl.col("candidate").is_in(candidates.implode()))
        .group_by("candidate")
        .agg(pl.col("subject").alias("subjects"), pl.col("seat", "room").first())
        .join(rooms.rename({"room": "name"}), left_on="room", right_on="id", how="left")
        .drop("room")
        .rename({"name": "room"})
    )


def _rooms(act: Act, frame: pl.DataFrame) -> pl.DataFrame:
    """Every room, the new ones entered: its names and its id."""
    room = tables.room
    known = act.read(select(room.c.id, *(room.c[name] for name in ROOM)))
    new = (
        frame.select(ROOM)
        .unique(maintain_order=True)
        .join(known, on=ROOM, how="anti", maintain_order="left")
    )
    first = act.next_id(room)
    new = new.select(pl.int_range(first, first + pl.len()).alias("id"), *ROOM)
    act.add(room, new)
    return pl.concat([known, new])


def _enrolments(office: Office, people: pl.DataFrame, rooms: pl.DataFrame) -> pl.DataFrame:
    papers = pl.DataFrame(
        [
            (specialty.code, subject, paper)
            for specialty in office.exam.specialties.values()
            for subject, paper in specialty.papers.items()
        ],
        schema=["specialty", "subject", "paper"],
        orient="row",
    )
    return (
        people.select("candidate", "specialty", "seat", "subjects", *ROOM)
        .join(rooms, on=ROOM, how="left", maintain_order="left")
        .explode("subjects")
        .rename({"subjects": "subject"})
        .join(papers, on=["specialty", "subject"], how="left", maintain_order="left")
        .select("candidate", "subject", "paper", pl.col("id").alias("room"), "seat")
    )


def _refuse_taken_seats(
    act: Act, people: pl.DataFrame, enrolments: pl.DataFrame, path: Path
) -> None:
    """Refuse seats in which somebody sits already by an earlier roster."""
    table, place = tables.enrolment, ["room", "subject", "seat"]
    taken = act.read(select(*(table.c[name] for name in place))).filter(pl.col("seat") != "")
    double = enrolments.join(taken, on=place, how="semi").select("candidate").unique()
    rows = people.join(double, on="candidate", how="semi")
    refuse_contradictions(
        rows, pl.lit(True), path, "seat", "is taken in this room by an earlier roster"
    )


def _with_enrolment(act: Act, frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Rows with the enrolment that their ticket and subject name."""
    person, enrolment = tables.candidate, tables.enrolment
    known = act.read(
        select(
            person.c.ticket,
            enrolment.c.subject,
            enrolment.c.id.label("enrolment"),
            enrolment.c.paper.label("enrolled_paper"),
        ).join(person, person.c.id == enrolment.c.candidate)
    )
    found = frame.join(known, on=["ticket", "subject"], how="left", maintain_order="left")
    refuse_contradictions(
        found,
        pl.col("enrolment").is_null(),
        path,
        "ticket",
        "is not enrolled for this subject; import the roster first, or correct the row",
    )
    return found


def _with_room(act: Act, frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Rows with the id of the room that they name."""
    table = tables.room
    rooms = act.read(select(table.c.id, *(table.c[name] for name in ROOM)))
    found = frame.join(rooms, on=ROOM, how="left", maintain_order="left")
    refuse_contradictions(
        found,
        pl.col("id").is_null(),
        path,
        "room",
        "is a room that no roster names; import the roster first, or correct the row",
    )
    return found.drop("room").rename({"id": "room"})


def need_file(path: Path) -> None:
    """Pass a path that can be read as a file.

    Raises:
        Refused: otherwise.
    """
    if not path.is_file():
        raise Refused(f"{path} is no file; check the path")


def subjects_of(connection: Connection, ticket: str) -> list[str]:
    """The subjects that a candidate is enrolled for, in order.

    Raises:
        NotFound: there is no such candidate.
    """
    enrolment, person = tables.enrolment, tables.candidate
    query = select(enrolment.c.subject).join(person, person.c.id == enrolment.c.candidate)
    found = connection.scalars(query.where(person.c.ticket == ticket)).all()
    if not found:
        raise NotFound(f"{ticket} is no candidate; check the number")
    return sorted(found)
