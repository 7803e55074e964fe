"""Plots as SVG: the same bytes for the same figures, text as text, no date.

Matplotlib is loaded where something is drawn. Its own state is not touched but for the list of
fonts, so that Chinese is measured with the font that it is drawn with.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from admin_api.statistics.lettering import face
from admin_api.statistics.study import Studied
from omr.fonts import chinese_font
from omr.score.items.forms import per_cent
from omr.score.items.irt.expect import Curves
from omr.score.items.irt.fit import Fitted
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
_BY_SCORE = "得分 (score, %)"
_THETA = np.linspace(-4, 4, 81)


def drawn(one: Studied, emit: Callable[[str, bytes], None]) -> None:
    """Draw every plot of a form: `emit` gets each one's name without its ending, and its SVG.

    Of too few people no item is drawn: their points would be noise, and might be a person each.
    """
    with _styled():
        emit("scores", _scores(one))
        if one.analysis.form.persons < one.least_drawn:
            return
        if one.analysis.modelled is not None:
            emit("information", _information(one, one.analysis.modelled.two))
        groups, sheet = traces(one.analysis.tally), _Sheet((4.8, 1.75), 2)
        for place in range(len(one.analysis.answers.names)):
            sheet.wipe()
            _curve(sheet.axes[0], one, place, groups)
            _options(sheet.axes[1], one, place, groups)
            emit(f"item-{place + 1}", sheet.svg())


def _scores(one: Studied) -> bytes:
    """How the totals are spread, with the pass line."""
    sheet, counted = _Sheet((6.4, 2.6), 1), one.analysis.tally
    axes = sheet.axes[0]
    width = max(1.0, 100 / max(one.analysis.form.items, 1))
    bins = np.arange(-width / 2, 100 + width, width)
    heights, edges = np.histogram(per_cent(counted), bins, weights=counted.persons_at)
    axes.bar(edges[:-1], heights, width * 0.9, align="edge", color=_ACCENT, linewidth=0)
    if one.line is not None:
        _pass_line(axes, one.line, f"合格线 {one.line:g}%")
    axes.set_xlim(-1, 101)
    axes.set_xlabel("得分占满分的百分比 (score, % of full marks)")
    axes.set_ylabel("人数 (people)")
    return sheet.svg()


def _information(one: Studied, two: Fitted) -> bytes:
    """Where the form tells people apart well, and how exactly: information and standard error."""
    sheet, figures = _Sheet((6.4, 2.6), 1), form_information(two, _THETA)
    axes, top = sheet.axes[0], float(figures.max())
    axes.plot(_THETA, figures, color=_ACCENT, linewidth=1.6)
    at = float(_THETA[figures.argmax()])
    axes.text(at, top, "信息量 (information)", color=_ACCENT, ha="center", va="bottom")
    axes.set_ylim(0, top * 1.18)
    axes.set_xlabel("能力 θ (ability)")
    axes.set_ylabel("信息量 (test information)")
    error, errors = axes.twinx(), 1 / np.sqrt(figures)
    error.spines["right"].set_visible(True)
    error.plot(_THETA, errors, color=_SOFT, linewidth=1.0, linestyle="--")
    error.set_ylim(0, min(2.0, float(errors.max()) * 1.1))
    error.set_ylabel("标准误 (standard error)", color=_SOFT)
    line = _line_ability(one, two)
    if np.isfinite(line):
        _pass_line(axes, line, f"合格线 θ = {line:.2f}")
    return sheet.svg()


def _line_ability(one: Studied, two: Fitted) -> float:
    """The ability that just passes on average; NaN where items differ in marks, or lack curves."""
    answers = one.analysis.answers
    marks = answers.table().units[answers.counts].max(axis=1)
    if one.line is None or len(set(marks.tolist())) != 1 or two.used.sum() != len(marks):
        return float("nan")
    return ability_at(two, one.line / 100 * len(marks))


def _pass_line(axes: Axes, at: float, words: str) -> None:
    axes.axvline(at, color=_BAD, linewidth=1.2)
    above = axes.get_xaxis_transform()
    axes.text(at, 1.0, words, color=_BAD, va="bottom", ha="center", transform=above)


def _curve(axes: Axes, one: Studied, place: int, groups: Traces) -> None:
    """An item's 2PL curve with observed shares; without a curve, its share right by score."""
    modelled = one.analysis.modelled
    if modelled is not None and modelled.two.used[place]:
        two, points = modelled.two, modelled.points
        own = slice(place, place + 1)
        curve = Curves(two.slope[own], two.intercept[own]).at(_THETA)[0]
        axes.plot(_THETA, curve, color=_KEY, linewidth=1.6)
        some = points.people > _FEW * points.people.sum()
        at, share = points.theta[some], points.share[place][some]
        axes.scatter(at, share, s=9, color=_INK, linewidths=0, zorder=3)
        _axis(axes, (-3.5, 3.5), (-3, 0, 3), "能力 θ (ability)")
    else:
        axes.plot(groups.at, groups.right[:, place], "o-", color=_KEY, markersize=3)
        _axis(axes, (0, 100), (0, 50, 100), _BY_SCORE)
    axes.set_ylabel("答对率 (P)")


