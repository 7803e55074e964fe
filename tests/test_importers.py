"""Other systems' card designs: places, labels, finders, keys, and what may be wrong with them."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from omr.cli_design import design_app
from omr.design import FieldKind, FindKind, SeveralRule, load_design
from omr.errors import AnswerKeyError, DesignError
from omr.importers.imported import ImportedDesign
from omr.importers.omrchecker import import_template, is_omrchecker, load_omrchecker
from omr.importers.omrchecker_evaluation import KeyCard, import_evaluation
from omr.score.grading import grade

SAMPLES = Path(__file__).parents[2] / "shared" / "scans" / "omrchecker"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"{SAMPLES.name}: not here")

Content = dict[str, Any]

SHEET: Content = {
    "pageDimensions": [800, 1000],
    "bubbleDimensions": [20, 24],
    "emptyValue": "-",
    "preProcessors": [
        {"name": "GaussianBlur", "options": {"kSize": [3, 3], "sigmaX": 0}},
        {"name": "CropPage", "options": {"morphKernel": [10, 10]}},
        {"name": "CropOnMarkers", "options": {"relativePath": "dot.png"}},
        {"name": "FeatureBasedAlignment", "options": {"reference": "page.png", "2d": True}},
    ],
    "customLabels": {"Roll": ["set", "roll1..3"]},
    "fieldBlocks": {
        "Set": {
            "bubbleValues": ["A", "B"],
            "direction": "vertical",
            "origin": [60, 80],
            "bubblesGap": 30,
            "labelsGap": 0,
            "fieldLabels": ["set"],
            "emptyValue": "none",
        },
        "Roll": {
            "fieldType": "QTYPE_INT",
            "origin": [100, 80],
            "bubblesGap": 30,
            "labelsGap": 40,
            "fieldLabels": ["roll1..3"],
        },
        "Questions": {
            "fieldType": "QTYPE_MCQ4",
            "origin": [300.5, 80],
            "bubblesGap": 33.3,
            "labelsGap": 41.7,
            "fieldLabels": ["q1..3", "q5", "q6"],
            "bubbleDimensions": [22, 24],
        },
    },
}
KEY: Content = {
    "source_type": "custom",
    "options": {
        "questions_in_order": ["q1..3", "Roll"],
        "answers_in_order": ["A", ["B", "AB"], [["C", 2], ["D", "1/3"]], "A123"],
        "should_explain_scoring": True,
    },
    "marking_schemes": {
        "DEFAULT": {"correct": "1", "incorrect": "-1/3", "unmarked": 0},
        "LAST": {
            "questions": ["q3", "Roll"],
            "marking": {"correct": 3, "incorrect": -0.25, "unmarked": "0.5"},
        },
    },
}


def picture(height: int, width: int) -> bytes:
    pixels = np.full((height, width), 255, np.uint8)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = 0
    return bytes(imagecodecs.png_encode(pixels))


def folder_of(path: Path, sheet: object = SHEET, key: object = None) -> Path:
    path.mkdir(exist_ok=True)
    (path / "template.json").write_text(json.dumps(sheet), "utf-8")
    (path / "dot.png").write_bytes(picture(30, 30))
    (path / "page.png").write_bytes(picture(1000, 800))
    if key is not None:
        (path / "evaluation.json").write_text(json.dumps(key), "utf-8")
    return path


def changed(content: Content, *steps: object) -> Content:
    """A copy in which the value at the end of the steps is another, or gone where it is `...`."""
    new = copy.deepcopy(content)
    at: Any = new
    for step in steps[:-2]:
        at = at[step]
    if steps[-1] is ...:
        del at[steps[-2]]
    else:
        at[steps[-2]] = steps[-1]
    return new


@pytest.fixture
def imported(tmp_path: Path) -> ImportedDesign:
    return load_omrchecker(folder_of(tmp_path, key=KEY))


# ── what is taken ────────────────────────────────────────────────────────────────────────────


def expected_centres(sheet: Content) -> dict[str, list[tuple[float, float]]]:
    """Every bubble's centre in pixels by label, worked out the long way."""
    values = {"QTYPE_INT": (10, True), "QTYPE_MCQ4": (4, False), "QTYPE_MCQ5": (5, False)}
    values |= {"QTYPE_INT_FROM_1": (10, True)}
    found: dict[str, list[tuple[float, float]]] = {}
    for block in sheet["fieldBlocks"].values():
        if "fieldType" in block:
            count, vertical = values[block["fieldType"]]
        else:
            count, vertical = len(block["bubbleValues"]), block["direction"] == "vertical"
        width, height = block.get("bubbleDimensions", sheet["bubbleDimensions"])
        number = 0
        for part in block["fieldLabels"]:
            stem, _, last = part.partition("..")
            head = stem.rstrip("0123456789")
            labels = [stem]
            if last:
                run = range(int(stem.removeprefix(head)), int(last.lstrip(".")) + 1)
                labels = [f"{head}{i}" for i in run]
            for label in labels:
                x = block["origin"][0] + width / 2
                y = block["origin"][1] + height / 2
                found[label] = []
                for k in range(count):
                    along, across = k * block["bubblesGap"], number * block["labelsGap"]
                    dx, dy = (across, along) if vertical else (along, across)
                    found[label].append((x + dx, y + dy))
                number += 1
    return found


