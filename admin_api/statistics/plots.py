"""Plots as SVG: the same bytes for the same figures, text as text, no date.

Matplotlib is loaded where something is drawn. Its own state is not touched but for the list of
fonts, so that Chinese is measured with the font that it is drawn with.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from admin_api.statistics.lettering import face
from admin_api.statistics.study import Studied
from omr.fonts import chinese_font
from omr.score.items.forms import per_cent
from omr.score.items.irt.expect import Curves
from omr.score.items.irt.shown import ability_at, form_information
from omr.score.items.traces import Traces, traces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KEY, _INK, _SOFT = "#1d6b3a", "#1b2127", "#59636e"
_ACCENT, _BAD = "#1f5f99", "#a4262c"
_DISTRACTORS = ("#b3541e", "#7b4fa3", "#1f5f99", "#8a6d00", "#a4262c", "#3d7a80", "#6b6b6b")
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kaowu",
    "font.size": 8.5,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "path.simplify": False,
}
_FEW = 0.003  # of all people: fewer at an ability are no point to look at
_SHARES = (0, 0.5, 1)
_THETA = np.linspace(-4, 4, 81)


def drawn(one: Studied, emit: Callable[[str, bytes], None]) -> None:
    """Draw every plot of a form: `emit` gets each one's name without its ending, and its SVG.

    Of too few people no item is drawn: their points would be noise, and might be a person each.
    """
    emit("scores", scores(one))
    if one.analysis.form.persons < one.least_drawn:
        return
    if one.analysis.modelled is not None:
        emit("information", information(one))
    groups = traces(one.analysis.tally)
    for place in range(len(one.analysis.answers.names)):
        emit(f"item-{place + 1}", item(one, place, groups))


def scores(one: Studied) -> bytes:
    """How the totals are spread, with the pass line."""
    counted = one.analysis.tally

    def draw(axes: Any) -> None:
        width = max(1.0, 100 / max(one.analysis.form.items, 1))
        bins = np.arange(-width / 2, 100 + width, width)
        heights, edges = np.histogram(per_cent(counted), bins, weights=counted.persons_at)
        axes.bar(edges[:-1], heights, width * 0.9, align="edge", color=_ACCENT, linewidth=0)
        if one.line is not None:
            axes.axvline(one.line, color=_BAD, linewidth=1.2)
            axes.text(
                one.line,
                1.0,
                f" 合格线 {one.line:g}%",
                color=_BAD,
                va="bottom",
                ha="center",
                transform=axes.get_xaxis_transform(),
            )
        axes.set_xlim(-1, 101)
        axes.set_xlabel("得分占满分的百分比 (score, % of full marks)")
        axes.set_ylabel("人数 (people)")

    return _svg((6.4, 2.6), 1, lambda axes: draw(axes[0]))


def information(one: Studied) -> bytes:
    """Where the form tells people apart well, and how exactly: information and standard error."""
    modelled = one.analysis.modelled
    assert modelled is not None
    figures = form_information(modelled.two, _THETA)

    def draw(axes: Any) -> None:
        axes.plot(_THETA, figures, color=_ACCENT, linewidth=1.6)
        axes.text(
            _THETA[figures.argmax()],
            figures.max(),
            "信息量 (information)",
            color=_ACCENT,
            ha="center",
            va="bottom",
        )
        axes.set_ylim(0, figures.max() * 1.18)
        axes.set_xlabel("能力 θ (ability)")
        axes.set_ylabel("信息量 (test information)")
        error = axes.twinx()
        error.spines["right"].set_visible(True)
        error.plot(_THETA, 1 / np.sqrt(figures), color=_SOFT, linewidth=1.0, linestyle="--")
        error.set_ylim(0, min(2.0, float((1 / np.sqrt(figures)).max()) * 1.1))
        error.set_ylabel("标准误 (standard error)", color=_SOFT)
        if one.line is not None:
            at = ability_at(modelled.two, one.line / 100 * modelled.two.used.sum())
            if np.isfinite(at):
                axes.axvline(at, color=_BAD, linewidth=1.2)
                axes.text(
                    at,
                    1.0,
                    f"合格线 θ = {at:.2f}",
                    color=_BAD,
                    va="bottom",
                    ha="center",
                    transform=axes.get_xaxis_transform(),
                )

    return _svg((6.4, 2.6), 1, lambda axes: draw(axes[0]))


def item(one: Studied, place: int, groups: Traces) -> bytes:
    """An item: its curve with what was observed, and who drew which option."""

    def draw(axes: Any) -> None:
        if not _curve(axes[0], one, place):
            axes[0].plot(groups.at, groups.right[:, place], "o-", color=_KEY, markersize=3)
            axes[0].set_xlabel("得分 (score, %)")
        axes[0].set_ylim(-0.03, 1.03)
        axes[0].set_yticks(_SHARES)
        axes[0].set_ylabel("答对率 (P)")
        _options(axes[1], one, place, groups)

    return _svg((4.8, 1.75), 2, draw)


def _curve(axes: Axes, one: Studied, place: int) -> bool:
    """The 2PL curve and observed shares; False where there is none."""
    modelled = one.analysis.modelled
    if modelled is None or not modelled.two.used[place]:
        return False
    two, points = modelled.two, modelled.points
    curve = Curves(two.slope[place : place + 1], two.intercept[place : place + 1]).at(_THETA)[0]
    axes.plot(_THETA, curve, color=_KEY, linewidth=1.6)
    some = points.people > _FEW * points.people.sum()
    axes.scatter(
        points.theta[some], points.share[place][some], s=9, color=_INK, linewidths=0, zorder=3
    )
    axes.set_xlim(-3.5, 3.5)
    axes.set_xticks((-3, 0, 3))
    axes.set_xlabel("能力 θ (ability)")
    return True


def _options(axes: Axes, one: Studied, place: int, groups: Traces) -> None:
    answers = one.analysis.answers
    right = answers.right_options()[place]
    colours = iter(_DISTRACTORS * 3)
    ends: list[tuple[float, str, str]] = []
    for k, letter in enumerate(answers.key.options):
        share = groups.share[:, place, k + 1]
        colour = _KEY if right[k] else next(colours)
        axes.plot(groups.at, share, color=colour, linewidth=1.8 if right[k] else 0.9)
        if len(share):
            ends.append((float(share[-1]), letter, colour))
    blank = groups.share[:, place, 0]
    axes.plot(groups.at, blank, color=_SOFT, linewidth=0.8, linestyle=":")
    for height, (_, letter, colour) in zip(
        _apart([e[0] for e in sorted(ends)]), sorted(ends), strict=True
    ):
        axes.annotate(
            letter,
            (1.02, height),
            xycoords=("axes fraction", "data"),
            color=colour,
            va="center",
            fontweight="bold" if colour == _KEY else "normal",
        )
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks(_SHARES)
    axes.set_xlabel("得分 (score, %)")
    axes.set_ylabel("选择率 (share)")


def _apart(heights: list[float], least: float = 0.14) -> list[float]:
    """Labels' heights, ascending, moved up just as far as it takes to be read apart; and down again
    where the last would leave the plot.
    """
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + least) if placed else height)
    over = max(0.0, (placed[-1] if placed else 0.0) - 1.0)
    return [height - over for height in placed]


def _svg(inches: tuple[float, float], panels: int, draw: Callable[[Any], None]) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = _STYLE | {"font.family": [_font(), "sans-serif"]}
    with mpl.rc_context(style):
        figure = Figure(inches)
        FigureCanvasSVG(figure)
        panel = figure.subplots(1, panels, squeeze=False)[0]
        wide, high = inches
        # Margins by hand: Matplotlib's own layout costs more than all the drawing.
        figure.subplots_adjust(
            0.55 / wide, 0.45 / high, 1 - 0.55 / wide, 1 - 0.25 / high, wspace=0.42
        )
        draw(panel)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue().decode("utf-8")
    return svg.replace("</defs>", f"<style>{face(svg)}</style></defs>", 1).encode()


@functools.cache
def _font() -> str:
    """The Chinese font's name, once Matplotlib knows it."""
    from matplotlib import font_manager

    regular = chinese_font()
    for path in (regular, chinese_font(bold=True)):
        font_manager.fontManager.addfont(str(path))
    return str(font_manager.FontProperties(fname=str(regular)).get_name())
