"""Damages valid files at random, reads them and watches what comes of it, in a process of its own.

Some of the files hold a filled-in card and some only a small picture. A refusal is right and a
reading may be; an exception that is no OmrError, a crash, a hang and an
appetite for memory are failures. Every file follows from (seed, index) alone, so that each
failure can be made again:

    python -m tests.faults.fuzz --count 20000
    python -m tests.faults.fuzz --seed 1 --only 4711
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import multiprocessing
import os
import random
import resource
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.faults.cards import CARD, SMALL_CARD, card_files, wrapped_cards
from tests.faults.seeds import Wrapped, seed_files, wrapped_files

if TYPE_CHECKING:  # the watching process has no need of the engine
    from omr.pipeline import ReadPage
    from omr.records import Raster, RejectedPage

Target = Callable[[bytes, str], str]

SECONDS_A_FILE = 10.0
MAX_RSS = 2 * 1024**3
_START_SECONDS = 120.0
_PAGES_A_FILE = 12
_LEAST_WORDS = 15  # letters
READINGS = ("read", "review")
_INTERESTING = (0, 1, 2, 7, 8, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with one file, and how to make it again."""

    seed: int
    index: int
    name: str
    kind: str
    detail: str

    def __str__(self) -> str:
        again = f"python -m tests.faults.fuzz --seed {self.seed} --only {self.index}"
        return f"{self.kind} on a damaged {self.name}: {self.detail}\n    {again}"


@dataclass(slots=True)
class FuzzReport:
    """What became of `count` damaged files."""

    count: int
    outcomes: Counter[str] = field(default_factory=Counter)
    by_name: Counter[tuple[str, str]] = field(default_factory=Counter)
    longest_s: float = 0.0
    longest: tuple[int, str] = (0, "")
    peak_rss: int = 0
    hungriest: tuple[int, str] = (0, "")
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.count} damaged files"]
        lines += [f"  {times:7}  {outcome}" for outcome, times in self.outcomes.most_common()]
        lines.append("  longest {:.3f} s, index {} {}".format(self.longest_s, *self.longest))
        peak = self.peak_rss >> 20
        lines.append("  peak memory {} MiB, index {} {}".format(peak, *self.hungriest))
        lines.append(f"  failures: {len(self.failures)}")
        lines += [f"  {failure}" for failure in self.failures]
        return "\n".join(lines)


@functools.cache
def valid_files() -> dict[str, bytes]:
    """Every valid file by its name: small pictures, and scans of whole cards."""
    return {**seed_files(), **card_files()}


@functools.cache
def held_files() -> dict[str, Wrapped]:
    """What some files hold, and how to wrap it again."""
    return {**wrapped_files(), **wrapped_cards()}


# ── damage ───────────────────────────────────────────────────────────────────────────────────


def damaged_file(seed: int, index: int) -> tuple[bytes, str]:
    """The file number `index` of this seed, and the name of the valid file that it was."""
    chance = random.Random(f"{seed}:{index}")
    files = valid_files()
    name = sorted(files)[index % len(files)]
    held, wrap = held_files().get(name, (b"", bytes))
    inside = bool(held) and chance.random() < 0.6
    data = bytearray(held if inside else files[name])
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(_DAMAGES)(data, chance)
    # Otherwise a checksum would keep nearly all damage from ever reaching the decoder.
    if name.endswith(".png") and not inside and chance.random() < 0.6:
        _mend_png(data)
    return (wrap(bytes(data)) if inside else bytes(data)), name


def _flip_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _truncate(data: bytearray, chance: random.Random) -> None:
    del data[chance.randint(0, len(data)) :]


def _zero_block(data: bytearray, chance: random.Random) -> None:
    start = chance.randint(0, len(data)) & ~511 if chance.random() < 0.5 else _place(data, chance)
    size = min(chance.choice((16, 512, 4096)), len(data) - start)
    data[start : start + size] = bytes(size)


def _splice(data: bytearray, chance: random.Random) -> None:
    other = chance.choice(list(valid_files().values()))
    size = chance.randint(1, 2000)
    start = chance.randrange(len(other))
    at = _place(data, chance)
    data[at : at + chance.choice((0, size))] = other[start : start + size]


