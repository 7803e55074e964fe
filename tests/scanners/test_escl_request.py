"""A scan profile as an eSCL scanner is asked for it, or why it cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from scanner_drivers.errors import ProfileRefused
from scanner_drivers.escl import EsclDriver
from scanner_drivers.escl_request import scan_request
from scanner_drivers.escl_words import read_capabilities
from scanner_drivers.profile import Colour, DropOut, Paper, ScanProfile
from tests.scanners.escl_device import NAMES, EsclDevice, Model
from tests.scanners.escl_server import EsclScanner

A4 = ScanProfile(width_mm=210, height_mm=297)
BITONAL = ScanProfile(colour=Colour.BITONAL)
ALL = Model(
    formats=("application/pdf", "image/jpeg", "image/tiff", "image/png"),
    modes=("BlackAndWhite1", "Grayscale8", "RGB24"),
    most=(2550, 4200),
)


def asked(profile: ScanProfile, model: Model = ALL) -> dict[str, str]:
    can = read_capabilities(EsclDevice([], model).capabilities().encode())
    tree = ElementTree.fromstring(scan_request(can, profile).body)
    return {one.tag.rpartition("}")[2]: one.text or "" for one in tree.iter()}


def refusal(profile: ScanProfile, model: Model) -> str:
    with pytest.raises(ProfileRefused) as caught:
        asked(profile, model)
    return str(caught.value)


def test_a_profile_is_asked_for_in_three_hundredths_of_an_inch() -> None:
    request = asked(replace(A4, duplex=True, dpi=300, colour=Colour.COLOUR))
    expected = {
        "Width": "2481", "Height": "3508", "XOffset": "0", "YOffset": "0",
        "XResolution": "300", "YResolution": "300", "ColorMode": "RGB24",
        "InputSource": "Feeder", "Duplex": "true", "Intent": "Document",
        "ContentRegionUnits": "escl:ThreeHundredthsOfInches",
    }  # fmt: skip
    assert {name: request[name] for name in expected} == expected


def test_without_a_size_the_device_s_own_is_taken() -> None:
    request = asked(ScanProfile())
    assert (request["Width"], request["Height"]) == ("2550", "4200")


def test_a_size_a_hair_above_the_device_s_is_cut_to_it() -> None:
    request = asked(A4, replace(ALL, most=(2480, 3508)))
    assert (request["Width"], request["Height"]) == ("2480", "3508")


@pytest.mark.parametrize(("lies", "left"), [("Left", "0"), ("Center", "34"), ("Right", "69")])
def test_a_narrow_sheet_is_looked_for_where_the_feeder_puts_it(lies: str, left: str) -> None:
    placed = (
        f"<scan:Justification><pwg:XImagePosition>{lies}</pwg:XImagePosition></scan:Justification>"
    )
    assert asked(A4, replace(ALL, extra=placed))["XOffset"] == left


@pytest.mark.parametrize(
    ("colour", "formats", "chosen"),
    [
        (Colour.GREY, ("image/jpeg", "application/pdf", "image/png", "image/tiff"), "image/png"),
        (Colour.GREY, ("application/pdf", "image/jpeg"), "image/jpeg"),
        (Colour.COLOUR, ("application/pdf",), "application/pdf"),
        (Colour.BITONAL, ("image/png", "image/tiff", "image/jpeg"), "image/tiff"),
        (Colour.BITONAL, ("application/pdf", "image/jpeg"), "image/jpeg"),
        (Colour.BITONAL, ("application/pdf",), "application/pdf"),
    ],
)
def test_the_format_is_without_loss_where_there_is_one(
    colour: Colour, formats: tuple[str, ...], chosen: str
) -> None:
    request = asked(ScanProfile(colour=colour), replace(ALL, formats=formats))
    assert request["DocumentFormat"] == request["DocumentFormatExt"] == chosen


def test_where_no_format_is_listed_jpeg_is_asked_for() -> None:
    assert asked(A4, replace(ALL, formats=()))["DocumentFormat"] == "image/jpeg"


def test_bitonal_is_by_threshold_and_never_by_halftone() -> None:
    both = replace(ALL, renderings=("Halftone", "Threshold"))
    assert asked(BITONAL, both)["BinaryRendering"] == "Threshold"
    assert "BinaryRendering" not in asked(BITONAL)
    assert "halftone" in refusal(BITONAL, replace(ALL, renderings=("Halftone",)))


def test_blank_backs_are_not_to_be_left_out() -> None:
    extra = "<scan:BlankPageDetectionAndRemoval>true</scan:BlankPageDetectionAndRemoval>"
    assert asked(A4, replace(ALL, extra=extra))["BlankPageDetectionAndRemoval"] == "false"
    assert "BlankPageDetectionAndRemoval" not in asked(A4)


def test_a_band_of_resolutions() -> None:
    band = replace(ALL, range_dpi=(100, 400, 50))
    assert asked(ScanProfile(dpi=250), band)["XResolution"] == "250"
    assert "it can: 100 to 400 dpi" in refusal(ScanProfile(dpi=210), band)


@pytest.mark.parametrize(
    ("profile", "model", "can"),
    [
        (ScanProfile(dpi=240), ALL, "it can: 200 dpi, 300 dpi"),
        (BITONAL, Model(), "it can: colour, grey"),
        (ScanProfile(duplex=True), Model(duplex=False), "it can: flatbed, feeder."),
        (ScanProfile(), Model(feeder=False), "it can: flatbed."),
        (ScanProfile(paper=Paper.FLATBED), Model(glass=False), "it can: feeder"),
        (ScanProfile(drop_out=DropOut.RED), ALL, "it can: drop_out none"),
        (ScanProfile(width_mm=297, height_mm=420), ALL, "it can: 216 × 356 mm"),
        (ScanProfile(), Model(formats=("image/x-raw",)), "it can: image/x-raw"),
        (ScanProfile(), Model(most=(0, 0)), "it can: a size in mm"),
    ],
)
def test_what_the_device_cannot_is_refused_with_what_it_can(
    profile: ScanProfile, model: Model, can: str
) -> None:
    assert can in refusal(profile, model)


def test_a_refusal_comes_before_a_sheet_is_fed() -> None:
    with EsclScanner([(b"",)], Model(dpis=(300,))) as scanner:
        with pytest.raises(ProfileRefused):
            next(EsclDriver(scanner.address, ScanProfile()).pages())
        assert scanner.requests == ["GET /eSCL/ScannerCapabilities"]


def test_settings_that_are_named_once_and_meant_elsewhere() -> None:
    words = f"""<scan:ScannerCapabilities {NAMES}><pwg:Version>2.1</pwg:Version>
      <scan:SettingProfiles><scan:SettingProfile name="one">
        <scan:ColorModes><scan:ColorMode>Grayscale8</scan:ColorMode></scan:ColorModes>
        <scan:DocumentFormats><pwg:DocumentFormat>image/jpeg</pwg:DocumentFormat>
        </scan:DocumentFormats><scan:SupportedResolutions><scan:DiscreteResolutions>
        <scan:DiscreteResolution><scan:XResolution>200</scan:XResolution>
        <scan:YResolution>200</scan:YResolution></scan:DiscreteResolution>
        </scan:DiscreteResolutions></scan:SupportedResolutions>
      </scan:SettingProfile></scan:SettingProfiles>
      <scan:Adf><scan:AdfSimplexInputCaps><scan:MaxWidth>2550</scan:MaxWidth>
        <scan:MaxHeight>4200</scan:MaxHeight><scan:SettingProfiles>
        <scan:SettingProfile ref="one"/></scan:SettingProfiles></scan:AdfSimplexInputCaps>
        <scan:AdfOptions><scan:AdfOption>Duplex</scan:AdfOption></scan:AdfOptions>
      </scan:Adf></scan:ScannerCapabilities>"""
    can = read_capabilities(words.encode())
    assert can.feeder_duplex == can.feeder
    assert can.glass is None
    body = scan_request(can, ScanProfile(duplex=True)).body
    assert b"<scan:Duplex>true" in body
    assert b"DocumentFormatExt" not in body
