"""From a scanned page to a reading: the whole story on one screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omr.design import Design, Ink, builtin_designs
from omr.detect.barcode import read_barcodes
from omr.detect.bubbles import Measured, measure
from omr.detect.decode import decode
from omr.detect.diagnose import diagnose
from omr.detect.faults import ADVICE, Fault, check_levels, check_measured, of_image
from omr.detect.locate import Located, Lost, channel_of, locate
from omr.detect.straighten import straighten
from omr.detect.way_up import check_way_up
from omr.errors import ImageError
from omr.policy import Policy
from omr.records import (
    Alignment,
    BarcodeRead,
    BubbleScores,
    CardReading,
    RejectedPage,
    ScannedPage,
    Status,
)
from omr.score.reading import names_of, read_many
from omr.trace import NO_TRACE, Trace


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page that was read: what it says, what was measured, and how it lay."""

    reading: CardReading
    scores: BubbleScores
    alignment: Alignment


def read_page(
    page: ScannedPage, design: Design, policy: Policy, trace: Trace = NO_TRACE
) -> ReadPage | RejectedPage:
    """Read one page. A bad page is a value; only a broken machine raises."""
    try:
        raster = decode(page, colour=design.ink is Ink.RED)
    except ImageError as error:
        return reject(page, of_image(error), design, policy)
    trace.decoded(raster)
    aside = False
    if design.finds:
        flat = straighten(raster, design, channel_of(design))
        if isinstance(flat, Fault):
            return reject(page, flat, design, policy)
        raster, aside = flat.raster, flat.aside
        trace.straightened(raster)
    place = locate(raster, design)
    trace.located(place)
    if isinstance(place, Lost):
        return reject(page, diagnose(place, design, raster, builtin_designs()), design, policy)
    fault = check_levels(place)
    if fault is not None:
        return reject(page, fault, design, policy)
    measured = measure(place.plane, design, place.side, place.alignment, place.levels)
    trace.measured(place, measured)
    fault = check_way_up(place, measured, design, raster, aside=aside)
    fault = fault or check_measured(place, measured, design)
    if fault is not None:
        return reject(page, fault, design, policy)
    barcodes = read_barcodes(place.plane, place.side, place.alignment)
    scores = _scores(place, measured, barcodes)
    reading = judge_page(page, place, scores, (design, policy))
    trace.judged(place, reading)
    return ReadPage(reading, scores, place.alignment)


def judge_page(
    page: ScannedPage, place: Located, scores: BubbleScores, by: tuple[Design, Policy]
) -> CardReading:
    """What the measured figures say under the policy."""
    design, policy = by
    figures = (scores.fill, scores.darkness, scores.around, scores.through)
    one = tuple(f[None, :] for f in figures)
    bitonal = np.array([scores.bitonal])
    said = read_many(
        place.side, policy, (one[0], one[1], one[2], one[3]), bitonal, [scores.barcodes]
    )
    return CardReading(
        page.position,
        page.source,
        page.frame,
        page.sha256,
        place.side.name,
        place.alignment.turn,
        Status.REVIEW if said.doubts[0] else Status.READ,
        names_of(place.side),
        tuple(said.values[0]),
        said.probability[0],
        said.masks[0],
        said.doubts[0],
        scores.barcodes,
        place.alignment.residual_mm,
        design.hash,
        policy.hash,
    )


def reject(page: ScannedPage, fault: Fault, design: Design, policy: Policy) -> RejectedPage:
    """The page as refused, with what to do about it."""
    return RejectedPage(
        page.position,
        page.source,
        page.frame,
        page.sha256,
        fault.reason,
        fault.evidence,
        ADVICE[fault.reason],
        design.hash,
        policy.hash,
    )


def _scores(place: Located, measured: Measured, barcodes: tuple[BarcodeRead, ...]) -> BubbleScores:
    columns = [np.ascontiguousarray(measured.figures[:, k]) for k in range(4)]
    for column in columns:
        column.flags.writeable = False
    fill, darkness, around, through = columns
    bitonal = place.plane.bitonal
    return BubbleScores(place.side.name, fill, darkness, around, through, bitonal, barcodes)
