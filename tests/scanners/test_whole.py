"""Whether a file is all there: whole ones are, cut ones mostly are not."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from scanner_drivers.whole import Ending, ending
from tests.faults.seeds import seed_files

CARD = b"\xff\xd8 a card \xff\xd9"


@pytest.mark.parametrize("name", sorted(seed_files()))
def test_whole_files_are_whole_and_most_cuts_are_seen(tmp_path: Path, name: str) -> None:
    whole = seed_files()[name]
    path = tmp_path / name
    path.write_bytes(whole)
    said = ending(str(path))
    assert said[0] is not Ending.CUT, said
    for kept in (0, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * kept)])
        if said[0] is Ending.WHOLE:
            assert ending(str(path))[0] is Ending.CUT
        path.write_bytes(whole[: int(len(whole) * kept)].ljust(len(whole), b"\0"))
        if said[0] is Ending.WHOLE and name.rpartition(".")[2] in ("jpg", "png", "pdf", "zip"):
            assert ending(str(path))[0] is Ending.CUT


def test_padding_behind_the_end_is_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "1.jpg"
    for padding in (0, 1, 65_534, 65_535, 65_536, 65_537, 200_000):
        path.write_bytes(CARD + bytes(padding))
        assert ending(str(path))[0] is Ending.WHOLE, padding
    path.write_bytes(CARD + b"\0more")
    assert ending(str(path))[0] is Ending.CUT


def test_zips_and_their_directory(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1.jpg", CARD)
        archive.comment = b"box 3"
    path = tmp_path / "1.zip"
    path.write_bytes(file.getvalue())
    assert ending(str(path))[0] is Ending.WHOLE
    path.write_bytes(file.getvalue()[100:])
    assert ending(str(path))[0] is Ending.UNKNOWN  # it does not even look like a zip
    path.write_bytes(file.getvalue()[:-20])
    assert ending(str(path))[0] is Ending.CUT
