"""The cards as read, one row a page: where every fold over them begins."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.bulk import read_frame, read_many
from admin_api.exam.terms import CardUse
from admin_api.frames import CARDS, beside, in_order

_PARTS = ("paper", "form", "ticket")
_READ = (
    *("status", "ticket", "subject", "form", "absent", "violation"),
    *("barcode", "answers", "doubts"),
)


def read_cards(connection: Connection, use: CardUse) -> pl.DataFrame:
    """Every page with its newest reading; every doubt is open. See `frames.CARDS`."""
    page, reading = tables.page, tables.reading
    places = [page.c[name] for name in ("region", "box", "bag", "position", "sha256")]
    said = [reading.c[name] for name in _READ]
    replaced = read_frame(connection, select(tables.replaced.c.page))["page"]
    pages = read_many(
        connection, select(page.c.id.label("page"), *places).order_by(page.c.id), page.c.id
    )
    readings = read_many(
        connection,
        select(reading.c.id.label("reading"), reading.c.page, *said).order_by(reading.c.id),
        reading.c.id,
    )
    readings = in_order(readings, "page")
    if readings["page"].n_unique() < readings.height:
        readings = readings.unique("page", keep="last", maintain_order=True)
    frame = beside(in_order(pages, "page"), readings, "page").drop_nulls("reading")
    return with_barcode_parts(
        _with_open(frame).with_columns(
            pl.col("page").is_in(replaced.implode()).alias("replaced"),
            pl.lit([], pl.List(pl.Int64())).alias("decisions"),
            pl.lit([], pl.List(pl.Int64())).alias("corrections"),
        ),
        use,
    ).select(pl.col(name).cast(kind) for name, kind in CARDS.items())


def with_barcode_parts(cards: pl.DataFrame, use: CardUse) -> pl.DataFrame:
    """Anew what the barcode names, by the exam's pattern; "" where it says nothing of the kind."""
    whole = f"^(?:{use.barcode_pattern.pattern})$"
    groups: Mapping[str, int] = use.barcode_pattern.groupindex
    return cards.with_columns(
        (
            pl.col("barcode").str.extract(whole, groups[part]).fill_null("")
            if part in groups
            else pl.lit("")
        ).alias(f"barcode_{part}")
        for part in _PARTS
    )


def _with_open(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the doubted fields of each page; few of millions have any."""
    doubted = frame.filter(pl.col("doubts") != "")
    fields = [
        list(dict.fromkeys(field for _, field, _ in json.loads(text))) for text in doubted["doubts"]
    ]
    found = doubted.select("page", pl.Series("open", fields, pl.List(pl.String())))
    nothing = pl.lit([], pl.List(pl.String()))
    return frame.join(found, on="page", how="left", maintain_order="left").with_columns(
        pl.col("open").fill_null(nothing)
    )
