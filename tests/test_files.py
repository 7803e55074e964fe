"""Files to pages: order, archives, PDFs, and that nothing is ever lost or left to stop the rest."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest

from omr.detect.decode import decode
from omr.errors import DamagedImage, ImageTooLarge, OmrError, SourceError
from omr.records import Raster, ScannedPage
from scanner_drivers import pdf_scan
from scanner_drivers.base import Driver
from scanner_drivers.files import (
    FileDriver,
    PageOpener,
    PageRef,
    SourceLimits,
    list_pages,
    natural,
)
from scanner_drivers.pdf import PdfPages
from tests.faults.seeds import (
    DPI,
    FULL_PAGE,
    HEIGHT,
    WIDTH,
    bilevel,
    deflated_image,
    fax_image,
    grey,
    jbig2_image,
    jpeg_image,
    many_paged_tiff,
    pdf,
    pillow,
    png_predicted_image,
    rgb,
    seed_files,
    zipped,
)

CARD = pillow(grey(), "JPEG", quality=90)


def sources(refs: list[PageRef], folder: Path) -> list[str]:
    return [ref.source.removeprefix(f"{folder}{os.sep}") for ref in refs]


def put(folder: Path, *names: str, data: bytes = CARD) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def refused(ref: PageRef, opener: PageOpener | None = None) -> str:
    with pytest.raises(OmrError) as caught:
        (opener or PageOpener()).open(ref)
    return str(caught.value)


# ── listing ──────────────────────────────────────────────────────────────────────────────────


def test_folders_are_walked_in_natural_order(tmp_path: Path) -> None:
    put(tmp_path, "card_10.jpg", "card_2.jpg", "Card_3.jpg", "card_02.jpg", "card_2b.jpg")
    put(tmp_path, "box 9/1.jpg", "box 10/1.jpg", "box 9/a/x.jpg", "房间1/卡.jpg")
    refs = list(list_pages([tmp_path]))
    assert sources(refs, tmp_path) == [
        "box 9/1.jpg", "box 9/a/x.jpg", "box 10/1.jpg", "card_02.jpg", "card_2.jpg", "card_2b.jpg",
        "Card_3.jpg", "card_10.jpg", "房间1/卡.jpg",
    ]  # fmt: skip
    assert [ref.position for ref in refs] == list(range(len(refs)))
    assert refs == list(list_pages([tmp_path]))


def test_paths_keep_the_order_given_and_may_repeat(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    given = [tmp_path / "b.jpg", tmp_path / "a.jpg", tmp_path / "b.jpg"]
    refs = list(list_pages(given))
    assert sources(refs, tmp_path) == ["b.jpg", "a.jpg", "b.jpg"]
    assert [ref.position for ref in refs] == [0, 1, 2]


def test_what_is_never_a_scan_is_counted_and_left_out(tmp_path: Path) -> None:
    put(tmp_path, "key.csv", "roster.XLSX", "job.json", ".DS_Store", ".hidden/1.jpg", "Thumbs.db")
    put(tmp_path, "card.jpg")
    skipped: Counter[str] = Counter()
    assert sources(list(list_pages([tmp_path], skipped=skipped)), tmp_path) == ["card.jpg"]
    assert skipped == {".csv": 1, ".xlsx": 1, ".json": 1, "hidden": 2, ".db": 1}


def test_a_file_named_outright_is_never_left_out(tmp_path: Path) -> None:
    put(tmp_path, "key.csv", data=b"card;mark\n")
    (ref,) = list_pages([tmp_path / "key.csv"])
    with pytest.raises(OmrError, match="no image format"):
        decode(PageOpener().open(ref), colour=False)


def test_unknown_and_broken_files_keep_their_place(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "3.jpg")
    put(tmp_path, "2.scan", data=b"what is this")
    put(tmp_path, "4.jpg", data=b"")
    refs = list(list_pages([tmp_path]))
    assert sources(refs, tmp_path) == ["1.jpg", "2.scan", "3.jpg", "4.jpg"]


def test_names_do_not_decide_what_a_file_is(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", data=many_paged_tiff(3))
    put(tmp_path, "b.png", data=pdf(jpeg_image(), jpeg_image()))
    put(tmp_path, "c.tif")
    put(tmp_path, "d", data=zipped(("1.bmp", CARD)))
    refs = list(list_pages([tmp_path]))
    assert sources(refs, tmp_path) == [
        "a.jpg#1", "a.jpg#2", "a.jpg#3", "b.png#1", "b.png#2", "c.tif", "d!1.bmp",
    ]  # fmt: skip
    opener = PageOpener()
    for ref in refs:
        assert decode(opener.open(ref), colour=False).pixels.shape == (HEIGHT, WIDTH)


def test_missing_paths_pipes_and_locked_folders(tmp_path: Path) -> None:
    put(tmp_path, "card.jpg")
    os.mkfifo(tmp_path / "pipe")
    refs = list(list_pages([tmp_path / "gone", tmp_path]))
    assert [ref.error is None for ref in refs] == [False, True, False]
    assert "check that it exists" in refused(refs[0])
    assert "no ordinary file" in refused(refs[2])


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    put(tmp_path, "box/card.jpg")
    (tmp_path / "box" / "again").symlink_to(tmp_path, target_is_directory=True)
    refs = list(list_pages([tmp_path]))
    assert [ref.error is None for ref in refs] == [False, True]
    assert "link" in refused(refs[0])


def test_long_runs_of_digits_sort(tmp_path: Path) -> None:
    names = ["9" * 5000, "1" + "0" * 5000, "007"]
    assert sorted(names, key=natural) == ["007", "9" * 5000, "1" + "0" * 5000]


def test_references_travel_and_show_as_text() -> None:
    ref = PageRef("box3.zip", "card_0001.tif", 1, 7, entry=4, paged=True)
    assert pickle.loads(pickle.dumps(ref)) == ref
    assert ref.source == "box3.zip!card_0001.tif#2"
    assert PageRef("b\udcff.jpg", None, 0, 0).source == "b\\udcff.jpg"


# ── opening ──────────────────────────────────────────────────────────────────────────────────


def test_an_image_comes_as_it_stands(tmp_path: Path) -> None:
    put(tmp_path, "card.jpg")
    (ref,) = list_pages([tmp_path])
    page = PageOpener().open(ref)
    assert page == ScannedPage(CARD, hashlib.sha256(CARD).hexdigest(), ref.source, 0)


def test_pages_of_a_tiff_share_the_file_and_differ_in_digest(tmp_path: Path) -> None:
    data = many_paged_tiff(3)
    put(tmp_path, "box.tif", data=data)
    opener = PageOpener()
    pages = [opener.open(ref) for ref in list_pages([tmp_path])]
    assert [page.frame for page in pages] == [0, 1, 2]
    assert [page.sha256 for page in pages] == [ScannedPage.digest(data, k) for k in range(3)]
    assert pages[0].image is pages[2].image


def test_thumbnails_in_a_tiff_are_no_pages(tmp_path: Path) -> None:
    data = bytearray(many_paged_tiff(2))
    # The first page's SamplesPerPixel makes way for NewSubfileType: a reduced picture.
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for k in range(count):
        if struct.unpack_from("<H", data, at + 2 + 12 * k)[0] in (277, 284, 282):
            struct.pack_into("<HHII", data, at + 2 + 12 * k, 254, 4, 1, 1)
            break
    put(tmp_path, "box.tif", data=bytes(data))
    (ref,) = list_pages([tmp_path])
    assert (decode(PageOpener().open(ref), colour=False).pixels[:, :1] == 0).all()


def test_a_tiff_cut_between_pages_says_so(tmp_path: Path) -> None:
    data = many_paged_tiff(3)
    put(tmp_path, "box.tif", data=data[: int(len(data) * 0.7)])
    refs = list(list_pages([tmp_path]))
    assert refs[-1].error is not None
    assert "more may be missing" in refs[-1].error
    assert len(refs) >= 2


def test_the_file_changed_after_listing(tmp_path: Path) -> None:
    put(tmp_path, "card.jpg", "box.zip")
    put(tmp_path, "box.zip", data=zipped(("1.jpg", CARD), ("2.jpg", CARD)))
    refs = list(list_pages([tmp_path]))
    put(tmp_path, "box.zip", data=zipped(("3.jpg", CARD)))
    (tmp_path / "card.jpg").unlink()
    opener = PageOpener()
    assert "changed" in refused(refs[0], opener)
    assert "changed" in refused(refs[1], opener)
    assert "check that it exists" in refused(refs[2], opener)


def test_files_over_the_limit(tmp_path: Path) -> None:
    put(tmp_path, "card.jpg", "box.tif")
    put(tmp_path, "box.tif", data=many_paged_tiff(2))
    opener = PageOpener(SourceLimits(image_bytes=len(CARD) - 1, paged_bytes=1000))
    for ref in list_pages([tmp_path]):
        with pytest.raises(ImageTooLarge, match="fewer pages"):
            opener.open(ref)


def test_the_driver_goes_on_past_what_it_cannot_open(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "3.jpg")
    put(tmp_path, "2.pdf", data=b"%PDF-1.7 and no more")
    driver: Driver = FileDriver([tmp_path, tmp_path / "gone"])
    assert [page.position for page in driver.pages()] == [0, 2]
    assert isinstance(driver, FileDriver)
    assert [ref.position for ref, _ in driver.refused] == [1, 3]
    driver.close()
    driver.close()


# ── zip ──────────────────────────────────────────────────────────────────────────────────────


def test_zip_members_in_natural_order(tmp_path: Path) -> None:
    members = ["b/card_10.jpg", "b/card_2.jpg", "a.txt", "__MACOSX/b/._card_2.jpg", ".x.jpg", "b/"]
    put(tmp_path, "box.zip", data=zipped(*((name, CARD) for name in members)))
    refs = list(list_pages([tmp_path]))
    assert sources(refs, tmp_path) == ["box.zip!b/card_2.jpg", "box.zip!b/card_10.jpg"]
    assert PageOpener().open(refs[0]).image == CARD


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_two_pages(tmp_path: Path) -> None:
    other = pillow(255 - grey(), "JPEG")
    put(tmp_path, "box.zip", data=zipped(("1.jpg", CARD), ("1.jpg", other)))
    opener = PageOpener()
    assert [opener.open(ref).image for ref in list_pages([tmp_path])] == [CARD, other]


def test_paged_files_in_a_zip(tmp_path: Path) -> None:
    data = zipped(("1.pdf", pdf(fax_image(), jpeg_image())), ("2.tif", many_paged_tiff(2)))
    put(tmp_path, "box.zip", data=data)
    refs = list(list_pages([tmp_path]))
    assert sources(refs, tmp_path) == [
        "box.zip!1.pdf#1", "box.zip!1.pdf#2", "box.zip!2.tif#1", "box.zip!2.tif#2",
    ]  # fmt: skip
    opener = PageOpener()
    for ref in reversed(refs):
        assert decode(opener.open(ref), colour=False).pixels.shape == (HEIGHT, WIDTH)


def test_chinese_names_without_the_utf8_mark(tmp_path: Path) -> None:
    data = zipped(("XXXXXXXX.jpg", CARD)).replace(b"XXXXXXXX", "答题卡一".encode("gb18030"))
    put(tmp_path, "box.zip", data=data)
    (ref,) = list_pages([tmp_path])
    assert ref.member == "答题卡一.jpg"
    assert PageOpener().open(ref).image == CARD


def test_an_encrypted_zip_is_refused_member_by_member(tmp_path: Path) -> None:
    data = bytearray(zipped(("1.jpg", CARD), ("2.jpg", CARD)))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(magic)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(magic, at + 4)
    put(tmp_path, "box.zip", data=bytes(data))
    refs = list(list_pages([tmp_path]))
    assert len(refs) == 2
    assert "encrypted" in refused(refs[0])
    # Even a reference that was listed before the file was replaced.
    assert "encrypted" in refused(PageRef(refs[0].path, "1.jpg", 0, 0))


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    put(tmp_path, "box.zip", data=zipped(("1.jpg", CARD), ("2.jpg", CARD[:2] + bytes(30_000_000))))
    opener = PageOpener(SourceLimits(image_bytes=1_000_000))
    first, bomb = list_pages([tmp_path])
    assert opener.open(first).image == CARD
    with pytest.raises(ImageTooLarge, match="unpacks to more than 1,000,000 bytes"):
        opener.open(bomb)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_bound_are_refused(tmp_path: Path, method: int) -> None:
    put(tmp_path, "box.zip", data=zipped(("1.jpg", CARD), compression=method))
    (ref,) = list_pages([tmp_path])
    assert "unusual method" in refused(ref)


def test_damaged_and_nested_zips(tmp_path: Path) -> None:
    whole = zipped(("1.jpg", CARD), ("2.jpg", CARD))
    put(tmp_path, "cut.zip", data=whole[:-40])
    put(tmp_path, "empty.zip", data=zipped())
    put(tmp_path, "nested.zip", data=zipped(("inner.zip", whole)))
    rotten = bytearray(whole)
    rotten[len(CARD) // 2] ^= 0xFF
    put(tmp_path, "rotten.zip", data=bytes(rotten))
    refs = list(list_pages([tmp_path]))
    assert sources(refs, tmp_path) == [
        "cut.zip", "empty.zip", "nested.zip!inner.zip", "rotten.zip!1.jpg", "rotten.zip!2.jpg",
    ]  # fmt: skip
    opener = PageOpener()
    assert "damaged" in refused(refs[0], opener)
    assert "without a single scan" in refused(refs[1], opener)
    assert "zip inside a zip" in refused(refs[2], opener)
    assert refused(refs[3], opener)
    assert opener.open(refs[4]).image == CARD


# ── PDF ──────────────────────────────────────────────────────────────────────────────────────


def pdf_page(data: bytes, index: int = 0) -> tuple[Raster, bytes, float | None]:
    page = PdfPages(data).page(index)
    raster = decode(ScannedPage(page.image, "", "", 0), colour=True)
    return raster, page.image, page.dpi


def test_a_jpeg_is_taken_out_of_a_pdf_unchanged() -> None:
    data, entries = jpeg_image()
    _, image, dpi = pdf_page(pdf((data, entries), rotate=90))
    assert image == data
    assert dpi == DPI


@pytest.mark.parametrize(
    ("black_is_1", "decoded", "inverted"),
    [(False, None, False), (True, None, True), (False, [1, 0], True), (True, [1, 0], False)],
)
def test_group_4_in_a_pdf(black_is_1: bool, decoded: list[int] | None, inverted: bool) -> None:
    data, entries = fax_image(BlackIs1=black_is_1)
    if decoded:
        entries["Decode"] = pikepdf.Array(decoded)
    raster, _, dpi = pdf_page(pdf((data, entries)))
    assert raster.bitonal
    assert raster.dpi == dpi == DPI
    assert np.array_equal(raster.pixels, 255 - bilevel() if inverted else bilevel())


def test_deflate_and_jbig2_in_a_pdf_are_exact() -> None:
    assert np.array_equal(pdf_page(pdf(deflated_image()))[0].pixels, grey())
    assert np.array_equal(pdf_page(pdf(png_predicted_image()))[0].pixels, rgb())
    raster = pdf_page(pdf(jbig2_image()))[0]
    assert raster.bitonal
    assert np.array_equal(raster.pixels, bilevel())


def test_a_palette_in_a_pdf_is_exact() -> None:
    bits = np.packbits(bilevel() == 0, axis=1).tobytes()
    space = pikepdf.Array(
        [pikepdf.Name.Indexed, pikepdf.Name.DeviceGray, 1, pikepdf.String(b"\xff\x00")]
    )
    entries: dict[str, Any] = {
        "Filter": pikepdf.Name.FlateDecode, "ColorSpace": space, "BitsPerComponent": 1,
    }  # fmt: skip
    raster = pdf_page(pdf((zlib.compress(bits), entries)))[0]
    assert raster.bitonal
    assert np.array_equal(raster.pixels, bilevel())


@pytest.mark.parametrize(
    "content",
    [
        b"0.5 g 0 0 20 20 re f " + FULL_PAGE,  # painted over by the scan
        FULL_PAGE + b" BT /F0 9 Tf 3 Tr 5 5 Td (recognised) Tj ET",
        b"q 1 0 0 -1 0 108.36 cm q 1 0 0 -1 0 108.36 cm " + FULL_PAGE + b" Q Q",
        b"q -73.08 0 0 -108.36 73.08 108.36 cm /Im0 Do Q",  # upside down: the marks decide
        b"q 74 0 0 110 -0.5 -1 cm /Im0 Do Q",
    ],
)
def test_one_scan_fills_the_page(content: bytes) -> None:
    data, entries = jpeg_image()
    assert pdf_page(pdf((data, entries), content=content))[1] == data


@pytest.mark.parametrize(
    "content",
    [
        FULL_PAGE + b" 0 g 0 0 20 20 re f",
        FULL_PAGE + b" BT /F0 9 Tf 5 5 Td (seen) Tj ET",
        FULL_PAGE + b" q 20 0 0 20 5 5 cm /Im0 Do Q",
        b"q -73.08 0 0 108.36 73.08 0 cm /Im0 Do Q",  # mirrored
        b"q 40 0 0 108.36 0 0 cm /Im0 Do Q",
        b"/Im9 Do",
        b"",
    ],
)
def test_other_pages_are_drawn(content: bytes) -> None:
    raster, _, dpi = pdf_page(pdf(jpeg_image(), content=content))
    assert dpi == 200
    assert abs(raster.pixels.shape[0] - HEIGHT) <= 1
    assert abs(raster.pixels.shape[1] - WIDTH) <= 1


def test_a_drawn_page_looks_like_the_scan() -> None:
    content = FULL_PAGE + b" BT /F0 1 Tf 1 1 Td (.) Tj ET"
    raster, _, _ = pdf_page(pdf(deflated_image(), content=content))
    drawn = raster.pixels[:HEIGHT, :WIDTH, 0].astype(int)
    assert np.abs(drawn - grey()).mean() < 25


def test_long_drawing_commands_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A content stream may unpack to gigabytes; only a bounded part is ever looked at."""
    monkeypatch.setattr(pdf_scan, "_MAX_CONTENT_BYTES", 100)
    raster, image, _ = pdf_page(pdf(jpeg_image(), content=b"q Q " * 50 + FULL_PAGE))
    assert image[:3] != b"\xff\xd8\xff"
    assert raster.pixels.ndim == 3


