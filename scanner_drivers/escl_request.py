"""What an eSCL scanner is asked for: a scan profile as its settings, or a refusal."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scanner_drivers.errors import ProfileRefused
from scanner_drivers.escl_words import Capabilities, Settings, Tray
from scanner_drivers.profile import Colour, DropOut, Paper, ScanProfile

_UNITS_PER_MM = 300 / 25.4
_NEARLY_MM = 1.0
_MODES = {Colour.COLOUR: "RGB24", Colour.GREY: "Grayscale8", Colour.BITONAL: "BlackAndWhite1"}
_JPEG, _PNG, _TIFF, _PDF = "image/jpeg", "image/png", "image/tiff", "application/pdf"
# Lossless first. A PDF only where there is no image: it has to be taken apart again.
_PREFERRED = {
    Colour.COLOUR: (_PNG, _TIFF, _JPEG, _PDF),
    Colour.GREY: (_PNG, _TIFF, _JPEG, _PDF),
    Colour.BITONAL: (_TIFF, _PNG, _JPEG, _PDF),
}


@dataclass(frozen=True, slots=True)
class Request:
    """A job as it is asked for: the format that is to come, and the XML that asks for it."""

    format: str
    body: bytes


def scan_request(can: Capabilities, profile: ScanProfile) -> Request:
    """What to POST for a profile. Raises ProfileRefused, which says what the device can."""
    if profile.drop_out is not DropOut.NONE:
        raise ProfileRefused(
            f"a drop-out of {profile.drop_out} (eSCL knows none)", ["drop_out none"]
        )
    tray = _tray_for(can, profile)
    settings, document = _settings_for(tray, profile)
    left, top, width, height = _region(tray, profile)
    source = "Platen" if profile.paper is Paper.FLATBED else "Feeder"
    intent = not tray.intents or "Document" in tray.intents
    lines = [
        ("pwg:Version", can.version),
        *([("scan:Intent", "Document")] if intent else []),
        ("", _region_xml(left, top, width, height)),
        ("pwg:DocumentFormat", document),
        *([("scan:DocumentFormatExt", document)] if can.formats_ext else []),
        ("pwg:InputSource", source),
        ("scan:XResolution", str(profile.dpi)),
        ("scan:YResolution", str(profile.dpi)),
        ("scan:ColorMode", _MODES[profile.colour]),
    ]
    if source == "Feeder":
        lines.append(("scan:Duplex", "true" if profile.duplex else "false"))
    if profile.colour is Colour.BITONAL and settings.renderings:
        lines.append(("scan:BinaryRendering", "Threshold"))
    # A device that left out blank backs would pair the fronts of two cards.
    lines += [(f"scan:{name}", "false") for name in can.blank_pages]
    inside = "".join(text if not tag else f"<{tag}>{_safe(text)}</{tag}>" for tag, text in lines)
    return Request(document, (_HEAD + inside + "</scan:ScanSettings>").encode())


_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<scan:ScanSettings xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03"'
    ' xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm">'
)


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _region_xml(left: int, top: int, width: int, height: int) -> str:
    return (
        "<pwg:ScanRegions><pwg:ScanRegion>"
        "<pwg:ContentRegionUnits>escl:ThreeHundredthsOfInches</pwg:ContentRegionUnits>"
        f"<pwg:Height>{height}</pwg:Height><pwg:Width>{width}</pwg:Width>"
        f"<pwg:XOffset>{left}</pwg:XOffset><pwg:YOffset>{top}</pwg:YOffset>"
        "</pwg:ScanRegion></pwg:ScanRegions>"
    )


def _tray_for(can: Capabilities, profile: ScanProfile) -> Tray:
    trays = {
        "flatbed": can.glass,
        "feeder": can.feeder,
        "feeder with duplex": can.feeder_duplex,
    }
    asked = "feeder with duplex" if profile.duplex else str(profile.paper)
    tray = trays[asked]
    if tray is None:
        raise ProfileRefused(f"paper from the {asked}", [name for name in trays if trays[name]])
    return tray


def _settings_for(tray: Tray, profile: ScanProfile) -> tuple[Settings, str]:
    """The first settings that allow all that is asked, and the format to ask for."""
    mode = _MODES[profile.colour]
    coloured = [one for one in tray.settings if mode in one.modes]
    if not coloured:
        known = {word: str(colour) for colour, word in _MODES.items()}
        offered = {known[word] for one in tray.settings for word in one.modes if word in known}
        raise ProfileRefused(f"colour {profile.colour}", sorted(offered))
    fine = [one for one in coloured if any(steps.holds(profile.dpi) for steps in one.resolutions)]
    if not fine:
        steps = sorted({(s.least, s.most, str(s)) for one in coloured for s in one.resolutions})
        raise ProfileRefused(f"{profile.dpi} dpi", [f"{text} dpi" for *_, text in steps])
    if profile.colour is Colour.BITONAL:
        # A halftone turns empty bubbles into half-filled ones.
        plain = [one for one in fine if not one.renderings or "Threshold" in one.renderings]
        if not plain:
            raise ProfileRefused("bitonal without halftone", ["grey"])
        fine = plain
    for document in _PREFERRED[profile.colour]:
        for one in fine:
            # JPEG is what every such scanner has, also where it lists no formats.
            if document in (one.formats or (_JPEG,)):
                return one, document
    offered = {word for one in fine for word in one.formats}
    raise ProfileRefused(f"any of {', '.join(_PREFERRED[profile.colour])}", sorted(offered))


def _region(tray: Tray, profile: ScanProfile) -> tuple[int, int, int, int]:
    """Left, top, width, height in 1/300 inch; the sheet's place where the device says it."""
    sizes, offsets = [], []
    for k, asked_mm in enumerate((profile.width_mm, profile.height_mm)):
        most = tray.most[k]
        asked = math.ceil(asked_mm * _UNITS_PER_MM) if asked_mm else most
        if not asked:
            raise ProfileRefused("its own size, which it does not tell", ["a size in mm"])
        if most and asked > most:
            if asked - most > _NEARLY_MM * _UNITS_PER_MM:
                raise ProfileRefused(
                    f"{profile.width_mm:g} × {profile.height_mm:g} mm",
                    [" × ".join(f"{size / _UNITS_PER_MM:.0f}" for size in tray.most) + " mm"],
                )
            asked = most
        size = max(asked, tray.least[k])
        room = max(0, most - size)
        sizes.append(size)
        offsets.append({"Center": room // 2, "Right": room, "Bottom": room}.get(tray.lies[k], 0))
    return offsets[0], offsets[1], sizes[0], sizes[1]
