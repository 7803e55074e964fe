"""The tests' exam, and answer keys for its papers."""

from __future__ import annotations

import random
from pathlib import Path

EXAM = Path(__file__).parent / "EXAM.toml"
HEADER = "准考证号,姓名,证件类型,证件号,档案号,专业代码,级别,考区,考点,考场,试室,座位号,报考科目"


def right_answers(paper: str, form: str) -> str:
    return "".join(random.Random(paper + form).choices("ABCDE", k=100))


def key_file(folder: Path, paper: str, form: str, version: int = 1, void: str = "left_out") -> Path:
    path = folder / f"{paper}{form}-{version}.toml"
    path.write_text(
        f'paper = "{paper}"\nform = "{form}"\nversion = {version}\n[[section]]\nname = "A1"\n'
        f'kind = "single"\nanswers = "{right_answers(paper, form)}"\n'
        f'void = {{ "31" = "{void}" }}\naccept = {{ "7" = ["A", "C"] }}\n'
    )
    return path
