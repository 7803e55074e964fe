"""A dossier a pair for the expert group: both cards, every item, chance alone, who sat where."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.errors import NotFound
from admin_api.intake.cards import item_fields, stored_card
from admin_api.office import Office
from admin_api.results.responses import Responses
from admin_api.similarity.files import STYLE, WARNING, seats_taken
from admin_api.similarity.pictures import map_svg, null_svg
from omr.crop import BoxMm, crop, field_box, lay
from omr.records import ScannedPage
from omr.score.responses import OMITTED, SEVERAL
from omr.score.similarity.answers import Answers
from omr.score.similarity.given_scores import weight_of
from omr.score.similarity.listing import Null

PICTURES = {
    "null.svg": "image/svg+xml",
    "map.svg": "image/svg+xml",
    "one.jpg": "image/jpeg",
    "other.jpg": "image/jpeg",
}
_PX_PER_MM = 5.0
_GREEN, _RED = (60, 113, 20), (30, 38, 179)
_INDICES = {
    "omega_one": "ω（甲抄）",
    "omega_other": "ω（乙抄）",
    "gbt": "lg GBT",
    "m4": "lg M4",
    "k_one": "lg K（甲抄）",
    "k_other": "lg K（乙抄）",
    "k1_one": "lg K1（甲抄）",
    "k1_other": "lg K1（乙抄）",
    "k2_one": "lg K2（甲抄）",
    "k2_other": "lg K2（乙抄）",
    "s1_one": "lg S1（甲抄）",
    "s1_other": "lg S1（乙抄）",
    "s2_one": "lg S2（甲抄）",
    "s2_other": "lg S2（乙抄）",
    "harpp_hogan": "EEIC/D",
}
_WHO = {"one": "甲抄乙的迹象较强", "other": "乙抄甲的迹象较强", "": "不能判断方向"}


@dataclass(frozen=True, slots=True)
class Sheets:
    """Where a dossier's content comes from."""

    office: Office
    connection: Connection
    sat: tuple[Responses, ...]


def write_dossiers(sheets: Sheets, pairs: pl.DataFrame, about: dict[str, Any], out: Path) -> None:
    """A folder a pair under `dossier`: index.html, pair.json and `PICTURES`. A person without a
    card (computer-based answers) has no picture.
    """
    nulls: dict[int, tuple[Answers, Null]] = {}
    for row in pairs.iter_rows(named=True):
        sat = sheets.sat[row["form"]]
        if row["form"] not in nulls:
            answers = Answers.of_matrix(sat.answers)
            nulls[row["form"]] = answers, Null.of(answers)
        folder = out / "dossier" / str(row["pair"])
        folder.mkdir(parents=True)
        answers, null = nulls[row["form"]]
        one, other = int(answers.scores[row["one"]]), int(answers.scores[row["other"]])
        seen = weight_of(row["right_alike"], row["wrong_alike"])
        (folder / "null.svg").write_bytes(null_svg(null.given.log_weights(one, other), seen))
        seats = row["seat_one"], row["seat_other"]
        if row["room_id_one"] == row["room_id_other"] and all(seats):
            persons = (form.persons for form in sheets.sat)
            taken = seats_taken(persons, row["room_id_one"], row["subject"])
            (folder / "map.svg").write_bytes(map_svg(taken, seats))
        items = list(_items(sat, row["one"], row["other"]))
        for who in ("one", "other"):
            picture = _card(sheets, sat.persons["page"][row[who]], items)
            if picture:
                (folder / f"{who}.jpg").write_bytes(picture)
        kept = sorted(path.name for path in folder.iterdir())
        text = json.dumps({"items": items, "pictures": kept}, ensure_ascii=False)
        (folder / "pair.json").write_text(text, encoding="utf-8")
        (folder / "index.html").write_text(_page(row, items, kept, about), encoding="utf-8")


def _items(sat: Responses, one: int, other: int) -> Iterator[dict[str, str]]:
    """Every item in order: its name, both answers, and right or wrong where they are alike."""
    chosen, right = sat.answers.chosen(), sat.answers.right()
    letters = dict(enumerate(sat.answers.key.options, 1))
    letters |= {OMITTED: "-", SEVERAL: ">"}
    for n, (name, counts) in enumerate(zip(sat.answers.names, sat.answers.counts, strict=True)):
        a, b = int(chosen[one, n]), int(chosen[other, n])
        alike = counts and a == b and a not in (OMITTED, SEVERAL)
        kind = ("right" if right[one, n] else "wrong") if alike else ""
        yield {"item": name, "one": letters[a], "other": letters[b], "alike": kind}