def _duplicate(data: bytearray, chance: random.Random) -> None:
    start = _place(data, chance)
    data[start:start] = data[start : start + chance.randint(1, 3000)]


def _cut_out(data: bytearray, chance: random.Random) -> None:
    start = _place(data, chance)
    del data[start : start + chance.randint(1, 300)]


def _overwrite_number(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        near = len(data) if chance.random() < 0.3 else min(len(data), 600)
        at = chance.randint(0, near)
        value = chance.choice((*_INTERESTING, len(data), chance.getrandbits(32)))
        layout = chance.choice(("<I", ">I", "<H", ">H", "B"))
        value &= (1 << 8 * struct.calcsize(layout)) - 1
        number = struct.pack(layout, value)
        if at + len(number) <= len(data):
            data[at : at + len(number)] = number


def _overwrite_digits(data: bytearray, chance: random.Random) -> None:
    """Numbers in text, as PDF has them."""
    places = [k for k in range(min(len(data), 5000)) if 48 <= data[k] <= 57]
    for at in chance.sample(places, min(len(places), chance.randint(1, 4))):
        data[at] = chance.choice(b"0123456789-.")


def _place(data: bytearray, chance: random.Random) -> int:
    return chance.randint(0, len(data))


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip_bits, _flip_bits, _truncate, _zero_block, _splice, _duplicate, _cut_out,
    _overwrite_number, _overwrite_number, _overwrite_number, _overwrite_digits,
)  # fmt: skip


def _mend_png(data: bytearray) -> None:
    at = 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        end = at + 8 + size
        if end + 4 > len(data):
            return
        struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4


# ── target ───────────────────────────────────────────────────────────────────────────────────


class _Watched:
    """A trace that looks at the decoded page on its way to being read."""

    def decoded(self, raster: Raster) -> None:
        pixels = raster.pixels
        assert pixels.flags.c_contiguous, "pixels must be C-contiguous"
        assert not pixels.flags.writeable, "pixels must be read-only"

    def located(self, *_: object) -> None:
        pass

    measured = judged = located


def open_and_read(data: bytes, name: str) -> str:
    """Lists, opens and reads the file; the outcome of the page that fared worst.

    Files named for the small card are read as such, and with them every other small picture:
    its design is decoded as grey, the large card's in colour.
    """
    from omr.design import load_design
    from omr.errors import OmrError
    from omr.pipeline import read_page
    from omr.policy import default_policy
    from scanner_drivers.files import PageOpener, list_pages

    outcomes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        opener = PageOpener()
        for ref in list_pages([path]):
            if len(outcomes) >= _PAGES_A_FILE:
                break
            small = name.startswith(SMALL_CARD) or (name in seed_files() and len(data) % 2)
            design = load_design(SMALL_CARD if small else CARD)
            try:
                page = opener.open(ref)
            except OmrError as error:
                _check_words(str(error))
                outcomes.append(type(error).__name__)
            else:
                outcomes.append(_checked(read_page(page, design, default_policy(), _Watched())))
        opener.close()
    return max(outcomes, key=lambda outcome: outcome not in READINGS, default="no page listed")


def _checked(outcome: ReadPage | RejectedPage) -> str:
    """The page's status or reason, once it is sure that all a person needs is there."""
    from omr.records import RejectedPage, RejectReason, Status

    if isinstance(outcome, RejectedPage):
        _check_words(outcome.evidence)
        _check_words(outcome.advice)
        assert outcome.reason is not RejectReason.READER_FAILED, "no page may break the reader"
        return str(outcome.reason)
    reading = outcome.reading
    assert len(reading.values) == len(reading.fields), "a value a field"
    assert all(isinstance(value, str) for value in reading.values), "values are texts"
    assert bool((reading.error_probability >= 0).all()), "probabilities are from 0"
    assert bool((reading.error_probability <= 1).all()), "probabilities are to 1"
    assert {doubt.field for doubt in reading.doubts} <= set(reading.fields), "doubts name fields"
    assert (reading.status is Status.REVIEW) == bool(reading.doubts), "doubts go to review"
    return str(reading.status)


def _check_words(text: str) -> None:
    if len(text) < _LEAST_WORDS:
        raise ValueError(f"a refusal must say what it saw or what to do: {text!r}")


