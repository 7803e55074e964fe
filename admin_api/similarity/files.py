"""The list of pairs as files: Parquet for programs, XLSX and HTML for the expert group."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from admin_api.results.responses import Responses
from omr.outputs import whole_file
from omr.score.similarity.listing import PAIRS
from omr.score.writers import write_table

_PERSON: dict[str, pl.DataType] = {
    "enrolment": pl.Int64(),
    "ticket": pl.String(),
    "region": pl.String(),
    "site": pl.String(),
    "venue": pl.String(),
    "room": pl.String(),
    "room_id": pl.Int64(),
    "seat": pl.String(),
}
LISTED: dict[str, pl.DataType] = {
    "pair": pl.Int64(),  # from 1, rarest first
    "paper": pl.String(),
    "form_name": pl.String(),
    "subject": pl.String(),
    **{f"{name}_{who}": kind for who in ("one", "other") for name, kind in _PERSON.items()},
    "seats_apart": pl.Int64(),  # by seat number in one room; null elsewhere
    **PAIRS,
}
_SHOWN = {
    "pair": "序号",
    "paper": "试卷",
    "form_name": "卷型",
    "subject": "科目",
    "ticket_one": "准考证号甲",
    "room_one": "试室甲",
    "seat_one": "座位甲",
    "ticket_other": "准考证号乙",
    "room_other": "试室乙",
    "seat_other": "座位乙",
    "seats_apart": "座位号差",
    "right_alike": "对同",
    "wrong_alike": "错同",
    "both_wrong": "同错题数",
    "same": "总选同数",
    "chance": "lg p",
    "holm": "lg p (Holm)",
    "flagged": "提请专家组",
}
STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans SC", sans-serif; margin: 2rem auto; max-width: 75rem;
  padding: 0 1rem; color: #1c2126; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 1.4rem 0 .3rem; }
table { border-collapse: collapse; font-size: 13px; }
td, th { border-bottom: 1px solid #d3d7dd; padding: .2rem .5rem; text-align: left; }
img { max-width: 100%; border: 1px solid #d3d7dd; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.right { color: #14713c; } .wrong { color: #b3261e; font-weight: 600; } .soft { color: #5c6670; }
.items { columns: 4; list-style: none; padding: 0; font: 12px/1.5 ui-monospace, monospace; }
"""
WARNING = (
    "本表只供专家组研究，不是处理决定；程序不作废任何成绩。专家组确认雷同的，按人社部令第31号"
    "第十一条以代码 401 录入违纪、复核、行文，该科目成绩方为无效；有其他证据的依第七、八条。"
)


def named_pairs(pairs: pl.DataFrame, sat: Sequence[Responses]) -> pl.DataFrame:
    """Pairs with who they are and where they sat: `LISTED`."""
    rows = []
    for number, pair in enumerate(pairs.iter_rows(named=True), 1):
        own = sat[pair["form"]]
        people = [own.persons.row(pair[who], named=True) for who in ("one", "other")]
        named = {"pair": number, "paper": own.paper, "form_name": own.form}
        named["subject"] = people[0]["subject"]
        for who, person in zip(("one", "other"), people, strict=True):
            named |= {f"{name}_{who}": person[name] for name in _PERSON}
        rows.append(named | {"seats_apart": seats_apart(*people)} | pair)
    return pl.DataFrame(rows, schema=LISTED, orient="row")


def seats_apart(one: dict[str, Any], other: dict[str, Any]) -> int | None:
    """How far two seat numbers of one room are apart; None where that cannot be told."""
    seats = one["seat"], other["seat"]
    if one["room_id"] != other["room_id"] or not all(seat.isdecimal() for seat in seats):
        return None
    return abs(int(seats[0]) - int(seats[1]))


def seats_taken(persons: Iterable[pl.DataFrame], room: int, subject: str) -> list[str]:
    """The seats of a room where that subject was answered; `persons` are those of every form."""
    here = (pl.col("room_id") == room) & (pl.col("subject") == subject) & (pl.col("seat") != "")
    return [seat for form in persons for seat in form.filter(here)["seat"]]


def write_lists(folder: Path, pairs: pl.DataFrame, about: dict[str, Any]) -> None:
    """pairs.parquet, pairs.xlsx and pairs.html into a folder."""
    write_table([pairs], folder / "pairs.parquet", LISTED)
    shown = pairs.select(
        pl.col(name).cast(pl.String).alias(title) for name, title in _SHOWN.items()
    )
    write_table([shown], folder / "pairs.xlsx", dict(shown.schema))
    with whole_file(folder / "pairs.html") as partial:
        partial.write_text(_page(pairs, about), encoding="utf-8")


def _page(pairs: pl.DataFrame, about: dict[str, Any]) -> str:
    heads = "".join(f"<th>{title}</th>" for title in _SHOWN.values())
    rows = "".join(_row(row) for row in pairs.iter_rows(named=True))
    said = (
        f"{html.escape(about['exam'])}：范围 {about['within']}，"
        f"依据第 {about['score_run']} 次评分，共比较 {about['compared']:,} 对，"
        f"全体误报概率不超过 {about['alpha']}（Holm）。"
    )
    groups = "".join(f"<li>{html.escape('、'.join(group))}</li>" for group in about["groups"])
    few = "".join(
        f"<li>{one['paper']}{one['form']}：{one['persons']} 人，不足 {about['least_persons']} 人，"
        "未作判断</li>"
        for one in about["forms"]
        if not one["judged"]
    )
    return (
        '<!doctype html><html lang="zh"><meta charset="utf-8"><title>答卷雷同筛查</title>'
        f"<style>{STYLE}</style><h1>答卷雷同筛查</h1><p>{said}</p><p>{WARNING}</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<h2>相连的考生（科目 准考证号）</h2><ul>{groups or '<li>无</li>'}</ul>"
        f"<ul>{few}</ul></html>"
    )


def _row(row: dict[str, Any]) -> str:
    cells = []
    for name in _SHOWN:
        value = row[name]
        text = "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
        if name == "flagged":
            text = "是" if value else "否"
        shown = html.escape(text)
        if name == "pair" and row["flagged"]:
            shown = f'<a href="dossier/{value}/index.html">{value}</a>'
        cells.append(f"<td>{shown}</td>")
    return f"<tr>{''.join(cells)}</tr>"
