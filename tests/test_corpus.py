"""The corpus runner, and the contract of sample_scans/ itself."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from omr.corpus import FamilyResult, PageSaid, check_corpus, differences, report, run
from omr.corpus_layout import Expected, read_corpus, read_expected
from omr.demo import run_demo
from omr.design import builtin_names, load_design
from omr.errors import CorpusError, DesignError
from omr.records import RejectReason, SideName
from omr.score.rows import value_names
from omr.simulate import load_mix, simulate_card
from tests.make_samples import NO_CARD, RECIPES, expected_line

SAMPLES = Path(__file__).resolve().parents[1] / "sample_scans"
FAMILIES = [t["name"] for t in tomllib.loads((SAMPLES / "corpus.toml").read_text())["family"]]
MOST_BYTES = 15_000_000


# ── our own scans ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def samples() -> dict[str, FamilyResult]:
    return {result.family.name: result for result in check_corpus(SAMPLES, workers=0)}


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_keeps_its_contract(samples: dict[str, FamilyResult], name: str) -> None:
    result = samples[name]
    assert not result.broken(), result.differs[:5]


def test_nothing_is_misread(samples: dict[str, FamilyResult]) -> None:
    assert sum(result.misread for result in samples.values()) == 0


def test_no_contract_lets_anything_be_misread() -> None:
    assert all(family.most_misread == 0 for family in read_corpus(SAMPLES))


def test_pages_that_are_no_cards_read_as_nothing(samples: dict[str, FamilyResult]) -> None:
    for design in builtin_names():
        (family,) = [
            r for n, r in samples.items() if n.startswith(NO_CARD) and r.family.design == design
        ]
        assert family.rejected == family.pages >= 12


def test_the_samples_are_as_small_and_as_many_sided_as_promised() -> None:
    files = [path for path in SAMPLES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    assert {path.suffix for path in files} >= {".jpg", ".tif"}
    assert {family.design for family in read_corpus(SAMPLES)} == set(builtin_names())


def test_the_generator_makes_every_family_that_the_contract_names() -> None:
    folders = {family.folder.name for family in read_corpus(SAMPLES)}
    assert folders == {recipe.name for recipe in RECIPES} | {NO_CARD}
    assert folders == {path.name for path in SAMPLES.iterdir() if path.is_dir()}


def test_two_sided_cards_come_in_pairs() -> None:
    design = load_design("two-sided-60")
    for family in read_corpus(SAMPLES):
        if family.design == design.name and family.folder.name != NO_CARD:
            sides = [one.side for one in read_expected(family, design)]
            assert sides.count(SideName.FRONT) == sides.count(SideName.BACK) > 0


# ── what is expected of a page ───────────────────────────────────────────────────────────────


def said(status: str = "read", side: str = "front", **values: str) -> PageSaid:
    return PageSaid(status, side, values, ())


def doubted(kind: str, name: str, **values: str) -> PageSaid:
    return PageSaid("review", "front", values, ((kind, name),))


def card(**values: str) -> Expected:
    return Expected("a.jpg", True, SideName.FRONT, values, frozenset(), ())


def not_a_card(*reasons: RejectReason) -> Expected:
    return Expected("a.jpg", False, None, {}, frozenset(), reasons)


def refused(reason: str) -> PageSaid:
    return PageSaid("rejected", "", {}, (), reason, "for a test")


def test_a_wrong_value_without_a_doubt_is_misread() -> None:
    wrong = list(differences(card(q1="A", q2=""), said(q1="A", q2="B", q3="C")))
    assert wrong == [("q2", "", "B")]


def test_a_wrong_value_is_let_pass_where_it_is_doubted_or_nobody_can_settle_it() -> None:
    assert not list(differences(card(q1="A"), doubted("faint", "q1", q1="")))
    assert list(differences(card(q1="A"), doubted("faint", "q2", q1="", q2="")))
    unsettled = Expected("a.jpg", True, SideName.FRONT, {"q1": "A"}, frozenset({"q1"}), ())
    assert not list(differences(unsettled, said(q1="B")))


def test_the_wrong_side_is_misread() -> None:
    assert list(differences(card(q1="A"), said(side="back", m1="A"))) == [
        ("", "the front", "the back")
    ]


def test_no_card_may_carry_a_value_or_pass_as_a_blank_card() -> None:
    assert list(differences(not_a_card(), doubted("faint", "q1", q1="A", q2=""))) == [
        ("q1", "", "A")
    ]
    assert list(differences(not_a_card(), said(q1="", q2="")))
    assert not list(differences(not_a_card(), doubted("required_blank", "q1", q1="")))
    assert not list(differences(not_a_card(), refused("no_card")))


def test_a_refusal_must_be_for_a_reason_that_is_expected() -> None:
    blank = not_a_card(RejectReason.BLANK_PAGE)
    assert not list(differences(blank, refused("blank_page")))
    ((field, expected, got),) = differences(blank, refused("streak"))
    assert (field, expected) == ("", "rejected: blank_page")
    assert "streak" in got


def test_the_expected_line_is_the_simulators_truth() -> None:
    design = load_design("quiz-a5")
    (page,) = simulate_card(design, load_mix("clean"), 1, 0)
    line = expected_line(page.truth)
    assert line["values"] == page.truth.values
    assert set(page.truth.values) == set(value_names(design.sides[0]))
    (blank,) = simulate_card(design, load_mix("blank_sheet"), 1, 0)
    assert expected_line(blank.truth)["card"] is False


# ── other people's folders ───────────────────────────────────────────────────────────────────

CORPUS = """
[[family]]
name = "small"
folder = "scans"
design = "quiz-a5"
least_read = 3
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of one family that keeps its contract."""
    shutil.copytree(SAMPLES / "clean_quiz", tmp_path / "scans")
    (tmp_path / "corpus.toml").write_text(CORPUS, "utf-8")
    return tmp_path


def lines_of(corpus: Path) -> list[dict[str, Any]]:
    text = (corpus / "scans" / "expected.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def write_lines(corpus: Path, lines: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(line) for line in lines)
    (corpus / "scans" / "expected.jsonl").write_text(text, "utf-8")


def test_a_kept_contract_exits_with_0(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(corpus, True, workers=0) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pages"], told["read"], told["misread"], told["differs"]) == (3, 3, 0, [])
    assert told["review"] == told["rejected"] == 0
    assert told["families"][0]["design"] == "quiz-a5"


def test_a_wrong_expectation_is_a_misread_and_exits_with_1(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(corpus)
    right = lines[1]["values"]["q7"]
    lines[1]["values"]["q7"] = "B" if right == "A" else "A"
    write_lines(corpus, lines)
    assert run(corpus, True, workers=0) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["pages"], told["read"], told["misread"]) == (3, 2, 1)
    (one,) = told["differs"]
    assert (one["family"], one["file"], one["field"]) == ("small", lines[1]["file"], "q7")
    assert (one["expected"], one["got"]) == (lines[1]["values"]["q7"], right)
    assert run(corpus, False, workers=0) == 1
    shown = capsys.readouterr().out
    assert "small" in shown
    assert "q7" in shown


def test_reading_less_than_the_least_breaks_the_contract(corpus: Path) -> None:
    (corpus / "corpus.toml").write_text(CORPUS.replace("least_read = 3", "least_read = 4"), "utf-8")
    (result,) = check_corpus(corpus, workers=0)
    assert result.broken() == ["3 read, at least 4 must be"]


def test_too_many_refusals_break_the_contract(corpus: Path) -> None:
    text = CORPUS.replace("least_read = 3", "least_read = 0\nmost_rejected = 2")
    (corpus / "corpus.toml").write_text(text.replace("quiz-a5", "cn-health-203"), "utf-8")
    names = [line["file"] for line in lines_of(corpus)]
    write_lines(corpus, [{"file": name, "card": False} for name in names])
    (result,) = check_corpus(corpus, workers=0)
    assert result.rejected == 3
    assert result.broken() == ["3 rejected, at most 2 may be"]
    assert report([result])["kept"] is False


def test_designs_and_policies_are_found_from_the_corpus(corpus: Path) -> None:
    package = Path(__file__).resolve().parents[1] / "omr"
    shutil.copy(package / "designs" / "quiz-a5.toml", corpus / "mine.toml")
    shutil.copy(package / "policies" / "default.toml", corpus / "rules.toml")
    text = CORPUS.replace('"quiz-a5"', '"mine.toml"\npolicy = "rules.toml"\ndpi = 200')
    (corpus / "corpus.toml").write_text(text, "utf-8")
    (result,) = check_corpus(corpus, workers=0)
    assert (result.read, result.row()["dpi"]) == (3, 200.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("", "needs at least one"),
        ("[[family]", "cannot be used"),
        (CORPUS + "least_raed = 3\n", "least_raed"),
        (CORPUS.replace('"small"', "7"), "name must be a text"),
        (CORPUS.replace('"scans"', '"nowhere"'), "is no folder"),
        (CORPUS.replace("= 3", "= -1"), "least_read must be a whole number"),
        (CORPUS.replace("least_read = 3", ""), "least_read must be a whole number"),
        (CORPUS + CORPUS, "two families"),
        (CORPUS + 'dpi = "many"\n', "dpi must be a number"),
        ("family = 3", "needs at least one"),
        ("family = [3]", "written as"),
    ],
)
def test_a_faulty_corpus_file_says_what_to_mend(corpus: Path, change: str, words: str) -> None:
    (corpus / "corpus.toml").write_text(change, "utf-8")
    with pytest.raises(CorpusError, match=words):
        check_corpus(corpus, workers=0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 4: not JSON"),
        ("[]", "not an object"),
        ('{"values": {"q1": "A"}}', "file must be a text"),
        ('{"file": "a.jpg"}', "needs `values`"),
        ('{"file": "a.jpg", "card": false, "values": {"q1": "A"}}', "no card has"),
        ('{"file": "a.jpg", "card": "no"}', "card must be"),
        ('{"file": "a.jpg", "values": {"q99": "A"}}', "no field 'q99'"),
        ('{"file": "a.jpg", "values": {"q1": 1}}', "fields to texts"),
        ('{"file": "a.jpg", "values": {"q1": "A"}, "unsettled": ["q99"]}', "no field 'q99'"),
        ('{"file": "a.jpg", "side": "back", "values": {"q1": "A"}}', "side must be front"),
        ('{"file": "a.jpg", "card": false, "reject": ["ugly"]}', "no such reason"),
        ('{"file": "a.jpg", "card": false, "reject": 3}', "reject must be a list"),
        ('{"file": "a.jpg", "value": {"q1": "A"}}', "unknown: value"),
        ('{"file": "a.jpg", "card": false}', "no scan 'a.jpg'"),
    ],
)
def test_a_faulty_line_says_where_it_is(corpus: Path, line: str, words: str) -> None:
    path = corpus / "scans" / "expected.jsonl"
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(CorpusError, match=words):
        check_corpus(corpus, workers=0)


def test_every_scan_needs_its_line_and_only_one(corpus: Path) -> None:
    lines = lines_of(corpus)
    write_lines(corpus, [*lines, lines[0]])
    with pytest.raises(CorpusError, match="listed twice"):
        check_corpus(corpus, workers=0)
    write_lines(corpus, lines[1:])
    with pytest.raises(CorpusError, match="is not listed"):
        check_corpus(corpus, workers=0)
    write_lines(corpus, [])
    with pytest.raises(CorpusError, match="lists no scan"):
        check_corpus(corpus, workers=0)
    (corpus / "scans" / "expected.jsonl").unlink()
    with pytest.raises(CorpusError, match="each family needs one"):
        check_corpus(corpus, workers=0)


def test_a_folder_without_a_contract_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="a corpus needs one"):
        run(tmp_path, True)


def test_an_unknown_design_is_told(corpus: Path) -> None:
    (corpus / "corpus.toml").write_text(CORPUS.replace("quiz-a5", "quiz-a6"), "utf-8")
    with pytest.raises(DesignError, match="quiz-a6"):
        check_corpus(corpus, workers=0)


def test_the_demo_reads_a_corpus_through_the_batch(corpus: Path, tmp_path: Path) -> None:
    (result,) = run_demo(corpus, tmp_path / "out")
    assert (result.pages, result.read, result.misread) == (3, 3, 0)
    assert (tmp_path / "out" / "quiz-a5.jsonl").exists()
