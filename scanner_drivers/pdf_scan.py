"""Finds the one scan that a PDF page shows, and takes it out without decoding it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import pikepdf

from scanner_drivers.wrap import (
    DEFLATE,
    GROUP_3,
    GROUP_4,
    MINISBLACK,
    MINISWHITE,
    RGB,
    Stored,
    as_png,
    as_tiff,
)

_MAX_CONTENT_BYTES = 256 * 1024
_COVERS = 0.95
_PAINTS = {"S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "sh", "INLINE IMAGE"}
_SHOWS_TEXT = {"Tj", "TJ", "'", '"'}
_INVISIBLE = 3
# What a graphics state may say without changing how an image looks, and the value it must have.
_HARMLESS_STATE = {"/BM": ("/Normal", "/Compatible"), "/SMask": ("/None",)}
_OPAQUE_STATE = ("/CA", "/ca")
_LOOK_CHANGING_STATE = ("/TR", "/TR2", "/HT", "/BG", "/BG2", "/UCR", "/UCR2")

Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Scan:
    """The image object that fills a page, and its dots an inch as placed there."""

    image: Any
    dpi: float | None


def find_scan(pdf: pikepdf.Pdf, page: pikepdf.Page) -> Scan | None:
    """The image that fills the page with nothing visible painted over it; None if there is none.

    Invisible text (what text recognition adds) and whatever lies under the image do not matter.
    Mirrored and slanted images are left to be drawn.
    """
    content = _content(page)
    if content is None:
        return None
    resources = page.resources
    images: Any = resources.get("/XObject", {})
    states: Any = resources.get("/ExtGState", {})
    left, bottom, right, top = (float(edge) for edge in page.cropbox)
    matrix, text_mode, plain = _IDENTITY, 0, True
    stack: list[tuple[Matrix, int, bool]] = []
    found: Scan | None = None
    for command in pikepdf.parse_content_stream(pdf.make_stream(content)):
        operands: Any = command.operands
        name = str(command.operator)
        if name == "q":
            stack.append((matrix, text_mode, plain))
        elif name == "Q" and stack:
            matrix, text_mode, plain = stack.pop()
        elif name == "cm":
            a, b, c, d, e, f = (float(number) for number in operands)
            matrix = _times((a, b, c, d, e, f), matrix)
        elif name == "Tr":
            text_mode = int(operands[0])
        elif name == "gs":
            plain = plain and _harmless(states.get(str(operands[0]), {}))
        elif name in _PAINTS or (name in _SHOWS_TEXT and text_mode != _INVISIBLE):
            found = None
        elif name == "Do":
            image = images.get(str(operands[0]))
            size = _placed(matrix, left, bottom, right, top)
            found = None
            if image is not None and size and plain and image.get("/Subtype") == "/Image":
                found = Scan(image, _dpi(image, size))
    return found


def _content(page: pikepdf.Page) -> bytes | None:
    """The page's drawing commands; None where they are long or unusually packed: then draw."""
    streams = page.obj.get("/Contents")
    if streams is None:
        return None
    parts: list[bytes] = []
    for stream in streams if isinstance(streams, pikepdf.Array) else [streams]:
        raw = stream.read_raw_bytes()
        filters = _filters(stream)
        if filters == ["/FlateDecode"] and "/DecodeParms" not in stream:
            # Unpacked here rather than by qpdf, which has no bound.
            raw = zlib.decompressobj().decompress(raw, _MAX_CONTENT_BYTES + 1)
        elif filters:
            return None
        parts.append(raw)
        if sum(map(len, parts)) > _MAX_CONTENT_BYTES:
            return None
    return b"\n".join(parts)


def _filters(stream: Any) -> list[str]:
    filters = stream.get("/Filter", [])
    return [str(name) for name in (filters if isinstance(filters, pikepdf.Array) else [filters])]


def _harmless(state: Any) -> bool:
    for key, value in state.items():
        if key in _LOOK_CHANGING_STATE or (key in _OPAQUE_STATE and float(value) != 1.0):
            return False
        if key in _HARMLESS_STATE and str(value) not in _HARMLESS_STATE[key]:
            return False
    return True


