"""How long a page takes from its rename in the watched folder until its reading is stored.

python -m tests.benchmarks.hotfolder --out build/bench.json [--pages 200]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from admin_api.acts.roles import Role
from admin_api.intake.scans import Kept
from admin_api.intake.watch import bag_under, watch
from admin_api.office import found_office
from admin_api.settings import settings_in
from admin_api.staff.service import Newcomer, add, open_key
from scanner_drivers.folder import HotFolder
from tests.benchmarks.figures import tell
from tests.console.doubts import draw_cards

EXAM = Path(__file__).parents[1] / "office" / "EXAM.toml"
PHRASE = "a long enough phrase"
PAUSE_S, WARM = 0.2, 5


def measure(pages: int) -> dict[str, float]:
    """Every figure, by its key in build/bench.json."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, root = Path(name), Path(name) / "hot"
        office = found_office(
            settings_in(folder / "home"), EXAM, Newcomer("an", Role.ADMINISTRATOR, PHRASE)
        )
        chief = open_key(office.ledger, "an", PHRASE)
        add(office.ledger, chief, Newcomer("ou", Role.OPERATOR, PHRASE), office.exam)
        operator = open_key(office.ledger, "ou", PHRASE)
        scans = draw_cards(folder / "cards", pages + WARM)
        bag = root / "37" / "1" / "1"
        bag.mkdir(parents=True)
        came: dict[str, float] = {}
        stored = threading.Semaphore(0)

        def told(page: Kept | str, _status: str) -> None:
            assert isinstance(page, Kept), page
            came[Path(page.source).name] = time.perf_counter()
            stored.release()

        driver = HotFolder(root)
        place = bag_under(root, office)
        thread = threading.Thread(target=watch, args=(office, operator, driver, place, told))
        thread.start()
        renamed: dict[str, float] = {}
        for path in scans:
            draft = bag / f".{path.name}.part"
            draft.write_bytes(path.read_bytes())
            renamed[path.name] = time.perf_counter()
            draft.rename(bag / path.name)
            assert stored.acquire(timeout=60), "a page did not come"
            time.sleep(PAUSE_S)
        driver.close()
        thread.join()
        office.ledger.engine.dispose()
    took = [(came[one.name] - renamed[one.name]) * 1000 for one in scans[WARM:]]
    return {
        "hotfolder_ms": float(np.median(took)),
        "hotfolder_p99_ms": float(np.percentile(took, 99)),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    tell(measure(asked.pages), asked.out)


if __name__ == "__main__":
    main()
