"""OMRChecker's evaluation.json → a key of ours. What is taken and what not: README.md here.

A key stands in the file itself, in a CSV beside it, or is read off a filled card. Reading is not
this module's business: whoever calls brings a function that does it, and must say what it doubts.
"""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

from omr.errors import AnswerKeyError
from omr.importers.imported import CardLabels
from omr.importers.json_node import MOST_BYTES, Node, read_json, shown
from omr.importers.omrchecker_labels import MOST_LABELS, Labels
from omr.score.key import MARKS_ALLOWED, Item, Key, Scheme, item_of, parse_marks

DEFAULT = "DEFAULT"
SOURCES = ("custom", "local", "csv", "image_and_csv")
MOST_FINDINGS = 20
MOST_ANSWERS = 200  # of one question
_LONGEST = 4000  # characters of one answer in a CSV
_ANSWER = (
    'an answer such as "B", a list of right answers such as ["A", "AB"], or answers with their '
    'marks such as [["A", 2], ["B", "1/2"]]'
)
_SHOWS = ("should_explain_scoring", "enable_evaluation_table_to_csv")

Answers = list[str | tuple[str, Fraction]]


@dataclass(frozen=True, slots=True)
class KeyCard:
    """What a filled card says: values by field, and the fields about which there is a doubt."""

    values: Mapping[str, str]
    doubted: frozenset[str] = frozenset()


ReadKeyCard = Callable[[Path], KeyCard]


def import_evaluation(evaluation: Path, card: CardLabels, read: ReadKeyCard | None = None) -> Key:
    """The key that an evaluation.json describes for cards with those labels.

    `read` reads the filled card that the file may name in `answer_key_image_path`.

    Raises:
        AnswerKeyError: not an evaluation.json, or one that cannot be used, a question that the
            cards do not have, or a filled card with a blank or a doubt. Every fault names its
            key and what is allowed, and shows no answer. Whatever `read` raises passes through.
    """
    try:
        content = read_json(evaluation)
    except ValueError as error:
        raise AnswerKeyError(str(evaluation), (str(error),)) from error
    findings: list[str] = []
    reader = _Evaluation(Node.root(content, findings), evaluation.parent, card, read)
    items = reader.items()
    if findings:
        told = tuple(dict.fromkeys(findings))
        more = (f"… and {len(told) - MOST_FINDINGS} more",) if len(told) > MOST_FINDINGS else ()
        raise AnswerKeyError(str(evaluation), told[:MOST_FINDINGS] + more)
    return Key.of(items)


def key_card_of(evaluation: Path) -> Path | None:
    """The filled card that an evaluation.json names for its key, whether or not it is needed."""
    try:
        options = Node.root(read_json(evaluation), []).node("options")
    except ValueError:
        return None  # `import_evaluation` says what is wrong
    name = options.take("answer_key_image_path", default="")
    return evaluation.parent / name if isinstance(name, str) and name.strip() else None


