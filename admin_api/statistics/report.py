"""Item statistics as pages that stand alone: a summary, what to look at, then every item."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable

from admin_api.statistics.columns import right_letters
from admin_api.statistics.lettering import face
from admin_api.statistics.study import REGION, Studied, Study
from admin_api.statistics.words import GRAVE, LEFT_OUT, WHY_NOT, told
from omr.score.items.classical import form_figures
from omr.score.items.flags import Flag
from omr.score.items.forms import Equivalence

_STYLE = """
body { font: 15px/1.5 "Noto Sans SC", "Microsoft YaHei", system-ui, sans-serif; color: #1b2127;
  background: #fff; margin: 1.5rem auto; max-width: 78rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
.soft { color: #59636e; } .bad { color: #a4262c; font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #d5dae0; text-align: left;
  vertical-align: top; }
th { font-weight: 600; color: #59636e; font-size: .85rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; }
.tiles div { background: #f6f7f8; border-radius: 6px; padding: .5rem .8rem; font-size: .85rem; }
.tiles b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
img { max-width: 100%; height: auto; } td img { width: 27rem; }
ul { margin: 0; padding-left: 1.1rem; } details { margin: .3rem 0; } summary { cursor: pointer; }
@media (max-width: 60rem) { .pair { grid-template-columns: 1fr; } td img { width: 14rem; } }
"""
_LEAST_P = 0.0001
_SECRET = "含标准答案，按机密保管 (holds the answer keys: as secret as they are)"


def index(found: Study) -> str:
    """The first page: every form on a line, and what is gravest."""
    rows = "".join(_form_row(one) for one in found.studied)
    forms = _table(
        "试卷 (paper)|科目 (subject)|#人数 (people)|#均值 (mean)|#标准差 (SD)|#KR-20|#α"
        "|#标准误 (SEM)|#待查试题 (flagged)",
        rows,
    )
    flagged = "".join(
        f"<li>{_link(one)} 第 {one.analysis.answers.names[flag.item]} 题："
        f'<span class="bad">{_text(told(flag))}</span></li>'
        for one in found.studied
        for flag in one.analysis.flags
        if flag.reason in GRAVE
    )
    lacking = "".join(
        f"<li>{_text(paper)} {_text(form)}：{count} 人作答，答案未生效 (no key in force)</li>"
        for (paper, form), count in found.without_key.items()
    )
    parts = [
        f"<h1>{found.year} {_text(found.exam)} · 试题统计 (item statistics)</h1>",
        f'<p class="soft">{_SECRET}。违纪作废的 {found.void} 份答卷不计入 (void: left out)。</p>',
        f"<h2>试卷 (papers and forms)</h2>{forms}",
        f"<h2>首先核查 (look here first)</h2><ul>{flagged or '<li>无 (none)</li>'}</ul>",
        _equivalence(found),
        f"<h2>未统计 (not worked out)</h2><ul>{lacking}</ul>" if lacking else "",
    ]
    return _page(f"{found.year} {found.exam}", parts)


def page(one: Studied, found: Study, plots: frozenset[str]) -> str:
    """A form's page; `plots` are the names of the plots that lie in its folder."""
    form, analysis = one.analysis.form, one.analysis
    tiles = [
        ("人数 (people)", f"{form.persons:,}"),
        ("均值 (mean)", _figure(form.mean, 2)),
        ("标准差 (SD)", _figure(form.sd, 2)),
        ("KR-20", _figure(form.kr20, 3)),
        ("α (Cronbach)", _figure(form.alpha, 3)),
        ("测量标准误 (SEM)", _figure(form.sem, 2)),
    ]
    if analysis.modelled:
        tiles.append(("能力信度 (EAP reliability)", _figure(analysis.modelled.two.reliability, 3)))
        if not analysis.modelled.two.converged:
            tiles.append(("2PL", "未收敛 (not converged)"))
    wide = "".join(
        f'<img src="{one.name}/{name}.svg" alt="{alt}">'
        for name, alt in (("scores", "得分分布"), ("information", "测验信息量"))
        if name in plots
    )
    flagged = "".join(
        f'<li><a href="#{flag.item + 1}">第 {analysis.answers.names[flag.item]} 题</a> '
        f"{_flag(flag)}</li>"
        for flag in analysis.flags
    )
    parts = [
        f'<p><a href="index.html">全部试卷 (all papers)</a></p><h1>{_title(one)}</h1>',
        f'<p class="soft">{_SECRET}。{_text(WHY_NOT.get(analysis.why_not, ""))}</p>',
        '<div class="tiles">' + "".join(f"<div>{k}<b>{v}</b></div>" for k, v in tiles) + "</div>",
        f'<div class="pair">{wide}</div>',
        f"<h2>待查试题 (flagged items)</h2><ul>{flagged or '<li>无 (none)</li>'}</ul>",
        f"<h2>试题 (items)</h2>{_items(one, plots)}",
        _places(one),
    ]
    return _page(f"{found.year} {one.name}", parts)


def _form_row(one: Studied) -> str:
    form = one.analysis.form
    flagged = len({flag.item for flag in one.analysis.flags})
    cells = [_figure(form.mean, 2), _figure(form.sd, 2), _figure(form.kr20, 3)]
    cells += [_figure(form.alpha, 3), _figure(form.sem, 2), str(flagged)]
    return _row([_link(one), _text(one.subject)], [f"{form.persons:,}", *cells])


def _items(one: Studied, plots: frozenset[str]) -> str:
    found, two = one.analysis, one.analysis.modelled.two if one.analysis.modelled else None
    by_item: dict[int, list[Flag]] = {}
    for flag in found.flags:
        by_item.setdefault(flag.item, []).append(flag)
    rows = []
    for place, (name, right) in enumerate(
        zip(found.answers.names, right_letters(found.answers), strict=True)
    ):
        figures = [
            _figure(found.items.p[place], 3),
            _figure(found.items.corrected[place], 2),
            _figure(found.upper_lower[place], 2),
            _figure(two.slope[place] if two else math.nan, 2),
            _figure(two.difficulty[place] if two else math.nan, 2),
        ]
        words = "<br>".join(_flag(flag) for flag in by_item.get(place, []))
        if two and place in two.left_out:
            words += f'<span class="soft">{LEFT_OUT[two.left_out[place]]}</span>'
        plot = f"item-{place + 1}"
        picture = (
            f'<img loading="lazy" src="{one.name}/{plot}.svg" alt="第 {_text(name)} 题">'
            if plot in plots
            else ""
        )
        last = f"<td>{words}{_details(one, place)}</td><td>{picture}</td></tr>"
        head = f'<tr id="{place + 1}"><td><b>{_text(name)}</b></td><td>{_text(right)}</td>'
        rows.append(head + "".join(f'<td class="n">{one}</td>' for one in figures) + last)
    head = "题 (item)|答案 (key)|#p|#r|#D 27%|#a|#b|说明 (notes)|曲线与选项 (curve, options)"
    return _table(head, "".join(rows))


def _details(one: Studied, place: int) -> str:
    """Figures that are looked up, folded: every option, and what else there is of the item."""
    found, items = one.analysis, one.analysis.items
    chosen = found.tally.sums.all().chosen[0, place]
    right = found.answers.right_options()[place]
    names = ["漏答 (omitted)", *found.answers.key.options, "多涂 (several)"]
    rows = "".join(
        _row(
            [f"{name} ✓" if 0 < k <= len(right) and right[k - 1] else name],
            [
                f"{int(chosen[k]):,}",
                _figure(items.share[place, k], 3),
                _figure(items.option_r[place, k], 2),
            ],
        )
        for k, name in enumerate(names)
    )
    more = [
        f"点二列 (point-biserial) {_figure(items.point[place], 3)}",
        f"二列 (biserial) {_figure(items.biserial[place], 3)}",
        f"删题后 α (alpha if deleted) {_figure(found.form.alpha_without[place], 4)}",
    ]
    if found.modelled:
        one_pl, two = found.modelled.one, found.modelled.two
        more.append(
            f"2PL：a {_figure(two.slope[place], 3)} ± {_figure(two.slope_se[place], 3)}，"
            f"b {_figure(two.difficulty[place], 3)} ± {_figure(two.difficulty_se[place], 3)}；"
            f"1PL：b {_figure(one_pl.difficulty[place], 3)} ± "
            f"{_figure(one_pl.difficulty_se[place], 3)}"
        )
    if found.drift is not None:
        drift = found.drift
        more.append(
            f"往年 (before) p {_figure(drift.before[place], 3)}，变化 "
            f"{_figure(drift.change[place], 3)} [{_figure(drift.change_from[place], 3)}, "
            f"{_figure(drift.change_to[place], 3)}]，离线 Δ {_figure(drift.off_line[place], 2)}"
        )
    table = _table("选项 (option)|#人数|#比例|#相关 (r)", rows)
    return f"<details><summary>详情 (details)</summary>{table}<p>{'<br>'.join(more)}</p></details>"


def _equivalence(found: Study) -> str:
    rows = "".join(_compared(paper, one) for paper, one in found.equivalent)
    if not rows:
        return ""
    head = (
        "试卷 (paper)|卷型 (forms)|#均值 (means, %)|#标准差 (SDs)|#差 (difference) [95%]"
        "|#效应量 (Cohen's d) [95%]|#KS|#p"
    )
    return f"<h2>卷型等值 (form equivalence)</h2>{_table(head, rows)}"


def _compared(paper: str, one: Equivalence) -> str:
    difference = _interval(one.difference, one.difference_from, one.difference_to)
    effect = _interval(one.effect, one.effect_from, one.effect_to)
    return _row(
        [_text(paper), _text(f"{one.first} / {one.second}")],
        [
            " / ".join(_figure(mean, 2) for mean in one.means),
            " / ".join(_figure(sd, 2) for sd in one.sds),
            difference,
            effect,
            _figure(one.ks, 3),
            _figure(one.ks_p, 4) if not one.ks_p < _LEAST_P else f"&lt; {_LEAST_P}",
        ],
    )


def _places(one: Studied) -> str:
    """Regions and sites, folded; those too small to be shown apart are only counted."""
    counted = one.analysis.tally
    rows = []
    for place in one.places:
        form = form_figures(counted, counted.sums.part(place.groups))
        level = "考区 (region)" if place.level == REGION else "考点 (site)"
        figures = [_figure(form.mean, 2), _figure(form.sd, 2), _figure(form.kr20, 3)]
        rows.append(_row([level, _text(place.name)], [f"{place.persons:,}", *figures]))
    table = _table("|地点 (place)|#人数|#均值 (mean)|#标准差 (SD)|#KR-20", "".join(rows))
    small = f"<p>另有 {one.small} 处人数过少，不单列 (too small to be shown apart)。</p>"
    return (
        "<details><summary><b>考区与考点 (regions and sites)</b></summary>"
        f"{table}{small if one.small else ''}</details>"
    )


def _flag(flag: Flag) -> str:
    look = "bad" if flag.reason in GRAVE else "flag"
    return f'<span class="{look}">{_text(told(flag))}</span>'


def _title(one: Studied) -> str:
    form = f" {one.form} 卷 (form {one.form})" if one.form else ""
    return _text(f"{one.paper}{form} {one.subject}")


def _link(one: Studied) -> str:
    return f'<a href="{one.name}.html">{_text(one.name)}</a>'


def _figure(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _interval(value: float, low: float, high: float) -> str:
    return f"{_figure(value, 2)} [{_figure(low, 2)}, {_figure(high, 2)}]"


def _row(texts: Iterable[str], figures: Iterable[str]) -> str:
    cells = [f"<td>{one}</td>" for one in texts] + [f'<td class="n">{one}</td>' for one in figures]
    return f"<tr>{''.join(cells)}</tr>"


def _table(head: str, rows: str) -> str:
    """A table; heads are divided by |, and # before one sets it to the right."""
    cells = "".join(
        f'<th class="n">{one[1:]}</th>' if one.startswith("#") else f"<th>{one}</th>"
        for one in head.split("|")
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"


def _text(words: str) -> str:
    return html.escape(words)


def _page(title: str, parts: Iterable[str]) -> str:
    body = "".join(parts)
    return (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{_text(title)}</title>'
        f"<style>{face(body)}{_STYLE}</style>{body}</html>\n"
    )
