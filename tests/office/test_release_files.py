"""Releases as files: the same facts give the same bytes, and every altered byte is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from admin_api.errors import NotFound, Refused, Tampered
from admin_api.exam.parse import load_exam
from admin_api.release.facts import FACTS
from admin_api.release.fileset import add_signature, draft, write
from admin_api.release.merkle import EMPTY, Tree, leaf, root_of
from admin_api.release.records import RECORDS, ReleaseKind
from admin_api.release.transcript import check_code
from admin_api.release.transcripts import pages_of, write_transcripts
from admin_api.release.verify import load_keys, verify
from admin_api.staff import keys
from tests.office.papers import EXAM
from tests.office.people import PASSPHRASE

BASIS = {"exam": {"year": 2026, "name": "考试", "sha256": "00"}}


def candidate(number: int) -> dict[str, Any]:
    subjects = [
        {"subject": s, "state": "scored", "score": "61", "passed": True, "carried": ""}
        for s in "123"
    ]
    carried = {"subject": "4", "state": "carried", "score": "", "passed": False, "carried": "2025"}
    return {
        "ticket": f"37{number:010d}",
        "name": f"考生{number}·䶮",
        "id_kind": "居民身份证",
        "id_number": "11010519491231002X",
        "file_number": f"F{number:07d}",
        "region": "37",
        "specialty": "203",
        "level": "师",
        "unit": "",
        "subjects": [*subjects, carried],
        "qualified": True,
    }


def frame(count: int) -> pl.DataFrame:
    return pl.DataFrame([candidate(n) for n in range(count)], schema=RECORDS, orient="row")


@pytest.fixture
def people(cheap_keys: None) -> dict[str, tuple[str, Any]]:
    """Two release clerks and a stranger: public key and private key."""
    made = {}
    for name in ("lin", "luo", "stranger"):
        public, sealed = keys.new_key(name, PASSPHRASE)
        made[name] = (public, keys.unlock(name, sealed, PASSPHRASE))
    return made


def sign(folder: Path, people: dict[str, tuple[str, Any]], *names: str) -> None:
    from admin_api.release.verify import check_files

    statement, _ = check_files(folder)
    for name in names:
        public, key = people[name]
        add_signature(folder, name, public, key.sign(statement.message()).hex())


@pytest.fixture
def signed(tmp_path: Path, people: dict[str, tuple[str, Any]]) -> Path:
    made = draft(ReleaseKind.PUBLIC, frame(11), pl.DataFrame(schema=FACTS), BASIS)
    folder = write(tmp_path / "releases", made)
    sign(folder, people, "lin", "luo")
    return folder


@pytest.fixture
def known(people: dict[str, tuple[str, Any]]) -> dict[str, str]:
    return {name: people[name][0] for name in ("lin", "luo")}


def test_a_signed_release_verifies(signed: Path, known: dict[str, str]) -> None:
    found = verify(signed, known)
    assert (found.candidates, found.signed_by) == (11, ("lin", "luo"))
    assert found.statement.release == signed.name


def test_the_same_facts_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    none = pl.DataFrame(schema=FACTS)
    first = draft(ReleaseKind.PUBLIC, frame(11), none, BASIS)
    second = draft(ReleaseKind.PUBLIC, frame(11).reverse(), none, BASIS)
    assert first == second
    assert write(tmp_path, first) == write(tmp_path, second)


def files_of(folder: Path) -> list[str]:
    return ["results.parquet", "facts.parquet", "manifest.json"]


@pytest.mark.parametrize("name", files_of(Path()))
@pytest.mark.parametrize("place", [0, 0.3, 0.7, -1])
def test_every_altered_byte_is_found(
    signed: Path, known: dict[str, str], name: str, place: float
) -> None:
    path = signed / name
    content = bytearray(path.read_bytes())
    content[int(place * len(content)) if place >= 0 else -1] ^= 1
    path.write_bytes(content)
    with pytest.raises(Tampered):
        verify(signed, known)


def test_lost_and_added_files_are_found(signed: Path, known: dict[str, str]) -> None:
    (signed / "more.txt").write_text("more")
    with pytest.raises(Tampered, match=r"more.txt: does not belong"):
        verify(signed, known)
    (signed / "more.txt").unlink()
    (signed / "facts.parquet").unlink()
    with pytest.raises(Tampered, match=r"facts.parquet: missing"):
        verify(signed, known)
    with pytest.raises(NotFound):
        verify(signed / "signatures", known)


def test_a_manifest_that_points_outside_is_refused(signed: Path, known: dict[str, str]) -> None:
    path = signed / "manifest.json"
    content = json.loads(path.read_bytes())
    content["files"]["../../secret"] = {"sha256": "00", "bytes": 1}
    path.write_text(json.dumps(content))
    with pytest.raises(Tampered):
        verify(signed, known)


def test_two_different_people_must_sign(
    tmp_path: Path, signed: Path, known: dict[str, str], people: dict[str, tuple[str, Any]]
) -> None:
    (signed / "signatures" / "luo.json").unlink()
    with pytest.raises(Tampered, match="signatures of 2 people"):
        verify(signed, known)
    sign(signed, people, "stranger")
    with pytest.raises(Tampered, match="signatures of 2 people"):
        verify(signed, known)
    twice = {"lin": people["lin"][0], "also-lin": people["lin"][0]}
    shutil.copy(signed / "signatures" / "lin.json", signed / "signatures" / "also-lin.json")
    text = (signed / "signatures" / "also-lin.json").read_text().replace('"lin"', '"also-lin"')
    (signed / "signatures" / "also-lin.json").write_text(text)
    with pytest.raises(Tampered, match="signatures of 2 people"):
        verify(signed, twice)


def test_a_signature_of_another_release_is_none(
    tmp_path: Path, signed: Path, known: dict[str, str]
) -> None:
    other = write(
        tmp_path / "other",
        draft(ReleaseKind.PUBLIC, frame(10), pl.DataFrame(schema=FACTS), BASIS),
    )
    for path in (signed / "signatures").glob("*.json"):
        shutil.copy(path, other / "signatures")
    with pytest.raises(Tampered, match="has 0"):
        verify(other, known)


def test_transcripts_verify_from_paper(tmp_path: Path, signed: Path, known: dict[str, str]) -> None:
    """Print one, scan the code from the page's picture, and check it with the keys alone."""
    out = tmp_path / "transcript.pdf"
    exam, _ = load_exam(EXAM)
    ticket = candidate(7)["ticket"]
    assert write_transcripts(signed, known, exam, out, ticket) == 1
    page = pypdfium2.PdfDocument(str(out))[0].render(scale=300 / 72).to_numpy()
    grey = cv2.GaussianBlur(np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)), (3, 3), 0)
    codes = [code.text for code in zxingcpp.read_barcodes(grey)]
    record = check_code(codes[0], known)
    assert record["ticket"] == ticket
    assert record["subjects"] == candidate(7)["subjects"]
    assert write_transcripts(signed, known, exam, tmp_path / "all.pdf") == 11
    with pytest.raises(NotFound):
        write_transcripts(signed, known, exam, out, "370000009999")


