"""Which options of a SANE device a scan profile sets, and to what.

SANE fixes the names of a few options and hardly any of their values: backends spell the feeder in
a dozen ways. Whatever is asked and not found is refused with what there is, and nothing is taken
for near enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scanner_drivers.profile import Colour, DropOut, Paper, ScanProfile

# Types and units of an option as SANE numbers them.
_BOOL, _INT, _FIXED, _TEXT = 0, 1, 2, 3
_PIXEL = 1
_WORD_BYTES = 4
_MM_AN_INCH = 25.4

_YES = ("yes", "true", "1")
_NO = ("no", "false", "0")
_SIDES = {False: "one side alone", True: "both sides of a sheet"}
_TWO_SIDES = ("duplex", "both", "two-sided", "two sided", "double")
_BACK = ("back", "rear")
_FEEDER = ("adf", "feeder")
_FLATBED = ("flatbed", "flat bed", "document table", "platen")
_FLATBED_IN_FULL = ("fb", "normal")
_MODES = {
    Colour.GREY: ("gray", "grey"),
    Colour.COLOUR: ("color", "colour", "rgb"),
    Colour.BITONAL: ("lineart", "line art", "black & white", "black and white", "binary", "b/w"),
}
# Dots where there is grey paper or half a mark: a reader of marks must never get these.
_DITHERED = ("halftone", "dither", "diffusion")
_RESOLUTIONS = ("resolution", "x-resolution", "y-resolution")
_DROP_OUTS = (
    "dropout-front", "dropout-back", "dropout", "dropoutcolor", "dropout-color", "color-dropout",
    "color-filter", "filter-color",
)  # fmt: skip


class Refused(Exception):
    """The device cannot do what is asked; `possible` says what it can."""

    def __init__(self, asked: str, possible: Sequence[str]) -> None:
        self.asked, self.possible = asked, list(possible)
        super().__init__(asked)


class Panel:
    """The options of an open device as they are now; setting one may change the others."""

    def __init__(self, device: Any) -> None:
        self._device = device

    def names(self) -> list[str]:
        """What can be set just now, as SANE spells it."""
        options = self._device.opt.values()
        return [o.name for o in options if o.name and o.is_active() and o.is_settable()]

    def has(self, name: str) -> bool:
        """Whether the option is there and can be set just now."""
        return name in self.names()

    def choices(self, name: str) -> list[Any]:
        """The values that the option is limited to; none where it has no list."""
        limits = self._option(name).constraint
        return limits if isinstance(limits, list) else []

    def bounds(self, name: str) -> tuple[float, float, float] | None:
        """Least, most and step (0: any) of an option with a range."""
        limits = self._option(name).constraint
        return limits if isinstance(limits, tuple) else None

    def possible(self, name: str) -> list[str]:
        """The option's values, for people."""
        limits, kind = self._option(name).constraint, self._option(name).type
        if kind == _BOOL:
            return ["yes", "no"]
        if isinstance(limits, list):
            return [f"{value:g}" if isinstance(value, float) else str(value) for value in limits]
        if isinstance(limits, tuple):
            steps = f" in steps of {limits[2]:g}" if limits[2] else ""
            return [f"{limits[0]:g} to {limits[1]:g}{steps}"]
        return [{_INT: "a number", _FIXED: "a number", _TEXT: "any text"}.get(kind, "no value")]

    def in_pixels(self, name: str) -> bool:
        """Whether the option counts pixels."""
        return bool(self._option(name).unit == _PIXEL)

    def value(self, name: str) -> Any:
        """What the option is set to."""
        return getattr(self._device, self._option(name).py_name)

    def turn(self, name: str, value: Any) -> None:
        """Sets the option. Raises Refused."""
        option = self._option(name)
        try:
            setattr(self._device, option.py_name, int(value) if option.type == _INT else value)
        except Exception as error:
            raise Refused(f"{name}={value} ({error})", self.possible(name)) from error

    def turn_as_told(self, name: str, text: str) -> None:
        """Sets the option to what a person wrote. Raises Refused."""
        if not self.has(name):
            raise Refused(f"the option {name!r}", self.names())
        self.turn(name, self._typed(name, text))

    def _option(self, name: str) -> Any:
        return next(option for option in self._device.opt.values() if option.name == name)

    def _typed(self, name: str, text: str) -> Any:
        option = self._option(name)
        try:
            if option.type == _BOOL:
                return {**dict.fromkeys(_YES, 1), **dict.fromkeys(_NO, 0)}[text.lower()]
            if option.type in (_INT, _FIXED):
                if option.size != _WORD_BYTES:
                    raise ValueError("a table of numbers")
                value: Any = int(text) if option.type == _INT else float(text)
            elif option.type == _TEXT:
                value = text
            else:
                raise ValueError("a button")
        except (KeyError, ValueError):
            value = None
        choices, bounds = self.choices(name), self.bounds(name)
        # A backend may round what it does not know to something near.
        outside = bounds is not None and value is not None and not bounds[0] <= value <= bounds[1]
        if value is None or outside or (choices and value not in choices):
            raise Refused(f"{name}={text}", self.possible(name))
        return value


