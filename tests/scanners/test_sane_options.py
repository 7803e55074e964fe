"""A profile becomes the options of a device, however its backend spells them; or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from scanner_drivers.profile import Colour, DropOut, Paper, ScanProfile
from scanner_drivers.sane_options import Panel, Refused, set_up
from tests.scanners.stand_in.sane import Board, Option

PIXEL, MM = 1, 3
FLATBED = ScanProfile(paper=Paper.FLATBED)
DUPLEX = ScanProfile(duplex=True)


def resolution() -> Option:
    return Option("resolution", 75, [75, 100, 200, 300])


def set_on(profile: ScanProfile, *options: Option, **told: str) -> dict[str, Any]:
    """What the options are set to for the profile."""
    board = Board(resolution(), *options)
    assert set_up(Panel(board), profile, told) == board.resolution
    return {option.name: option.value for option in options}


def refused(profile: ScanProfile, *options: Option, **told: str) -> str:
    with pytest.raises(Refused) as caught:
        set_on(profile, *options, **told)
    return f"{caught.value.asked}: {', '.join(caught.value.possible)}"


# ── sources ──────────────────────────────────────────────────────────────────────────────────

FUJITSU = ["Flatbed", "ADF Front", "ADF Back", "ADF Duplex"]
CANON = ["Flatbed", "ADF Front", "ADF Back", "ADF Duplex", "Card Front", "Card Duplex"]
HP = ["Flatbed", "ADF", "ADF Duplex", "TMA Slides", "TMA Negatives"]
BROTHER = ["FlatBed", "Automatic Document Feeder", "Automatic Document Feeder(Duplex)"]
CENTRED = [
    "Automatic Document Feeder(left aligned)",
    "Automatic Document Feeder(centrally aligned)",
]
EPSON = ["Document Table", "Automatic Document Feeder"]


@pytest.mark.parametrize(
    ("sources", "profile", "chosen"),
    [
        (FUJITSU, ScanProfile(), "ADF Front"),
        (FUJITSU, DUPLEX, "ADF Duplex"),
        (FUJITSU, FLATBED, "Flatbed"),
        (CANON, ScanProfile(), "ADF Front"),
        (CANON, DUPLEX, "ADF Duplex"),
        (HP, ScanProfile(), "ADF"),
        (HP, DUPLEX, "ADF Duplex"),
        (BROTHER, ScanProfile(), "Automatic Document Feeder"),
        (BROTHER, DUPLEX, "Automatic Document Feeder(Duplex)"),
        (BROTHER, FLATBED, "FlatBed"),
        (CENTRED, ScanProfile(), "Automatic Document Feeder(left aligned)"),
        (EPSON, ScanProfile(), "Automatic Document Feeder"),
        (EPSON, FLATBED, "Document Table"),
        (["adf", "fb"], ScanProfile(), "adf"),
        (["adf", "fb"], FLATBED, "fb"),
    ],
)
def test_the_source_is_found_however_it_is_called(
    sources: list[str], profile: ScanProfile, chosen: str
) -> None:
    assert set_on(profile, Option("source", "", sources)) == {"source": chosen}


@pytest.mark.parametrize(
    ("sources", "profile", "said"),
    [
        (["Flatbed", "Transparency Adapter"], ScanProfile(), "the feeder: Flatbed, Transparency"),
        (["ADF Back", "ADF Duplex"], ScanProfile(), "the feeder: ADF Back, ADF Duplex"),
        (["Flatbed", "ADF Back"], DUPLEX, "the feeder, both sides: Flatbed, ADF Back"),
        (["Flatbed", "ADF"], DUPLEX, "both sides of a sheet: Flatbed, ADF"),
        (["ADF Front"], FLATBED, "the flatbed: ADF Front"),
        (["Auto"], ScanProfile(), "the feeder: Auto"),
    ],
)
def test_no_source_is_taken_for_near_enough(
    sources: list[str], profile: ScanProfile, said: str
) -> None:
    assert refused(profile, Option("source", "", sources)).startswith(said)


@pytest.mark.parametrize("duplex", [False, True])
def test_sides_may_be_an_option_of_their_own(duplex: bool) -> None:
    source, profile = Option("source", "", EPSON), ScanProfile(duplex=duplex)
    chosen = set_on(profile, source, Option("adf-mode", "", ["Simplex", "Duplex"]))
    assert chosen == {"source": EPSON[1], "adf-mode": "Duplex" if duplex else "Simplex"}
    chosen = set_on(profile, source, Option("duplex", not duplex))
    assert chosen == {"source": EPSON[1], "duplex": duplex}


def test_an_option_that_is_told_is_not_chosen() -> None:
    source = Option("source", "", ["Tray A", "Tray B"])
    assert set_on(DUPLEX, source, Option("duplex", False), source="Tray B", duplex="yes") == {
        "source": "Tray B",
        "duplex": 1,
    }
    assert set_on(FLATBED, resolution(), resolution="300") == {"resolution": 300}


@pytest.mark.parametrize(
    ("duplex", "told", "said"),
    [
        (True, {"source": "ADF Front"}, "both sides of a sheet: "),
        (
            True,
            {"source": "ADF Front", "duplex": "no"},
            "both sides of a sheet with duplex=no: one",
        ),
        (False, {"source": "ADF Duplex"}, "one side alone with source=ADF Duplex: both sides"),
        (False, {"source": "ADF Front", "duplex": "1"}, "one side alone with duplex=1: both"),
    ],
)
def test_sides_named_by_hand_are_those_of_the_profile(
    duplex: bool, told: dict[str, str], said: str
) -> None:
    options = [Option("source", "", FUJITSU)]
    if "duplex" in told:
        options.append(Option("duplex", False))
    assert refused(ScanProfile(duplex=duplex), *options, **told).startswith(said)


def test_a_setting_that_changes_the_resolution_again_is_refused() -> None:
    class Coupled(Board):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "fast":
                self.resolution = 100

    board = Coupled(resolution(), Option("fast", False))
    with pytest.raises(Refused, match="200 dpi with fast set so"):
        set_up(Panel(board), FLATBED, {"fast": "yes"})


# ── modes ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("modes", "colour", "chosen"),
    [
        (["Lineart", "Halftone", "Gray", "Color"], Colour.BITONAL, "Lineart"),
        (["Lineart", "Halftone", "Gray", "Color"], Colour.GREY, "Gray"),
        (["Lineart", "Halftone", "Gray", "Color"], Colour.COLOUR, "Color"),
        (["Black & White", "Gray[Error Diffusion]", "True Gray"], Colour.GREY, "True Gray"),
        (["Black & White", "Gray[Error Diffusion]", "True Gray"], Colour.BITONAL, "Black & White"),
        (["24bit Color[Fast]", "True Gray"], Colour.COLOUR, "24bit Color[Fast]"),
        (["binary", "gray", "color"], Colour.BITONAL, "binary"),
        (["Grayscale", "Gray"], Colour.GREY, "Gray"),
    ],
)
def test_the_mode_is_found_however_it_is_called(
    modes: list[str], colour: Colour, chosen: str
) -> None:
    profile = ScanProfile(paper=Paper.FLATBED, colour=colour)
    assert set_on(profile, Option("mode", "", modes)) == {"mode": chosen}


def test_dots_are_never_taken_for_black_and_white() -> None:
    profile = ScanProfile(paper=Paper.FLATBED, colour=Colour.BITONAL)
    modes = Option("mode", "Color", ["Halftone", "Color", "Gray"])
    assert refused(profile, modes) == "bitonal: Halftone, Color, Gray"
    chosen = set_on(profile, modes, Option("depth", 8, [1, 8, 16]))
    assert chosen == {"mode": "Gray", "depth": 1}


def test_eight_bits_are_chosen_where_there_are_more() -> None:
    assert set_on(FLATBED, Option("depth", 16, [8, 16])) == {"depth": 8}
    assert set_on(FLATBED, Option("depth", 16, [8, 16]), depth="16") == {"depth": 16}


# ── resolution and page ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limits", "dpi", "possible"),
    [
        ([75, 100, 300], 200, "75, 100, 300"),
        ((100, 600, 100), 250, "100 to 600 in steps of 100"),
        ((50, 150, 0), 200, "50 to 150"),
        ([75.0, 100.5], 100, "75, 100.5"),
    ],
)
def test_another_resolution_is_not_near_enough(limits: Any, dpi: int, possible: str) -> None:
    board = Board(Option("resolution", 75, limits))
    with pytest.raises(Refused) as caught:
        set_up(Panel(board), ScanProfile(paper=Paper.FLATBED, dpi=dpi), {})
    assert caught.value.asked == f"{dpi} dpi"
    assert ", ".join(caught.value.possible) == possible


def test_both_axes_are_set_where_they_are_apart() -> None:
    board = Board(
        Option("x-resolution", 75.0, (75.0, 600.0, 0.0)), Option("y-resolution", 75.0, None)
    )
    assert set_up(Panel(board), FLATBED, {}) == 200
    assert (board.x_resolution, board.y_resolution) == (200, 200)
    with pytest.raises(Refused, match="200 dpi"):
        set_up(Panel(Board()), FLATBED, {})


def corners(unit: int, limits: tuple[float, float, float]) -> list[Option]:
    return [Option(f"{end}-{axis}", 0.0, limits, unit) for end in ("tl", "br") for axis in "xy"]


def test_the_page_is_never_cut_short() -> None:
    card = ScanProfile(paper=Paper.FLATBED, width_mm=104.2, height_mm=210)
    page = set_on(card, *corners(MM, (0.0, 300.0, 1.0)))
    assert page == {"tl-x": 0, "tl-y": 0, "br-x": 105, "br-y": 210}
    page = set_on(card, *corners(PIXEL, (0.0, 5000.0, 1.0)))
    assert page == {"tl-x": 0, "tl-y": 0, "br-x": 821, "br-y": 1654}
    assert "br-y of at most 200 mm" in refused(card, *corners(MM, (0.0, 200.0, 0.0)))
    assert refused(card) == "a page of 104.2 mm: "
    own = set_on(FLATBED, Option("br-x", 80.0, (0.0, 200.0, 1.0), MM))
    assert own == {"br-x": 80}


def test_a_page_that_the_device_makes_shorter_is_refused() -> None:
    class Stubborn(Board):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, min(value, 148.0) if name == "br_y" else value)

    board = Stubborn(resolution(), *corners(MM, (0.0, 300.0, 0.0)))
    with pytest.raises(Refused) as caught:
        set_up(Panel(board), ScanProfile(paper=Paper.FLATBED, height_mm=210), {})
    assert caught.value.possible == ["148 mm"]


def test_a_feeder_is_told_how_wide_the_paper_is() -> None:
    card = ScanProfile(paper=Paper.FLATBED, width_mm=105)
    width = Option("page-width", 215.0, (0.0, 221.0, 0.0), MM)
    assert set_on(card, width, *corners(MM, (0.0, 221.0, 0.0)))["page-width"] == 105


# ── drop-out ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("dropoutcolor", ["Default", "Red", "Green", "Blue"]),
        ("dropout-front", ["None", "Red", "Green", "Blue", "Enhance Red"]),
        ("dropout", ["None", "Red", "Green", "Blue"]),
        ("color-filter", ["Red", "Green", "Blue"]),
    ],
)
def test_the_ink_that_is_left_out_is_found_however_it_is_called(
    name: str, choices: list[str]
) -> None:
    red = ScanProfile(paper=Paper.FLATBED, drop_out=DropOut.RED)
    assert set_on(red, Option(name, choices[-1], choices)) == {name: "Red"}
    assert set_on(FLATBED, Option(name, choices[-1], choices)) == {name: choices[-1]}


def test_both_faces_leave_out_the_ink() -> None:
    inks = ["None", "Red", "Blue"]
    red = ScanProfile(paper=Paper.FLATBED, drop_out=DropOut.RED)
    faces = [Option("dropout-front", "None", inks), Option("dropout-back", "None", inks)]
    assert set_on(red, *faces) == {"dropout-front": "Red", "dropout-back": "Red"}
    green = ScanProfile(paper=Paper.FLATBED, drop_out=DropOut.GREEN)
    assert refused(green, faces[0]).startswith("drop-out of green: dropout-front None, ")


def test_an_option_that_is_asleep_is_not_there() -> None:
    ink = Option("dropout", "None", ["None", "Red"])
    ink.active = False
    red = ScanProfile(paper=Paper.FLATBED, drop_out=DropOut.RED)
    assert refused(red, ink) == "drop-out of red: "
    assert refused(FLATBED, ink, dropout="Red").startswith("the option 'dropout': resolution")