def assert_places(sheet: Content, imported: ImportedDesign) -> None:
    design = imported.design()
    scale = 297.0 / max(sheet["pageDimensions"])
    expected = expected_centres(sheet)
    side = design.sides[0]
    assert [field.name for field in side.fields] == list(expected)
    for field in side.fields:
        group = field.groups[0]
        got = side.centres_mm[side.group_start[group] : side.group_start[group + 1]]
        assert np.abs(got - np.array(expected[field.name]) * scale).max() < 0.001


def test_every_bubble_is_where_the_template_says(imported: ImportedDesign) -> None:
    assert_places(SHEET, imported)
    design = imported.design()
    assert (design.width_mm, design.height_mm) == (pytest.approx(237.6), 297.0)
    assert design.bubbles.width_mm == pytest.approx(20 * 0.297)
    assert design.bubbles.height_mm == pytest.approx(24 * 0.297)


def test_labels_are_single_fields_with_their_values(imported: ImportedDesign) -> None:
    fields = {field.name: field for field in imported.design().sides[0].fields}
    assert {field.kind for field in fields.values()} == {FieldKind.SINGLE}
    assert fields["set"].values == ("A", "B")
    assert fields["roll2"].values == tuple("0123456789")
    assert fields["q6"].values == tuple("ABCD")
    assert not any(field.required for field in fields.values())
    assert fields["q1"].several is SeveralRule.READING
    assert fields["roll1"].several is SeveralRule.DOUBT


def test_runs_of_alike_labels_are_one_table(imported: ImportedDesign) -> None:
    assert imported.text.count("[[front.field]]") == 4  # set, roll1-3, q1-3, q5-6
    assert 'name = "q{n}"' in imported.text


def test_finders_come_in_the_templates_order(imported: ImportedDesign) -> None:
    finds = imported.design().finds
    assert [f.kind for f in finds] == [FindKind.OUTLINE, FindKind.MARKERS, FindKind.REFERENCE]
    assert finds[1].marker_share == 17.0
    assert finds[1].picture == picture(30, 30)
    assert set(imported.pictures) == {"dot.png", "page.png"}
    assert "GaussianBlur: left out" in imported.text
    assert [path.name for path in imported.excluded] == ["dot.png", "page.png"]


def test_joined_labels_and_blanks(imported: ImportedDesign) -> None:
    assert imported.joined == {"Roll": ("set", "roll1", "roll2", "roll3")}
    assert imported.empty_values["set"] == "none"
    assert imported.empty_values["q1"] == "-"
    assert imported.labels == ("Roll", "q1", "q2", "q3", "q5", "q6")
    values = dict.fromkeys(imported.fields, "") | {"roll2": "7", "q1": "AB"}
    filled = imported.labelled(values, fill=True)
    assert filled["Roll"] == "none-7-"
    assert (filled["q1"], filled["q2"]) == ("AB", "-")
    assert imported.labelled(values, fill=False)["Roll"] == "7"
    assert imported.labelled({"q1": "A"}, fill=True) == {"q1": "A"}


def test_output_columns_are_kept(tmp_path: Path) -> None:
    sheet = SHEET | {"outputColumns": ["q3", "Roll", "q1..2"]}
    assert load_omrchecker(folder_of(tmp_path, sheet)).columns == ("q3", "Roll", "q1", "q2")


