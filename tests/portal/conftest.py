"""Fixtures: a signed release with a few candidates, sealed, and a portal that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from admin_api.exam.parse import parse_exam
from admin_api.portal.app import build_app
from admin_api.portal.settings import PortalSettings
from admin_api.release.facts import FACTS
from admin_api.release.fileset import add_signature, draft, write
from admin_api.release.portal_file import new_secret, write_portal_file
from admin_api.release.records import RECORDS, ReleaseKind
from tests.office.test_exam import text

BASIS: dict[str, Any] = {"exam": {"year": 2026, "name": "卫生专业技术资格考试", "sha256": "00"}}


def record(number: int, **more: Any) -> dict[str, Any]:
    subjects = [
        {"subject": "1", "state": "scored", "score": "71", "passed": True, "carried": ""},
        {"subject": "2", "state": "absent", "score": "", "passed": False, "carried": ""},
        {"subject": "3", "state": "void", "score": "", "passed": False, "carried": ""},
        {"subject": "4", "state": "scored", "score": "59", "passed": False, "carried": "2025"},
    ]
    return {
        "ticket": f"37{number:010d}",
        "name": f"考生{number}",
        "id_kind": "居民身份证",
        "id_number": f"37010219900101{number:03d}X",
        "file_number": f"F{number}",
        "region": "37",
        "specialty": "203",
        "level": "师",
        "unit": "",
        "subjects": subjects,
        "qualified": False,
    } | more


@dataclass
class Clock:
    now_s: float = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Sealed:
    """Two clerks, a secret, and sealed files of releases."""

    folder: Path
    clerks: dict[str, Ed25519PrivateKey] = field(
        default_factory=lambda: {n: Ed25519PrivateKey.generate() for n in ("lin", "luo")}
    )
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        new_secret(self.folder / "secret")

    @property
    def keys(self) -> dict[str, str]:
        return {n: k.public_key().public_bytes_raw().hex() for n, k in self.clerks.items()}

    def release(
        self, records: Sequence[dict[str, Any]], kind: ReleaseKind = ReleaseKind.PUBLIC
    ) -> Path:
        """A signed release's folder."""
        frame = pl.DataFrame(list(records), schema=RECORDS)
        made = draft(kind, frame, pl.DataFrame(schema=FACTS), BASIS)
        folder = write(self.folder, made)
        for name, key in self.clerks.items():
            signature = key.sign(made.statement.message()).hex()
            add_signature(folder, name, self.keys[name], signature)
        return folder

    def seal(
        self, records: Sequence[dict[str, Any]], kind: ReleaseKind = ReleaseKind.PUBLIC
    ) -> Path:
        """The portal's file, put into its place."""
        out, exam = self.folder / "shown.portal", parse_exam(text(), "EXAM.toml")
        write_portal_file(self.release(records, kind), self.keys, exam, self.folder / "secret", out)
        return out

    def settings(self, **more: Any) -> PortalSettings:
        plain = PortalSettings(
            self.folder / "shown.portal",
            self.folder,
            (self.folder / "secret").read_bytes(),
            self.keys,
            work_bits=0,
            wait_s=0,
            per_address=10_000,
            per_number=10_000,
            per_form=1,
        )
        return replace(plain, **more)

    def portal(self, **more: Any) -> TestClient:
        app = build_app(self.settings(**more), self.clock)
        return TestClient(app, base_url="http://127.0.0.1")


@pytest.fixture
def sealed(tmp_path: Path) -> Sealed:
    return Sealed(tmp_path)