def _times(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return (
        a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s,
        e * p + f * r + t, e * q + f * s + u,
    )  # fmt: skip


def _placed(
    matrix: Matrix, left: float, bottom: float, right: float, top: float
) -> tuple[float, float] | None:
    """Width and height in points of the unit square, as the image sees them, if it fills the page.

    None where it leaves part of the page free, is mirrored, or lies aslant.
    """
    a, b, c, d, e, f = matrix
    width, height = (a * a + b * b) ** 0.5, (c * c + d * d) ** 0.5
    upright = max(abs(b), abs(c)) <= 0.01 * min(abs(a), abs(d))
    lying = max(abs(a), abs(d)) <= 0.01 * min(abs(b), abs(c))
    if a * d - b * c <= 0 or not (upright or lying):
        return None
    xs, ys = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
    covered_x = min(max(xs), right) - max(min(xs), left)
    covered_y = min(max(ys), top) - max(min(ys), bottom)
    if covered_x < _COVERS * (right - left) or covered_y < _COVERS * (top - bottom):
        return None
    return width, height


def _dpi(image: Any, size: tuple[float, float]) -> float | None:
    x = int(image.Width) * 72 / size[0]
    y = int(image.Height) * 72 / size[1]
    return round(x, 1) if abs(x - y) <= 0.02 * x else None


def take_out(scan: Scan) -> bytes | None:
    """The scan's own bytes as an image file; None for kinds that must be unpacked by pdfium.

    DCT as it stands; CCITT (G4, G3) and deflate with a TIFF or PNG header before it.
    """
    image = scan.image
    if any(key in image for key in ("/SMask", "/Mask")) or image.get("/ImageMask", False):
        return None
    filters = _filters(image)
    decode = [float(number) for number in image.get("/Decode", [])]
    if filters == ["/CCITTFaxDecode"]:
        inverted = decode == [1.0, 0.0]
        return _fax(scan, inverted) if inverted or decode in ([], [0.0, 1.0]) else None
    samples = _samples(image)
    if samples is None or decode not in ([], [0.0, 1.0] * samples):
        return None
    if filters == ["/DCTDecode"] and "/DecodeParms" not in image:
        return bytes(image.read_raw_bytes())
    if filters == ["/FlateDecode"]:
        return _deflated(scan, samples)
    return None


def _samples(image: Any) -> int | None:
    """1 for grey, 3 for RGB, None for everything that needs more than a look at the name."""
    space = image.get("/ColorSpace")
    if isinstance(space, pikepdf.Array) and len(space) > 1 and space[0] == "/ICCBased":
        return {1: 1, 3: 3}.get(int(space[1].get("/N", 0)))
    name = str(space[0] if isinstance(space, pikepdf.Array) and len(space) else space)
    return {"/DeviceGray": 1, "/CalGray": 1, "/DeviceRGB": 3, "/CalRGB": 3}.get(name)


def _parms(image: Any) -> Any:
    parms = image.get("/DecodeParms", {})
    if isinstance(parms, pikepdf.Array):
        parms = parms[0] if len(parms) else {}
    return {} if parms is None else parms


def _fax(scan: Scan, inverted: bool) -> bytes | None:
    image, parms = scan.image, _parms(scan.image)
    k = int(parms.get("/K", 0))
    aligned = bool(parms.get("/EncodedByteAlign", False))
    width, height = int(image.Width), int(image.Height)
    if aligned or int(parms.get("/Columns", 1728)) != width or _samples(image) != 1:
        return None
    # Coded black becomes 0, which is black, unless BlackIs1, where it becomes 1, which is white.
    white_paper = bool(parms.get("/BlackIs1", False)) == inverted
    return as_tiff(
        Stored(
            width,
            height,
            bits=1,
            samples=1,
            photometric=MINISWHITE if white_paper else MINISBLACK,
            compression=GROUP_4 if k < 0 else GROUP_3,
            data=bytes(image.read_raw_bytes()),
            t4_options=1 if k > 0 else 0,
            dpi=scan.dpi,
        )
    )


def _deflated(scan: Scan, samples: int) -> bytes | None:
    image, parms = scan.image, _parms(scan.image)
    bits = int(image.get("/BitsPerComponent", 8))
    width, height = int(image.Width), int(image.Height)
    predictor = int(parms.get("/Predictor", 1))
    if (bits, samples) not in ((1, 1), (8, 1), (8, 3)):
        return None
    layout = (int(parms.get("/Colors", 1)), int(parms.get("/BitsPerComponent", 8)))
    if predictor != 1 and (int(parms.get("/Columns", 1)) != width or layout != (samples, bits)):
        return None
    stored = Stored(
        width,
        height,
        bits,
        samples,
        photometric=RGB if samples == 3 else MINISBLACK,
        compression=DEFLATE,
        data=bytes(image.read_raw_bytes()),
        predictor=2 if predictor == 2 else 1,
        dpi=scan.dpi,
    )
    if predictor >= 10:
        return as_png(stored)
    return as_tiff(stored) if predictor in (1, 2) and (predictor == 1 or bits == 8) else None
