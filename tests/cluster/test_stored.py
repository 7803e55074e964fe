"""Pages from a store by URL: the same as from a disk, and its silence is no page's fault."""

from __future__ import annotations

import io
import logging
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from admin_api.errors import Refused
from admin_api.intake.scans import BagName, Lot
from admin_api.intake.service import take_in
from admin_api.settings import settings_in
from omr.batch import WorkerSetup, list_files
from omr.cluster.crew import Cluster
from omr.design import load_design
from omr.errors import OmrError, OutputError, SourceError, StoreAway
from omr.policy import default_policy
from omr.pool import Limits
from omr.progress import Silent
from omr.run import RunOrder, run
from scanner_drivers import stored
from scanner_drivers.files import PageOpener, PageRef, list_pages
from scanner_drivers.places import is_url, store_of
from tests.cluster import machines
from tests.console.doubts import draw_cards
from tests.faults.seeds import grey, jpeg_image, many_paged_tiff, pdf, pillow
from tests.office.papers import EXAM
from tests.office.people import new_desk, with_cheap_keys

CARD = pillow(grey(), "JPEG", quality=90)


@dataclass
class Bucket:
    """An S3 of the test's own on loopback."""

    server: ThreadedMotoServer
    client: Any
    name: str = "cards"

    def put(self, key: str, content: bytes) -> str:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)
        return f"s3://{self.name}/{key}"

    def fill(self, folder: Path) -> str:
        """Everything in a folder; the URL that stands for it."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{folder.name}/{path.relative_to(folder)}", path.read_bytes())
        return f"s3://{self.name}/{folder.name}"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    stored._opened.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket="cards")
    yield Bucket(server, client)
    server.stop()
    stored._opened.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One of everything: nested folders, archives, paged files, what is no scan, what is broken."""
    root = tmp_path / "box1"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("b_10.jpg", CARD)
        archive.writestr("b_2.jpg", CARD + b"\0")
        archive.writestr("two.tif", many_paged_tiff(2))
    for name, content in {
        "card_10.jpg": CARD + b"\0\0",
        "card_2.jpg": CARD,
        "bag 9/1.jpg": CARD,
        "bag 10/1.jpg": CARD,
        "袋1/卡.jpg": CARD,
        ".hidden/1.jpg": CARD,
        "key.csv": b"1,A",
        "pages.tif": many_paged_tiff(3),
        "pages.pdf": pdf(jpeg_image()),
        "torn.pdf": b"%PDF-1.4 and no more",
        "packed.zip": packed.getvalue(),
        "torn.zip": packed.getvalue()[:300],
        "empty.jpg": b"",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def opened(refs: list[PageRef], root: str) -> list[tuple[object, ...]]:
    """What every page comes to, the place aside."""
    opener, found = PageOpener(), []
    for ref in refs:
        try:
            page = opener.open(ref)
            came: object = (page.sha256, page.frame, page.dpi, page.image)
        except OmrError as error:
            came = (type(error).__name__, str(error))
        found.append((ref.source.removeprefix(root).strip("/"), ref.position, came))
    return found


def test_a_store_lists_and_opens_as_a_disk_does(bucket: Bucket, tree: Path) -> None:
    url = bucket.fill(tree)
    bucket.put("box11/other.jpg", CARD)  # begins alike, and is no part of it
    there, here = Counter[str](), Counter[str]()
    stored_refs = list(list_pages([url], skipped=there))
    disk_refs = list(list_pages([tree], skipped=here))
    assert opened(stored_refs, url) == opened(disk_refs, str(tree))
    assert there == here
    assert {ref.path for ref in stored_refs if ref.error} == {f"{url}/torn.pdf", f"{url}/torn.zip"}
    both = list_files([tree / "card_2.jpg", f"{url}/card_10.jpg"])
    assert [(ref.position, is_url(ref.source)) for ref in both] == [(0, False), (1, True)]


def test_what_is_not_there_is_told(bucket: Bucket) -> None:
    url = bucket.put("a/1.jpg", CARD)
    (ref,) = list_pages([url])
    bucket.client.delete_object(Bucket="cards", Key="a/1.jpg")
    with pytest.raises(SourceError, match="cannot be opened"):
        PageOpener().open(ref)
    for nothing in ("s3://cards/nothing", "s3://nobody/a"):
        (closed,) = list_pages([nothing])
        assert closed.error is not None
        assert "cannot be opened" in closed.error


def test_a_store_of_no_known_kind() -> None:
    with pytest.raises(StoreAway, match="install the extra `scale`"):
        store_of("carrier-pigeon://loft/1.jpg")


def order(out: Path, crew: Limits | Cluster = Limits(0)) -> RunOrder:  # noqa: B008
    setup = WorkerSetup(load_design("cn-health-203"), default_policy())
    return RunOrder(out, setup, crew, "design")


def test_a_store_that_goes_away_stops_the_run_which_then_goes_on(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_cards(tmp_path / "box2", 3)
    refs = list_files([bucket.fill(tmp_path / "box2")])
    out = tmp_path / "out.jsonl"

    class Cut(Silent):
        """The network goes down once pages were read."""

        def advance(self, pages: int) -> None:
            monkeypatch.setattr(stored._Fsspec, "read", gone)

    def gone(*_: object) -> bytes:
        raise StoreAway("the store does not answer")

    real = stored._Fsspec.read
    monkeypatch.setattr("omr.run._TOGETHER", 1)
    with pytest.raises(StoreAway):
        run(refs, order(out), Cut())
    monkeypatch.setattr(stored._Fsspec, "read", real)
    summary = run(refs, order(out), Silent())
    assert (summary.pages, summary.fresh) == (3, 2)
    assert "rejected" not in summary.statuses


def test_another_file_of_the_same_name_is_another_run(bucket: Bucket, tmp_path: Path) -> None:
    url = bucket.put("box3/1.jpg", CARD)
    out = tmp_path / "out.jsonl"

    class Interrupted(Silent):
        def stage(self, what: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(OmrError, match="stopped after 1 of 1"):
        run(list_files([url]), order(out), Interrupted())
    bucket.put("box3/1.jpg", CARD[:-1] + b"!")
    with pytest.raises(OutputError, match="other input files"):
        run(list_files([url]), order(out), Silent())


def test_a_silent_store_is_told_with_what_to_do(bucket: Bucket) -> None:
    bucket.put("box4/1.jpg", CARD)
    (ref,) = list_pages(["s3://cards/box4"])
    bucket.server.stop()
    with pytest.raises(StoreAway, match="check its address, its keys and the network"):
        PageOpener().open(ref)
    with pytest.raises(StoreAway):
        list_files(["s3://cards/box4"])


def test_a_cluster_reads_a_store_into_the_same_table(bucket: Bucket, tmp_path: Path) -> None:
    draw_cards(tmp_path / "box5", 4)
    refs = list_files([bucket.fill(tmp_path / "box5")])
    with machines.cluster(tmp_path / "c", workers=1) as made:
        run(refs, order(tmp_path / "there.jsonl", Cluster(made.address, batch=2)), Silent())
    run(refs, order(tmp_path / "here.jsonl"), Silent())
    there = (tmp_path / "there.jsonl").read_bytes()
    assert there == (tmp_path / "here.jsonl").read_bytes()
    assert there.count(b'"status":"read"') == 4


def test_intake_keeps_what_a_store_holds(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_cheap_keys(monkeypatch.setattr)
    desk = new_desk(settings_in(tmp_path / "home"), EXAM)
    draw_cards(tmp_path / "box6", 2)
    lot = Lot(BagName("37", "6", "1"), (bucket.fill(tmp_path / "box6"),))
    done = take_in(desk.office, desk["ou"], [lot], Limits(0), Silent())
    assert done.statuses == {"read": 2}
    assert len(list(desk.office.vault.folder.rglob("??/*"))) == 2
    elsewhere = replace(lot, bag=BagName("37", "6", "2"), paths=("s3://cards/nothing",))
    with pytest.raises(Refused, match="nothing is there"):
        take_in(desk.office, desk["ou"], [elsewhere], Limits(0), Silent())
