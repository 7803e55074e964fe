"""The portal: one's own result and nothing else, the same answer for everybody who has none."""

from __future__ import annotations

import hashlib
import itertools
import re
import subprocess
import sys
import time
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from scipy.stats import mannwhitneyu
from starlette.testclient import TestClient

from admin_api.errors import Refused, Tampered
from admin_api.portal.challenge import LASTS_S
from admin_api.portal.limits import Kind, Limits
from admin_api.portal.sealed import (
    MAGIC,
    PortalError,
    SealedFile,
    key_of,
    numbers_of,
    packed,
    tag_of,
    unpacked,
)
from admin_api.portal.settings import read_settings
from admin_api.portal.shown import Shown
from admin_api.release.records import ReleaseKind
from admin_api.release.transcript import check_code
from tests.portal.conftest import Sealed, record

PEOPLE = 40


def token_in(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def ask(portal: TestClient, ticket: str, id_number: str, path: str = "/result", work: str = "0"):
    token = token_in(portal.get("/").text)
    said = {"ticket": ticket, "id_number": id_number, "token": token, "work": work}
    return portal.post(path, data=said)


@pytest.fixture
def portal(sealed: Sealed) -> TestClient:
    sealed.seal([record(n) for n in range(1, PEOPLE + 1)])
    return sealed.portal()


def test_a_candidate_finds_her_own_result(portal: TestClient) -> None:
    one = record(7)
    said = ask(portal, one["ticket"], one["id_number"])
    assert said.status_code == 200
    for words in (one["name"], "<b>71</b>", "缺考", "成绩无效", "已合格于 2025", "尚有科目未合格"):
        assert words in said.text
    assert "<b>0</b>" not in said.text
    assert said.headers["cache-control"] == "no-store"
    assert (
        "Score"
        in portal.post(
            "/result?lang=en",
            data={
                "ticket": one["ticket"],
                "id_number": one["id_number"],
                "token": token_in(portal.get("/").text),
                "work": "0",
            },
        ).text
    )


def test_numbers_may_be_typed_as_people_type_them(portal: TestClient) -> None:
    one = record(7)
    wide = one["ticket"].translate({ord(str(d)): chr(0xFF10 + d) for d in range(10)})
    said = ask(portal, f" {wide} ", one["id_number"].lower().replace("1990", " 1990"))
    assert said.status_code == 200


def test_the_same_answer_for_whoever_has_none(sealed: Sealed, portal: TestClient) -> None:
    """Unknown, military, a wrong second number; and everybody after a withdrawal."""
    one = record(7)

    def blank(text: str) -> str:
        return re.sub(r'name="token" value="[^"]+"', "", text)

    misses = [
        ask(portal, "370000099999", one["id_number"]),
        ask(portal, one["ticket"], "370102199001010000"),
        ask(portal, "", ""),
        ask(portal, "' OR 1=1 --", "%00"),
        ask(portal, "../../etc/passwd", "<script>"),
    ]
    sealed.seal([], ReleaseKind.WITHDRAWAL)
    withdrawn = sealed.portal()
    misses.append(ask(withdrawn, one["ticket"], one["id_number"]))
    assert {said.status_code for said in misses} == {404}
    assert len({blank(said.text) for said in misses}) == 1
    assert "未查询到成绩" in misses[0].text


def test_military_results_are_never_sealed(sealed: Sealed) -> None:
    with pytest.raises(Refused, match="never public"):
        sealed.seal([record(1)], ReleaseKind.MILITARY)


def test_a_transcript_is_printed_and_its_code_verifies(sealed: Sealed, portal: TestClient) -> None:
    one = record(7)
    said = ask(portal, one["ticket"], one["id_number"], "/transcript")
    assert said.status_code == 200
    assert said.content.startswith(b"%PDF")
    code = read_code(said.content)
    assert check_code(code, sealed.keys)["ticket"] == one["ticket"]
    assert ask(portal, "370000099999", "1", "/transcript").status_code == 404


def read_code(pdf: bytes) -> str:
    picture = pypdfium2.PdfDocument(pdf)[0].render(scale=4).to_numpy()
    (found,) = zxingcpp.read_barcodes(picture)
    return str(found.text)


# ── the file ─────────────────────────────────────────────────────────────────────────────────


def test_a_stolen_file_tells_nothing(sealed: Sealed) -> None:
    content = sealed.seal([record(n) for n in range(1, 30)]).read_bytes()
    one = record(7)
    for text in (one["ticket"], one["id_number"], one["name"], "考生", "absent"):
        assert text.encode() not in content
    file = SealedFile(sealed.folder / "shown.portal", b"another secret" * 2 + b"four", sealed.keys)
    assert file.find(one["ticket"], one["id_number"]) is None


def test_every_record_is_of_one_size_and_no_key_is_used_twice(sealed: Sealed) -> None:
    many = [record(n, name="名" * n) for n in range(1, 12)]
    first = sealed.seal(many)
    content, file = first.read_bytes(), SealedFile(first, secret_of(sealed), sealed.keys)
    assert (len(content) - file.header["begins"]) % len(many) == 0
    assert content == sealed.seal(many).read_bytes()  # the same release, the same bytes
    numbers = numbers_of(many[0]["ticket"], many[0]["id_number"])
    keys = {key_of(secret_of(sealed), release, numbers) for release in ("a", "b")}
    assert len(keys | {tag_of(secret_of(sealed), "a", numbers)}) == 3


def secret_of(sealed: Sealed) -> bytes:
    return (sealed.folder / "secret").read_bytes()


def test_records_pack_and_unpack() -> None:
    proof = ((True, bytes(range(32))), (False, bytes(32)))
    found = unpacked(packed(record(3), proof).ljust(4000, b"\0"), {})
    assert (found.record, found.proof) == (record(3), proof)
    assert numbers_of("１２ 3", "x") == b"123\0X"


@pytest.mark.parametrize("place", [0, 9, 60, -40, -1])
def test_a_damaged_file_is_refused(sealed: Sealed, place: int) -> None:
    path = sealed.seal([record(n) for n in range(1, 9)])
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(PortalError, match="copy it anew"):
        SealedFile(path, (sealed.folder / "secret").read_bytes(), sealed.keys)


@pytest.mark.parametrize("size", [0, 5, len(MAGIC) + 2, 400, -1])
def test_a_half_copied_file_is_refused(sealed: Sealed, size: int) -> None:
    path = sealed.seal([record(n) for n in range(1, 9)])
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(PortalError):
        SealedFile(path, (sealed.folder / "secret").read_bytes(), sealed.keys)


def test_a_release_that_two_people_did_not_sign_is_not_shown(sealed: Sealed) -> None:
    sealed.seal([record(1)])
    only = {"lin": sealed.keys["lin"]}
    with pytest.raises(PortalError, match="1 of 2 signatures"):
        SealedFile(sealed.folder / "shown.portal", (sealed.folder / "secret").read_bytes(), only)
    del sealed.clerks["luo"]
    with pytest.raises(Tampered, match="signatures of 2 people"):
        sealed.seal([record(2)])


def test_another_release_takes_over_and_a_damaged_one_does_not(sealed: Sealed) -> None:
    sealed.seal([record(1)])
    shown = Shown(sealed.settings())
    first = shown.now
    path = sealed.seal([record(1, name="改名")])
    shown.refresh()
    assert shown.now.release != first.release
    found = shown.now.find(record(1)["ticket"], record(1)["id_number"])
    assert found is not None
    assert found.record["name"] == "改名"
    assert first.find(record(1)["ticket"], record(1)["id_number"]) is not None  # still mapped
    kept = shown.now
    path.write_bytes(b"half of a file")
    shown.refresh()
    assert shown.now is kept
    assert "copy it anew" in shown.fault


# ── guessing ─────────────────────────────────────────────────────────────────────────────────


def test_work_is_asked_for_and_counts_once(sealed: Sealed) -> None:
    sealed.seal([record(1)])
    portal, one = sealed.portal(work_bits=10, wait_s=8), record(1)
    token = token_in(portal.get("/").text)
    said = {"ticket": one["ticket"], "id_number": one["id_number"], "token": token}
    work = next(
        n
        for n in itertools.count()
        if int.from_bytes(hashlib.sha256(f"{token}:{n}".encode()).digest(), "big") >> 246 == 0
    )
    assert portal.post("/result", data=said | {"work": str(work)}).status_code == 200
    assert portal.post("/result", data=said | {"work": str(work)}).status_code == 400


def test_a_form_is_one_form_however_its_token_is_spelled(sealed: Sealed) -> None:
    """Once a form was looked at for long enough, it still asks no more than its questions."""
    sealed.seal([record(1)])
    portal, one = sealed.portal(work_bits=30, wait_s=8, per_form=1), record(1)
    token = token_in(portal.get("/").text)
    sealed.clock.now_s += 9
    said = {"ticket": one["ticket"], "id_number": one["id_number"]}
    spellings = [token, f"!{token}", f"{token[:9]}\n{token[9:]}", f"{token}===="]
    answers = [portal.post("/result", data=said | {"token": t}).status_code for t in spellings]
    assert answers == [200, 400, 400, 400]


def test_who_was_early_keeps_the_form_and_waits_no_longer_than_told(sealed: Sealed) -> None:
    sealed.seal([record(1)])
    portal, one = sealed.portal(work_bits=30, wait_s=8), record(1)
    said = {"ticket": one["ticket"], "id_number": one["id_number"]}
    token = token_in(portal.get("/").text)
    sealed.clock.now_s += 5.5
    early = portal.post("/result", data=said | {"token": token})
    assert "剩余秒数： 3" in early.text
    assert token_in(early.text) == token
    sealed.clock.now_s += 3
    assert portal.post("/result", data=said | {"token": token}).status_code == 200


def test_without_script_one_waits(sealed: Sealed) -> None:
    sealed.seal([record(1)])
    portal, one = sealed.portal(work_bits=30, wait_s=8), record(1)
    said = {"ticket": one["ticket"], "id_number": one["id_number"]}
    early = token_in(portal.get("/").text)
    assert portal.post("/result", data=said | {"token": early}).status_code == 425
    token = token_in(portal.get("/").text)
    sealed.clock.now_s += 9
    assert portal.post("/result", data=said | {"token": token}).status_code == 200
    old = token_in(portal.get("/").text)
    sealed.clock.now_s += LASTS_S + 1
    for bad in (old, "", "made up", "A" * 60):
        assert portal.post("/result", data=said | {"token": bad}).status_code == 400


def test_numbers_and_addresses_are_limited_whether_they_exist_or_not(sealed: Sealed) -> None:
    sealed.seal([record(n) for n in range(1, 9)])
    for ticket in (record(1)["ticket"], "370000099999"):
        portal = sealed.portal(per_number=3)
        answers = [ask(portal, ticket, "37010219900101999X").status_code for _ in range(5)]
        assert answers == [404, 404, 404, 429, 429]
    plain, guess = record(2)["ticket"], "37010219900101999X"
    spelled = [plain, f" {plain}", f"{plain[:3]} {plain[3:]}", plain + "\0", "\uff13" + plain[1:]]
    portal = sealed.portal(per_number=3)
    answers = [ask(portal, ticket, guess).status_code for ticket in spelled]
    assert answers == [404, 404, 404, 429, 429]
    assert ask(portal, plain + " " * 30 + "x", guess).status_code == 404  # another number
    portal = sealed.portal(per_address=1000)
    before = [ask(portal, record(n)["ticket"], "x").status_code for n in range(2, 9)]
    assert set(before) == {404}
    strict = sealed.portal(per_address=2)
    said = ask(strict, record(8)["ticket"], record(8)["id_number"])
    assert said.status_code == 429
    assert said.headers["retry-after"]
    sealed.clock.now_s += 3600
    assert ask(strict, record(8)["ticket"], record(8)["id_number"]).status_code == 200


def test_counts_are_shared_by_processes(tmp_path: Path) -> None:
    path, secret = tmp_path / "counts", b"s" * 32
    code = (
        "import sys; from pathlib import Path; from admin_api.portal.limits import Kind, Limits\n"
        "limits = Limits(Path(sys.argv[1]), b's' * 32)\n"
        "for n in range(2000): limits.count((Kind.ADDRESS, '10.0.0.1', 7))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    limits = Limits(path, secret)
    assert limits.count((Kind.ADDRESS, "10.0.0.1", 7)) == [6001]
    assert limits.count((Kind.ADDRESS, "10.0.0.1", 8)) == [1]
    assert limits.count((Kind.NUMBER, "10.0.0.1", 7)) == [1]
    assert b"10.0.0.1" not in path.read_bytes()


def test_nobody_tells_the_misses_apart_by_the_clock(sealed: Sealed) -> None:
    """A wrong second number, a military candidate and nobody at all: interleaved, ranked together.

    The share of pairs in which one took longer than the other says how well a clock could tell.
    """
    many = [record(n) for n in range(1, 400)]
    sealed.seal(many)
    file = SealedFile(sealed.folder / "shown.portal", secret_of(sealed), sealed.keys)
    took: dict[str, list[float]] = {"wrong": [], "military": [], "nobody": []}
    for turn in range(2000):
        one = many[turn % len(many)]
        asked = {
            "wrong": (one["ticket"], f"37010219900101{turn:03d}9"),
            "military": (f"38{turn:010d}", f"37010219900102{turn:03d}9"),
            "nobody": (f"99{turn:010d}", one["id_number"]),
        }
        for kind, numbers in asked.items():
            begun = time.perf_counter()
            assert file.find(*numbers) is None
            took[kind].append(time.perf_counter() - begun)
    for one, other in itertools.combinations(took, 2):
        greater = mannwhitneyu(took[one], took[other]).statistic / 2000**2
        assert 0.3 < greater < 0.7, (one, other)


# ── around it ────────────────────────────────────────────────────────────────────────────────


def test_it_knows_no_database(sealed: Sealed) -> None:
    code = (
        "import sys; import admin_api.portal.app, admin_api.portal.serve\n"
        "no = ('sqlalchemy', 'alembic', 'psycopg', 'admin_api.review', 'admin_api.console')\n"
        "sys.exit(any(m.startswith(no) for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_health_readiness_metrics_and_headers(portal: TestClient) -> None:
    assert portal.get("/healthz").text == "alive\n"
    assert "showing" in portal.get("/readyz").text
    for path in ("/", "/static/portal.css", "/readyz"):
        headers = portal.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
    assert portal.get("/static/../settings.py").status_code == 404
    assert portal.get("/static/%2e%2e%2fsettings.py").status_code == 404
    near = TestClient(portal.app, base_url="http://127.0.0.1", client=("127.0.0.1", 5))
    assert "kaowu_portal_questions" in near.get("/metrics").text
    assert near.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    assert portal.get("/metrics").status_code == 404
    big = portal.post("/result", content=b"ticket=" + b"1" * 10_000)
    assert big.status_code == 400


def test_settings_are_checked(sealed: Sealed, tmp_path: Path) -> None:
    sealed.seal([record(1)])
    keys = tmp_path / "keys.toml"
    keys.write_text("".join(f'"{n}" = "{k}"\n' for n, k in sealed.keys.items()))
    good = {
        "PORTAL_FILE": str(sealed.folder / "shown.portal"),
        "PORTAL_SECRET": str(sealed.folder / "secret"),
        "PORTAL_KEYS": str(keys),
        "PORTAL_STATE": str(tmp_path / "state"),
    }
    assert read_settings(good).per_number == 12
    for bad in (
        {"PORTAL_SECERT": "x"},
        {"PORTAL_SECRET": ""},
        {"PORTAL_SECRET": str(keys)},
        {"PORTAL_KEYS": str(tmp_path / "none")},
        {"PORTAL_WORK_BITS": "many"},
    ):
        with pytest.raises(PortalError):
            read_settings(good | bad)
