"""The studio's door: who may ask, and what it makes of what they hand in."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from admin_api.errors import NotFound, Refused
from admin_api.studio.app import build_app
from admin_api.studio.document import Document
from admin_api.studio.serve import Opening, open_document
from admin_api.studio.studio import Studio
from omr.design import load_design
from omr.simulate import load_mix, read_truth, simulate
from tests.studio.conftest import TICKET


@pytest.fixture
def studio(document: Document) -> Studio:
    return Studio(document, None)


@pytest.fixture
def client(studio: Studio) -> TestClient:
    return TestClient(build_app(studio), base_url="http://127.0.0.1:8000")


def test_only_the_page_itself_may_ask(client: TestClient, studio: Studio) -> None:
    root = f"/{studio.token}"
    assert client.get(f"{root}/state").status_code == 200
    assert client.get("/state").status_code == 404
    assert client.get("/wrong-token/state").status_code == 404
    assert client.get(f"{root}/state", headers={"host": "evil.example"}).status_code == 421
    assert client.post(f"{root}/edit", json={"do": "undo"}).status_code == 403
    good = {"x-studio": studio.token}
    assert client.post(f"{root}/edit", json={"do": "undo"}, headers=good).status_code == 200
    assert "default-src 'none'" in client.get(f"{root}/").headers["content-security-policy"]
    for name in ("..%2f..%2fpyproject.toml", "app.py", "index.html%00.css"):
        assert client.get(f"{root}/{name}").status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"do": "explode"},
        {"do": "set", "index": -1},
        {"do": "move", "x": "far"},
        {"do": "set", "index": 99, "changes": {"title": "x"}},
        {"do": "set", "changes": {"path": "/etc/passwd"}},
        {"do": "stretch", "x": 1e9, "y": 1},
        {"do": "add", "what": "bomb"},
        {"do": "retype", "kind": "essay"},
        {"do": "set", "changes": {"title": "x" * 5000}},
        {"do": "set", "changes": {"values": [["A"]]}},
        {"do": "set", "changes": {"at": {"x_mm": "far"}}},
    ],
)
def test_what_cannot_be_done_is_told(client: TestClient, studio: Studio, asked: dict) -> None:
    headers = {"x-studio": studio.token}
    answer = client.post(f"/{studio.token}/edit", json=asked, headers=headers)
    assert answer.status_code == 422
    assert not studio.document.dirty


def test_numbers_that_are_none_are_told(client: TestClient, studio: Studio) -> None:
    headers = {"x-studio": studio.token, "content-type": "application/json"}
    address = f"/{studio.token}/edit"
    for body in ('{"do": "move", "x": NaN}', '{"do": "move", "y": Infinity}', "[" * 9000, "\xff"):
        answer = client.post(address, content=body.encode("latin-1"), headers=headers)
        assert answer.status_code in (400, 422)
    assert client.post(address, content=b" " * (5 << 20), headers=headers).status_code == 413
    assert not studio.document.dirty


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"no picture", b"\xff\xd8\xff" + b"\0" * 999, b"PK\3\4", b"%PDF-1.7\n%%EOF"),
        *(b"II*\0" + b"\xff" * 64, b"\x89PNG\r\n\x1a\n" + b"\0" * 64),
    ],
)
def test_hostile_scans_are_told_not_fatal(
    client: TestClient, studio: Studio, content: bytes
) -> None:
    headers = {"x-studio": studio.token, "x-name": "../../etc/passwd%0aX: y"}
    answer = client.post(f"/{studio.token}/try", content=content, headers=headers)
    assert answer.status_code in (200, 422)
    said = answer.json()
    assert said.get("error") or said["refused"]
    assert "etc" not in said.get("scan", "")
    assert client.get(f"/{studio.token}/scan/front.jpg").status_code == 404


def test_a_scan_is_read_with_what_is_not_saved(client: TestClient, studio: Studio) -> None:
    cards = studio.document.path.parent / "cards"
    design = load_design("cn-health-203")
    simulate(design, load_mix("clean"), 1, 5, cards)
    truth = next(iter(read_truth(cards / "truth.jsonl")))
    headers = {"x-studio": studio.token, "x-name": "card.png"}
    content = (cards / truth.file).read_bytes()
    said = client.post(f"/{studio.token}/try", content=content, headers=headers).json()
    read = {field["name"]: field["value"] for field in said["sides"]["front"]["fields"]}
    assert {name: read[name] for name in truth.values if name in read} == {
        name: value for name, value in truth.values.items() if name in read
    }
    picture = client.get(f"/{studio.token}/scan/front.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    studio.document.set(TICKET, {"name": "number"})
    again = client.get(f"/{studio.token}/reading").json()
    fields = {field["name"]: field for field in again["sides"]["front"]["fields"]}
    assert fields["number"]["value"] == truth.values["ticket"]
    assert len(fields["number"]["filled"]) == 12
    studio.document.set(TICKET, {"kind": "singel"})
    assert client.get(f"/{studio.token}/reading").status_code == 422


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("quiz-a5", "is built in"),
        ("template.json", "import it first"),
        ("card.txt", r"ends in .toml"),
    ],
)
def test_what_the_studio_does_not_open(file: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        open_document(Opening(file))
    with pytest.raises(NotFound, match="does not exist"):
        open_document(Opening("nowhere.toml"))
