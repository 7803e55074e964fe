"""The benchmark runs and writes every figure that it promises; times are not judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omr.bench import LIMITS, QUICK, SCANS, run


def test_every_figure_comes_out_and_joins_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench.json"
    out.write_text('{"pairs_50k_s": 5.5}')
    assert run(as_json=True, out=out, effort=QUICK) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads(out.read_text())
    assert written == printed | {"pairs_50k_s": 5.5}
    expected = {f"{name}.{key}" for name in SCANS for key in ("decode_ms", "read_ms", "ratio")}
    assert expected | {"all_cores.speedup", "rss_growth", "judge_100k_s", "score_1m_s"} <= set(
        printed
    )
    assert set(LIMITS) <= set(printed)
    assert all(isinstance(value, int | float) and value > 0 for value in printed.values())
