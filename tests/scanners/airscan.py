"""SANE's airscan backend before our scanner."""

from __future__ import annotations

from pathlib import Path

from tests.scanners.escl_server import EsclScanner

INSTALLED = any(
    found
    for folder in ("lib64", "lib", "lib/*")
    for found in Path("/usr").glob(f"{folder}/sane/libsane-airscan.so*")
)
PAGE_S = 0.1
"""How long a page takes: airscan loses pages that all come before it is asked for the first."""
DEVICE = "airscan:e0:box"


def configured(scanner: EsclScanner, folder: Path) -> Path:
    """A folder of configuration in which SANE knows that scanner alone, as `DEVICE`."""
    folder.mkdir(exist_ok=True)
    (folder / "dll.conf").write_text("airscan\n", "utf-8")
    (folder / "airscan.conf").write_text(
        f"[devices]\nbox = {scanner.address}, eSCL\n"
        "[options]\ndiscovery = disable\nws-discovery = off\n",
        "utf-8",
    )
    return folder