def _options(axes: Axes, one: Studied, place: int, groups: Traces) -> None:
    """Who chose what, by score: the key thick, each option's letter at its end, blanks dotted."""
    answers = one.analysis.answers
    right = answers.right_options()[place]
    colours = iter(_DISTRACTORS * 3)
    ends: list[tuple[float, str, str]] = []
    for k, letter in enumerate(answers.key.options):
        share = groups.share[:, place, k + 1]
        colour = _KEY if right[k] else next(colours)
        axes.plot(groups.at, share, color=colour, linewidth=1.8 if right[k] else 0.9)
        ends.append((float(share[-1]), letter, colour))
    blank = groups.share[:, place, 0]
    axes.plot(groups.at, blank, color=_SOFT, linewidth=0.8, linestyle=":")
    ends.sort()
    heights = _apart([height for height, _, _ in ends])
    for height, (_, letter, colour) in zip(heights, ends, strict=True):
        weight = "bold" if colour == _KEY else "normal"
        beside = axes.get_yaxis_transform()
        axes.text(
            1.03, height, letter, color=colour, va="center", fontweight=weight, transform=beside
        )
    _axis(axes, (0, 100), (0, 50, 100), _BY_SCORE)
    axes.set_ylabel("选择率 (share)")


def _axis(axes: Axes, limits: tuple[float, float], ticks: tuple[int, ...], words: str) -> None:
    axes.set_xlim(*limits)
    axes.set_xticks(ticks)
    axes.set_xlabel(words)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks(_SHARES)


def _apart(heights: list[float], least: float = 0.14) -> list[float]:
    """Labels' heights, ascending, moved up just as far as it takes to be read apart; and down again
    where the last would leave the plot.
    """
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + least) if placed else height)
    over = max(0.0, (placed[-1] if placed else 0.0) - 1.0)
    return [height - over for height in placed]


class _Sheet:
    """A figure that is drawn on again and again: making axes costs more than drawing on them."""

    def __init__(self, inches: tuple[float, float], panels: int) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self._figure = Figure(inches)
        FigureCanvasSVG(self._figure)
        self.axes: list[Axes] = list(self._figure.subplots(1, panels, squeeze=False)[0])
        wide, high = inches
        # Margins by hand, as Matplotlib's own layout costs more than all the rest.
        self._figure.subplots_adjust(
            0.55 / wide, 0.45 / high, 1 - 0.55 / wide, 1 - 0.25 / high, wspace=0.42
        )

    def wipe(self) -> None:
        """Take off what was drawn, and leave the axes."""
        for axes in self.axes:
            for artist in [*axes.lines, *axes.collections, *axes.texts]:
                artist.remove()

    def svg(self) -> bytes:
        """What is drawn, with the glyphs that it needs."""
        file = io.BytesIO()
        self._figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        svg = file.getvalue().decode("utf-8")
        return svg.replace("</defs>", f"<style>{face(svg)}</style></defs>", 1).encode()


@contextlib.contextmanager
def _styled() -> Iterator[None]:
    """Matplotlib, set up for these plots while the block lasts."""
    import matplotlib as mpl

    style: Any = _STYLE | {"font.family": [_font(), "sans-serif"]}
    with mpl.rc_context(style):
        yield


@functools.cache
def _font() -> str:
    """The Chinese font's name, once Matplotlib knows it."""
    from matplotlib import font_manager

    regular = chinese_font()
    for path in (regular, chinese_font(bold=True)):
        font_manager.fontManager.addfont(str(path))
    return str(font_manager.FontProperties(fname=str(regular)).get_name())
