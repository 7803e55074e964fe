"""The XML that an eSCL scanner answers: what it can, and what it does.

Names are compared without their namespace, because devices differ in their prefixes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from scanner_drivers.errors import (
    CoverOpen,
    DoubleFeed,
    PaperJam,
    ScannerError,
    ScannerFailed,
)

_MOST_DEPTH = 40
_TROUBLES: dict[str, tuple[type[ScannerError], str]] = {
    "ScannerAdfJam": (PaperJam, ""),
    "ScannerAdfMispick": (PaperJam, "the feeder could not take the next sheet in"),
    "ScannerAdfMultipickDetected": (DoubleFeed, ""),
    "ScannerAdfDoorOpen": (CoverOpen, ""),
    "ScannerAdfHatchOpen": (CoverOpen, ""),
    "ScannerAdfDuplexPageTooShort": (ScannerFailed, "a sheet is too short for both sides"),
    "ScannerAdfDuplexPageTooLong": (ScannerFailed, "a sheet is too long for both sides"),
    "ScannerAdfInputTrayFailed": (ScannerFailed, "the tray does not lift"),
    "ScannerAdfInputTrayOverloaded": (ScannerFailed, "too many sheets lie in the tray"),
}
_NO_TROUBLE = {"", "ScannerAdfLoaded", "ScannerAdfEmpty", "ScannerAdfProcessing"}


class NotUnderstood(Exception):
    """An answer is not the XML that it should be; says why."""


# ── reading XML ──────────────────────────────────────────────────────────────────────────────


def parse(data: bytes, root: str) -> Element:
    """The tree of a document whose outermost element is `root`. Raises NotUnderstood.

    A document type is refused before anything in it is read: there is none in eSCL, and entities
    that blow up a memory need one. Tags lose their prefix.
    """
    builder = TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_DEPTH:
            raise NotUnderstood("the XML is nested too deeply")
        builder.start(_bare(tag), attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_bare(tag))

    def refuse(*_: Any) -> None:
        raise NotUnderstood("the XML has a document type, which eSCL never has")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
        tree = builder.close()
    except NotUnderstood:
        raise
    except Exception as error:
        # expat's own error, and what an odd declared encoding raises.
        raise NotUnderstood(f"the XML is broken ({error})") from error
    if tree.tag != root:
        raise NotUnderstood(f"{root} was asked for and {tree.tag[:40]!r} came")
    return tree


def _bare(tag: str) -> str:
    return tag.rpartition(":")[2]


def _below(element: Element | None, *tags: str) -> Iterator[Element]:
    if element is not None:
        yield from (found for found in element.iter() if found.tag in tags)


def _words(element: Element | None, *tags: str) -> tuple[str, ...]:
    texts = ((found.text or "").strip() for found in _below(element, *tags))
    return tuple(text for text in texts if text)


def _word(element: Element | None, tag: str) -> str:
    return next(iter(_words(element, tag)), "")


def _number(element: Element | None, tag: str) -> int | None:
    text = _word(element, tag)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


# ── what the scanner can ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Steps:
    """Resolutions from `least` to `most` in dots an inch, `step` apart."""

    least: int
    most: int
    step: int = 1

    def holds(self, dpi: int) -> bool:
        """Whether the device has this resolution."""
        return self.least <= dpi <= self.most and (dpi - self.least) % self.step == 0

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be combined: each of these modes with each of these formats and resolutions."""

    modes: tuple[str, ...]
    formats: tuple[str, ...]
    resolutions: tuple[Steps, ...]
    renderings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tray:
    """One way in: the glass, the feeder, the feeder with both sides. Sizes in 1/300 inch."""

    settings: tuple[Settings, ...]
    intents: tuple[str, ...]
    least: tuple[int, int]
    most: tuple[int, int]
    lies: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a scanner says that it can."""

    version: str
    glass: Tray | None
    feeder: Tray | None
    feeder_duplex: Tray | None
    formats_ext: bool
    blank_pages: tuple[str, ...]


def read_capabilities(data: bytes) -> Capabilities:
    """From the answer to ScannerCapabilities. Raises NotUnderstood."""
    tree = parse(data, "ScannerCapabilities")
    named = {
        profile.get("name", ""): profile
        for part in tree.findall("SettingProfiles")
        for profile in part.findall("SettingProfile")
    }
    both = next(_below(tree, "AdfDuplexInputCaps"), None)
    one = next(_below(tree, "AdfSimplexInputCaps"), None)
    if both is None and "Duplex" in _words(tree, "AdfOption"):
        both = one
    lies = next(_below(tree, "Justification"), None)
    placed = _word(lies, "XImagePosition"), _word(lies, "YImagePosition")
    glass = next(_below(tree, "PlatenInputCaps"), None)
    return Capabilities(
        _word(tree, "Version") or "2.0",
        _tray(glass, named, ("", "")),
        _tray(one if one is not None else both, named, placed),
        _tray(both, named, placed),
        bool(_words(tree, "DocumentFormatExt")),
        tuple(
            name
            for name in ("BlankPageDetection", "BlankPageDetectionAndRemoval")
            if _word(tree, name).lower() == "true"
        ),
    )


def _tray(caps: Element | None, named: dict[str, Element], lies: tuple[str, str]) -> Tray | None:
    if caps is None:
        return None
    profiles = [
        named.get(profile.get("ref", ""), profile) for profile in _below(caps, "SettingProfile")
    ]
    return Tray(
        tuple(_settings(profile) for profile in profiles),
        _words(caps, "Intent", "SupportedIntent"),
        (_number(caps, "MinWidth") or 1, _number(caps, "MinHeight") or 1),
        (_number(caps, "MaxWidth") or 0, _number(caps, "MaxHeight") or 0),
        lies,
    )


def _settings(profile: Element) -> Settings:
    return Settings(
        _words(profile, "ColorMode"),
        tuple(word.lower() for word in _words(profile, "DocumentFormat", "DocumentFormatExt")),
        tuple(_resolutions(profile)),
        _words(profile, "BinaryRendering"),
    )


def _resolutions(profile: Element) -> Iterator[Steps]:
    for pair in _below(profile, "DiscreteResolution"):
        across, down = _number(pair, "XResolution"), _number(pair, "YResolution")
        if across and across == down:
            yield Steps(across, across)
    for band in _below(profile, "XResolutionRange", "XResolution"):
        least, most = _number(band, "Min"), _number(band, "Max")
        if least is not None and most is not None and least <= most:
            yield Steps(least, most, _number(band, "Step") or 1)


# ── what it does ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class JobInfo:
    """What the scanner says of one job. `images` is how many it has scanned, where it says."""

    name: str
    state: str
    reasons: tuple[str, ...]
    images: int | None

    @property
    def runs(self) -> bool:
        """Whether more may come."""
        return self.state in ("Pending", "Processing")


@dataclass(frozen=True, slots=True)
class ScannerStatus:
    """The scanner's own state, that of its feeder, and its jobs."""

    state: str
    feeder: str
    jobs: tuple[JobInfo, ...]

    def job(self, path: str) -> JobInfo | None:
        """The job of that path. Devices differ in what stands before its last part."""
        return next((job for job in self.jobs if job.name == job_name(path)), None)

    def trouble(self) -> tuple[type[ScannerError], str] | None:
        """What the feeder complains of, if it does."""
        if self.feeder in _TROUBLES:
            return _TROUBLES[self.feeder]
        if self.feeder not in _NO_TROUBLE:
            return ScannerFailed, f"it says {self.feeder[:60]}"
        if self.state in ("Stopped", "Down"):
            return ScannerFailed, f"it says {self.state}"
        return None


def job_name(path: str) -> str:
    """The last part of a job's address."""
    return path.rstrip("/").rpartition("/")[2]


def read_status(data: bytes) -> ScannerStatus:
    """From the answer to ScannerStatus. Raises NotUnderstood."""
    tree = parse(data, "ScannerStatus")
    jobs = tuple(
        JobInfo(
            job_name(_word(job, "JobUri")),
            _word(job, "JobState"),
            _words(job, "JobStateReason"),
            _number(job, "ImagesCompleted"),
        )
        for job in _below(tree, "JobInfo")
    )
    state = next((child for child in tree if child.tag == "State"), None)
    return ScannerStatus(
        (state.text or "").strip() if state is not None else "", _word(tree, "AdfState"), jobs
    )
