"""Debian's sane-airscan before our scanner: whether what the tests speak is eSCL at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.scanners.airscan import DEVICE, INSTALLED, PAGE_S, configured
from tests.scanners.escl_server import EsclScanner, Fault, Model
from tests.scanners.escl_sheets import face, stack

# The pages are as large as the scanner's tray: sane-airscan fills up what is smaller.
SMALL = Model(most=(203, 301), dpis=(300,), page_s=PAGE_S)
DONE, JAMMED = 0, 6

pytestmark = pytest.mark.skipif(
    not (shutil.which("scanimage") and INSTALLED), reason="needs sane-utils and sane-airscan"
)


def scanned(scanner: EsclScanner, folder: Path, *options: str) -> tuple[int, list[Path]]:
    """What scanimage makes of the tray: its exit code and its pages."""
    config = configured(scanner, folder / "sane")
    done = subprocess.run(
        ["scanimage", "-d", DEVICE, "--mode", "Gray", "--resolution", "300",
         *options, "--format=pnm", f"--batch={folder}/%03d.pnm"],
        env={**os.environ, "SANE_CONFIG_DIR": str(config)},
        capture_output=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    return done.returncode, sorted(folder.glob("*.pnm"))


def assert_same_pages(files: list[Path], faces: list[bytes], folder: Path) -> None:
    assert len(files) == len(faces)
    for file, image in zip(files, faces, strict=True):
        known = folder / "known.jpg"
        known.write_bytes(image)
        ours, theirs = np.asarray(Image.open(known)), np.asarray(Image.open(file))
        assert ours.shape == theirs.shape == (301, 203)
        # Two decoders of JPEG may differ by a step or two.
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 3


def test_one_side_of_every_sheet(tmp_path: Path) -> None:
    with EsclScanner(stack(4), SMALL) as scanner:
        code, files = scanned(scanner, tmp_path, "--source", "ADF")
        assert scanner.settings[0]["InputSource"] == "Feeder"
        assert scanner.through == [0, 1, 2, 3]
    assert code == DONE
    assert_same_pages(files, [face(2 * k) for k in range(4)], tmp_path)


def test_both_sides_of_every_sheet(tmp_path: Path) -> None:
    with EsclScanner(stack(3), SMALL) as scanner:
        code, files = scanned(scanner, tmp_path, "--source", "ADF Duplex")
        assert scanner.settings[0]["Duplex"] == "true"
    assert code == DONE
    assert_same_pages(files, [face(k) for k in range(6)], tmp_path)


def test_a_jam_is_a_jam_to_sane_too(tmp_path: Path) -> None:
    with EsclScanner(stack(3), SMALL) as scanner:
        scanner.fault(2, Fault.JAM)
        code, files = scanned(scanner, tmp_path, "--source", "ADF")
    assert code == JAMMED
    assert_same_pages(files, [face(0), face(2)], tmp_path)
