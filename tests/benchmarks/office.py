"""How long the office takes over a whole country: rosters, joining and results for a million.

python -m tests.benchmarks.office --out build/bench.json [--people 1000000]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.roles import ActKind, Role
from admin_api.keys import service as keys
from admin_api.office import Office, found_office
from admin_api.registration import service as registration
from admin_api.results import service as results
from admin_api.settings import Settings, settings_in
from admin_api.staff.service import Newcomer, add, open_key
from tests.benchmarks.figures import tell
from tests.office.postgres import running

EXAM = Path(__file__).parents[1] / "office" / "EXAM.toml"
PHRASE = "a long enough phrase"
STAFF = {
    "sun": Role.SUPERVISOR,
    "ou": Role.OPERATOR,
    "kang": Role.KEYHOLDER,
    "kong": Role.KEYHOLDER,
}
SEATS, ITEMS = 30, 100
_ROSTER = "准考证号,姓名,证件类型,证件号,档案号,专业代码,级别,考区,考点,考场,试室,座位号,报考科目"


def new_office(settings: Settings) -> Office:
    """An office with the people whom the benchmark needs."""
    office = found_office(settings, EXAM, Newcomer("an", Role.ADMINISTRATOR, PHRASE))
    chief = open_key(office.ledger, "an", PHRASE)
    for name, role in STAFF.items():
        add(office.ledger, chief, Newcomer(name, role, PHRASE), office.exam)
    return office


def write_roster(path: Path, people: int) -> None:
    """A roster of so many, in GB18030."""
    number = pl.int_range(1, people + 1, eager=True)
    padded = number.cast(pl.String).str.zfill(10)
    frame = pl.DataFrame(
        {
            "准考证号": "37" + padded,
            "姓名": "考生" + padded,
            "证件类型": ["军官证"] * people,
            "证件号": "军字第" + padded + "号",
            "档案号": "F" + padded,
            "专业代码": ["203"] * people,
            "级别": ["师"] * people,
            "考区": ["37"] * people,
            "考点": ((number - 1) // (SEATS * 1000)).cast(pl.String),
            "考场": ["一中"] * people,
            "试室": ((number - 1) // SEATS).cast(pl.String),
            "座位号": ((number - 1) % SEATS + 1).cast(pl.String),
            "报考科目": ["1234"] * people,
        }
    )
    path.write_bytes(frame.write_csv().encode("gb18030"))


def time_roster(office: Office, folder: Path, people: int) -> float:
    """Seconds to import a roster."""
    path = folder / "roster.csv"
    write_roster(path, people)
    begun = time.perf_counter()
    signer = open_key(office.ledger, "sun", PHRASE)
    registration.import_roster(office, signer, path, military=False)
    return time.perf_counter() - begun


def fill_cards(office: Office, folder: Path, people: int) -> None:
    """A page and a reading for every enrolment, and the keys."""
    for paper in ("2031", "2032", "2033", "2034"):
        for form in "AB":
            path = folder / f"{paper}{form}.toml"
            path.write_text(
                f'paper = "{paper}"\nform = "{form}"\nversion = 1\n[[section]]\nname = "A1"\n'
                f'kind = "single"\nanswers = "{"ABCDE" * 20}"\n'
            )
            for name in ("kang", "kong"):
                keys.load(office, open_key(office.ledger, name, PHRASE), path)
    signer = open_key(office.ledger, "ou", PHRASE)
    chance = np.random.default_rng(1)
    enrolments = office.ledger.read(
        select(
            tables.enrolment.c.id,
            tables.enrolment.c.subject,
            tables.enrolment.c.paper,
            tables.candidate.c.ticket,
        )
        .join(tables.candidate, tables.candidate.c.id == tables.enrolment.c.candidate)
        .order_by(tables.enrolment.c.id)
    )
    for part in enrolments.iter_slices(400_000):
        form = np.where(chance.random(part.height) < 0.5, "A", "B")
        masks = np.uint8(1) << chance.integers(0, 5, (part.height, ITEMS), dtype=np.uint8)
        number = part["id"].cast(pl.String)
        with office.ledger.act(signer, ActKind.INTAKE, target="bench") as act:
            pages = part.select(
                pl.col("id"),
                pl.lit("37").alias("region"),
                pl.col("subject").alias("box"),
                (pl.col("id") // 4 // SEATS).cast(pl.String).alias("bag"),
                (pl.col("id") % SEATS).alias("position"),
                number.alias("source"),
                pl.lit(0).alias("frame"),
                number.alias("sha256"),
                number.alias("image"),
            )
            act.add(tables.page, pages)
            codes = pl.Series(part["paper"]) + pl.Series(form) + number.str.tail(6).str.zfill(6)
            readings = part.select(
                pl.col("id"),
                pl.col("id").alias("page"),
                pl.lit("d").alias("design"),
                pl.lit("p").alias("policy"),
                pl.lit("read").alias("status"),
                "ticket",
                "subject",
                pl.Series("form", form),
                pl.lit(False).alias("absent"),
                pl.lit(False).alias("violation"),
                codes.alias("barcode"),
                pl.Series("answers", [row.tobytes() for row in masks], pl.Binary),
                pl.lit("").alias("doubts"),
                pl.lit("").alias("reason"),
                pl.lit("{}").alias("record"),
                pl.lit(b"").alias("arrays"),
            )
            act.add(tables.reading, readings)


def time_results(office: Office, people: int) -> float:
    """Seconds to join every card, score it, roll, and store every result."""
    begun = time.perf_counter()
    signer = open_key(office.ledger, "sun", PHRASE)
    run = results.score(office, signer)
    assert run.results == 4 * people, run
    return time.perf_counter() - begun


def measure(people: int) -> dict[str, float]:
    """Every figure, by its key in build/bench.json."""
    found: dict[str, float] = {}
    inputs: set[str] = set()
    with running() as server:
        for name, database in (("sqlite", ""), ("postgres", server.database())):
            folder = Path(tempfile.mkdtemp(prefix="bench-"))
            home = settings_in(folder / "home")
            office = new_office(Settings(home.home, database) if database else home)
            roster = time_roster(office, folder, people)
            found.setdefault("roster_1m_s", roster)
            found[f"roster_1m_{name}_s"] = roster
            print(f"{name}: roster of {people} in {roster:.1f} s", flush=True)
            fill_cards(office, folder, people)
            found[f"join_1m_{name}_s"] = time_results(office, people)
            print(f"{name}: joined and scored in {found[f'join_1m_{name}_s']:.1f} s", flush=True)
            inputs |= set(office.ledger.read(select(tables.score_run.c.inputs))["inputs"])
            office.ledger.engine.dispose()
            shutil.rmtree(folder, ignore_errors=True)
    assert len(inputs) == 1, "the two databases came to different results"
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    tell(measure(asked.people), asked.out)


if __name__ == "__main__":
    main()