@dataclass(slots=True)
class _Evaluation:
    """Uses up the file's keys; faults gather in the root's findings."""

    root: Node
    folder: Path
    card: CardLabels
    read: ReadKeyCard | None
    labels: frozenset[str] = field(init=False)
    ranges: Labels = field(default_factory=Labels)

    def __post_init__(self) -> None:
        self.labels = frozenset(self.card.labels)

    def items(self) -> list[Item]:
        """The key's items; of no use where faults were noted."""
        root = self.root
        source = root.choice("source_type", SOURCES)
        options = root.node("options")
        for shows in _SHOWS:
            options.take(shows)
        key = self._in_file(options) if source in ("custom", "local") else {}
        if source in ("csv", "image_and_csv"):
            key = self._beside(options)
        options.done()
        schemes = root.node("marking_schemes")
        sections = self._sections(schemes, key)
        root.take("outputs_configuration")
        root.done()
        if root.findings:
            return []
        default = sections[DEFAULT][0]
        owner = {name: s for s, (_, names) in sections.items() for name in names}
        items = []
        for name, answers in key.items():
            section = owner.get(name, DEFAULT)
            items.append(item_of(name, answers, sections.get(section, (default,))[0], section))
        return items

    # ── questions and answers ────────────────────────────────────────────────────────────────

    def _in_file(self, options: Node) -> dict[str, Answers]:
        questions = self._questions(options)
        allowed = f"a list with, for each question, {_ANSWER}"
        listed = options.take("answers_in_order", allowed)
        if not isinstance(listed, list):
            if options.has("answers_in_order"):
                options.fault("answers_in_order", f"must be {allowed}")
            return {}
        if len(listed) != len(questions):
            options.fault(
                "answers_in_order",
                f"holds {len(listed)} answers for the {len(questions)} questions of "
                "questions_in_order; give one for each",
            )
            return {}
        return {
            name: self._answers(options, f"answers_in_order ({name})", answer)
            for name, answer in zip(questions, listed, strict=True)
        }

    def _questions(self, options: Node) -> list[str]:
        key = "questions_in_order"
        questions = self.ranges.of(options, key, options.texts(key, "a list of labels"))
        self._check_known(options, key, questions)
        return questions

    def _check_known(self, node: Node, key: str, names: list[str]) -> None:
        for name in names:
            if name not in self.labels:
                node.fault(
                    key,
                    f"names {shown(name)}, which the template does not have; it must be a field "
                    "that stands alone or a custom label",
                )

    def _answers(self, node: Node, key: str, answer: Any) -> Answers:
        """What counts for one question."""
        listed = [answer] if isinstance(answer, str) else answer
        fits = isinstance(listed, list | tuple) and 0 < len(listed) <= MOST_ANSWERS
        answers: Answers = []
        for one in listed if fits else ():
            if isinstance(one, str):
                answers.append(one.strip())
            elif isinstance(one, list | tuple) and len(one) == 2 and isinstance(one[0], str):
                try:
                    answers.append((one[0].strip(), parse_marks(one[1])))
                except ValueError:
                    node.fault(key, f"must be answers whose marks are {MARKS_ALLOWED}")
                    return []
            else:
                fits = False
        values = [a if isinstance(a, str) else a[0] for a in answers]
        if not fits or "" in values or len({type(a) for a in answers}) > 1:
            node.fault(key, f"must be {_ANSWER}")
            return []
        if len(set(values)) < len(values):
            node.fault(key, "must be different answers")
            return []
        return answers

    # ── a file beside ────────────────────────────────────────────────────────────────────────

    def _beside(self, options: Node) -> dict[str, Answers]:
        name = self._file_name(options, "answer_key_csv_path")
        image = self._file_name(options, "answer_key_image_path", optional=True)
        questions = self._questions(options) if options.has("questions_in_order") else None
        options.known.add("questions_in_order")
        if not name:
            return {}
        path = self.folder / name
        if path.is_file():
            return self._of_csv(options, path)
        if not image:
            options.fault(
                "answer_key_csv_path",
                f"there is no file {shown(name)} beside evaluation.json; put it there, or name a "
                "filled card in answer_key_image_path",
            )
            return {}
        return self._of_card(options, self.folder / image, questions)

    def _file_name(self, options: Node, key: str, *, optional: bool = False) -> str:
        allowed = "the name of a file beside evaluation.json"
        name = options.take(key, "" if optional else allowed)
        if name is None:
            return ""
        good = isinstance(name, str) and name.strip() and name.isprintable() and len(name) < 1000
        if not good or PurePosixPath(name).is_absolute():
            options.wrong(key, allowed, name)
            return ""
        return str(name)

    def _of_csv(self, options: Node, path: Path) -> dict[str, Answers]:
        key = "answer_key_csv_path"
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"it has over {MOST_BYTES} bytes")
            rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig")), strict=True))
        except (OSError, ValueError, csv.Error) as error:
            options.fault(key, f"{shown(path.name)} cannot be read as CSV in UTF-8: {error}")
            return {}
        answers: dict[str, Answers] = {}
        for number, row in enumerate(rows, 1):
            place = f"{key} ({path.name}, line {number})"
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != 2 or not row[0].strip():
                options.fault(place, "must be a question and its answer, as in: q1,C")
                continue
            name = row[0].strip()
            if name in answers:
                options.fault(place, f"has {shown(name)} a second time; keep one")
            answers[name] = self._answers(options, place, _cell(row[1].strip()))
        if len(answers) > MOST_LABELS:
            options.fault(key, f"{shown(path.name)} has over {MOST_LABELS} questions")
            return {}
        if not answers:
            options.fault(key, f"{shown(path.name)} is empty; a line is a question and its answer")
        self._check_known(options, key, list(answers))
        return answers

    def _of_card(
        self, options: Node, image: Path, questions: list[str] | None
    ) -> dict[str, Answers]:
        key = "answer_key_image_path"
        if not image.is_file():
            options.fault(key, f"there is no picture {shown(image.name)} beside evaluation.json")
            return {}
        if self.read is None:
            options.fault(key, f"{shown(image.name)} would have to be read; give the key as a CSV")
            return {}
        if self.root.findings:
            return {}  # reading takes time, and the file must be mended first anyway
        card = self.read(image)
        said = self.card.labelled(card.values, fill=False)
        asked = questions
        if asked is None:
            asked = [
                label for label in self.card.labels if said.get(label) or self._doubted(card, label)
            ]
        if not asked:
            options.fault(key, f"nothing is filled in on {shown(image.name)}")
        for label in asked:
            if doubted := self._doubted(card, label):
                options.fault(
                    key,
                    f"{', '.join(doubted)} cannot be read for certain on {shown(image.name)}; fill "
                    "it in clearly, or give the key as a CSV",
                )
            elif not said.get(label):
                options.fault(
                    key,
                    f"{label} is blank on {shown(image.name)}; fill it in, or take it out of "
                    "questions_in_order",
                )
        return {label: [said.get(label, "")] for label in asked}

    def _doubted(self, card: KeyCard, label: str) -> list[str]:
        return [p for p in self.card.parts(label) if p in card.doubted or p not in card.values]

    # ── marks ────────────────────────────────────────────────────────────────────────────────

    def _sections(
        self, schemes: Node, key: Mapping[str, Answers]
    ) -> dict[str, tuple[Scheme, list[str]]]:
        if not schemes.has(DEFAULT) and not self.root.findings:
            schemes.take(DEFAULT, "an object with correct, incorrect and unmarked")
        sections: dict[str, tuple[Scheme, list[str]]] = {}
        owner: dict[str, str] = {}
        for name, node in schemes.named():
            if not name.strip() or not name.isprintable() or len(name) > 100:
                schemes.fault(name, "is no name for a section; use letters and digits")
            if name == DEFAULT:
                sections[name] = (_scheme(node), [])
                continue
            kind = node.take("marking_type")
            if kind not in (None, "default"):
                node.fault(
                    "marking_type",
                    f"{shown(kind)} is not supported: marks that depend on a streak of answers "
                    "cannot be given here; allowed: default",
                )
                node.take("questions")
                node.take("marking")
                continue
            questions = self._section_questions(node)
            sections[name] = (_scheme(node.node("marking")), questions)
            node.done()
            for question in questions:
                if question in owner:
                    node.fault(
                        "questions",
                        f"{shown(question)} is in the section {shown(owner[question])} too; keep "
                        "it in one",
                    )
                elif key and question not in key:
                    node.fault("questions", f"{shown(question)} has no answer in the key")
                owner[question] = name
        return sections

    def _section_questions(self, node: Node) -> list[str]:
        value = node.content.get("questions")
        parts = [value] if isinstance(value, str) else node.texts("questions", "a list of labels")
        node.used.add("questions")
        return self.ranges.of(node, "questions", parts)


def _cell(text: str) -> Any:
    """A CSV's answer: plain, several with commas, or a list in brackets."""
    if text.startswith("[") and len(text) <= _LONGEST:
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    if len(text) > _LONGEST:
        return None
    return text.split(",") if "," in text else text


def _scheme(node: Node) -> Scheme:
    """Marks for right, wrong and blank."""
    marks = []
    for verdict in ("correct", "incorrect", "unmarked"):
        value = node.take(verdict, MARKS_ALLOWED)
        try:
            marks.append(parse_marks(value))
        except ValueError as error:
            marks.append(Fraction(0))
            if isinstance(value, list):
                node.fault(
                    verdict,
                    "a list means marks that depend on a streak of answers, which is not "
                    f"supported; it must be {MARKS_ALLOWED}",
                )
            elif node.has(verdict):
                node.fault(verdict, f"{error}, got {shown(value)}")
    node.done()
    return Scheme(*marks)