def test_an_altered_transcript_does_not_hold(signed: Path, known: dict[str, str]) -> None:
    import base64
    import zlib

    code = next(pages_of(signed, known))[1]
    assert check_code(code, known)
    unpacked = zlib.decompress(base64.b32decode(code[4:]))
    assert b'"score":"61"' in unpacked
    for old, new in ((b'"score":"61"', b'"score":"99"'), (b'"root":"', b'"root":"0')):
        forged = base64.b32encode(zlib.compress(unpacked.replace(old, new))).decode()
        with pytest.raises(Tampered):
            check_code(f"KW1:{forged}", known)
    for text in ("", "KW1:", "KW1:!!!", code[:-9], "KW2:" + code[4:]):
        with pytest.raises(Tampered):
            check_code(text, known)
    with pytest.raises(Tampered, match="signed by 1"):
        check_code(code, {"lin": known["lin"]})
    bomb = base64.b32encode(zlib.compress(b"[" + b" " * 10_000_000 + b"]")).decode()
    with pytest.raises(Tampered):
        check_code(f"KW1:{bomb}", known)


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_every_record_leads_to_the_root(records: list[bytes]) -> None:
    tree = Tree([leaf(record) for record in records])
    if not records:
        assert tree.root == EMPTY
    for n, record in enumerate(records):
        assert root_of(record, tree.proof(n)) == tree.root
        assert root_of(record + b"x", tree.proof(n)) != tree.root


def test_key_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    for text in ("", "lin = 3", 'lin = "ab"', "lin"):
        path.write_text(text)
        with pytest.raises(Refused):
            load_keys(path)
