"""The accuracy report: a table by defect, a reliability plot, and every wrong field."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np

from omr.accuracy import BINS, Outcome, Tally

_HEAD = ("", "pages", "bubbles", "wrong", "review", "needless", "rejected")
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.15rem .7rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
)


def _row(name: str, t: Tally) -> tuple[str, ...]:
    share = [f"{n / max(1, t.pages):.2%}" for n in (t.review, t.needless, t.rejected)]
    return (name, f"{t.pages:,}", f"{t.bubbles:,}", f"{t.wrong}", *share)


def _rows(outcome: Outcome) -> list[tuple[str, ...]]:
    rows = [_row("everything", outcome.total)]
    rows += [_row(f"mix {name}", t) for name, t in sorted(outcome.by_mix.items())]
    rows += [_row(f"defect {name}", t) for name, t in sorted(outcome.by_defect.items())]
    return rows


def as_text(outcome: Outcome, found: dict[str, float]) -> str:
    """The figures and the table, for a terminal."""
    rows = [_HEAD, *_rows(outcome)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.ljust(w) if k == 0 else cell.rjust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.append("")
    lines += [f"{name}: {value:,.6g}" for name, value in found.items()]
    lines += [f"wrong: {error}" for error in outcome.errors[:20]]
    return "\n".join(lines)


def write_report(outcome: Outcome, found: dict[str, float], out: Path) -> None:
    """Write accuracy.json and report.html into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "accuracy.json").write_text(
        json.dumps(
            found | {"errors": outcome.errors, "needless": outcome.needless},
            indent=1,
            ensure_ascii=False,
        ),
        "utf-8",
    )
    head = "".join(f"<th>{cell}</th>" for cell in _HEAD)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in _rows(outcome)
    )
    listed = "".join(f"<li>{html.escape(str(error))}</li>" for error in outcome.errors)
    numbers = "".join(f"<li>{name}: {value:,.6g}</li>" for name, value in found.items())
    (out / "report.html").write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Accuracy</title>"
        f"<style>{_STYLE}</style><h1>Accuracy on simulated cards</h1><ul>{numbers}</ul>"
        f"<h2>How well stated error probabilities hold</h2>{_plot(outcome)}"
        f"<h2>By mix and by defect</h2><table><tr>{head}</tr>{rows}</table>"
        f"<h2>Wrong fields without a doubt</h2><ol>{listed or '<li>none</li>'}</ol></html>",
        "utf-8",
    )


def _plot(outcome: Outcome) -> str:
    """Stated against seen error rate a bin, both axes logarithmic from 1e-9 to 1, as SVG."""
    size, pad = 420, 50

    def at(rate: float) -> float:
        return float((np.log10(max(rate, 1e-9)) + 9.0) / 9.0 * size)

    parts = [
        f'<line x1="{pad}" y1="{size + 10}" x2="{pad + size}" y2="10" stroke="#999"/>',
        f'<rect x="{pad}" y="10" width="{size}" height="{size}" fill="none" stroke="#444"/>',
    ]
    for power in range(-9, 1, 3):
        place = at(10.0**power)
        parts.append(
            f'<text x="{pad + place:.0f}" y="{size + 28}" font-size="12" text-anchor="middle">'
            f"1e{power}</text><text x='{pad - 6}' y='{size + 14 - place:.0f}' font-size='12'"
            f" text-anchor='end'>1e{power}</text>"
        )
    for k in range(BINS):
        count, stated, wrong = outcome.bins[k]
        if count == 0:
            continue
        x, y = pad + at(stated / count), size + 10 - at(wrong / count)
        # A bin without errors only says that the rate is below about three in its fields.
        bound = size + 10 - at(3.0 / count)
        colour = "#0a6" if wrong else "#bbb"
        parts.append(
            f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x:.1f}" y2="{min(y, bound):.1f}"'
            f' stroke="{colour}"/><circle cx="{x:.1f}" cy="{y:.1f}"'
            f' r="{2 + np.log10(count):.1f}" fill="{colour}">'
            f"<title>{count:.0f} fields, stated {stated / count:.2g}, seen {wrong / count:.2g}"
            f"</title></circle>"
        )
    return (
        f'<svg width="{size + pad + 20}" height="{size + 50}" role="img">{"".join(parts)}'
        f'<text x="{pad + size / 2}" y="{size + 46}" font-size="13" text-anchor="middle">'
        "stated error probability</text></svg>"
    )
