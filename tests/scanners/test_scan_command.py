"""`omr scan`: from a driver's name to kept scans and their readings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from omr.cli import main
from omr.design import builtin_names, load_design
from omr.records import ScannedPage
from omr.simulate import load_mix, simulate
from scanner_drivers import choose
from scanner_drivers.errors import PaperJam
from scanner_drivers.profile import (
    PROFILES,
    Colour,
    ProfileError,
    ScanProfile,
    load_profile,
    profile_for,
)

DESIGN = "quiz-a5"


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards")
    simulate(load_design(DESIGN), load_mix("clean"), 4, 3, folder)
    return folder


class Tray:
    """A driver that outlives the command: pages and stops in the order of a script."""

    def __init__(self, script: list[bytes | PaperJam]) -> None:
        self.script = script
        self.position = 0

    def pages(self) -> Iterator[ScannedPage]:
        while self.script:
            now = self.script.pop(0)
            if isinstance(now, PaperJam):
                raise now
            page = ScannedPage(now, ScannedPage.digest(now), "tray", self.position)
            self.position += 1
            yield page

    def close(self) -> None:
        pass


def omr(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["omr", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def scan(monkeypatch: pytest.MonkeyPatch, driver: str, out: Path, *more: object) -> int:
    words = ("scan", "--driver", driver, "--design", DESIGN, "--out", out, "--workers", 0)
    return omr(monkeypatch, *words, *more)


def values(table: Path) -> pl.DataFrame:
    frame = pl.read_parquet(table)
    return frame.drop([name for name in ("source", "position") if name in frame.columns])


def test_what_is_scanned_is_read_as_from_its_files(
    cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, known = tmp_path / "out", tmp_path / "known.parquet"
    assert scan(monkeypatch, f"files:{cards}", out) == 0
    words = ("read", cards, "--design", DESIGN, "--out", known, "--workers", 0)
    assert omr(monkeypatch, *words) == 0
    assert values(out / "readings.parquet").equals(values(known))
    assert len([path for path in (out / "scans").iterdir() if path.suffix != ".jsonl"]) == 4
    again = tmp_path / "again"
    assert scan(monkeypatch, f"replay:{out / 'scans'}", again) == 0
    assert values(again / "readings.parquet").equals(values(known))


def test_a_jam_ends_with_what_to_do_and_the_same_command_goes_on(
    cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = [path.read_bytes() for path in sorted(cards.glob("*.*")) if path.suffix != ".jsonl"]
    tray = Tray([*faces[:2], PaperJam(2), *faces[2:]])
    monkeypatch.setattr(choose, "open_driver", lambda _name, _profile: tray)
    out = tmp_path / "out"
    assert scan(monkeypatch, "sane:any", out) == PaperJam.exit_code
    assert "paper jam after 2 sheets" in capsys.readouterr().err
    assert pl.read_parquet(out / "readings.parquet").height == 2
    assert scan(monkeypatch, "sane:any", out) == 0
    read = pl.read_parquet(out / "readings.parquet")
    assert read["sha256"].to_list() == [ScannedPage.digest(face) for face in faces]


def test_a_file_that_cannot_be_opened_is_told_and_the_rest_is_read(
    cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for path in cards.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    assert scan(monkeypatch, f"files:{folder}", tmp_path / "out") == 3
    assert "not taken:" in capsys.readouterr().err
    assert pl.read_parquet(tmp_path / "out" / "readings.parquet").height == 4


@pytest.mark.parametrize("name", ["", "sane", "sane:", "fax:1", "files:/nowhere"])
def test_a_name_that_is_none_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scan(monkeypatch, name, tmp_path / "out") == 3
    assert not (tmp_path / "out").exists()


def test_a_profile_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text('dpi = 300\ncolour = "bitonal"\nduplex = true\nwidth_mm = 148\n')
    assert load_profile(path) == ScanProfile(
        dpi=300, colour=Colour.BITONAL, duplex=True, width_mm=148.0
    )
    for text, words in (
        ("dpi = 20", "75 to 1200"),
        ('dpi = "200"', "no int"),
        ('colour = "pink"', "none of colour, grey, bitonal"),
        ('paper = "flatbed"\nduplex = true', "no duplex"),
        ('colour = "colour"\ndrop_out = "red"', "needs grey"),
        ("speed = 9", "unknown speed"),
        ("dpi", "cannot be used"),
    ):
        path.write_text(text)
        with pytest.raises(ProfileError, match=words):
            load_profile(path)


@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_design_says_how_it_is_scanned(name: str) -> None:
    assert (PROFILES / f"{name}.toml").is_file()
    two_sided = len(load_design(name).sides) > 1
    assert profile_for(name, two_sided=not two_sided).duplex == two_sided


def test_a_design_without_a_profile_of_its_own_is_scanned_on_as_many_sides_as_it_has() -> None:
    assert profile_for("mine", two_sided=True) == ScanProfile(duplex=True)
    assert profile_for("../../etc/passwd", two_sided=False) == ScanProfile()