# ── watching ─────────────────────────────────────────────────────────────────────────────────


def run_fuzz(count: int, seed: int, target: Target = open_and_read) -> FuzzReport:
    """Runs `target` on `count` damaged files and reports; never raises for what a file does.

    `target` must be importable by name: it runs in a spawned process, which is replaced when it
    dies, takes longer than 10 s or holds more than 2 GiB. What `target` returns is counted; what
    it raises is a failure.
    """
    report = FuzzReport(count)
    context = multiprocessing.get_context("spawn")
    index = 0
    while index < count:
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_serve, args=(theirs, seed, index, count, target), daemon=True
        )
        process.start()
        theirs.close()
        index = _watch(report, ours, process.pid or 0, seed, index)
        if process.is_alive():
            process.kill()
        process.join()
        ours.close()
    return report


def _serve(pipe: Connection, seed: int, first: int, count: int, target: Target) -> None:
    # Decoders print to standard error; nobody reads ten thousand lines of it.
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, data in valid_files().items():
        target(data, name)  # imports and compilation are not the first file's fault
    pipe.send(("ready", 0.0, 0))
    for index in range(first, count):
        data, name = damaged_file(seed, index)
        began = time.perf_counter()
        try:
            outcome = target(data, name)
        except Exception as error:
            outcome = f"!{type(error).__name__}: {error}"
        seconds = time.perf_counter() - began
        pipe.send((outcome, seconds, _peak_rss()))


def _peak_rss() -> int:
    """The most memory that this process ever held, bytes.

    Linux hands the starter's `ru_maxrss` on to a process that it starts, so its own is read.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _watch(report: FuzzReport, pipe: Connection, pid: int, seed: int, first: int) -> int:
    """Counts outcomes until the process is done or must be replaced; the next index to run."""
    index = first
    names = sorted(valid_files())

    def fail(kind: str, detail: str) -> None:
        name = names[index % len(names)]
        report.failures.append(Failure(seed, index, name, kind, detail))

    if _wait(pipe, pid, _START_SECONDS):
        raise RuntimeError("the fuzzing process does not start; run the target by itself")
    pipe.recv()
    while index < report.count:
        try:
            trouble = _wait(pipe, pid, SECONDS_A_FILE)
            if trouble:
                fail(trouble, f"over {SECONDS_A_FILE:g} s or {MAX_RSS >> 20} MiB")
                return index + 1
            outcome, seconds, peak = pipe.recv()
        except (EOFError, ConnectionResetError):
            fail("crash", "the process died")
            return index + 1
        if outcome.startswith("!"):
            fail("escaped exception", outcome[1:])
            outcome = "escaped exception"
        if peak > MAX_RSS:
            fail("hunger", f"{peak >> 20} MiB")
            report.peak_rss = max(report.peak_rss, peak)
            return index + 1
        report.outcomes[outcome] += 1
        file = (index, names[index % len(names)])
        report.by_name[file[1], outcome] += 1
        if peak > report.peak_rss:
            report.peak_rss, report.hungriest = peak, file
        if seconds > report.longest_s:
            report.longest_s, report.longest = seconds, file
        index += 1
    return index


def _wait(pipe: Connection, pid: int, seconds: float) -> str:
    """Why to give up ("hang", "hunger"), or "" once the process has said something.

    EOFError where it died.
    """
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        if pipe.poll(0.05):
            return ""
        try:
            if psutil.Process(pid).memory_info().rss > MAX_RSS:
                # What it said of earlier files comes first: they are not to blame.
                return "" if pipe.poll() else "hunger"
        except psutil.Error as error:
            raise EOFError from error
    return "hang"


def main() -> int:
    """The command line; 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run this one index here, unguarded")
    parser.add_argument("--keep", type=Path, help="with --only: write the damaged file there")
    options = parser.parse_args()
    if options.only is not None:
        data, name = damaged_file(options.seed, options.only)
        if options.keep:
            options.keep.write_bytes(data)
        print(name, len(data), "bytes:", open_and_read(data, name))
        return 0
    report = run_fuzz(options.count, options.seed)
    print(report)
    for name in sorted(valid_files()):
        row = {what: n for (file, what), n in sorted(report.by_name.items()) if file == name}
        print(f"  {name:20}", row)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