def test_gaps_may_differ_from_label_to_label(tmp_path: Path) -> None:
    sheet = changed(SHEET, "fieldBlocks", "Questions", "labelsGap", [40, 40, 50, 60])
    imported = load_omrchecker(folder_of(tmp_path, sheet))
    side = imported.design().sides[0]
    rows = [side.centres_mm[side.group_start[f.groups[0]], 1] for f in side.fields[4:]]
    assert np.diff(rows) == pytest.approx(np.array([40, 40, 50, 60]) * 0.297, abs=1e-4)


def test_names_that_toml_must_escape(tmp_path: Path) -> None:
    blocks = SHEET["fieldBlocks"]
    block = blocks["Set"] | {"fieldLabels": ['a "b" \\ #c']}
    sheet = SHEET | {"fieldBlocks": {'x\n]"': block}, "customLabels": {"卷 型": ['a "b" \\ #c']}}
    assert load_omrchecker(folder_of(tmp_path, sheet)).fields == ('a "b" \\ #c',)


def test_two_pictures_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "sub").mkdir()
    (folder / "sub" / "dot.png").write_bytes(picture(1000, 810))
    sheet = changed(SHEET, "preProcessors", 3, "options", "reference", "sub/dot.png")
    imported = load_omrchecker(folder_of(tmp_path, sheet))
    assert sorted(imported.pictures) == ["dot-2.png", "dot.png"]
    assert imported.design().finds[2].picture == picture(1000, 810)


def test_keys_in_snake_case_are_taken_too(tmp_path: Path) -> None:
    sheet = {("page_dimensions" if k == "pageDimensions" else k): v for k, v in SHEET.items()}
    assert_places(SHEET, load_omrchecker(folder_of(tmp_path, sheet)))


def test_looks_like_a_template(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, key=KEY)
    assert is_omrchecker(folder / "template.json")
    assert not is_omrchecker(folder / "evaluation.json")
    assert not is_omrchecker(folder / "dot.png")
    assert not is_omrchecker(folder / "missing.json")
    (folder / "list.json").write_text("[" * 100_000)
    assert not is_omrchecker(folder / "list.json")


# ── bad templates ────────────────────────────────────────────────────────────────────────────

