"""Pictures of a dossier: what chance alone would give, and who sat where."""

from __future__ import annotations

import html
import io

import numpy as np

from omr.records import F64

_ROW = 6  # seats in a row of the map: how desks truly stand is not known to the system
_DESK = 62


def null_svg(log_weights: F64, seen: int) -> bytes:
    """The distribution of the weight of matches of honest people with these scores, and the pair
    on it. `log_weights` (weights,) are natural logarithms.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "kaowu", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(7, 3), layout="constrained")
        axes = figure.subplots()
        possible = np.flatnonzero(np.isfinite(log_weights))
        heights = log_weights[possible] / np.log(10)
        axes.plot(possible, heights, color="#2b5797")
        axes.axvline(seen, color="#b3261e")
        axes.annotate(
            f"this pair: {seen}",
            (seen, 0),
            xytext=(-6, -12),
            textcoords="offset points",
            ha="right",
            color="#b3261e",
        )
        low = min(-20.0, float(log_weights[seen]) / np.log(10) - 3)
        axes.set_ylim(low if np.isfinite(low) else -320.0, 0)
        axes.set_xlabel("weight of matches: 2 x right alike + 3 x wrong alike")
        axes.set_ylabel("log10 chance, honest pair")
        kept = io.BytesIO()
        figure.savefig(kept, format="svg", metadata={"Date": None, "Creator": None})
    return kept.getvalue()


def map_svg(seats: list[str], pair: tuple[str, str]) -> bytes:
    """The seats of a room in the order of their numbers, the pair's in red."""
    ordered = sorted(
        seats, key=lambda seat: (not seat.isdecimal(), int(seat) if seat.isdecimal() else 0, seat)
    )
    drawn = []
    for n, seat in enumerate(ordered):
        x, y = n % _ROW * _DESK + 4, n // _ROW * 40 + 4
        mine = seat in pair
        fill, ink = ("#b3261e", "#ffffff") if mine else ("#eef1f4", "#1c2126")
        drawn.append(
            f'<rect x="{x}" y="{y}" width="{_DESK - 8}" height="32" rx="4" fill="{fill}"/>'
            f'<text x="{x + (_DESK - 8) / 2}" y="{y + 21}" text-anchor="middle" fill="{ink}" '
            f'font-family="sans-serif" font-size="13">{html.escape(seat)}</text>'
        )
    height = -(-len(ordered) // _ROW) * 40 + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_ROW * _DESK + 8} {height}" '
        f'width="{_ROW * _DESK + 8}" height="{height}">{"".join(drawn)}</svg>'
    ).encode()
