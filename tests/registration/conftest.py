"""The exam that files are read for."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin_api.exam.parse import load_exam
from admin_api.exam.terms import Exam

EXAM = Path(__file__).parents[1] / "office" / "EXAM.toml"


@pytest.fixture(scope="session")
def exam() -> Exam:
    return load_exam(EXAM)[0]