def _card(sheets: Sheets, page: int | None, items: list[dict[str, str]]) -> bytes | None:
    """The card's items as a JPEG, those answered alike outlined; None where there is no card."""
    if page is None:
        return None
    table = tables.page
    image = sheets.connection.scalar(select(table.c.image).where(table.c.id == page))
    card = stored_card(sheets.connection, sheets.office.exam.card)
    try:
        content = sheets.office.vault.get(str(image))
    except NotFound:
        return None
    laid = lay(ScannedPage(content, ScannedPage.digest(content), f"page {page}", 0), card.design)
    if laid is None:
        return None
    fields = item_fields(card.design, card.use)[: len(items)]
    boxes = [field_box(card.design, laid.side, one.name) for one in fields]
    around = BoxMm(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    ).grown(card.design, 6.0)
    drawn = cv2.cvtColor(crop(laid, around, _PX_PER_MM), cv2.COLOR_GRAY2BGR)
    for box, item in zip(boxes, items, strict=False):
        if item["alike"]:
            low = np.rint(np.array([box.left - around.left, box.top - around.top]) * _PX_PER_MM)
            high = np.rint(
                np.array([box.right - around.left, box.bottom - around.top]) * _PX_PER_MM
            )
            colour = _GREEN if item["alike"] == "right" else _RED
            corners = (low - 2).astype(int).tolist(), (high + 2).astype(int).tolist()
            cv2.rectangle(drawn, *corners, colour, 2)
    return bytes(cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


def items_of(run: Path, pair: int) -> tuple[list[dict[str, str]], list[str]]:
    """Every item of a kept dossier, and the names of its pictures."""
    text = (run / "dossier" / str(pair) / "pair.json").read_text(encoding="utf-8")
    told = json.loads(text)
    return told["items"], told["pictures"]


def indices_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Every index of a pair by its column; — where it says nothing."""
    return [
        (name, "—" if row[name] is None or np.isnan(row[name]) else f"{row[name]:.2f}")
        for name in _INDICES
    ]


def _page(
    row: dict[str, Any], items: list[dict[str, str]], kept: list[str], about: dict[str, Any]
) -> str:
    people = "".join(
        f"<li>{letter}：准考证号 {html.escape(row[f'ticket_{who}'])}，"
        f"{html.escape('/'.join(row[f'{part}_{who}'] or '' for part in _PLACE))}，"
        f"座位 {html.escape(row[f'seat_{who}'])}</li>"
        for letter, who in (("甲", "one"), ("乙", "other"))
    )
    apart = "" if row["seats_apart"] is None else f"，座位号相差 {row['seats_apart']}"
    counts = (
        f"总选同数 {row['same']}（对同 {row['right_alike']}，错同 {row['wrong_alike']}）；同错题数 "
        f"{row['both_wrong']}{apart}；{_WHO[row['direction']]}"
    )
    told = "".join(
        f"<tr><td>{_INDICES[name]}</td><td>{value}</td></tr>" for name, value in indices_of(row)
    )
    lines = "".join(
        f'<li class="{one["alike"] or "soft"}">{html.escape(one["item"]):>3} {one["one"]} '
        f"{one['other']} {_MARK[one['alike']]}</li>"
        for one in items
    )
    cards = "".join(
        f'<div><h2>{letter}卡</h2><img src="{who}.jpg" alt="{letter}卡"></div>'
        for letter, who in (("甲", "one"), ("乙", "other"))
        if f"{who}.jpg" in kept
    )
    room = '<h2>座位（按座位号排列，非实测）</h2><img src="map.svg" alt="座位图">'
    return (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>雷同 {row["pair"]}</title>'
        f"<style>{STYLE}</style><h1>第 {row['pair']} 对：试卷 {row['paper']}{row['form_name']}，"
        f"科目 {row['subject']}</h1><p>{WARNING}</p><ul>{people}</ul><p>{counts}</p>"
        f"<p>两人成绩既定时偶然至此的概率 10<sup>{row['chance']:.1f}</sup>，"
        f"按 {about['compared']:,} 对校正后 10<sup>{row['holm']:.1f}</sup>；"
        f"依据第 {about['score_run']} 次评分。</p>"
        f'<img src="null.svg" alt="偶然分布与本对">{room if "map.svg" in kept else ""}'
        f'<div class="two">{cards}</div><h2>各项指标</h2><table>{told}</table>'
        f'<h2>逐题（题号 甲 乙）</h2><ul class="items">{lines}</ul></html>'
    )


_PLACE = ("region", "site", "venue", "room")
_MARK = {"right": "对同", "wrong": "错同", "": ""}