Q = ("fieldBlocks", "Questions")
BAD: list[tuple[Content, str]] = [
    *[
        (changed(SHEET, key, ...), f"{key}: is missing")
        for key in ("pageDimensions", "bubbleDimensions", "preProcessors", "fieldBlocks")
    ],
    *[
        (changed(SHEET, *Q, key, ...), f"fieldBlocks.Questions.{key}: is missing")
        for key in ("origin", "bubblesGap", "labelsGap", "fieldLabels", "fieldType")
    ],
    (changed(SHEET, "pageDimensions", "A4"), "pageDimensions: must be two numbers"),
    (changed(SHEET, "pageDimensions", [800]), "pageDimensions: must be two numbers"),
    (changed(SHEET, "pageDimensions", [0, 5]), "pageDimensions: must be two numbers from 1"),
    (changed(SHEET, "pageDimensions", [800, 10**400]), "pageDimensions: must be two numbers"),
    (changed(SHEET, "pageDimensions", [10, 1000]), "sides differ by no more than"),
    (changed(SHEET, "bubbleDimensions", [1, 1]), "bubbleDimensions: must be at least"),
    (changed(SHEET, "bubbleDimensions", [True, 20]), "bubbleDimensions: must be two numbers"),
    (changed(SHEET, "emptyValue", 0), "emptyValue: must be a text"),
    (changed(SHEET, "Singles", []), "Singles: is not known here; known: bubbleDimensions"),
    (changed(SHEET, *Q, "fieldType", "QTYPE_MCQ9"), "one of QTYPE_INT, QTYPE_INT_FROM_1"),
    (changed(SHEET, *Q, "fieldType", ["QTYPE_INT"]), "fieldType: must be one of"),
    (changed(SHEET, *Q, "direction", "vertical"), "must not stand beside fieldType"),
    (changed(SHEET, *Q, "origin", [300, -1]), "Questions.origin: must be two numbers from 0"),
    (changed(SHEET, *Q, "origin", [700, 80]), "off the page"),
    (changed(SHEET, *Q, "labelsGap", 300), "off the page"),
    (changed(SHEET, *Q, "labelsGap", 0), "labelsGap: must be over 0"),
    (changed(SHEET, *Q, "labelsGap", [1, 2]), "one number fewer than there are labels: here 4"),
    (changed(SHEET, *Q, "labelsGap", "41"), "labelsGap: must be a number"),
    (changed(SHEET, *Q, "bubblesGap", 0), "bubblesGap: must be over 0"),
    (changed(SHEET, *Q, "bubblesGap", None), "bubblesGap: must be a number"),
    (changed(SHEET, *Q, "fieldLabels", []), "fieldLabels: must be a list of texts, not empty"),
    (changed(SHEET, *Q, "fieldLabels", ["q1..999999999"]), "names over 2000 labels"),
    (changed(SHEET, *Q, "fieldLabels", ["q" + "9" * 5000]), "must be a label"),
    (changed(SHEET, *Q, "fieldLabels", ["q5..1"]), "from a lower to a higher"),
    (changed(SHEET, *Q, "fieldLabels", ["q1..x"]), 'a range such as "q1..20"'),
    (changed(SHEET, *Q, "fieldLabels", ["q1..3", "q2"]), 'the label "q2" is named twice'),
    (changed(SHEET, *Q, "fieldLabels", ["roll1..2"]), 'is also in the block "Roll"'),
    (changed(SHEET, *Q, "fieldLabels", ["q\ud800"]), "must be a label"),
    (changed(SHEET, *Q, "fieldLabels", ["q{n}"]), "must be a label"),
    (changed(SHEET, *Q, "bubbleDimensions", [30, 24]), "within 20 % of the page's"),
    (changed(SHEET, *Q, "colour", "red"), "Questions.colour: is not known here"),
    (changed(SHEET, *Q, [1]), "fieldBlocks.Questions: must be an object"),
    (changed(SHEET, "fieldBlocks", {}), "at least one block"),
    (changed(SHEET, "fieldBlocks", []), "fieldBlocks: must be an object"),
    (changed(SHEET, "fieldBlocks", "Set", "direction", "up"), "one of horizontal, vertical"),
    (changed(SHEET, "fieldBlocks", "Set", "bubbleValues", ["A", "A"]), "different texts"),
    (changed(SHEET, "fieldBlocks", "Set", "bubbleValues", ["A", ""]), "different texts"),
    (changed(SHEET, "fieldBlocks", "Set", "bubbleValues", [1, 2]), "different texts"),
    (
        changed(SHEET, "fieldBlocks", "Set", "bubbleValues", [str(i) for i in range(31)]),
        "at most 30 different texts",
    ),
    (changed(SHEET, "customLabels", "Roll", ["roll1..9"]), '"roll4", which is no label'),
    (changed(SHEET, "customLabels", "Other", ["roll1"]), 'as "Roll" does already'),
    (changed(SHEET, "customLabels", "q1", ["roll3"]), "is a field's label too"),
    (changed(SHEET, "customLabels", "Roll", "roll1"), "a list of field labels"),
    (changed(SHEET, "customLabels", 3), "customLabels: must be an object"),
    (changed(SHEET, "outputColumns", ["roll1"]), "neither a field that stands alone"),
    (changed(SHEET, "preProcessors", {}), "preProcessors: must be a list of objects"),
    (
        changed(SHEET, "preProcessors", 0, "name", "CropOnLogo"),
        "preProcessors[0].name: must be one of CropPage, CropOnMarkers, FeatureBasedAlignment",
    ),
    (changed(SHEET, "preProcessors", 0, "name", ...), "preProcessors[0].name: is missing"),
    (
        changed(SHEET, "preProcessors", 1, "options", "kSize", 3),
        "options.kSize: is not known here; known: morphKernel",
    ),
    (changed(SHEET, "preProcessors", 2, "options", {}), "options.relativePath: is missing"),
    (
        changed(SHEET, "preProcessors", 2, "options", "relativePath", "gone.png"),
        'options.relativePath: there is no picture "gone.png"',
    ),
    (
        changed(SHEET, "preProcessors", 2, "options", "relativePath", "/etc/hosts"),
        "the name of a picture file",
    ),
    (
        changed(SHEET, "preProcessors", 2, "options", "relativePath", "template.json"),
        "is no picture that can be read",
    ),
    (
        changed(SHEET, "preProcessors", 2, "options", "sheetToMarkerWidthRatio", 0),
        "sheetToMarkerWidthRatio: must be a number from 1",
    ),
    (
        changed(SHEET, "preProcessors", 3, "options", "reference", "dot.png"),
        'options.reference: "dot.png" is 30 × 30 pixels; it must have at least 200',
    ),
    (changed(SHEET, "pageDimensions", [1200, 1000]), "of another form than pageDimensions"),
]


