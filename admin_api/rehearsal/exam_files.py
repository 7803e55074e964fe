"""The rehearsal's EXAM.toml and answer keys, as text."""

from __future__ import annotations

import json

from admin_api.rehearsal.scans import DESIGN
from admin_api.rehearsal.world import (
    ITEMS,
    LINES,
    MERGED,
    REGIONS,
    ROLLING_YEARS,
    SPECIALTIES,
    SUBJECTS,
    YEAR,
    Key,
)

_CALENDAR = """[calendar]
corrections_until = 2026-06-12
violations_from = 2026-06-01
violations_until = 2026-06-12

[ticket]
pattern = "[0-9]{12}"
"""
_CARD = f"""[card]
design = "{DESIGN}"
ticket = "ticket"
subject = "subject"
form = "form"
absent = "absent"
violation = "violation"
items = "q{{n}}"
[card.barcode]
field = "barcode"
names = "paper"
pattern = "(?P<paper>[0-9]{{4}})(?P<form>[AB])[0-9]{{6}}"

[review]
people = 2
"""


def exam_text() -> str:
    """The rehearsal's EXAM.toml."""
    parts = [f'year = {YEAR}\nname = "卫生专业技术资格考试（演练）"\n', _CALENDAR]
    parts += [f'[[region]]\ncode = "{code}"\nname = "{name}"' for code, name in REGIONS.items()]
    parts += [f'[[subject]]\ncode = "{code}"\nname = "{name}"' for code, name in SUBJECTS.items()]
    forms: dict[str, str] = {}
    for code, one in SPECIALTIES.items():
        papers = ", ".join(f'{subject} = "{paper}"' for subject, paper in one.papers.items())
        parts.append(
            f'[[specialty]]\ncode = "{code}"\nname = "{one.name}"\nlevel = "{one.level}"\n'
            f'medium = "{"card" if one.on_card else "computer"}"\npapers = {{ {papers} }}'
        )
        forms |= dict.fromkeys(one.papers.values(), '["A", "B"]' if one.on_card else "[]")
    parts += [
        f'[[paper]]\ncode = "{paper}"\nitems = {ITEMS}\nforms = {has}\nscale = "100"'
        for paper, has in forms.items()
    ]
    parts.append(_CARD)
    for region, line in LINES.items():
        where = f'region = "{region}"\n' if region else ""
        parts.append(f'[[pass_line]]\n{where}line = "{line}"')
    merges = {target: [old for old, new in MERGED.items() if new == target] for target in MERGED}
    parts.append(f"\n[rolling]\nyears = {ROLLING_YEARS}")
    for target, old in merges.items():
        if old:
            names = ", ".join(f'"{code}"' for code in old)
            parts.append(f'[[rolling.merge]]\nfrom = [{names}]\nto = "{target}"')
    parts.append('\n[violations]\ntable = "2017"')
    return "\n".join(parts) + "\n"


def key_text(paper: str, form: str, key: Key) -> str:
    """A paper's key file."""
    accept = ", ".join(f'"{item}" = {json.dumps(options)}' for item, options in key.accept.items())
    void = ", ".join(f'"{item}" = "{what}"' for item, what in key.void.items())
    return (
        f'paper = "{paper}"\nform = "{form}"\nversion = 1\n\n[[section]]\nname = "A1"\n'
        f'kind = "single"\nanswers = "{"".join(key.answers)}"\n'
        f"accept = {{ {accept} }}\nvoid = {{ {void} }}\n"
    )
