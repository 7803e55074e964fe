"""The journal: whatever is cut or flipped, what comes out is a true beginning of what went in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.errors import OutputError
from omr.journal import Journal, RunName, open_journal, pack_record, take_over
from omr.score.rows import Packed

NAME = RunName("design", "policy", "0.1", 9, "inputs")
PAGES = [Packed(at % 3, {"position": at, "text": "答" * at}, bytes(range(at))) for at in range(6)]


def written(path: Path, pages: list[Packed] = PAGES) -> bytes:
    journal = open_journal(path, NAME)
    journal.append([pack_record(p) for p in pages[:2]])
    journal.append([pack_record(p) for p in pages[2:]])
    journal.close()
    return path.read_bytes()


def kept(path: Path) -> list[Packed]:
    journal = open_journal(path, NAME)
    try:
        pages = list(journal.records())
        assert bytes(journal.tags) == bytes(p.tag for p in pages)
        return pages
    finally:
        journal.close()


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "out.csv.journal"
    written(path)
    assert kept(path) == PAGES
    assert kept(path) == PAGES


def test_a_cut_at_any_byte_keeps_all_whole_pages(tmp_path: Path) -> None:
    path = tmp_path / "j"
    whole = written(path)
    ends = [len(whole) - sum(len(pack_record(p)) for p in PAGES[at:]) for at in range(7)]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        expected = sum(end <= cut for end in ends) - 1
        assert kept(path) == PAGES[: max(0, expected)]


def test_a_journal_of_the_same_run_is_taken_over_and_no_other(tmp_path: Path) -> None:
    path, other = tmp_path / "out.csv.journal", tmp_path / "out.dbf.journal"
    written(other)
    take_over([other], path, replace(NAME, inputs="others"))
    held = open_journal(other, NAME)
    take_over([other], path, NAME)
    held.close()
    assert not path.exists()
    alien = tmp_path / "out.sav.journal"
    alien.write_bytes(b"something else")
    take_over([alien, other], path, NAME)
    assert alien.read_bytes() == b"something else"
    assert not other.exists()
    assert kept(path) == PAGES


def test_after_a_torn_tail_writing_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    whole = written(path)
    path.write_bytes(whole[:-3])
    journal = open_journal(path, NAME)
    assert journal.pages == 5
    journal.append([pack_record(PAGES[5])])
    journal.close()
    assert path.read_bytes() == whole


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_flipped_bits_never_change_a_page(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("flip") / "j"
    whole = bytearray(written(path))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(whole)
    try:
        pages = kept(path)
    except OutputError:
        return  # the magic or the run's name was hit
    assert pages == PAGES[: len(pages)]


@pytest.mark.parametrize(
    ("field", "other", "what"),
    [
        ("design_hash", "x", "another card design"),
        ("policy_hash", "x", "another policy"),
        ("engine", "x", "another version"),
        ("pages", 8, "another number of pages"),
        ("inputs", "x", "other input files"),
    ],
)
def test_another_runs_journal_is_refused(
    tmp_path: Path, field: str, other: object, what: str
) -> None:
    path = tmp_path / "j"
    before = written(path)
    with pytest.raises(OutputError, match=rf"{what}(.|\n)*--restart"):
        open_journal(path, replace(NAME, **{field: other}))
    assert path.read_bytes() == before
    journal = open_journal(path, replace(NAME, **{field: other}), restart=True)
    assert journal.pages == 0
    journal.close()


def test_a_strange_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b"my only copy of something")
    with pytest.raises(OutputError, match="no journal of this program"):
        open_journal(path, NAME)
    assert path.read_bytes() == b"my only copy of something"


def test_two_runs_do_not_share_an_output(tmp_path: Path) -> None:
    path = tmp_path / "out.csv.journal"
    first = open_journal(path, NAME)
    with pytest.raises(OutputError, match=r"another run is writing out\.csv"):
        open_journal(path, NAME)
    with pytest.raises(OutputError, match="another run"):
        open_journal(path, NAME, restart=True)
    first.remove()
    assert not path.exists()
    second = open_journal(path, NAME)
    assert isinstance(second, Journal)
    second.close()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="choose another --out"):
        open_journal(tmp_path / "missing" / "j", NAME)
