"""What a simulated page truly says: the records, and their JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from omr.errors import SourceError
from omr.records import SideName, Turn
from omr.simulate.scene import Scene


@dataclass(frozen=True, slots=True)
class PageTruth:
    """What a reader should find on one page.

    `values` has an entry for every field and barcode zone of the side: "" for blank, the options
    in order where several are filled ("BD"), one character a place for a grid with "?" where that
    place is blank or double, the text of a barcode. It holds what the candidate meant, also where
    that can no longer be seen. A page that is no card of `design` has no values.

    `unsettled` names the fields that a person could not settle from the picture either, with the
    reason: "erasure against light mark", "hidden", "vanished", "number blank", "number double",
    "barcode gone". `unreadable` is "" or why the page as a whole may rightly be refused. Both
    follow from what was drawn and how it lies, never from a reader.

    `turn` says by how many degrees clockwise the scan is turned.
    """

    file: str
    design: str
    side: SideName
    turn: Turn
    values: dict[str, str]
    unsettled: dict[str, str]
    unreadable: str
    defects: tuple[str, ...]
    scan: str


@dataclass(frozen=True, slots=True)
class SimulatedPage:
    """One encoded scan, its file suffix (".jpg" or ".tif"), its truth, and what was drawn."""

    image: bytes
    suffix: str
    truth: PageTruth
    scene: Scene


def write_truth(truths: Iterable[PageTruth], path: Path) -> None:
    """Write one JSON object a line, UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for truth in truths:
            file.write(json.dumps(asdict(truth), ensure_ascii=False) + "\n")


def read_truth(path: Path) -> Iterator[PageTruth]:
    """The truths in a file that `write_truth` wrote.

    Raises:
        SourceError: a line is not such a truth.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                fields = json.loads(line)
                fields["side"] = SideName(fields["side"])
                fields["turn"] = Turn(fields["turn"])
                fields["defects"] = tuple(fields["defects"])
                yield PageTruth(**fields)
            except (ValueError, KeyError, TypeError) as error:
                raise SourceError(f"{path}, line {number}: not a page's truth: {error}") from error
