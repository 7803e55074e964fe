"""Barcodes: a peeled sticker with a linear code, or a QR code printed in its zone."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import zxingcpp

from omr.design import Zone
from omr.records import F64, U8
from omr.simulate.drawing import PAPER, Canvas, Plane, as_share, text_width
from omr.simulate.plan import Label

_FORMATS = {
    "Code128": zxingcpp.BarcodeFormat.Code128,
    "Code39": zxingcpp.BarcodeFormat.Code39,
    "QRCode": zxingcpp.BarcodeFormat.QRCode,
}
_INK = 0.95  # darkness of bars
_QUIET = 10  # modules of paper at both ends of a linear code


@functools.lru_cache(maxsize=64)
def _modules(text: str, symbology: str) -> U8:
    """The code's modules, 1 is dark; one row for a linear code."""
    code = zxingcpp.create_barcode(text, _FORMATS[symbology])
    image = np.array(code.to_image(scale=1, add_quiet_zones=False))
    dark = (image < 128).astype(np.uint8)
    return dark if symbology == "QRCode" else dark[:1]


def draw_label(canvas: Canvas, zone: Zone, label: Label, rng: np.random.Generator) -> None:
    """Put the label of a zone on the sheet, with whatever damage it has."""
    if label.damage == "missing":
        return
    modules = _modules(label.text, zone.symbologies[0])
    width, height = label_size(zone, label)
    if _is_matrix(zone):
        printed = _matrix_code(modules, width / (modules.shape[1] + 4), canvas.px_per_mm)
    else:
        module = width / (modules.shape[1] + 2 * _QUIET)
        printed = _sticker(modules, label.text, module, height, canvas.px_per_mm)
    if label.damage == "damaged":
        _damage(printed, rng)
    _stick(canvas, zone, label, printed)


def _is_matrix(zone: Zone) -> bool:
    return zone.symbologies[0] == "QRCode"


def label_size(zone: Zone, label: Label) -> tuple[float, float]:
    """Width and height in mm of a label with its quiet zones."""
    count = _modules(label.text, zone.symbologies[0]).shape[1]
    if _is_matrix(zone):
        room = 0.85 * min(zone.width_mm, zone.height_mm)
        side = (count + 4) * min(max(2.2 * label.module_mm, 0.5), room / (count + 4))
        return side, side
    modules = count + 2 * _QUIET
    width = modules * min(label.module_mm, (zone.width_mm - 3) / modules)
    return width, min(14.0, zone.height_mm - 4)


def _matrix_code(modules: U8, module_mm: float, ppm: float) -> Plane:
    side = (modules.shape[1] + 4) * module_mm
    plane = Plane(side, side, 3 * ppm)
    scale = module_mm * plane.px_per_mm
    edges = np.round((np.arange(len(modules) + 1) + 2) * scale).astype(int)
    for y, x in np.argwhere(modules):
        plane.pixels[edges[y] : edges[y + 1], edges[x] : edges[x + 1]] = 255
    return plane


def _sticker(modules: U8, text: str, module_mm: float, height_mm: float, ppm: float) -> Plane:
    """Darkness of a sticker: bars over two thirds of its height, and the text in figures."""
    width = (modules.shape[1] + 2 * _QUIET) * module_mm
    plane = Plane(width, height_mm, 3 * ppm)
    scale = module_mm * plane.px_per_mm
    edges = np.round((np.arange(modules.shape[1] + 1) + _QUIET) * scale).astype(int)
    top, bottom = round(0.08 * plane.pixels.shape[0]), round(0.74 * plane.pixels.shape[0])
    for x in np.flatnonzero(modules[0]):
        plane.pixels[top:bottom, edges[x] : edges[x + 1]] = 255
    size = 0.13 * height_mm
    plane.text(text, ((width - text_width(text, size)) / 2, 0.93 * height_mm), size, 0.18)
    return plane


def _damage(plane: Plane, rng: np.random.Generator) -> None:
    """Make the code unreadable for any decoder: a strip torn off, scratches, or a scribble."""
    height, width = plane.pixels.shape
    kind = int(rng.integers(3))
    if kind == 0:
        start, share = rng.uniform(0.15, 0.4), rng.uniform(0.25, 0.45)
        plane.pixels[:, int(start * width) : int((start + share) * width)] = 0
    elif kind == 1:
        for at in rng.uniform(0.15, 0.85, 5) * width:
            broad = max(4, int(rng.uniform(0.012, 0.03) * width))
            plane.pixels[:, int(at) : int(at) + broad] = 0
    else:
        x = np.linspace(0.1, 0.9, 60) * width
        y = (0.4 + 0.38 * np.where(np.arange(60) % 2, 1, -1) * rng.uniform(0.85, 1, 60)) * height
        zigzag = np.stack([x, y], axis=1).round().astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(plane.pixels, [zigzag], False, 255, max(2, round(0.011 * width)))


def _stick(canvas: Canvas, zone: Zone, label: Label, printed: Plane) -> None:
    """Lay the label over its zone, turned and off its place as its plan says."""
    ppm = canvas.px_per_mm
    fine = printed.px_per_mm / ppm
    pad = 3.0
    left = round((zone.x_mm - pad) * ppm)
    top = round((zone.y_mm - pad) * ppm)
    size = (round((zone.width_mm + 2 * pad) * ppm), round((zone.height_mm + 2 * pad) * ppm))
    big = (round(size[0] * fine), round(size[1] * fine))
    height, width = printed.pixels.shape
    at = (
        (zone.x_mm + zone.width_mm / 2 + label.shift_mm[0]) * ppm - left,
        (zone.y_mm + zone.height_mm / 2 + label.shift_mm[1]) * ppm - top,
    )
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), label.angle_deg, 1.0)
    turn[:, 2] += (at[0] * fine - width / 2, at[1] * fine - height / 2)
    placed = cv2.warpAffine(printed.pixels, turn, big, flags=cv2.INTER_NEAREST)
    ink = np.asarray(cv2.resize(placed, size, interpolation=cv2.INTER_AREA), np.float32)
    ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), 0.06 * ppm), np.float32) * (_INK / 255)
    if not _is_matrix(zone):
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        _paper(canvas, (left, top), size, (corners @ turn[:, :2].T + turn[:, 2]) / fine)
    canvas.darken(left, top, ink)


def _paper(canvas: Canvas, corner: tuple[int, int], size: tuple[int, int], outline: F64) -> None:
    """The sticker's own paper, whiter than the card, with the faint shadow of its edge."""
    at = [np.round(outline * 16).astype(np.int32).reshape(-1, 1, 2)]
    shape = (size[1], size[0])
    over: U8 = np.zeros(shape, np.uint8)
    cv2.fillPoly(over, at, 255, cv2.LINE_AA, 4)
    canvas.cover(*corner, as_share(over), min(255, PAPER + 3))
    edge: U8 = np.zeros(shape, np.uint8)
    cv2.polylines(edge, at, True, 255, 1, cv2.LINE_AA, 4)
    canvas.darken(*corner, 0.25 * as_share(cv2.blur(edge, (3, 3))))
