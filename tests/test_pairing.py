"""Which pages are a sheet: never a stranger's page beside one's own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.design import load_design
from omr.records import DoubtKind, SideName
from omr.score.pairing import Face, Pairing, Twins, pair_sheets, twins_of, usual_first
from omr.score.rows import BACK, FRONT, REJECTED

TWINS = Twins((("front_code", "back_code"),))
SIDES = {"F": SideName.FRONT, "B": SideName.BACK, "R": None}
TAGS = {"F": FRONT, "B": BACK, "R": REJECTED}
NAMES = {"F": "front_code", "B": "back_code"}


def faces(feed: str) -> list[Face]:
    """`"F1 B1 R F"`: side and, where given, the code printed on it."""
    return [
        Face(at, f"{at}.tif", SIDES[one[0]], {NAMES[one[0]]: one[1:]} if one[1:] else {})
        for at, one in enumerate(feed.split())
    ]


def paired(feed: str) -> list[Pairing]:
    tags = bytes(TAGS[one[0]] for one in feed.split())
    return list(pair_sheets(faces(feed), TWINS, usual_first(tags)))


def told(feed: str) -> str:
    """Partners, `-` where there is none; `!` missing side, `?` clash."""
    signs = {DoubtKind.SIDE_MISSING: "!", DoubtKind.IDENTITY_CLASH: "?"}
    return " ".join(
        ("-" if p.partner is None else str(p.partner)) + "".join(signs[d.kind] for d in p.doubts)
        for p in paired(feed)
    )


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        # the usual
        ("F B F B", "1 0 3 2"),
        ("B F B F B F", "1 0 3 2 5 4"),  # the stack lay face down
        ("F1 B1 F2 B2", "1 0 3 2"),
        # a sheet the other way round
        ("F1 B1 B2 F2 F3 B3", "1 0 3 2 5 4"),
        ("F B B F F B", "1 0 3! 2! 5 4"),  # nothing printed says that it is one sheet
        # a lost page
        ("F B B F B F B", "1 0 -! 4 3 6 5"),
        ("F B F F B", "1 0 -! 4 3"),
        ("F1 B1 B2 F3 B3", "1 0 -! 4 3"),
        ("F B F", "1 0 -!"),
        ("B F B", "-! 2 1"),
        ("F", "-!"),
        # two sheets that do not belong together
        ("F1 B2", "1? 0?"),
        ("F1 B1 F2 B9 F3 B3", "1 0 3? 2? 5 4"),
        ("F1 B2 F2 B3 F3", "-! 2 1 4 3"),
        # a code that nobody could read
        ("F1 B F2 B2", "1 0 3 2"),
        # a page that was rejected
        ("F R F B", "1! 0 3 2"),
        ("R B F B", "1 0! 3 2"),
        ("R F B", "- 2 1"),
        ("F R R B F B", "1! 0 3 2! 5 4"),
        ("R R", "1 0"),
        ("R", "-"),
        ("", ""),
    ],
)
def test_feeds(feed: str, expected: str) -> None:
    assert told(feed) == expected


@pytest.mark.parametrize(
    ("sources", "together"),
    [
        (("a.tif#1", "a.tif#2"), True),
        (("a.tif", "b.tif"), True),
        (("a.pdf#2", "b.pdf#1"), False),
        (("a.tif", "b.pdf#1"), False),
        (("a#1/x.tif", "a#1/y.tif"), True),
    ],
)
def test_a_sheet_does_not_span_files_of_several_pages(
    sources: tuple[str, str], together: bool
) -> None:
    feed = [
        Face(0, sources[0], SideName.FRONT),
        Face(1, sources[1], SideName.BACK),
    ]
    pairings = list(pair_sheets(feed, TWINS, SideName.FRONT))
    assert (pairings[0].partner == 1) is together


@settings(deadline=None)
@given(st.lists(st.sampled_from(["F", "B", "R", "F1", "B1", "F2", "B2"]), max_size=12))
def test_any_feed(parts: list[str]) -> None:
    """One pairing a page; partners are mutual neighbours; no pair goes unseen without a reason."""
    feed = faces(" ".join(parts))
    pairings = paired(" ".join(parts))
    assert len(pairings) == len(feed)
    for at, (face, pairing) in enumerate(zip(feed, pairings, strict=True)):
        if pairing.partner is None:
            assert face.side is None or pairing.doubts
            continue
        other = feed[pairing.partner]
        assert abs(pairing.partner - at) == 1
        assert pairings[pairing.partner].partner == at
        assert face.side is None or face.side is not other.side
        if face.side is not None and not pairing.doubts:
            assert other.side is not None
            assert not TWINS.clashes(face, other)


def test_twins_come_from_the_design() -> None:
    assert twins_of(load_design("two-sided-60")) == Twins((("sheet_front", "sheet_back"),))
    assert twins_of(load_design("quiz-a5")).names == ()


def test_evidence_names_what_was_seen() -> None:
    clash = paired("F1 B2")[1].doubts[0]
    assert clash.field == "back_code"
    assert clash.evidence == "front front_code says '1', back back_code '2'"
    assert "page 1, was rejected" in paired("F R")[0].doubts[0].evidence
