"""What can go wrong at a scanner, and what to do with the paper.

OmrError
└── ScannerError           a scanner stopped; says how many sheets were fed, and how to go on
    ├── PaperJam           a sheet is stuck
    ├── DoubleFeed         the device felt two sheets at once
    ├── CoverOpen          a cover is open
    ├── OutOfPaper         the tray was empty before the first sheet
    ├── ScannerGone        the cable was pulled, the power lost, the network cut
    ├── ScannerSilent      nothing came for too long
    ├── ScannerBusy        another program has the device
    ├── ScannerFailed      whatever else the device says, in its words
    ├── NoScanner          no device of that name; lists those that there are
    └── ProfileRefused     the device cannot scan as the profile asks; says what it can
"""

from __future__ import annotations

from collections.abc import Sequence

from omr.errors import OmrError


class ScannerError(OmrError):
    """A scanner stopped.

    `sheets_fed` counts the sheets whose pages were all delivered since the driver was opened. The
    sheets after them were not delivered, in no part: those that went through go back onto the
    tray, on top of those that were not fed. `pages()` called again goes on with the next position.
    """

    exit_code = 5
    said = "the scanner stopped"
    todo = "see to the scanner"

    def __init__(self, sheets_fed: int, detail: str = "") -> None:
        self.sheets_fed = sheets_fed
        self.detail = detail
        told = f"{self.said} ({detail})" if detail else self.said
        sheets = "1 sheet" if sheets_fed == 1 else f"{sheets_fed} sheets"
        super().__init__(
            f"{told} after {sheets}; {self.todo}, lay every sheet that came after "
            f"{'it' if sheets_fed == 1 else 'those'} back on top of the tray, and resume"
        )


class PaperJam(ScannerError):
    """A sheet is stuck."""

    said = "paper jam"
    todo = "open the feeder and take the stuck sheet out flat"


class DoubleFeed(ScannerError):
    """The device felt two sheets at once; neither was delivered."""

    said = "two sheets were fed at once"
    todo = "take both out, part them and fan the stack"


class CoverOpen(ScannerError):
    """A cover is open."""

    said = "a cover is open"
    todo = "close it"


class ScannerGone(ScannerError):
    """The device does not answer any more."""

    said = "the scanner does not answer any more"
    todo = "check cable, power and network"


class ScannerSilent(ScannerError):
    """Nothing came for too long."""

    said = "the scanner sends nothing"
    todo = "switch it off and on"


class ScannerFailed(ScannerError):
    """Whatever else the device says."""

    said = "the scanner failed"
    todo = "switch it off and on"


class OutOfPaper(ScannerError):
    """The tray was empty before the first sheet, or when the feed was resumed after a stop, when
    at least one sheet has to be there. Else an empty tray is the end of the feed.
    """

    def __init__(self, sheets_fed: int = 0, detail: str = "") -> None:
        self.sheets_fed, self.detail = sheets_fed, detail
        told = "lay the cards in, the first on top, and start"
        if sheets_fed:
            told = "lay what was not read back in, and what is left, and resume"
        OmrError.__init__(self, f"the tray is empty; {told}")


class ScannerBusy(ScannerError):
    """Another program has the device."""

    def __init__(self, sheets_fed: int = 0, detail: str = "") -> None:
        self.sheets_fed, self.detail = sheets_fed, detail
        named = f" {detail}" if detail else ""
        OmrError.__init__(
            self, f"another program has the scanner{named}; close it there, then start again"
        )


class NoScanner(ScannerError):
    """No device of that name."""

    def __init__(self, name: str, found: Sequence[str]) -> None:
        self.sheets_fed, self.detail = 0, name
        there = f"there are: {', '.join(found)}" if found else "none was found"
        OmrError.__init__(
            self, f"there is no scanner {name!r}; {there}. Check that it is on and connected"
        )


class ProfileRefused(ScannerError):
    """The device cannot scan as the profile asks."""

    def __init__(self, asked: str, possible: Sequence[str]) -> None:
        self.sheets_fed, self.detail = 0, asked
        can = ", ".join(possible) if possible else "nothing of the kind"
        OmrError.__init__(
            self, f"the scanner cannot do {asked}; it can: {can}. Change the scan profile"
        )
