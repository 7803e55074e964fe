"""OMRChecker's preProcessors → the steps by which a card is found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from omr.design import FindKind
from omr.detect.decode import Limits, decode
from omr.errors import ImageError
from omr.importers.json_node import Node, is_number, shown
from omr.records import ScannedPage

MARKER_SHARE = 17.0  # markers side by side across the page, where a template does not say
MOST_BYTES = 32_000_000
LEAST_MARKER_PX, LEAST_PAGE_PX = 8, 200
LEAST_CONTRAST = 16  # of 255, between a picture's darkest and lightest places
ASPECT = 1.25  # a reference's sides may be by this factor off those of the page

_NEEDLESS = ("GaussianBlur", "MedianBlur", "Levels")
_OPTIONS = {
    "CropPage": ("morphKernel",),
    "CropOnMarkers": (
        "relativePath",
        "sheetToMarkerWidthRatio",
        "apply_erode_subtract",
        "marker_rescale_range",
        "marker_rescale_steps",
        "max_matching_variation",
        "min_matching_threshold",
    ),
    "FeatureBasedAlignment": ("reference", "maxFeatures", "goodMatchPercent", "2d"),
    "GaussianBlur": ("kSize", "sigmaX"),
    "MedianBlur": ("kSize",),
    "Levels": ("low", "high", "gamma"),
}


@dataclass(frozen=True, slots=True)
class Finder:
    """One pre-processor; `kind` is None for those that our reader does without."""

    name: str
    kind: FindKind | None
    file: str = ""
    picture: bytes = b""
    path: Path | None = None
    marker_share: float = 0.0


def read_finders(root: Node, folder: Path, page: tuple[float, float] | None) -> list[Finder]:
    """The pre-processors in their order; `page` is the page's size, for a reference picture."""
    finders: list[Finder] = []
    for node in root.nodes("preProcessors"):
        name = node.choice("name", _OPTIONS)
        options = node.node("options", optional=True)
        node.done()
        if not name:
            continue
        for key in _OPTIONS[name]:
            options.known.add(key)
            if options.has(key):
                options.take(key)
        options.done()
        finder = _finder(name, options, folder, page)
        if finder is not None:
            finders.append(finder)
    return _named_apart(finders)


def _finder(
    name: str, options: Node, folder: Path, page: tuple[float, float] | None
) -> Finder | None:
    if name in _NEEDLESS:
        return Finder(name, None)
    if name == "CropPage":
        return Finder(name, FindKind.OUTLINE)
    if name == "FeatureBasedAlignment":
        picture = _picture(options, "reference", folder, LEAST_PAGE_PX, page)
        if picture is None:
            return None
        return Finder(name, FindKind.REFERENCE, picture[0].name, picture[1], picture[0])
    share = options.take("sheetToMarkerWidthRatio", "a number", MARKER_SHARE)
    if not is_number(share) or not 1 <= share <= 1000:
        options.wrong("sheetToMarkerWidthRatio", "a number from 1 to 1000", share)
    picture = _picture(options, "relativePath", folder, LEAST_MARKER_PX, None)
    if picture is None:
        return None
    return Finder(name, FindKind.MARKERS, picture[0].name, picture[1], picture[0], share)


def _picture(
    options: Node, key: str, folder: Path, least: int, page: tuple[float, float] | None
) -> tuple[Path, bytes] | None:
    """A picture beside the template; None, with a fault, where it cannot serve."""
    allowed = "the name of a picture file (PNG, JPEG, WebP, BMP or TIFF) beside the template"
    name = options.take(key, allowed)
    if name is None:
        return None
    if not isinstance(name, str) or not name.isprintable() or not name.strip():
        options.wrong(key, allowed, name)
        return None
    if PurePosixPath(name).is_absolute() or len(name) > 1000 or '"' in name or "\\" in name:
        options.wrong(key, allowed, name)
        return None
    path = folder / name
    try:
        if not path.is_file():
            options.fault(
                key, f"there is no picture {shown(name)} beside the template; put it there"
            )
            return None
        if path.stat().st_size > MOST_BYTES:
            options.fault(key, f"{shown(name)} has over {MOST_BYTES} bytes; make it smaller")
            return None
        content = path.read_bytes()
    except OSError as error:
        options.fault(key, f"{shown(name)} cannot be read ({error.strerror}); it must be {allowed}")
        return None
    fault = _unfit(content, least, page)
    if fault:
        options.fault(key, f"{shown(name)} {fault}")
        return None
    return path, content


def _unfit(content: bytes, least: int, page: tuple[float, float] | None) -> str:
    """What speaks against a picture; "" for a good one."""
    try:
        limits = Limits(max_bytes=MOST_BYTES, min_side_px=1)
        pixels = decode(ScannedPage(content, "", "", 0), colour=False, limits=limits).pixels
    except ImageError as error:
        return f"is no picture that can be read: {error}"
    height, width = pixels.shape[:2]
    if min(height, width) < least:
        return f"is {width} × {height} pixels; it must have at least {least} each way"
    if int(np.max(pixels)) - int(np.min(pixels)) < LEAST_CONTRAST:
        return "is of one tone all over; nothing on a page could be told by it"
    if page is not None:
        ratio = (width / height) / (page[0] / page[1])
        if not 1 / ASPECT <= ratio <= ASPECT:
            return (
                f"is {width} × {height} pixels, of another form than pageDimensions, "
                f"[{page[0]:g}, {page[1]:g}]; it must show the whole page and nothing else"
            )
    return ""


def _named_apart(finders: list[Finder]) -> list[Finder]:
    """The same with different pictures under different names."""
    taken: dict[str, bytes] = {}
    apart: list[Finder] = []
    for finder in finders:
        # A suffix, so that a picture's name is like no other text of a design.
        file = finder.file and str(PurePosixPath(finder.file).with_suffix(".picture"))
        file = finder.file if "." in finder.file else file
        name = file
        number = 2
        while name and taken.get(name, finder.picture) != finder.picture:
            own = PurePosixPath(file)
            name = f"{own.stem}-{number}{own.suffix}"
            number += 1
        taken[name] = finder.picture
        apart.append(
            Finder(finder.name, finder.kind, name, finder.picture, finder.path, finder.marker_share)
        )
    return apart
