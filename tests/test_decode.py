"""Decoding: every format and flavour, exactly; every kind of damage, refused."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from dataclasses import replace
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from omr.detect import fax
from omr.detect.decode import Limits, decode
from omr.detect.fax import FaxCoding, decode_fax
from omr.errors import DamagedImage, ImageError, ImageTooLarge, UnsupportedImage
from omr.records import Raster, ScannedPage, Turn
from tests.faults.seeds import (
    DPI,
    HEIGHT,
    WIDTH,
    bilevel,
    fax_tiff,
    grey,
    many_paged_tiff,
    pillow,
    rgb,
    seed_files,
)

U8 = NDArray[np.uint8]
FAX = ("group4", "group3", "tiff_ccitt")
BILEVEL = (*FAX, "raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")
PACKINGS = (None, "lzw", "zlib", "packbits")


def read(data: bytes, *, colour: bool = False, frame: int = 0, **limits: int) -> Raster:
    page = ScannedPage(data, "", "test", 0, frame)
    return decode(page, colour=colour, limits=Limits(**limits))


def by_tifffile(picture: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, picture, **options)
    return file.getvalue()


def luma(picture: U8) -> U8:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


# ── what every raster promises ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(
    "name", [name for name in seed_files() if not name.endswith((".pdf", ".zip"))]
)
def test_pixels_are_plain_read_only_bytes(name: str, colour: bool) -> None:
    pixels = read(seed_files()[name], colour=colour).pixels
    assert pixels.dtype == np.uint8
    assert pixels.shape[:2] == (HEIGHT, WIDTH)
    assert pixels.ndim == 2 or (colour and pixels.shape[2] == 3)
    assert pixels.flags.c_contiguous
    assert not pixels.flags.writeable


# ── TIFF ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("fill_order", [1, 2])
@pytest.mark.parametrize("coding", BILEVEL)
def test_bilevel_tiff(coding: str, photometric: int, fill_order: int) -> None:
    data = fax_tiff(coding, tiffinfo={262: photometric, 266: fill_order})
    if coding == "raw" and fill_order == 2:
        # Pillow writes the tag but not the order.
        tags = Image.open(io.BytesIO(data)).tag_v2  # type: ignore[attr-defined]
        start, size = tags[273][0], sum(tags[279])
        swapped = data[start : start + size].translate(fax.REVERSED_BITS)
        data = data[:start] + swapped + data[start + size :]
    raster = read(data)
    assert raster.bitonal
    assert raster.dpi == DPI
    assert np.array_equal(raster.pixels, bilevel())


@pytest.mark.parametrize("rows", [1, 7, HEIGHT])
@pytest.mark.parametrize("coding", FAX)
def test_fax_strips_of_any_height(coding: str, rows: int) -> None:
    assert np.array_equal(read(fax_tiff(coding, tiffinfo={278: rows})).pixels, bilevel())


def test_group_3_two_dimensional() -> None:
    data = fax_tiff("group3", tiffinfo={292: 1})
    assert len(data) < len(fax_tiff("group3"))
    assert np.array_equal(read(data).pixels, bilevel())


@pytest.mark.parametrize("tile", [None, (64, 96)])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("packing", "predictor"), [*((packing, None) for packing in PACKINGS), ("lzw", 2), ("zlib", 2)]
)
def test_grey_tiff(
    packing: str | None, bits: int, order: str, predictor: int | None, tile: tuple[int, int] | None
) -> None:
    stored = grey() if bits == 8 else grey().astype(np.uint16) * 257
    for photometric, seen in (("minisblack", grey()), ("miniswhite", 255 - grey())):
        data = by_tifffile(
            stored,
            compression=packing,
            byteorder=order,
            predictor=predictor,
            tile=tile,
            photometric=photometric,
            rowsperstrip=None if tile else 17,
            bigtiff=order == ">",
            resolution=(300, 300),
            resolutionunit=2,
        )
        raster = read(data)
        assert np.array_equal(raster.pixels, seen)
        assert not raster.bitonal
        assert raster.dpi == 300


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_colour_tiff(packing: str | None, planar: str) -> None:
    stored = rgb() if planar == "contig" else rgb().transpose(2, 0, 1)
    data = by_tifffile(stored, compression=packing, photometric="rgb", planarconfig=planar)
    assert np.array_equal(read(data, colour=True).pixels, rgb())
    assert np.array_equal(read(data).pixels, luma(rgb()))


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palette_tiff(bits: int) -> None:
    image = Image.fromarray(rgb()).quantize(1 << bits)
    file = io.BytesIO()
    image.save(file, "TIFF", compression="tiff_lzw")
    seen = np.asarray(image.convert("RGB"))
    assert np.array_equal(read(file.getvalue(), colour=True).pixels, seen)


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
@pytest.mark.parametrize("tile", [None, (64, 96)])
def test_jpeg_in_tiff(photometric: str, tile: tuple[int, int] | None) -> None:
    data = by_tifffile(
        rgb(),
        compression="jpeg",
        photometric=photometric,
        tile=tile,
        rowsperstrip=None if tile else 16,
    )
    seen = tifffile.imread(io.BytesIO(data))
    assert np.array_equal(read(data, colour=True).pixels, seen)


def test_transparent_tiff_lies_on_white_paper() -> None:
    stored = np.dstack([rgb(), np.zeros_like(grey())])
    data = by_tifffile(stored, photometric="rgb", extrasamples=["unassalpha"])
    assert (read(data, colour=True).pixels == 255).all()


def test_frames_of_a_tiff() -> None:
    data = many_paged_tiff(3)
    for frame in range(3):
        pixels = read(data, frame=frame).pixels
        assert (pixels[:, :frame] == 0).all()
        assert np.array_equal(pixels[:, frame:], bilevel()[:, frame:])
    with pytest.raises(DamagedImage, match="page 4 was asked of a TIFF file of 3"):
        read(data, frame=3)


@pytest.mark.parametrize(
    ("tag", "value"), [(259, 6), (259, 34712), (262, 8), (262, 5), (258, 12), (339, 3), (317, 3)]
)
def test_tiff_of_unread_kinds(tag: int, value: int) -> None:
    data = by_tifffile(grey(), compression="zlib")
    with pytest.raises(UnsupportedImage, match="save"):
        read(with_tag(data, tag, value))


def with_tag(data: bytes, tag: int, value: int) -> bytes:
    """The little-endian TIFF with a tag's value overwritten; a new tag takes another's place."""
    changed = bytearray(data)
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    places = {struct.unpack_from("<H", data, at + 2 + 12 * k)[0]: k for k in range(count)}
    place = at + 2 + 12 * places.get(tag, places.get(305, places.get(282, 0)))
    struct.pack_into("<HHII", changed, place, tag, 4, 1, value)
    return bytes(changed)


# ── JPEG, PNG, BMP, WebP ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg(progressive: bool) -> None:
    data = pillow(rgb(), "JPEG", quality=90, progressive=progressive, dpi=(DPI, DPI))
    assert np.array_equal(read(data, colour=True).pixels, simplejpeg.decode_jpeg(data, "RGB"))
    raster = read(data)
    assert np.array_equal(raster.pixels, simplejpeg.decode_jpeg(data, "GRAY")[:, :, 0])
    assert raster.dpi == DPI
    assert not raster.bitonal


def test_grey_jpeg_stays_grey() -> None:
    assert read(seed_files()["grey.jpg"], colour=True).pixels.ndim == 2


def test_cmyk_jpeg_is_refused() -> None:
    with pytest.raises(UnsupportedImage, match="CMYK"):
        read(pillow(rgb(), "JPEG", "CMYK"))


def test_jpeg_density_in_centimetres() -> None:
    data = seed_files()["grey.jpg"]
    at = data.index(b"JFIF\0") + 7
    assert read(data[:at] + struct.pack(">BHH", 2, 100, 100) + data[at + 5 :]).dpi == 254


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(1, Turn.UPRIGHT), (3, Turn.OVER), (6, Turn.LEFT), (8, Turn.RIGHT), (2, Turn.UPRIGHT)],
)
def test_orientation_is_only_a_hint(orientation: int, turn: Turn) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    as_jpeg = pillow(grey(), "JPEG", exif=exif.tobytes())
    as_tiff = pillow(grey(), "TIFF", tiffinfo={274: orientation})
    for data in (as_jpeg, as_tiff):
        raster = read(data)
        assert raster.turn_hint is turn
        assert raster.pixels.shape == (HEIGHT, WIDTH)


def test_the_hint_says_how_the_scan_lies() -> None:
    """A card turned clockwise by 90° in the scanner, stored with the EXIF that rights it."""
    upright = Image.fromarray(grey())
    scan = np.asarray(upright.transpose(Image.Transpose.ROTATE_270))  # clockwise by 90°
    exif = Image.Exif()
    exif[274] = 8
    raster = read(pillow(scan, "TIFF", exif=exif))
    assert raster.turn_hint is Turn.RIGHT
    assert np.array_equal(np.rot90(raster.pixels, k=raster.turn_hint // 90), grey())


@pytest.mark.parametrize(
    ("name", "picture"), [("grey.png", grey()), ("bit.png", bilevel()), ("bit.bmp", bilevel())]
)
def test_lossless_grey(name: str, picture: U8) -> None:
    for colour in (False, True):
        raster = read(seed_files()[name], colour=colour)
        assert np.array_equal(raster.pixels, picture)
        assert raster.bitonal is name.startswith("bit")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_lossless_colour(kind: str) -> None:
    data = pillow(rgb(), kind, lossless=True)
    assert np.array_equal(read(data, colour=True).pixels, rgb())
    assert np.array_equal(read(data).pixels, luma(rgb()))


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_palettes(kind: str) -> None:
    image = Image.fromarray(rgb()).quantize(200)
    file = io.BytesIO()
    image.save(file, kind)
    assert np.array_equal(
        read(file.getvalue(), colour=True).pixels, np.asarray(image.convert("RGB"))
    )


@pytest.mark.parametrize("palette", [(0, 255), (255, 0), (200, 9), (20, 230)])
def test_two_greys_are_black_and_white(palette: tuple[int, int]) -> None:
    darker = palette.index(min(palette))
    image = Image.fromarray(np.where(bilevel() == 0, darker, 1 - darker).astype(np.uint8), "P")
    image.putpalette([value for value in palette for _ in range(3)])
    file = io.BytesIO()
    image.save(file, "PNG", bits=1)
    raster = read(file.getvalue())
    assert raster.bitonal
    assert np.array_equal(raster.pixels, bilevel())


def test_deep_and_transparent_png() -> None:
    assert np.array_equal(read(pillow(grey().astype(np.uint16) * 257, "PNG")).pixels, grey())
    clear = pillow(np.dstack([rgb(), np.zeros_like(grey())]), "PNG")
    assert (read(clear, colour=True).pixels == 255).all()
    solid = pillow(np.dstack([rgb(), np.full_like(grey(), 255)]), "PNG")
    assert np.array_equal(read(solid, colour=True).pixels, rgb())


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_shallow_grey_png(bits: int) -> None:
    levels = (1 << bits) - 1
    stored = (grey().astype(int) * levels // 255).astype(np.uint8)
    rows = stored[:, :200].reshape(HEIGHT, -1, 8 // bits)
    packed = (rows << np.arange(8 - bits, -1, -bits, dtype=np.uint8)).sum(2).astype(np.uint8)
    raster = read(png(200, HEIGHT, bits, 0, packed))
    assert np.array_equal(raster.pixels, stored[:, :200] * (255 // levels))
    assert raster.bitonal is (bits == 1)


def png(width: int, height: int, bits: int, colour_type: int, rows: U8 | None) -> bytes:
    body = b"" if rows is None else zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b"")):
        file += struct.pack(">I", len(data)) + kind + data
        file += struct.pack(">I", zlib.crc32(kind + data))
    return file


def test_bmp_flavours() -> None:
    core = b"BM" + struct.pack("<IIIIHHHH", 0, 0, 26, 12, WIDTH, HEIGHT, 1, 24)
    rows = np.zeros((HEIGHT, (WIDTH * 3 + 3) // 4 * 4), np.uint8)
    rows[:, : WIDTH * 3] = rgb()[::-1, :, ::-1].reshape(HEIGHT, -1)
    assert np.array_equal(read(core + rows.tobytes(), colour=True).pixels, rgb())
    top_first = struct.pack(
        "<2sIIIIiiHHIIiiII", b"BM", 0, 0, 54, 40, WIDTH, -HEIGHT, 1, 32, 0, 0, 0, 0, 0, 0
    )
    words = np.dstack([rgb()[:, :, ::-1], np.zeros_like(grey())])
    assert np.array_equal(read(top_first + words.tobytes(), colour=True).pixels, rgb())
    packed = top_first[:28] + struct.pack("<HI", 8, 1) + top_first[34:]
    with pytest.raises(UnsupportedImage, match="compression 1"):
        read(packed + words.tobytes())


# ── what is refused ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", DamagedImage, "empty"),
        (bytes(5000), DamagedImage, "zeros"),
        (b"%PDF-1.7 ...", UnsupportedImage, "PDF"),
        (b"GIF89a" + bytes(100), UnsupportedImage, "GIF"),
        (b"\0\0\0\x18ftypheic", UnsupportedImage, "HEIF"),
        (b"PK\x03\x04" + bytes(100), UnsupportedImage, "zip"),
        (b"name;mark\n", UnsupportedImage, "no image format"),
        (b"\xff\xd8\xff", DamagedImage, "JPEG"),
        (b"\x89PNG\r\n\x1a\n", DamagedImage, "PNG"),
        (b"BM", DamagedImage, "BMP"),
        (b"RIFF\0\0\0\0WEBP", DamagedImage, "WebP"),
        (b"II*\0", DamagedImage, "TIFF"),
    ],
)
def test_what_is_no_image(data: bytes, error: type[ImageError], says: str) -> None:
    with pytest.raises(error, match=says):
        read(data)


@pytest.mark.parametrize(
    "name", [name for name in seed_files() if not name.endswith((".pdf", ".zip", "pages.tif"))]
)
def test_a_file_cut_short_is_refused(name: str) -> None:
    data = seed_files()[name]
    for kept in (0.02, 0.3, 0.6, 0.9, 0.99):
        with pytest.raises(ImageError):
            read(data[: int(len(data) * kept)])


@pytest.mark.parametrize("name", ["grey.jpg", "rgb.jpg", "progressive.jpg", "jpeg.tif"])
def test_a_jpeg_damaged_in_the_middle_is_refused(name: str) -> None:
    data = bytearray(seed_files()[name])
    middle = len(data) // 2
    data[middle : middle + 512] = bytes(512)
    with pytest.raises(DamagedImage):
        read(bytes(data))


@pytest.mark.parametrize("name", ["grey.jpg", "rgb.jpg"])
def test_a_lost_sector_is_noticed_wherever_it_lies(name: str) -> None:
    whole = seed_files()[name]
    for at in range(1024, len(whole) - 600, 512):
        with pytest.raises(DamagedImage):
            read(whole[:at] + bytes(512) + whole[at + 512 :])


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_blank_pages_are_not_taken_for_lost_sectors(mode: str, optimize: bool) -> None:
    """With tables made for it, a blank page is coded in zeros alone."""
    for level in (0, 128, 255):
        data = pillow(np.full((900, 900), level, np.uint8), "JPEG", mode, optimize=optimize)
        assert (read(data).pixels == level).all()
        assert read(data + bytes(1000)).pixels.shape == (900, 900)


@pytest.mark.parametrize("name", ["grey.png", "bit.png", "palette.png", "deep.png"])
def test_any_changed_byte_of_a_png_is_refused(name: str) -> None:
    whole = seed_files()[name]
    for at in np.linspace(8, len(whole) - 13, 60).astype(int):
        data = bytearray(whole)
        data[at] ^= 0x10
        with pytest.raises(ImageError):
            read(bytes(data))


@pytest.mark.parametrize("name", ["g4.tif", "g3.tif", "huffman.tif", "lzw.tif", "deflate.tif"])
def test_packed_tiff_with_a_hole_is_refused(name: str) -> None:
    data = bytearray(seed_files()[name])
    middle = len(data) // 2
    for size in (3, 40, 200):
        holed = data.copy()
        holed[middle : middle + size] = bytes(size)
        with pytest.raises(DamagedImage):
            read(bytes(holed))


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("coding", FAX)
def test_fax_of_another_height_is_refused(coding: str, change: int) -> None:
    data = fax_tiff(coding, tiffinfo={278: HEIGHT})
    taller = with_tag(with_tag(data, 257, HEIGHT + change), 278, HEIGHT + change)
    with pytest.raises(DamagedImage, match="damaged at row"):
        read(taller)


def test_strips_over_one_another_are_refused() -> None:
    data = by_tifffile(grey(), rowsperstrip=50)
    tags = Image.open(io.BytesIO(data)).tag_v2  # type: ignore[attr-defined]
    offsets, sizes = tags[273], tags[279]
    changed = data.replace(
        struct.pack(f"<{len(offsets)}I", *offsets),
        struct.pack("<I", offsets[0]) * len(offsets),
    ).replace(
        struct.pack(f"<{len(sizes)}H", *sizes),
        struct.pack("<H", 40_000) * len(sizes),
    )
    with pytest.raises(DamagedImage, match="over one another"):
        read(changed)


# ── limits ───────────────────────────────────────────────────────────────────────────────────


def bombs() -> dict[str, bytes]:
    """Small files whose headers claim 50,000 × 50,000 pixels or the most that they can."""
    jpeg = bytearray(seed_files()["grey.jpg"])
    frame = jpeg.index(b"\xff\xc0")
    struct.pack_into(">HH", jpeg, frame + 5, 50_000, 50_000)
    bmp = bytearray(seed_files()["grey.bmp"])
    struct.pack_into("<ii", bmp, 18, 50_000, 50_000)
    webp = bytearray(seed_files()["lossy.webp"])
    start = webp.index(b"\x9d\x01\x2a") + 3
    struct.pack_into("<HH", webp, start, 16_383, 16_383)
    tiff = with_tag(with_tag(fax_tiff(), 256, 50_000), 257, 50_000)
    tiles = with_tag(by_tifffile(grey(), tile=(64, 64), compression="zlib"), 322, 1 << 31)
    return {
        "png": png(50_000, 50_000, 1, 0, None),
        "jpeg": bytes(jpeg),
        "bmp": bytes(bmp),
        "webp": bytes(webp),
        "tiff": tiff,
        "tiles": tiles,
    }


@pytest.mark.parametrize("name", bombs())
def test_bombs_are_refused_by_their_headers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be decoded")

    for module, function in (
        (simplejpeg, "decode_jpeg"),
        (imagecodecs, "png_decode"),
        (imagecodecs, "webp_decode"),
        (fax, "unfax"),
    ):
        monkeypatch.setattr(module, function, explode)
    with pytest.raises(ImageTooLarge):
        read(bombs()[name])


def test_a_deflate_bomb_in_a_tiff_is_not_unpacked() -> None:
    data = by_tifffile(grey(), compression="zlib", rowsperstrip=HEIGHT)
    bomb = zlib.compress(bytes(50_000_000))
    (offset,) = Image.open(io.BytesIO(data)).tag_v2[273]  # type: ignore[attr-defined]
    swollen = with_tag(data[:offset] + bomb, 279, len(bomb))
    with pytest.raises(DamagedImage):
        read(swollen)


def test_a_jpeg_of_a_thousand_passes_is_refused() -> None:
    data = seed_files()["progressive.jpg"]
    start = data.index(b"\xff\xda")
    stop = data.index(b"\xff\xc4", start)
    with pytest.raises(ImageTooLarge, match="passes"):
        read(data[:start] + data[start:stop] * 1000 + data[start:], max_pixels=WIDTH * HEIGHT * 10)


@pytest.mark.parametrize("name", ["grey.jpg", "grey.png", "grey.bmp", "lossy.webp", "g4.tif"])
def test_limits_hold_for_every_format(name: str) -> None:
    data = seed_files()[name]
    assert read(data, max_bytes=len(data), max_pixels=WIDTH * HEIGHT, min_side_px=WIDTH)
    with pytest.raises(ImageTooLarge, match="limit"):
        read(data, max_bytes=len(data) // 2)
    with pytest.raises(ImageTooLarge, match="limit"):
        read(data, max_pixels=WIDTH * HEIGHT - 1)
    with pytest.raises(UnsupportedImage, match="thumbnail"):
        read(data, min_side_px=WIDTH + 1)


def test_limits_must_make_sense() -> None:
    with pytest.raises(ValueError, match="positive"):
        replace(Limits(), max_pixels=0)


# ── fax codes against an encoder of our own ──────────────────────────────────────────────────


def test_every_run_length_of_either_colour() -> None:
    """Each row is white up to some length, then black to the end: all codes occur."""
    width = 5500
    picture = np.full((2 * 2750, width), 255, np.uint8)
    for y in range(picture.shape[0]):
        picture[y, y:] = 0
    for coding in FAX:
        seen = read(pillow(picture, "TIFF", "1", compression=coding), max_pixels=10**8).pixels
        assert np.array_equal(seen, picture)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_pictures_survive_fax(data: st.DataObject) -> None:
    width = data.draw(st.integers(100, 180))
    height = data.draw(st.integers(100, 110))
    density = data.draw(st.sampled_from([0.0, 0.01, 0.2, 0.5, 0.95, 1.0]))
    coding = data.draw(st.sampled_from(FAX))
    seed = data.draw(st.integers(0, 1 << 30))
    ink = np.random.default_rng(seed).random((height, width)) < density
    picture = np.where(ink, 0, 255).astype(np.uint8)
    # Rows that repeat the row above, shifted, bring out the vertical and pass modes.
    picture[1::2] = np.roll(
        picture[::2][: picture[1::2].shape[0]], data.draw(st.integers(-4, 4)), 1
    )
    options = {292: 1} if data.draw(st.booleans()) and coding == "group3" else {}
    file = pillow(picture, "TIFF", "1", compression=coding, tiffinfo=options)
    assert np.array_equal(read(file).pixels, picture)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(FaxCoding), st.integers(1, 70), st.integers(1, 9))
def test_no_bytes_break_the_fax_kernel(
    data: bytes, coding: FaxCoding, width: int, height: int
) -> None:
    """Whatever the bits: a page or a refusal, and the memory beside the page is untouched."""
    around = np.full((height + 2, width), 255, np.uint8)
    with contextlib.suppress(ImageError):
        decode_fax(data, [(0, len(data), height)], around[1:-1], coding)
    assert (around[[0, -1]] == 255).all()


def test_fax_strips_must_fit() -> None:
    out = np.full((4, 8), 255, np.uint8)
    with pytest.raises(ValueError, match="inside the data"):
        decode_fax(b"ab", [(0, 3, 4)], out, FaxCoding.GROUP_4)
    with pytest.raises(ValueError, match="4 rows"):
        decode_fax(b"ab", [(0, 2, 3)], out, FaxCoding.GROUP_4)