def test_huge_pages_are_not_drawn() -> None:
    document = pikepdf.open(io.BytesIO(pdf(jpeg_image(), content=b"")))
    document.pages[0].obj.MediaBox = pikepdf.Array([0, 0, 14_000, 14_000])
    file = io.BytesIO()
    document.save(file)
    with pytest.raises(ImageTooLarge, match="limit"):
        PdfPages(file.getvalue()).page(0)


def test_protected_pdfs(tmp_path: Path) -> None:
    locked = pdf(
        jpeg_image(), encryption=pikepdf.Encryption(user="secret", owner="o"), static_id=False
    )
    put(tmp_path, "1.pdf", data=locked)
    marked = pdf(jpeg_image(), encryption=pikepdf.Encryption(user="", owner="o"), static_id=False)
    put(tmp_path, "2.pdf", data=marked)
    first, second = list_pages([tmp_path])
    assert "password" in refused(first)
    assert PageOpener().open(second).image == jpeg_image()[0]


@pytest.mark.parametrize("name", ["jpeg.pdf", "fax.pdf", "deflate.pdf"])
def test_a_pdf_cut_short_is_one_refusal_and_no_lost_page(tmp_path: Path, name: str) -> None:
    whole = seed_files()[name]
    for kept in (0.2, 0.5, 0.9, 0.99):
        put(tmp_path, "cut.pdf", data=whole[: int(len(whole) * kept)])
        put(tmp_path, "good.jpg")
        refs = list(list_pages([tmp_path]))
        assert sources(refs, tmp_path) == ["cut.pdf", "good.jpg"]
        with pytest.raises(SourceError, match="damaged"):
            PageOpener().open(refs[0])


def test_a_damaged_scan_in_a_pdf_is_refused_when_decoded() -> None:
    data, entries = jpeg_image()
    middle = len(data) // 2
    holed = data[:middle] + bytes(512) + data[middle + 512 :]
    with pytest.raises(DamagedImage):
        pdf_page(pdf((holed, entries)))