def set_up(panel: Panel, profile: ScanProfile, settings: dict[str, str]) -> float:
    """Sets what the profile asks and then the rest of `settings`; returns the dpi. Raises Refused.

    An option named in `settings` is set to that, in the place of what the profile asks of it: for
    devices that call a thing by no name known here.
    """
    told = dict(settings)
    if "source" in told:
        _take_source(panel, profile, told)
    else:
        _set_source(panel, profile, told)
    if "mode" in told:
        panel.turn_as_told("mode", told.pop("mode"))
    else:
        _set_mode(panel, profile.colour)
    if "depth" not in told:
        _set_depth(panel, profile.colour)
    dpi = _set_resolution(panel, profile.dpi, told)
    _set_page(panel, "x", profile.width_mm, dpi)
    _set_page(panel, "y", profile.height_mm, dpi)
    if profile.drop_out is not DropOut.NONE:
        _set_drop_out(panel, profile.drop_out, told)
    for name, text in told.items():
        panel.turn_as_told(name, text)
    now = float(panel.value(_resolutions(panel)[0]))
    if now != dpi:
        raise Refused(f"{dpi:g} dpi with {', '.join(told)} set so", [f"{now:g} dpi"])
    return dpi


def _has(text: Any, words: Sequence[str]) -> bool:
    return any(word in str(text).lower() for word in words)


def _set_source(panel: Panel, profile: ScanProfile, told: dict[str, str]) -> None:
    sources = panel.choices("source") if panel.has("source") else []
    if profile.paper is Paper.FLATBED:
        flat = [s for s in sources if _has(s, _FLATBED) or str(s).lower() in _FLATBED_IN_FULL]
        if sources and not flat:
            raise Refused("the flatbed", sources)
        if flat:
            panel.turn("source", flat[0])
        return
    feeders = [s for s in sources if _has(s, _FEEDER) and not _has(s, _BACK)]
    both = [s for s in feeders if _has(s, _TWO_SIDES)]
    one = [s for s in feeders if s not in both]
    wanted = both if profile.duplex else one
    if wanted:
        panel.turn("source", wanted[0])
    elif profile.duplex and one:
        panel.turn("source", one[0])
    elif sources:
        raise Refused("the feeder, both sides" if profile.duplex else "the feeder", sources)
    if not (profile.duplex and both):
        _set_sides(panel, profile.duplex, told, sources)


def _take_source(panel: Panel, profile: ScanProfile, told: dict[str, str]) -> None:
    """The source named by hand. Were its sides not the profile's, two fronts would be a sheet."""
    source = told.pop("source")
    panel.turn_as_told("source", source)
    if profile.paper is Paper.FLATBED:
        return
    if not _has(source, _TWO_SIDES):
        _set_sides(panel, profile.duplex, told, [])
    elif not profile.duplex:
        raise Refused(f"{_SIDES[False]} with source={source}", [_SIDES[True]])


def _set_sides(panel: Panel, duplex: bool, told: dict[str, str], sources: Sequence[str]) -> None:
    """For devices that keep the sides of a sheet apart from its source."""
    for name in ("duplex", "adf-mode"):
        if name in told:
            both = told[name].lower() in _YES or _has(told[name], _TWO_SIDES)
            if both is not duplex:
                raise Refused(f"{_SIDES[duplex]} with {name}={told[name]}", [_SIDES[both]])
            return
    if panel.has("duplex"):
        panel.turn("duplex", int(duplex))
        return
    ways = panel.choices("adf-mode") if panel.has("adf-mode") else []
    fitting = [way for way in ways if _has(way, _TWO_SIDES) is duplex]
    if fitting:
        panel.turn("adf-mode", fitting[0])
    elif duplex or ways:
        raise Refused(_SIDES[duplex], [*ways, *sources])


