"""The part of the design check that asks what a card can say, not where it is printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from omr.design import CheckRule, Design, Field, FieldKind, SeveralRule, Zone
from omr.press_barcodes import BarcodeMisfit, fit
from omr.score.reading import UNREADABLE

Finding = tuple[int, str]

GRIDS = (FieldKind.DIGITS, FieldKind.LETTERS)
PLAUSIBLE_LENGTH = 8  # characters of a barcode about which the design says nothing
NUMBER_FIELDS = ("ticket", "student")


def check_fields(design: Design) -> Iterator[Finding]:
    """Faults of names, values, rules and barcode zones."""
    fields = [field for side in design.sides for field in side.fields]
    zones = [zone for side in design.sides for zone in side.zones]
    everything: list[Field | Zone] = [*fields, *zones]
    named: dict[str, Field | Zone] = {}
    for each in everything:
        if each.name in named:
            other = named[each.name].line
            yield each.line, f"{each.name!r} is line {other}'s name too; give each its own"
        named.setdefault(each.name, each)
    for each in everything:
        if each.same_as:
            yield from _check_same(each, named)
    seen: set[tuple[int, str]] = set()
    for field in fields:
        for line, what in _check_field(field):
            # Fields of one table share its faults; say each once, for the first.
            if (line, what) not in seen:
                seen.add((line, what))
                yield line, f"{field.name}: {what}"
    for zone in zones:
        if zone.kind is FieldKind.BARCODE:
            yield from _check_barcode(zone, fields)


def _check_same(each: Field | Zone, named: dict[str, Field | Zone]) -> Iterator[Finding]:
    twin = named.get(each.same_as)
    if twin is None:
        yield each.line, f"{each.name}: same_as names {each.same_as!r}, which no field is called"
    elif twin is each:
        yield each.line, f"{each.name}: same_as names the field itself; name the other one"
    elif isinstance(twin, Zone) and twin.kind is FieldKind.PICTURE:
        yield each.line, f"{each.name}: same_as names a picture, which is never read"
    elif (
        isinstance(each, Field)
        and isinstance(twin, Field)
        and (each.length, each.values) != (twin.length, twin.values)
    ):
        yield (
            each.line,
            f"{each.name}: same_as names {twin.name} of line {twin.line}, which has another length "
            "or other values, so the two never agree; give both the same",
        )


def _check_field(field: Field) -> Iterator[Finding]:
    if not field.values:
        need = " though it is required" if field.required else ""
        yield field.line, f"has no option to fill{need}; give it values, or delete it"
        return
    if field.kind is FieldKind.FLAG and len(field.values) > 1:
        yield field.line, 'a flag is one box; give one value, or kind = "single"'
    if field.kind in GRIDS:
        if UNREADABLE in field.values:
            yield field.line, f"the value {UNREADABLE!r} stands for an unreadable character; rename"
    elif clash := _joins_alike(field.values):
        yield (
            field.line,
            f"several filled options can read alike: {clash}; use values of one length, such as "
            "letters",
        )
    yield from _check_rule(field)
    for value in field.allowed:
        if not _reachable(field, value):
            yield (
                field.line,
                f"the allowed value {value!r} cannot be filled in with {field.length} × "
                f"{'/'.join(field.values)}; delete it, or mend length or values",
            )
        elif not field.check.passes(value):
            yield (
                field.line,
                f"the allowed value {value!r} fails the check {field.check.value}; mend it, or "
                'set check = "none"',
            )


def _check_rule(field: Field) -> Iterator[Finding]:
    if field.check is CheckRule.NONE:
        return
    if field.kind not in GRIDS or field.length < 2:
        yield (
            field.line,
            f'check = "{field.check.value}" needs a grid of two characters or more; set "none"',
        )
        return
    extra = "X" if field.check is CheckRule.MOD11_2 else ""
    strange = [v for v in field.values if v not in "0123456789" + extra]
    if strange:
        yield (
            field.line,
            f"check {field.check.value} is for digits, but {strange[0]!r} can be filled in and "
            'never passes; delete that value, or set check = "none"',
        )
    ends = {value[-1] for value in field.allowed if value} or set("0123456789" + extra)
    lacking = sorted(ends - set(field.values))
    if lacking:
        yield (
            field.line,
            f"numbers whose check character is {'/'.join(lacking)} cannot be filled in; add "
            f"{'it' if len(lacking) == 1 else 'them'} to values, as in values = "
            f'"0123456789{extra}"',
        )


def _reachable(field: Field, value: str) -> bool:
    if value == "":
        return not field.required
    if field.kind in GRIDS:
        return len(value) == field.length and all(c in field.values for c in value)
    if field.kind is FieldKind.MULTIPLE or field.several is SeveralRule.READING:
        return _is_join(value, field.values)
    return value in field.values


def _is_join(value: str, options: Sequence[str]) -> bool:
    """Whether a value is some of the options, each at most once and in their order."""
    reached = {""}
    for option in options:
        reached |= {start + option for start in reached if value.startswith(start + option)}
    return value in reached


def _joins_alike(options: Sequence[str]) -> str:
    """Two ways to read one row of options, in words, or "".

    Sardinas and Patterson (1953): a set of words is uniquely decodable if no word is ever left
    over from laying words end to end in two ways.
    """
    words = set(options)
    if len({len(w) for w in words}) <= 1:
        return ""
    tails = {b[len(a) :]: f"{a!r} and {b!r}" for a in words for b in words if _starts(b, a)}
    seen: set[str] = set()
    while fresh := {tail: how for tail, how in tails.items() if tail not in seen}:
        for tail, how in sorted(fresh.items()):
            if tail in words:
                return f"{how} begin alike"
        seen |= set(fresh)
        tails = {}
        for tail, how in fresh.items():
            for word in words:
                if _starts(word, tail):
                    tails.setdefault(word[len(tail) :], how)
                if _starts(tail, word):
                    tails.setdefault(tail[len(word) :], how)
    return ""


def _starts(longer: str, shorter: str) -> bool:
    return longer != shorter and longer.startswith(shorter)


def _check_barcode(zone: Zone, fields: Sequence[Field]) -> Iterator[Finding]:
    lengths = {f.name: f.length for f in fields}
    for name in (zone.same_as, *NUMBER_FIELDS):
        if name in lengths:
            length = lengths[name]
            break
    else:
        length = PLAUSIBLE_LENGTH
    try:
        fit(zone, ("1234567890" * length)[:length])
    except BarcodeMisfit as misfit:
        yield (
            zone.line,
            f"the zone {zone.name} of {zone.width_mm:g} × {zone.height_mm:g} mm is too small: a "
            f"{zone.symbologies[0]} of {length} digits {misfit}; enlarge the zone",
        )
