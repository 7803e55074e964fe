"""What registration and the rooms say, as frames."""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.bulk import read_frame, read_many
from admin_api.exam.terms import Exam
from admin_api.frames import BAGS, ENROLMENTS, in_order


def read_candidates(connection: Connection) -> pl.DataFrame:
    """Every candidate as registered, in the order of ids; `id` is called `candidate`."""
    table = tables.candidate
    columns = [column for column in table.columns if column.name not in ("id", "act")]
    query = select(table.c.id.label("candidate"), *columns).order_by(table.c.id)
    return in_order(read_many(connection, query, table.c.id), "candidate")


def read_enrolments(connection: Connection, exam: Exam, candidates: pl.DataFrame) -> pl.DataFrame:
    """Every enrolment with its list's attendance and its computer's answers: `ENROLMENTS`.

    `candidates` are `read_candidates`, of the same moment.
    """
    enrolment = tables.enrolment
    rows = read_many(
        connection,
        select(
            enrolment.c.id.label("enrolment"),
            *(enrolment.c[name] for name in ("candidate", "subject", "paper", "room", "seat")),
        ).order_by(enrolment.c.id),
        enrolment.c.id,
    )
    people = candidates.select("candidate", "ticket", "region", "specialty")
    came = read_many(
        connection,
        select(tables.attendance.c.enrolment, tables.attendance.c.present),
        tables.attendance.c.id,
    )
    answers = tables.computer_answers
    computer = read_many(
        connection,
        select(
            answers.c.enrolment,
            answers.c.id.label("computer_answers"),
            answers.c.form.label("computer_form"),
            answers.c.answers.label("computer_masks"),
        ),
        answers.c.id,
    )
    medium = {code: specialty.medium.value for code, specialty in exam.specialties.items()}
    found = (
        in_order(in_order(rows, "enrolment"), "candidate")
        .join(people, on="candidate", how="left", maintain_order="left")
        .join(came, on="enrolment", how="left", maintain_order="left")
        .join(computer, on="enrolment", how="left", maintain_order="left")
        .with_columns(
            pl.col("specialty").replace_strict(medium, default="card").alias("medium"),
            pl.lit([], pl.List(pl.Int64())).alias("corrections"),
        )
    )
    return found.select(pl.col(name).cast(kind) for name, kind in ENROLMENTS.items())


def read_bags(connection: Connection) -> pl.DataFrame:
    """The bags of the recovery forms: `BAGS`."""
    table = tables.bag
    return read_frame(connection, select(*(table.c[name] for name in BAGS)).order_by(table.c.id))


def read_rooms(connection: Connection) -> pl.DataFrame:
    """Every room by its names: `ROOMS`."""
    table = tables.room
    names = [table.c[name] for name in ("region", "site", "venue", "room")]
    rooms = read_frame(connection, select(table.c.id.label("id"), *names).order_by(table.c.id))
    name = pl.format("{}/{}/{}/{}", "region", "site", "venue", "room")
    return rooms.select(pl.col("id").alias("room"), name.alias("name"))


def read_places(connection: Connection) -> pl.DataFrame:
    """Where every room is: `room_id`, and site, venue and room by their names."""
    table = tables.room
    names = [table.c[name] for name in ("site", "venue", "room")]
    return read_frame(connection, select(table.c.id.label("room_id"), *names))


def read_boxes(connection: Connection) -> pl.DataFrame:
    """How many bags each box should hold: region, box, bags."""
    table = tables.box
    return read_frame(connection, select(table.c.region, table.c.box, table.c.bags))


def read_region_boxes(connection: Connection) -> pl.DataFrame:
    """How many boxes each region sent: region, boxes."""
    table = tables.region_boxes
    return read_frame(connection, select(table.c.region, table.c.boxes))