def _set_mode(panel: Panel, colour: Colour) -> None:
    """A device without modes, or with depth for them, is found out when it sends a page."""
    modes = panel.choices("mode") if panel.has("mode") else []
    named = [m for m in modes if _has(m, _MODES[colour]) and not _has(m, _DITHERED)]
    if not named and colour is Colour.BITONAL and 1 in _depths(panel):
        named = [m for m in modes if _has(m, _MODES[Colour.GREY])]
    if named:
        exact = [m for m in named if str(m).lower() in _MODES[colour]]
        panel.turn("mode", (exact or named)[0])
    elif modes:
        raise Refused(colour.value, modes)


def _depths(panel: Panel) -> list[Any]:
    return panel.choices("depth") if panel.has("depth") else []


def _set_depth(panel: Panel, colour: Colour) -> None:
    wanted = 1 if colour is Colour.BITONAL else 8
    if wanted in _depths(panel):
        panel.turn("depth", wanted)


def _set_resolution(panel: Panel, dpi: int, told: dict[str, str]) -> float:
    names = _resolutions(panel)
    if not names:
        raise Refused(f"{dpi} dpi", [])
    for name in names:
        if name in told:
            panel.turn_as_told(name, told.pop(name))
            continue
        choices, bounds = panel.choices(name), panel.bounds(name)
        offered = dpi in choices if choices else bounds is None or _on_step(dpi, bounds)
        if offered:
            panel.turn(name, float(dpi))
        if not offered or abs(panel.value(name) - dpi) > 0.5:
            raise Refused(f"{dpi} dpi", panel.possible(name))
    return float(panel.value(names[0]))


def _resolutions(panel: Panel) -> list[str]:
    return [name for name in _RESOLUTIONS if panel.has(name)]


def _on_step(value: float, bounds: tuple[float, float, float]) -> bool:
    least, most, step = bounds
    steps = (value - least) / step if step else 0.0
    return least <= value <= most and abs(steps - round(steps)) < 0.01


def _set_page(panel: Panel, axis: str, mm: float, dpi: float) -> None:
    if not mm:
        return
    paper = {"x": "page-width", "y": "page-height"}[axis]
    near, far = f"tl-{axis}", f"br-{axis}"
    if not (panel.has(near) and panel.has(far)):
        raise Refused(f"a page of {mm:g} mm", [])
    # Feeders that hold the sheet in their middle measure from the edge of the paper named here.
    if panel.has(paper):
        panel.turn(paper, _reach(panel, paper, mm, dpi))
    least = panel.bounds(near)
    start = least[0] if least is not None else 0.0
    panel.turn(near, start)
    length = _reach(panel, far, mm, dpi)
    panel.turn(far, start + length)
    got = panel.value(far) - start
    if got < 0.98 * length:
        raise Refused(f"a page of {mm:g} mm", [f"{mm * got / length:.0f} mm"])


def _reach(panel: Panel, name: str, mm: float, dpi: float) -> float:
    """The length in the option's unit, up to its next step: a card is never cut."""
    unit = dpi / _MM_AN_INCH if panel.in_pixels(name) else 1.0
    length, bounds = mm * unit, panel.bounds(name)
    if bounds is None:
        return length
    least, most, step = bounds
    if length > most - max(least, 0.0) + 0.01 * unit:
        raise Refused(f"a page of {mm:g} mm", [f"{name} of at most {most / unit:g} mm"])
    if step:
        length = math.ceil(length / step - 0.01) * step
    return min(length, most)


def _set_drop_out(panel: Panel, ink: DropOut, told: dict[str, str]) -> None:
    there = [name for name in _DROP_OUTS if panel.has(name)]
    if any(name in told for name in there):
        return
    done = 0
    for name in there:
        for choice in panel.choices(name):
            if str(choice).lower() == ink.value:
                panel.turn(name, choice)
                done += 1
    if not done:
        offered = [f"{name} {choice}" for name in there for choice in panel.choices(name)]
        raise Refused(f"drop-out of {ink.value}", offered)
