"""How long a grader waits: one decision after another over loopback, and the next crop with it.

python -m tests.benchmarks.review --out build/bench.json [--decisions 1000]
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np

from admin_api.acts.roles import Role
from admin_api.console.app import build_app
from admin_api.console.serve import Listening, config_for, console_for
from admin_api.office import Office, found_office
from admin_api.settings import settings_in
from admin_api.staff.service import Newcomer, add, open_key
from tests.benchmarks.figures import tell
from tests.console.doubts import Doubtful, draw_cards, store_doubted
from tests.loopback import running

EXAM = Path(__file__).parents[1] / "office" / "EXAM.toml"
PHRASE = "a long enough phrase"
SCANS, A_CARD = 60, 20


def doubtful_office(folder: Path, fields: int) -> Office:
    """An office with so many doubted fields; each page is stored in as many bags as it takes."""
    office = found_office(
        settings_in(folder / "home"), EXAM, Newcomer("an", Role.ADMINISTRATOR, PHRASE)
    )
    chief = open_key(office.ledger, "an", PHRASE)
    for name, role in (("ou", Role.OPERATOR), ("ren", Role.REVIEWER)):
        add(office.ledger, chief, Newcomer(name, role, PHRASE), office.exam)
    operator = open_key(office.ledger, "ou", PHRASE)
    scans = draw_cards(folder / "scans", SCANS)
    chance = np.random.default_rng(1)
    for bag in range(-(-fields // (SCANS * A_CARD))):
        listed = []
        for path in scans:
            items = sorted(chance.choice(100, A_CARD, replace=False) + 1)
            listed.append((path, [Doubtful(f"q{n}", float(chance.random())) for n in items]))
        store_doubted(office, operator, listed, str(bag + 1))
    return office


@contextmanager
def grader(office: Office) -> Iterator[httpx2.Client]:
    """A reviewer's browser, signed in over loopback."""
    listening = Listening(port=0)
    app = build_app(console_for(office, listening, second_factor=False))
    with (
        running(config_for(app, listening)) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        said = client.post("/sign-in", data={"name": "ren", "passphrase": PHRASE})
        client.headers["X-CSRF-Token"] = said.raise_for_status().json()["csrf"]
        yield client


def decide(client: httpx2.Client, decisions: int) -> list[float]:
    """Milliseconds from each key until the next field and its crop are there."""
    took, answers = [], itertools.cycle("ABCDE")
    now = client.get("/grading").raise_for_status().json()["now"]
    client.get(now["crop"]).raise_for_status()
    for _ in range(decisions):
        word = {"page": now["page"], "field": now["field"], "value": next(answers)}
        begun = time.perf_counter()
        now = client.post("/grading", data=word).raise_for_status().json()["now"]
        client.get(now["crop"]).raise_for_status()
        took.append((time.perf_counter() - begun) * 1000)
    return took


def measure(decisions: int) -> dict[str, float]:
    """Every figure, by its key in build/bench.json."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        office = doubtful_office(Path(folder), decisions + 100)
        with grader(office) as client:
            took = decide(client, decisions)
        office.ledger.engine.dispose()
    return {
        "review_next_ms": float(np.median(took)),
        "review_next_p99_ms": float(np.percentile(took, 99)),
        "review_next_longest_ms": max(took),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    tell(measure(asked.decisions), asked.out)


if __name__ == "__main__":
    main()
