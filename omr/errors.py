"""Everything that the engine raises on purpose.

A bad card is a value (`RejectedPage`, a `Doubt`), never an exception; these are for input that
cannot be used at all and for machines that are broken. Every message says what to do next.

    OmrError
    ├── DesignError            a card design that cannot be used; names file and line
    ├── PolicyError            a policy that cannot be used
    ├── AnswerKeyError         an answer key that cannot be used; names file and key
    ├── ScoringError           facts from which no scores can be computed
    ├── RosterError            a roster row that cannot be printed
    ├── TracingError           a picture that no design can be traced from
    ├── ImageError             one page's image cannot be read (becomes a RejectedPage)
    │   ├── DamagedImage       truncated, altered in the middle, or not what its header says
    │   ├── UnsupportedImage   a format or a flavour that we do not read
    │   └── ImageTooLarge      over the limits of bytes or pixels
    ├── SourceError            a file, folder or archive that cannot be opened
    ├── StoreAway              files that are known to be there cannot be reached; nothing is lost
    ├── CorpusError            a corpus folder that breaks its documented layout
    └── OutputError            an output that cannot be written, or belongs to another run
"""

from __future__ import annotations


class OmrError(Exception):
    """The root: catch it to catch whatever the engine raises on purpose."""

    exit_code = 1


class DesignError(OmrError):
    """A design file is unusable. `findings` holds one message a fault, each with its line."""

    exit_code = 2

    def __init__(self, source: str, findings: tuple[str, ...]) -> None:
        self.source = source
        self.findings = findings
        listed = "\n".join(f"  {finding}" for finding in findings)
        super().__init__(f"{source} cannot be used as a card design; mend these:\n{listed}")


class PolicyError(OmrError):
    """A policy file is unusable."""

    exit_code = 2


class AnswerKeyError(OmrError):
    """An answer key is unusable. `findings` holds one message a fault, each naming its place."""

    exit_code = 2

    def __init__(self, source: str, findings: tuple[str, ...]) -> None:
        self.source = source
        self.findings = findings
        listed = "\n".join(f"  {finding}" for finding in findings)
        super().__init__(f"{source} cannot be used as an answer key; mend these:\n{listed}")


class ScoringError(OmrError):
    """Pass lines, scales or rows from which no score can be computed; names what contradicts."""

    exit_code = 2


class RosterError(OmrError):
    """A roster cannot be printed; names the row."""

    exit_code = 2


class TracingError(OmrError):
    """A picture of a blank sheet from which no design can be traced."""

    exit_code = 3


class ImageError(OmrError):
    """One page's image cannot be read. The pipeline turns it into a `RejectedPage`."""

    exit_code = 3


class DamagedImage(ImageError):
    """The bytes are truncated, altered, or not what their header promises."""


class UnsupportedImage(ImageError):
    """A well-formed file of a kind that is not read here."""


class ImageTooLarge(ImageError):
    """Over the limit of bytes or of pixels; nothing was decoded."""


class SourceError(OmrError):
    """A path given by the user cannot be opened as pages."""

    exit_code = 3


class StoreAway(OmrError):
    """A store or a share does not answer from this machine: no page's fault. It ends the run."""

    exit_code = 4


class CorpusError(OmrError):
    """A corpus folder does not follow the layout in sample_scans/README.md."""

    exit_code = 2


class OutputError(OmrError):
    """The output cannot be written, or its journal belongs to another run."""

    exit_code = 4