@pytest.mark.parametrize(("sheet", "told"), BAD, ids=[told[:50] for _, told in BAD])
def test_a_bad_template_is_told_by_its_key(tmp_path: Path, sheet: Content, told: str) -> None:
    start = time.monotonic()
    with pytest.raises(DesignError) as caught:
        load_omrchecker(folder_of(tmp_path, sheet))
    assert told in str(caught.value)
    assert str(tmp_path / "template.json") in str(caught.value)
    str(caught.value).encode()
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not JSON"),
        ("[]", "must hold an object"),
        ("null", "must hold an object"),
        ("[" * 200_000, "is nested too deeply"),
        ('{"pageDimensions": [NaN, 1]}', "NaN is not a number"),
        ('{"pageDimensions": [1e999, 1]}', "pageDimensions: must be two numbers"),
        ('{"a": 1, "a": 2}', 'the key "a" is given twice'),
        ('{"pageDimensions": [1' + "0" * 9000 + ", 1]}", "is not JSON"),
        ('{"pageDimensions": [1, 2], "page_dimensions": [1, 2]}', "is given twice"),
        ("{\xff}", "is not JSON"),
    ],
)
def test_what_is_no_template_at_all(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "template.json").write_text(text)
    with pytest.raises(DesignError, match=r"template\.json") as caught:
        load_omrchecker(tmp_path)
    assert told in str(caught.value)


def test_a_missing_or_binary_template(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="there is no such file"):
        load_omrchecker(tmp_path / "template.json")
    (tmp_path / "template.json").write_bytes(b"\xff\xd8\xff\x00")
    with pytest.raises(DesignError, match="cannot be read as UTF-8"):
        load_omrchecker(tmp_path)


def test_a_picture_of_one_tone_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "dot.png").write_bytes(imagecodecs.png_encode(np.full((30, 30), 200, np.uint8)))
    with pytest.raises(DesignError, match=r"relativePath.*of one tone"):
        load_omrchecker(folder)


def test_a_bad_config_is_told_by_its_own_name(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "config.json").write_text("[1]")
    with pytest.raises(DesignError, match=r"config\.json.*\n.*must hold an object"):
        load_omrchecker(folder)
    (folder / "config.json").write_text('{"dimensions": {}}')
    assert import_template(folder / "template.json", folder / "config.json").fields


def test_many_faults_are_listed_up_to_a_limit(tmp_path: Path) -> None:
    blocks = {f"b{i}": {} for i in range(3000)}
    with pytest.raises(DesignError) as caught:
        load_omrchecker(folder_of(tmp_path, changed(SHEET, "fieldBlocks", blocks)))
    assert len(caught.value.findings) == 21
    assert "more" in caught.value.findings[-1]


HOSTILE: list[Callable[[Content], Content]] = [
    lambda block: SHEET | {"fieldBlocks": {f"b{i}": block for i in range(15_000)}},
    lambda _: SHEET | {"customLabels": {f"b{i}": ["q1..2000"] for i in range(100_000)}},
    lambda _: SHEET | {f"b{i}": 1 for i in range(200_000)},
    lambda block: SHEET | {"fieldBlocks": {"b": block | {"labelsGap": [1] * 1_000_000}}},
    lambda block: SHEET | {"fieldBlocks": {"b": block | {"fieldLabels": ["q1..2000"] * 200_000}}},
]


@pytest.mark.parametrize("make", HOSTILE)
def test_vast_templates_are_refused_quickly(
    tmp_path: Path, make: Callable[[Content], Content]
) -> None:
    block = SHEET["fieldBlocks"]["Roll"] | {"fieldLabels": ["q1..2000"], "labelsGap": 0.1}
    folder = folder_of(tmp_path, make(block))
    start = time.monotonic()
    with pytest.raises(DesignError):
        load_omrchecker(folder)
    assert time.monotonic() - start < 5


