"""Hostile files, names and words: each refused in words, nothing stored, nothing harmed."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from admin_api import tables
from admin_api.console import uploads
from admin_api.console.guard import MOST_BODY, MOST_FORM
from tests.console.conftest import Room

PDF = ("letter.pdf", b"%PDF-1.4 a letter", "application/pdf")
LIST = "类型,准考证号,科目,原值,新值,原因,证据,文号\n".encode()
INJECTIONS = (
    "' OR 1=1 --",
    "1; DROP TABLE act",
    "%00",
    "{{7*7}}",
    "<script>x()</script>",
    "😀\u202e",
)


def png_header(width: int, height: int) -> bytes:
    """A picture that says it is enormous, and hardly is there at all."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    crc = zlib.crc32(b"IHDR" + head)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", crc)


def acts(room: Room) -> int:
    return room.desk.ledger.read(select(func.count().label("id")).select_from(tables.act)).item()


def submit(browser: TestClient, files: list[tuple[str, bytes]], evidence: object = PDF):
    listed = [("file", (name, content)) for name, content in files]
    return browser.post("/corrections", files=[*listed, ("evidence", evidence)])


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x.csv", "..\\x.csv", "/etc/passwd.csv", ".hidden.csv", "a" * 300]
)
def test_a_name_that_could_be_a_path_is_refused(room: Room, name: str) -> None:
    before, browser = acts(room), room.enter("lu37")
    said = submit(browser, [(name, LIST)])
    assert said.status_code == 422
    assert "rename it" in said.json()["error"]
    assert acts(room) == before
    assert not list((room.desk.office.settings.home / "incoming").glob("*"))


def test_two_files_of_one_name_are_refused(room: Room) -> None:
    said = submit(room.enter("lu37"), [("letter.pdf", LIST)])
    assert "rename one of each" in said.json()["error"]


@pytest.mark.parametrize(
    "evidence",
    [
        ("letter.jpg", b"<html><script>alert(1)</script>", "image/jpeg"),
        ("letter.pdf", b"MZ\x90\x00 a program", "application/pdf"),
        ("letter.png", b"%PDF-1.4", "image/png"),
        ("letter.svg", b"<svg onload='x()'/>", "image/svg+xml"),
    ],
)
def test_evidence_is_what_its_name_says(room: Room, evidence: tuple[str, bytes, str]) -> None:
    said = submit(room.enter("lu37"), [("list.csv", LIST)], evidence)
    assert said.status_code == 422
    assert "is no PDF, JPEG, PNG or TIFF" in said.json()["error"]


def test_a_zip_bomb_is_not_opened(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_UNZIPPED", 1 << 20)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (2 << 20))
    assert len(bomb.getvalue()) < 10_000
    said = submit(room.enter("lu37"), [("list.xlsx", bomb.getvalue())])
    assert said.status_code == 422
    assert "send what is filled in alone" in said.json()["error"]
    assert submit(room.enter("lu37"), [("list.xlsx", b"PK no zip")]).status_code == 422


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("huge.png", png_header(65_000, 65_000)),
        ("page.jpg", b"<html>no picture</html>"),
        ("half.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
        ("empty.tif", b""),
    ],
)
def test_a_hostile_scan_is_a_rejected_page_that_says_why(
    room: Room, name: str, content: bytes
) -> None:
    said = room.enter("ou").post("/trial", files={"file": (name, content)})
    assert said.status_code in (200, 422), said.text
    if said.status_code == 200:
        assert said.json()["status"] == "rejected"
        assert said.json()["advice"]


def test_an_operator_reaches_no_folder_outside_the_scans_root(room: Room, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    settings = replace(room.desk.office.settings, scans=root)
    room.console.office = replace(room.desk.office, settings=settings)
    browser = room.enter("ou")
    bag = {"region": "37", "box": "1", "bag": "1"}
    for folder in ("../secret", "..", "/etc", "link", "x\0y", "", "missing"):
        said = browser.post("/intakes", data=bag | {"folder": folder})
        assert said.status_code == 422, folder
    for part in ("..", "a/b", "x" * 30):
        said = browser.post(f"/bags/37/{part}/1/scans", files={"files": ("a.jpg", b"x")})
        assert said.status_code in (404, 405, 422), part


def test_words_of_code_are_only_words(room: Room) -> None:
    """In every field: no error of ours, nothing stored, nothing run, nothing shown as markup."""
    sun, lu, an = room.enter("sun"), room.enter("lu37"), room.enter("an")
    people, before = an.get("/people").json()["people"], acts(room)
    for words in INJECTIONS:
        asked = [
            sun.get("/results", params={"ticket": words}, headers={"accept": "text/html"}),
            sun.get("/corrections", params={"region": words[:8]}),
            sun.get("/bags", params={"region": words[:20], "box": words[:20]}),
            sun.get(f"/results/{words.replace('/', '')}/1"),
            sun.post("/matters/settle", data={"matter": words, "reason": ""}),
            an.post(
                "/people",
                data={"name": words, "role": "operator", "passphrase": "x" * 20, "again": "x" * 20},
            ),
            an.post("/people/ou/revoke", data={"why": "no"}),
            lu.post(
                "/corrections/one",
                data={
                    "kind": "name",
                    "ticket": words,
                    "reason": words,
                    "document": words,
                    "new": "x",
                },
                files={"evidence": PDF},
            ),
            room.browser().post("/sign-in", data={"name": words, "passphrase": words}),
        ]
        for said in asked:
            assert said.status_code < 500, said.text
            if said.headers["content-type"].startswith("text/html"):
                assert "<script>x()" not in said.text
        assert "49" not in asked[0].text.partition("<main")[2].partition("value=")[2][:12]
    assert an.get("/people").json()["people"] == people
    assert acts(room) == before


def test_too_much_is_cut_off(room: Room) -> None:
    browser = room.enter("lu37")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    said = browser.post("/corrections/1/approve", content=b"x" * (MOST_FORM + 1), headers=headers)
    assert said.status_code == 413

    def endless():
        for _ in range(3 * MOST_FORM // 65_536):
            yield b"y" * 65_536

    said = browser.post("/passphrase", content=endless(), headers=headers)
    assert said.status_code == 413
    lying = headers | {"content-length": str(MOST_BODY * 4)}
    assert browser.post("/passphrase", content=b"", headers=lying).status_code == 413


def test_an_exported_list_holds_no_formula(room: Room) -> None:
    content = room.enter("lu37").get("/violations/list.csv").text.lstrip("\ufeff")
    cells = [cell for row in content.splitlines() for cell in row.split(",")]
    assert cells
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
