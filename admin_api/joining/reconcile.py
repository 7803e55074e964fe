"""Room by room, bag by bag: do the counts agree (核对)? Cards + absent = seats."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from admin_api.exam.terms import Medium
from admin_api.frames import CARD
from admin_api.joining.states import EnrolmentState, Joined, PageState
from admin_api.settling.service import Matter

DIFFERENCES: dict[str, pl.DataType] = {
    "place": pl.String(),
    "what": pl.String(),
    "expected": pl.Int64(),
    "found": pl.Int64(),
}
_BAG = ["region", "box", "bag"]
_TODO = {
    "cards + absent = seats": "count the bag's cards, and look for the missing or the extra one",
    "cards of a bag": "scan the bag again, or have its confirmation slip corrected",
    "bags of a box": "look for the missing bag, or have the box's slip corrected",
    "boxes of a region": "look for the missing box, or have the summary corrected",
    "subjects in a box": "sort the box; subjects are never mixed",
    "bags on no list": "import the material list of this bag, or find where it belongs",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What the forms say: `bags` as `frames.BAGS`; boxes: region, box, bags; regions: boxes. And
    how rooms are called: `frames.ROOMS`.
    """

    bags: pl.DataFrame
    boxes: pl.DataFrame
    regions: pl.DataFrame
    rooms: pl.DataFrame


def reconcile(
    joined: Joined, cards: pl.DataFrame, enrolments: pl.DataFrame, counts: Counts
) -> pl.DataFrame:
    """Every difference between what the forms say and what was scanned: `DIFFERENCES`.

    Without any material list nothing can be compared, and only rooms are looked at.
    """
    scanned = cards.filter(~pl.col("replaced"))
    found = [_rooms(joined, scanned, enrolments, counts)]
    if counts.bags.height:
        found += [_bags(scanned, counts.bags), _unlisted(scanned, counts.bags)]
        found.append(_mixed(counts.bags))
    if counts.boxes.height:
        found.append(_boxes(scanned, counts.boxes))
    if counts.regions.height:
        found.append(_regions(scanned, counts.regions))
    return pl.concat(found).sort("what", "place")


def matters_of(
    joined: Joined, cards: pl.DataFrame, enrolments: pl.DataFrame, differences: pl.DataFrame
) -> list[Matter]:
    """What is open in joining and counting, each with a key that two people can let stand."""
    matters = []
    closed = [PageState.MATCHED.value, PageState.REPLACED.value]
    pages = joined.pages.filter(~pl.col("state").is_in(closed))  # few of millions
    places = cards.join(pages, on="page", how="semi").select("page", CARD.alias("card"))
    pages = pages.join(places, on="page")
    for row in pages.sort("page").iter_rows(named=True):
        words = f"{row['card']}, {row['evidence'] or row['state']}"
        stands = row["state"] != PageState.IN_REVIEW.value
        matters.append(Matter(f"page {row['page']} {row['state']}", words, may_stand=stands))
    lost = joined.enrolments.filter(
        pl.col("state") == EnrolmentState.CANDIDATE_WITHOUT_CARD.value
    ).join(enrolments.select("enrolment", "ticket", "subject"), on="enrolment")
    for row in lost.sort("enrolment").iter_rows(named=True):
        key = f"candidate {row['ticket']} {row['subject']} without card"
        matters.append(Matter(key, "not listed absent, and there are no answers"))
    for row in differences.iter_rows(named=True):
        words = f"expected {row['expected']}, found {row['found']}; {_TODO[row['what']]}"
        matters.append(Matter(f"count {row['place']} {row['what']}", words))
    return matters


def _rooms(
    joined: Joined, scanned: pl.DataFrame, enrolments: pl.DataFrame, counts: Counts
) -> pl.DataFrame:
    """Cards in a room's bags and absent people without one, against its seats."""
    key = ["room", "subject"]
    on_paper = enrolments.filter(pl.col("medium") == Medium.CARD.value)
    seats = on_paper.group_by(key).agg(expected=pl.len())
    cards = (
        scanned.join(counts.bags.select(*_BAG, *key), on=_BAG, suffix="_bag")
        .group_by("room", pl.col("subject_bag").alias("subject"))
        .agg(cards=pl.len())
    )
    absent = (
        joined.enrolments.filter(
            (pl.col("state") == EnrolmentState.ABSENT.value) & pl.col("page").is_null()
        )
        .join(enrolments.select("enrolment", "room", "subject", "medium"), on="enrolment")
        .filter(pl.col("medium") == Medium.CARD.value)
        .group_by(key)
        .agg(absent=pl.len())
    )
    place = pl.format("room {} subject {}", pl.col("name").fill_null("(unknown)"), "subject")
    return _different(
        seats.join(counts.rooms, on="room", how="left")
        .join(cards, on=key, how="left")
        .join(absent, on=key, how="left")
        .with_columns(found=pl.col("cards").fill_null(0) + pl.col("absent").fill_null(0)),
        place,
        "cards + absent = seats",
    )


def _bags(scanned: pl.DataFrame, bags: pl.DataFrame) -> pl.DataFrame:
    counted = scanned.group_by(_BAG).agg(found=pl.len())
    both = bags.rename({"cards": "expected"}).join(counted, on=_BAG, how="left")
    return _different(both, pl.format("bag {}/{}/{}", *_BAG), "cards of a bag")


def _unlisted(scanned: pl.DataFrame, bags: pl.DataFrame) -> pl.DataFrame:
    strange = scanned.join(bags, on=_BAG, how="anti").group_by(_BAG).agg(found=pl.len())
    both = strange.with_columns(expected=pl.lit(0))
    return _different(both, pl.format("bag {}/{}/{}", *_BAG), "bags on no list")


def _mixed(bags: pl.DataFrame) -> pl.DataFrame:
    subjects = bags.group_by("region", "box").agg(found=pl.col("subject").n_unique())
    both = subjects.with_columns(expected=pl.lit(1))
    return _different(both, pl.format("box {}/{}", "region", "box"), "subjects in a box")


def _boxes(scanned: pl.DataFrame, boxes: pl.DataFrame) -> pl.DataFrame:
    counted = scanned.group_by("region", "box").agg(found=pl.col("bag").n_unique())
    both = boxes.rename({"bags": "expected"}).join(counted, on=["region", "box"], how="left")
    return _different(both, pl.format("box {}/{}", "region", "box"), "bags of a box")


def _regions(scanned: pl.DataFrame, regions: pl.DataFrame) -> pl.DataFrame:
    counted = scanned.group_by("region").agg(found=pl.col("box").n_unique())
    both = regions.rename({"boxes": "expected"}).join(counted, on="region", how="left")
    return _different(both, pl.format("region {}", "region"), "boxes of a region")


def _different(both: pl.DataFrame, place: pl.Expr, what: str) -> pl.DataFrame:
    counted = both.with_columns(pl.col("found").fill_null(0).cast(pl.Int64))
    return counted.filter(pl.col("expected").cast(pl.Int64) != pl.col("found")).select(
        place.alias("place"),
        pl.lit(what).alias("what"),
        pl.col("expected").cast(pl.Int64),
        "found",
    )
