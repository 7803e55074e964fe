"""What a centre needs: plain arithmetic over measured figures, and the measuring itself."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from admin_api.cli.main import main
from admin_api.errors import Refused
from admin_api.planning.measure import measure
from admin_api.planning.plan import BUSY, Demand, Figures, as_entries, figures_in, most_pages, need

MEASURED = Figures(0.008, 0.001, 0.0005, 250_000.0, 5_000.0, 2_000.0)


def test_twelve_million_cards_in_eight_hours() -> None:
    what = need(Demand(12e6, 8), MEASURED)
    assert what.pages_per_s == pytest.approx(416.67, abs=0.01)
    assert what.reading_cores == 5  # 416.67 × 8 ms = 3.33 cores, at 70 %: 4.76
    assert what.intakes == 1
    assert what.writer_busy == pytest.approx(0.2083, abs=1e-4)
    assert what.vault_tb == pytest.approx(3.0)
    assert what.database_gb == pytest.approx(60.0)
    assert what.vault_mb_s == pytest.approx(104.17, abs=0.01)
    assert what.network_mbit_s == pytest.approx((2 * 104.1667 + 0.8333) * 8 / 0.7, abs=0.1)
    assert what.feasible


def test_it_says_when_one_writer_is_not_enough() -> None:
    slow = replace(MEASURED, store_page_s=0.01)
    what = need(Demand(12e6, 8), slow)
    assert not what.feasible
    most = most_pages(slow, 8)
    assert need(Demand(most * 0.99, 8), slow).feasible
    assert not need(Demand(most * 1.01, 8), slow).feasible
    assert BUSY < 1


@pytest.mark.parametrize(("pages", "hours"), [(0, 8), (1e6, 0), (1e6, -1), (math.inf, 1)])
def test_a_demand_that_is_none(pages: float, hours: float) -> None:
    with pytest.raises(Refused, match="at least one card"):
        Demand(pages, hours)


def test_figures_travel_in_a_file() -> None:
    assert figures_in({**as_entries(MEASURED), "portal_rps": 8000.0}) == MEASURED
    with pytest.raises(Refused, match=r"lack plan\.read_page_s"):
        figures_in({})
    with pytest.raises(Refused, match="keep_page_s must be above 0"):
        replace(MEASURED, keep_page_s=0.0)


def test_measured_here(tmp_path: Path) -> None:
    said: list[str] = []
    found = measure(tmp_path, said.append, cards=4, acts=2)
    assert all(value > 0 for value in asdict(found).values())
    assert 10_000 < found.image_bytes < 5_000_000
    assert 500 < found.result_bytes < found.image_bytes
    assert len(said) == 4


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bench.json"
    file.write_text(json.dumps(as_entries(replace(MEASURED, store_page_s=0.01))))
    words = ["--cards", "12e6", "--hours", "8", "--figures", str(file)]
    monkeypatch.setattr(sys, "argv", ["kaowu", "cluster", "plan", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "12,000,000 pages in 8 hours: 417 pages/s" in told
    assert "at most 2,016,000 pages in that time" in told
    file.write_text("[]")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code
    assert "lack plan.read_page_s" in capsys.readouterr().err
