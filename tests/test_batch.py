"""Batches: feed order, and no page that stops the rest."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omr.batch import list_files, read_batch
from omr.errors import OmrError, OutputError
from omr.pool import Limits
from omr.records import RejectedPage, RejectReason
from omr.score.rows import KeptPage, Outcome
from tests.stand_ins import FileOpener, FileRef, fake_setup, write_pages

TWO = Limits(2, chunk=4)


def read_all(refs: list[FileRef], limits: Limits = TWO) -> list[Outcome]:
    return list(read_batch(refs, fake_setup(), limits))


def position(outcome: Outcome) -> int:
    return outcome.position if isinstance(outcome, RejectedPage) else outcome.reading.position


def test_outcomes_come_in_feed_order_whoever_is_first(tmp_path: Path) -> None:
    refs = write_pages(tmp_path, [f"page {i}" + " slow" * (i % 7 == 0) for i in range(60)])
    outcomes = read_all(refs)
    assert [position(o) for o in outcomes] == list(range(60))
    assert all(isinstance(o, KeptPage) for o in outcomes)


def test_in_this_process_and_in_workers_the_same(tmp_path: Path) -> None:
    refs = write_pages(tmp_path, ["one", "two reject", "three raise", "damaged", "five"])
    here = read_all(refs, Limits(0))
    there = read_all(refs, Limits(1))
    assert [repr(o) for o in here] == [repr(o) for o in there]


def test_a_bad_file_is_one_rejection(tmp_path: Path) -> None:
    refs = write_pages(tmp_path, ["one", "damaged", "three raise", "four", "gone", "six"])
    Path(refs[4].source).unlink()
    outcomes = read_all(refs)
    rejected = {o.position: o for o in outcomes if isinstance(o, RejectedPage)}
    assert {p: o.reason for p, o in rejected.items()} == {
        1: RejectReason.DAMAGED_FILE,
        2: RejectReason.READER_FAILED,
        4: RejectReason.DAMAGED_FILE,
    }
    assert "7 of 100 bytes" in rejected[1].evidence
    assert "ZeroDivisionError: a fault in the reader (stand_ins.py:" in rejected[2].evidence
    assert "No such file" in rejected[4].evidence
    assert all(o.advice and o.design_hash and o.policy_hash for o in rejected.values())


@pytest.mark.parametrize(("word", "why"), [("crash", "SIGSEGV"), ("exit", "code 7")])
def test_a_page_that_kills_its_worker_is_found_out(tmp_path: Path, word: str, why: str) -> None:
    words = [f"page {i}" for i in range(20)]
    words[5] = words[6] = words[13] = word
    outcomes = read_all(write_pages(tmp_path, words))
    rejected = {position(o): o for o in outcomes if isinstance(o, RejectedPage)}
    assert set(rejected) == {5, 6, 13}
    assert len(outcomes) == 20
    for page in rejected.values():
        assert page.reason is RejectReason.READER_FAILED
        assert why in page.evidence


def test_a_page_whose_worker_was_killed_from_outside_is_read_again(tmp_path: Path) -> None:
    refs = write_pages(tmp_path, ["one", "two crash_once", "three", "four crash_once"])
    assert all(isinstance(o, KeptPage) for o in read_all(refs))


def test_a_page_that_never_ends_is_given_up(tmp_path: Path) -> None:
    refs = write_pages(tmp_path, ["one", "two hang", "three", "four"])
    outcomes = read_all(refs, Limits(1, item_s=0.5))
    assert [isinstance(o, RejectedPage) for o in outcomes] == [False, True, False, False]
    assert isinstance(outcomes[1], RejectedPage)
    assert "0.5 s" in outcomes[1].evidence


def test_memory_is_bounded_behind_a_slow_page(tmp_path: Path) -> None:
    limits = Limits(2, chunk=2, ahead=3)
    refs = write_pages(tmp_path, [f"page {i}" + " slow" * (i % 10 == 0) for i in range(80)])
    taken = 0

    def feed() -> Iterator[FileRef]:
        nonlocal taken
        for ref in refs:
            taken += 1
            yield ref

    for done, _ in enumerate(read_batch(feed(), fake_setup(), limits)):
        assert taken - done <= limits.workers * limits.chunk * limits.ahead


def test_leaving_early_ends_the_workers(tmp_path: Path) -> None:
    refs = write_pages(tmp_path, [f"page {i} slow" for i in range(200)])
    outcomes = read_batch(refs, fake_setup(), TWO)
    next(iter(outcomes))
    assert len(multiprocessing.active_children()) == 2
    outcomes.close()
    assert multiprocessing.active_children() == []


class BrokenOpener(FileOpener):
    """Cannot even be made."""

    def __init__(self) -> None:
        raise ImportError("libsomething.so is missing")


def test_workers_that_cannot_start_say_why(tmp_path: Path) -> None:
    refs = write_pages(tmp_path, ["one", "two"])
    setup = replace(fake_setup(), opener=BrokenOpener)
    with pytest.raises(OmrError, match=r"cannot start(.|\n)*libsomething\.so is missing"):
        list(read_batch(refs, setup, TWO))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_output_that_cannot_be_written_stops_the_run(tmp_path: Path, workers: int) -> None:
    refs = write_pages(tmp_path, ["one", "two no_room", "three"])
    with pytest.raises(OmrError, match="trace cannot be written"):
        list(read_batch(refs, fake_setup(), Limits(workers)))
    assert issubclass(OutputError, OmrError)


def test_nothing_to_read(tmp_path: Path) -> None:
    assert read_all([]) == []


def test_a_runs_own_files_are_no_pages(tmp_path: Path) -> None:
    (tmp_path / "overlays").mkdir()
    own = [tmp_path / "out.csv", tmp_path / "out.csv.journal", tmp_path / "overlays"]
    for path in ("a.jpg", "out.csv.journal", "overlays/a.jpg", "overlays2.jpg", "b.jpg"):
        (tmp_path / path).write_bytes(b"\xff\xd8")
    skipped: Counter[str] = Counter()
    refs = list_files([tmp_path], own, skipped)
    assert [(r.position, Path(r.source).name) for r in refs] == [
        (0, "a.jpg"),
        (1, "b.jpg"),
        (2, "overlays2.jpg"),
    ]
