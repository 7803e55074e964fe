"""Where figures go: one JSON file for all benchmarks, by their keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def tell(figures: Mapping[str, float], out: Path | None) -> None:
    """Print figures, and enter them beside what the file holds already."""
    print(json.dumps(figures, indent=2))
    if out is not None:
        known = json.loads(out.read_text()) if out.is_file() else {}
        out.write_text(json.dumps(known | dict(figures), indent=2) + "\n")
