"""How honest the screen is, as a page and as tables."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from admin_api.similarity.files import STYLE
from omr.outputs import whole_file
from omr.score.similarity.honesty import CONFIDENCE, LEVEL, TESTS, Honesty, Trial
from omr.score.similarity.screening import Method
from omr.score.similarity.simulate import SITE


def write_honesty(found: Honesty, trial: Trial, out: Path) -> None:
    """honesty.html, false-alarms.parquet, far.parquet and found.parquet into a new folder."""
    out.mkdir()
    found.false_alarms.write_parquet(out / "false-alarms.parquet")
    found.far.write_parquet(out / "far.parquet")
    found.found.write_parquet(out / "found.parquet")
    with whole_file(out / "honesty.html") as partial:
        partial.write_text(_page(found, trial), encoding="utf-8")


def _page(found: Honesty, trial: Trial) -> str:
    alarms = found.false_alarms.with_columns(
        (pl.col("rate") / 10.0 ** pl.col("log_level")).alias("times the level")
    )
    far = found.far.with_columns((pl.col("rate") / pl.col("level")).alias("times the level"))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>How honest</title>'
        f"<style>{STYLE}</style><h1>How honest the screen is</h1>"
        f"<p>{trial.sittings} sittings of {trial.persons:,} simulated honest people, "
        f"{trial.items} items; {trial.copying:,} copying pairs of each share. The default method "
        f"is {Method.GIVEN_SCORES.value.replace('_', ' ')}; a whole exam has "
        f"{TESTS / 1e6:.1f} million tests, its level is {LEVEL:.2g} a test. Bounds are "
        f"Clopper-Pearson's at {CONFIDENCE:.0%}; those "
        "of all pairs are too narrow, since pairs share persons. A method that is right has 1 "
        f"times the level or less. Sites hold {SITE} people; taught_alike is how far a site's own "
        "teaching bends its people to options, in logits.</p>"
        f"<h2>Copying pairs found</h2>{_table(found.found)}"
        "<h2>Honest pairs of one site flagged, by importance sampling</h2><p>Bounds are those of "
        "the spread between pairs, at 95%. A whole exam should have less than one.</p>"
        f"{_table(far)}"
        f"<h2>Honest pairs flagged</h2>{_table(alarms)}</html>"
    )


def _table(frame: pl.DataFrame) -> str:
    heads = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(value)}</td>" for value in row) + "</tr>"
        for row in frame.iter_rows()
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
