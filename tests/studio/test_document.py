"""Edits that leave the rest of the text alone, undo, and saving that loses nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_api.errors import NotFound, Refused
from admin_api.studio.blocks import blocks_of, joined
from admin_api.studio.boxes import state_of
from admin_api.studio.document import Changed, Document, Place
from admin_api.studio.kinds import New
from admin_api.studio.serve import Opening, open_document
from omr.design import FieldKind, builtin_names, load_design
from omr.design_parse import parse_design
from omr.errors import OmrError
from tests.studio.conftest import DESIGNS, TICKET, boxes


@pytest.mark.parametrize("name", builtin_names())
def test_blocks_are_the_text(name: str) -> None:
    text = (DESIGNS / f"{name}.toml").read_text(encoding="utf-8")
    assert joined(blocks_of(text)) == text
    for block in blocks_of(text):
        assert block.changed({}).text == block.text


@given(st.text(alphabet='[]#a_.="\n 1\r', max_size=80))
def test_blocks_of_any_text_are_the_text(text: str) -> None:
    assert joined(blocks_of(text)) == text


@pytest.mark.parametrize("name", builtin_names())
def test_every_bubble_and_zone_is_in_one_box(name: str, tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_bytes((DESIGNS / f"{name}.toml").read_bytes())
    opened = Document(path)
    assert opened.design
    for side, shown in zip(opened.design.sides, state_of(opened)["sides"], strict=True):
        assert sum(len(box["bubbles"]) for box in shown["boxes"]) == side.bubble_count
        assert sum(len(box["zone"]) for box in shown["boxes"]) == len(side.zones)


def test_an_edit_leaves_comments_and_everything_else(document: Document) -> None:
    before = document.text
    document.set(TICKET, {"title": "考号", "required": True})
    changed = [line for line in document.text.splitlines() if line not in before.splitlines()]
    assert changed == ['title = "考号"', "required = true"]
    document.set(TICKET, {"title": "准考证号", "required": None})
    assert document.text == before
    with pytest.raises(Refused, match="no key of a field"):
        document.set(TICKET, {"titel": "x"})
    with pytest.raises(NotFound, match="reload"):
        document.set(Place("front", 99), {"title": "x"})


def test_what_tracing_asks_is_answered_by_a_name(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    text = (DESIGNS / "quiz-a5.toml").read_text(encoding="utf-8")
    asked = re.sub(r'^name = "student".*$', 'name = "grid1"  # rename: whose', text, flags=re.M)
    path.write_text(asked.replace('kind = "digits"', 'kind = "digits"  # theirs', 1))
    opened = Document(path)
    assert boxes(opened, "grid1")["toRename"] == "whose"
    opened.set(TICKET, {"title": "学号", "kind": "letters", "values": "ABCDEFGHIJ"})
    assert "# theirs" in opened.text
    assert boxes(opened, "grid1")["toRename"] == "whose"
    opened.set(TICKET, {"name": "number"})
    assert boxes(opened, "number")["toRename"] == ""
    assert "# rename:" not in opened.text


def test_moving_counts_as_the_design_counts(document: Document) -> None:
    x, y, _ = boxes(document, "ticket")["bubbles"][0]
    document.move(TICKET, 7.0, -6.0)
    assert boxes(document, "ticket")["bubbles"][0][:2] == [pytest.approx(x + 7), y - 6]
    assert "column = 2, row = 8" in document.text
    document.move(TICKET, 0.7, 0.0)
    assert "column = 2.1, row = 8" in document.text


def test_stretching_widens_the_steps(document: Document) -> None:
    document.stretch(TICKET, 0.5, 1.0)
    assert "character_step = { column = 0.5 }" in document.text
    assert document.findings(), "bubbles that touch are a finding"
    barcode = boxes(document, "barcode")
    document.stretch(Place("front", barcode["index"]), 1.0, 0.5)
    assert boxes(document, "barcode")["zone"][0][2:] == [65.0, 13.0]
    with pytest.raises(Refused):
        document.stretch(TICKET, 0.0, 1.0)


def test_add_copy_and_delete(document: Document) -> None:
    count = document.text.count(".field]]")
    document.add("front", New.CHOICE, 30.0, 60.0)
    assert boxes(document, "new1")["bubbles"][0][:2] == [30.0, 60.0]
    document.copy(TICKET)
    x, y, _ = boxes(document, "ticket")["bubbles"][0]
    assert boxes(document, "ticket_2")["bubbles"][0][:2] == [
        pytest.approx(x + 3, abs=0.01),
        pytest.approx(y + 3, abs=0.01),
    ]
    assert document.text.count(".field]]") == count + 2
    document.delete(Place("front", 1))
    assert "ticket_2" not in document.text
    while document.can_undo:
        document.undo()
    assert document.text.count(".field]]") == count
    with pytest.raises(Refused, match="has no back"):
        document.add("back", New.FLAG, 1, 1)


def test_undo_and_redo_are_exact(document: Document) -> None:
    texts = [document.text]
    for step in range(1, 6):
        document.move(TICKET, step, 0.0)
        texts.append(document.text)
    for text in reversed(texts[:-1]):
        document.undo()
        assert document.text == text
    for text in texts[1:]:
        document.redo()
        assert document.text == text
    document.undo()
    document.move(TICKET, 1.0, 1.0)
    assert not document.can_redo


def test_a_fault_keeps_the_boxes_and_cannot_be_saved_by_chance(document: Document) -> None:
    document.set(TICKET, {"kind": "singel"})
    assert not document.usable
    assert any("kind must be one of" in words for words in document.findings())
    assert boxes(document, "ticket")["table"]["kind"] == "singel"
    finding = state_of(document)["findings"][0]
    assert (finding["face"], finding["index"]) == ("front", 0)
    with pytest.raises(Refused, match="no design yet"):
        document.save()
    document.save(faulty=True)
    assert not document.dirty


def test_text_that_is_no_toml_is_kept_and_told(document: Document) -> None:
    document.write("name = ")
    assert not document.usable
    assert "not TOML" in document.findings()[0]
    assert state_of(document)["text"] == "name = "
    document.undo()
    assert document.usable


def test_saving_minds_what_others_wrote(document: Document) -> None:
    document.move(TICKET, 1.0, 0.0)
    document.path.write_text("# theirs\n")
    with pytest.raises(Changed, match="another program"):
        document.save()
    assert document.path.read_text() == "# theirs\n"
    document.save(overwrite=True)
    assert document.path.read_text(encoding="utf-8") == document.text


def test_unsaved_work_outlives_the_studio(document: Document) -> None:
    document.move(TICKET, 1.0, 0.0)
    work = document.text
    again = Document(document.path)
    assert again.earlier == work
    assert not again.earlier_is_older
    with pytest.raises(Refused, match="earlier time"):
        again.move(TICKET, 5.0, 0.0)
    again.save()
    assert Document(document.path).earlier == work, "saving does not drop it unasked"
    again.take_earlier()
    again.save()
    assert Document(document.path).earlier == ""
    assert again.path.read_text(encoding="utf-8") == work


def test_unsaved_work_can_be_forgotten(document: Document) -> None:
    document.move(TICKET, 1.0, 0.0)
    again = Document(document.path)
    again.forget_earlier()
    assert Document(document.path).earlier == ""
    again.move(TICKET, 2.0, 0.0)
    assert Document(document.path).earlier == again.text


def test_a_new_file_is_there_once_it_is_saved(tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    opened = open_document(Opening("quiz-a5", out))
    assert opened.dirty
    assert not out.exists()
    opened.save()
    assert load_design(out).hash == load_design("quiz-a5").hash
    with pytest.raises(Refused, match="there already"):
        open_document(Opening("quiz-a5", out))
    with pytest.raises(Refused, match="--out"):
        open_document(Opening("quiz-a5"))
    late = open_document(Opening(str(out), tmp_path / "other.toml"))
    late.path.write_text("# theirs")
    with pytest.raises(Changed):
        late.save()


def test_saving_is_whole_or_not_at_all(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    before = document.path.read_bytes()
    document.move(TICKET, 1.0, 0.0)

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(OmrError, match="no room"):
            document.save()
    assert document.path.read_bytes() == before
    assert document.dirty
    assert Document(document.path).earlier == document.text


def test_moves_one_after_another_are_one_step(document: Document) -> None:
    before = document.text
    document.move(TICKET, 0.1, 0.0)
    for _ in range(9):
        document.move(TICKET, 0.1, 0.0, further=True)
    x = boxes(document, "ticket")["bubbles"][0][0]
    document.move(Place("front", 1), 1.0, 0.0, further=True)
    document.undo()
    assert boxes(document, "ticket")["bubbles"][0][0] == x
    document.undo()
    assert document.text == before


@pytest.mark.parametrize("name", builtin_names())
@pytest.mark.parametrize("kind", list(FieldKind))
def test_every_table_becomes_every_kind_and_is_a_design(
    name: str, kind: FieldKind, tmp_path: Path
) -> None:
    path = tmp_path / "card.toml"
    path.write_bytes((DESIGNS / f"{name}.toml").read_bytes())
    opened = Document(path)
    assert opened.design
    for side in opened.design.sides:
        face = side.name.value
        for index in range(opened.text.count(f"[[{face}.field]]")):
            opened.retype(Place(face, index), kind)
            design = parse_design(opened.text, "card.toml")
            assert opened.usable
            kinds = {f.kind for s in design.sides for f in s.fields}
            kinds |= {z.kind for s in design.sides for z in s.zones}
            assert kind in kinds
            if opened.can_undo:
                opened.undo()


@pytest.mark.parametrize("what", list(New))
def test_everything_new_is_a_design(document: Document, what: New) -> None:
    document.add("front", what, 30.0, 60.0)
    assert document.usable
    assert '\n\n[[front.field]]\nname = "new1' in document.text


def test_a_run_of_questions_becomes_a_number_and_back(document: Document) -> None:
    before = boxes(document, "q1")
    place = Place("front", before["index"])
    document.retype(place, FieldKind.LETTERS)
    table = boxes(document, "q")["table"]
    assert (table["length"], table["character_step"]) == (25, before["table"]["field_step"])
    document.retype(place, FieldKind.SINGLE)
    after = boxes(document, "q25")
    assert after["bubbles"] == before["bubbles"]


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_bytes((DESIGNS / "quiz-a5.toml").read_bytes().replace(b"\n", b"\r\n"))
    opened = Document(path)
    opened.move(TICKET, 1.0, 0.0)
    opened.save()
    lines = path.read_bytes().split(b"\n")
    assert sum(not line.endswith(b"\r") for line in lines[:-1]) <= 1