def test_a_key_given_twice_among_many(tmp_path: Path) -> None:
    many = ",".join(f'"k{i}": 1' for i in [*range(100_000), 99_999])
    (tmp_path / "template.json").write_text(f"{{{many}}}")
    with pytest.raises(DesignError, match='"k99999" is given twice'):
        load_omrchecker(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def paths_of(content: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The way to every value of a JSON content."""
    members: list[tuple[object, Any]] = []
    if isinstance(content, dict):
        members = list(content.items())
    elif isinstance(content, list):
        members = list(enumerate(content))
    return [p for k, v in members for p in [(*at, k), *paths_of(v, (*at, k))]]


@settings(max_examples=300, deadline=None)
@given(where=st.sampled_from(paths_of(SHEET)), value=JSON)
def test_any_value_anywhere_is_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, where: tuple[object, ...], value: object
) -> None:
    folder = folder_of(tmp_path_factory.getbasetemp() / "fuzz", changed(SHEET, *where, value))
    try:
        load_omrchecker(folder).design()
    except DesignError as error:
        str(error).encode()


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


def test_a_key_in_the_file(imported: ImportedDesign) -> None:
    assert imported.evaluation is not None
    key = import_evaluation(imported.evaluation, imported)
    assert key.sections == ("DEFAULT", "LAST")
    answers = {"q1": "A", "q2": "AB", "q3": "D", "Roll": "A124"}
    graded = grade(key, answers)
    assert [item.marks for item in graded.items] == [1, 1, Fraction(1, 3), Fraction(-1, 4)]
    blank = grade(key, dict.fromkeys(answers, ""))
    assert blank.by_section == {"DEFAULT": 0, "LAST": 1}


def test_a_key_in_a_csv(tmp_path: Path, imported: ImportedDesign) -> None:
    rows = "q1,C\nq2,\"B, AB\"\n\nq3,\"[['A', '1/3'], ['D', 2]]\"\nq5,\"['A', 'B']\"\nRoll,A12\n"
    (tmp_path / "key.csv").write_text("\ufeff" + rows, "utf-8")
    evaluation = written(tmp_path, csv_key())
    key = import_evaluation(evaluation, imported)
    assert [item.name for item in key.items] == ["q1", "q2", "q3", "q5", "Roll"]
    assert [len(item.accepted) for item in key.items] == [1, 2, 2, 2, 1]
    assert key.items[2].accepted[0].marks == Fraction(1, 3)


def csv_key(**options: object) -> Content:
    scheme = {"correct": 1, "incorrect": 0, "unmarked": 0}
    return {
        "source_type": "csv",
        "options": {"answer_key_csv_path": "key.csv"} | options,
        "marking_schemes": {"DEFAULT": scheme},
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "evaluation.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def card(**values: str) -> Callable[[Path], KeyCard]:
    blank = dict.fromkeys(["set", "roll1", "roll2", "roll3", "q1", "q2", "q3", "q5", "q6"], "")
    doubted = frozenset(name for name, value in values.items() if value.endswith("?"))
    return lambda _: KeyCard(blank | {n: v.rstrip("?") for n, v in values.items()}, doubted)


def image_key(folder: Path, **options: object) -> Path:
    return written(folder, csv_key(answer_key_image_path="dot.png", **options))


def test_a_key_from_a_filled_card(tmp_path: Path, imported: ImportedDesign) -> None:
    evaluation = image_key(tmp_path, questions_in_order=["q1..2", "Roll"])
    key = import_evaluation(evaluation, imported, card(q1="A", q2="BC", roll1="1", q6="C?"))
    assert {i.name: i.accepted[0].value for i in key.items} == {"q1": "A", "q2": "BC", "Roll": "1"}
    evaluation = image_key(tmp_path)
    key = import_evaluation(evaluation, imported, card(q3="D", q6="C"))
    assert [item.name for item in key.items] == ["q3", "q6"]


@pytest.mark.parametrize("asked", [["q1..2"], None])
def test_a_doubt_on_the_filled_card_refuses_the_key(
    tmp_path: Path, imported: ImportedDesign, asked: list[str] | None
) -> None:
    evaluation = image_key(tmp_path, **({"questions_in_order": asked} if asked else {}))
    with pytest.raises(AnswerKeyError, match=r"answer_key_image_path: q2 cannot be read"):
        import_evaluation(evaluation, imported, card(q1="A", q2="?"))


def test_a_blank_on_the_filled_card_refuses_the_key(
    tmp_path: Path, imported: ImportedDesign
) -> None:
    evaluation = image_key(tmp_path, questions_in_order=["q1..2"])
    with pytest.raises(AnswerKeyError, match="q2 is blank on"):
        import_evaluation(evaluation, imported, card(q1="A"))
    with pytest.raises(AnswerKeyError, match="nothing is filled in"):
        import_evaluation(image_key(tmp_path), imported, card())
    with pytest.raises(AnswerKeyError, match="give the key as a CSV"):
        import_evaluation(evaluation, imported)


def test_a_csv_that_is_there_goes_before_the_card(tmp_path: Path, imported: ImportedDesign) -> None:
    (tmp_path / "key.csv").write_text("q1,C\n")
    key = import_evaluation(image_key(tmp_path), imported, card(q1="A"))
    assert key.items[0].accepted[0].value == "C"


O = ("options", "answers_in_order")  # noqa: E741
BAD_KEYS: list[tuple[Content, str]] = [
    *[(changed(KEY, k, ...), f"{k}: is missing") for k in KEY],
    (changed(KEY, "source_type", "sql"), "source_type: must be one of custom, local, csv"),
    (changed(KEY, "options", "questions_in_order", ...), "questions_in_order: is missing"),
    (changed(KEY, "options", "questions_in_order", ["q1..9"]), '"q4", which the template does not'),
    (changed(KEY, "options", "questions_in_order", ["roll1", "q1..3"]), '"roll1", which the'),
    (changed(KEY, *O, ["A"]), "holds 1 answers for the 4 questions"),
    (changed(KEY, *O, "ABCD"), "answers_in_order: must be a list"),
    (changed(KEY, *O, 0, 7), 'answers_in_order (q1): must be an answer such as "B"'),
    (changed(KEY, *O, 0, ""), "(q1): must be an answer"),
    (changed(KEY, *O, 1, []), "(q2): must be an answer"),
    (changed(KEY, *O, 1, ["A", "A"]), "(q2): must be different answers"),
    (changed(KEY, *O, 1, ["A", ["B", 2]]), "(q2): must be an answer"),
    (changed(KEY, *O, 2, [["C", "2/0"]]), "answers whose marks are"),
    (changed(KEY, *O, 2, [["C", "1e9"]]), "answers whose marks are"),
    (changed(KEY, *O, 2, [["C", 1, 2]]), "(q3): must be an answer"),
    (changed(KEY, "marking_schemes", "DEFAULT", ...), "marking_schemes.DEFAULT: is missing"),
    (changed(KEY, "marking_schemes", "DEFAULT", "correct", ...), "DEFAULT.correct: is missing"),
    (changed(KEY, "marking_schemes", "DEFAULT", "correct", "x"), "a number or a fraction"),
    (changed(KEY, "marking_schemes", "DEFAULT", "bonus", 1), "DEFAULT.bonus: is not known"),
    (changed(KEY, "marking_schemes", "LAST", "questions", ["q9"]), '"q9" has no answer in the key'),
    (changed(KEY, "marking_schemes", "LAST", "questions", "q1..x"), "LAST.questions: must be"),
    (
        changed(KEY, "marking_schemes", "TWICE", KEY["marking_schemes"]["LAST"]),
        '"q3" is in the section "LAST" too',
    ),
    (
        changed(KEY, "marking_schemes", "LAST", "marking_type", "section_level_streak"),
        "streak of answers cannot be given here; allowed: default",
    ),
    (changed(KEY, "marking_schemes", "LAST", "marking", "correct", [1, 2]), "streak of answers"),
    (changed(KEY, "conditionalSets", []), "conditionalSets: is not known here"),
    (csv_key(), 'there is no file "key.csv"'),
    (csv_key(answer_key_csv_path="/etc/hosts"), "the name of a file beside evaluation.json"),
    (csv_key(answer_key_image_path="no.png"), 'there is no picture "no.png"'),
    (changed(csv_key(), "options", {}), "options.answer_key_csv_path: is missing"),
]


@pytest.mark.parametrize(("key", "told"), BAD_KEYS, ids=[told[:50] for _, told in BAD_KEYS])
def test_a_bad_key_is_told_by_its_key(
    tmp_path: Path, imported: ImportedDesign, key: Content, told: str
) -> None:
    with pytest.raises(AnswerKeyError) as caught:
        import_evaluation(written(tmp_path, key), imported)
    assert told in str(caught.value)
    assert "evaluation.json" in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("", "is empty"),
        ("q1\n", "line 1): must be a question and its answer"),
        ("q1,A\nq1,B\n", 'line 2): has "q1" a second time'),
        ("q1,\n", "must be an answer"),
        ("q1,[[\n", "must be an answer"),
        ("q1," + "[" * 3000 + "\n", "must be an answer"),
        ("q1,[" + "-" * 3000 + "1]\n", "must be an answer"),
        ("q1," + "A" * 5000 + "\n", "must be an answer"),
        ("q1,\"[__import__('os')]\"\n", "must be an answer"),
        ("x9,A\n", '"x9", which the template does not have'),
        ('q1,"A\n', "cannot be read as CSV"),
    ],
)
def test_a_bad_csv_is_told_by_its_line(
    tmp_path: Path, imported: ImportedDesign, rows: str, told: str
) -> None:
    (tmp_path / "key.csv").write_text(rows)
    with pytest.raises(AnswerKeyError) as caught:
        import_evaluation(written(tmp_path, csv_key()), imported)
    assert told in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(where=st.sampled_from(paths_of(KEY)), value=JSON)
def test_any_value_anywhere_in_a_key_is_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, where: tuple[object, ...], value: object
) -> None:
    folder = folder_of(tmp_path_factory.getbasetemp() / "keys")
    try:
        import_evaluation(written(folder, changed(KEY, *where, value)), load_omrchecker(folder))
    except AnswerKeyError as error:
        str(error).encode()


# ── the command ──────────────────────────────────────────────────────────────────────────────


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(design_app, ["import", "omrchecker", *map(str, words)])


def test_the_command_writes_a_design_that_can_be_loaded(tmp_path: Path) -> None:
    template = folder_of(tmp_path / "in") / "template.json"
    out = tmp_path / "out" / "card.toml"
    result = run(template, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "Roll is put together from set, roll1, roll2, roll3" in result.stdout
    assert sorted(p.name for p in out.parent.iterdir()) == ["card.toml", "dot.png", "page.png"]
    design = load_design(out)
    assert design.hash == load_omrchecker(template).design().hash
    assert run(template.parent, "--out", out).exit_code == 0  # the same again is no matter


def test_the_command_overwrites_nothing_unasked(tmp_path: Path) -> None:
    template = folder_of(tmp_path / "in") / "template.json"
    out = tmp_path / "card.toml"
    (tmp_path / "dot.png").write_bytes(b"mine")
    result = run(template, "--out", out)
    assert result.exit_code == 4
    assert "dot.png is there already" in result.stderr
    assert not out.exists()
    assert (tmp_path / "dot.png").read_bytes() == b"mine"
    assert run(template, "--out", out, "--force").exit_code == 0
    assert (tmp_path / "dot.png").read_bytes() == picture(30, 30)


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", changed(SHEET, *Q, "fieldType", "X"))
    result = run(folder / "template.json", "--out", tmp_path / "card.toml")
    assert result.exit_code == 2
    assert "fieldBlocks.Questions.fieldType" in result.stderr
    folder_of(folder)
    assert run(folder, "--out", tmp_path / "card.json").exit_code == 4
    assert run(folder, "--out", tmp_path / "card.toml", "--config", folder / "no").exit_code == 2


# ── OMRChecker's own samples ─────────────────────────────────────────────────────────────────


def sample_templates() -> list[str]:
    return sorted(str(p.relative_to(SAMPLES)) for p in SAMPLES.rglob("template*.json"))


def sample_cases() -> list[Content]:
    truth = SAMPLES / "truth.json"
    cases: list[Content] = json.loads(truth.read_text())["cases"] if truth.is_file() else []
    return cases


@needs_samples
@pytest.mark.parametrize("name", sample_templates())
def test_every_sample_template_is_imported(name: str) -> None:
    assert is_omrchecker(SAMPLES / name)
    imported = load_omrchecker(SAMPLES / name)
    assert_places(json.loads((SAMPLES / name).read_text()), imported)


@needs_samples
@pytest.mark.parametrize("case", sample_cases(), ids=lambda case: str(case["image"]))
def test_the_samples_labels_and_scores(case: Content) -> None:
    imported = load_omrchecker(SAMPLES / case["template"])
    assert set(imported.labels) == set(case["expected"])
    if not case["evaluation"]:
        return

    def read(image: Path) -> KeyCard:
        said = next(c for c in sample_cases() if SAMPLES / c["image"] == image)["expected"]
        return KeyCard({name: said.get(name, "") for name in imported.fields})

    key = import_evaluation(SAMPLES / case["evaluation"], imported, read)
    total = grade(key, case["expected"]).total
    assert float(total) == pytest.approx(float(case["score"]), abs=1e-9)


@needs_samples
def test_a_template_is_checked_and_shown_like_any_design() -> None:
    template = str(SAMPLES / "samples" / "sample4" / "template.json")
    for command in ("check", "show"):
        done = CliRunner().invoke(design_app, [command, template])
        assert done.exit_code == 0, done.output
