"""From the sheet to pixels: the warp, the light, streaks, noise, and the encoded file."""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

import cv2
import imagecodecs
import numpy as np
import simplejpeg

from omr.records import F32, F64, U8, Turn
from omr.simulate.drawing import PAPER, Canvas
from omr.simulate.lie import Placement
from omr.simulate.mix import Mix, ScanMode
from omr.simulate.plan import CardPlan, Scan

_TILE = 1024  # pixels a side of the stored noise
_TILE_SIGMA = 24.0  # its standard deviation, grey levels
_STRIP_OFFSETS, _STRIP_BYTE_COUNTS = 273, 279  # TIFF tags
_ROTATIONS = {
    Turn.RIGHT: cv2.ROTATE_90_CLOCKWISE,
    Turn.OVER: cv2.ROTATE_180,
    Turn.LEFT: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


@dataclass(frozen=True, slots=True)
class Streak:
    """Dirt on the glass: a line along the feed, from pixel `left`, `width` pixels wide."""

    left: int
    width: int
    darkness: float
    light: bool


@dataclass(frozen=True, slots=True)
class Flaws:
    """What the scanner adds to one page. `shadow` is a coarse field of darkness, or none."""

    shadow: F32 | None
    streaks: tuple[Streak, ...]

    def shadow_at(self, points_px: F64, size: tuple[int, int]) -> F64:
        """Darkness of the shadow at points (n, 2) of a scan of that width and height."""
        if self.shadow is None:
            return np.zeros(len(points_px))
        grid = (np.array(self.shadow.shape[::-1]) - 1) / np.array(size)
        at = np.clip(points_px * grid, 0, np.array(self.shadow.shape[::-1]) - 1).round().astype(int)
        return np.asarray(self.shadow[at[:, 1], at[:, 0]], np.float64)


def plan_flaws(plan: CardPlan, size: tuple[int, int], rng: np.random.Generator) -> Flaws:
    """The scanner's own flaws on one page of that width and height in pixels."""
    shadow = _shadow(plan.mix, size, rng) if "shadow" in plan.defects else None
    streaks = []
    if "streak" in plan.defects:
        for _ in range(plan.mix.whole(rng, "streak", "count")):
            streaks.append(
                Streak(
                    left=int(rng.integers(4, size[0] - 8)),
                    width=plan.mix.whole(rng, "streak", "width_px"),
                    darkness=plan.mix.draw(rng, "streak", "darkness"),
                    light=bool(rng.random() < plan.mix.draw(rng, "streak", "light")),
                )
            )
    return Flaws(shadow, tuple(streaks))


def _shadow(mix: Mix, size: tuple[int, int], rng: np.random.Generator) -> F32:
    """Darkest along one edge, fading towards the middle."""
    depth, reach = mix.draw(rng, "shadow", "darkness"), mix.draw(rng, "shadow", "reach")
    rows, columns = 65, max(9, round(64 * size[0] / size[1]) + 1)
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    from_edge = (along.max() - along) / (2 * along.max())
    fall = 1 / (1 + np.exp((from_edge - reach) / 0.07))
    return np.asarray(depth * fall, np.float32)


def take_scan(
    canvas: Canvas, placement: Placement, plan: CardPlan, flaws: Flaws, rng: np.random.Generator
) -> U8:
    """The pixels that the scanner delivers: grey (h, w) or RGBX (h, w, 4)."""
    scan = plan.scan
    sheet = canvas.pixels
    if placement.lie.turn is not Turn.UPRIGHT:
        sheet = np.asarray(cv2.rotate(sheet, _ROTATIONS[placement.lie.turn]), np.uint8)
    page = _warped(sheet, placement, scan.outside)
    if flaws.shadow is not None:
        _cast(page, flaws.shadow)
    for streak in flaws.streaks:
        _draw_streak(page, streak, rng)
    if scan.blur_mm:
        cv2.GaussianBlur(page, (0, 0), scan.blur_mm * canvas.px_per_mm, dst=page)
    gain = (scan.white - scan.black) / PAPER
    _develop(page, (gain, scan.black), (plan.sheet.grain * PAPER * gain, scan.noise), rng)
    if scan.kind.mode is ScanMode.BITONAL:
        cv2.threshold(page, scan.threshold - 1, 255, cv2.THRESH_BINARY, dst=page)
    return page


def _warped(sheet: U8, placement: Placement, outside: float) -> U8:
    size = (placement.height_px, placement.width_px)
    page: U8 = np.empty(size + sheet.shape[2:], np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    level = round(outside * PAPER)
    for top, bottom, matrix in placement.strips():
        cv2.warpAffine(
            sheet,
            matrix,
            (size[1], bottom - top),
            dst=page[top:bottom],
            flags=flags,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(level,) * 4,
        )
    return page


def _cast(page: U8, shadow: F32) -> None:
    light = np.round((1 - shadow) * 255).astype(np.uint8)
    full = cv2.resize(light, (page.shape[1], page.shape[0]), interpolation=cv2.INTER_LINEAR)
    if page.ndim == 3:
        full = cv2.merge([full] * 4)
    cv2.multiply(page, full, dst=page, scale=1 / 255)


def _draw_streak(page: U8, streak: Streak, rng: np.random.Generator) -> None:
    part = page[:, streak.left : streak.left + streak.width]
    knots = rng.uniform(0.75, 1.0, 12)
    along = np.interp(np.linspace(0, 11, len(page)), np.arange(12), knots) * streak.darkness
    share = along.reshape((-1,) + (1,) * (page.ndim - 1))
    level = 252 if streak.light else 8
    part[:] = (part * (1 - share) + level * share).astype(np.uint8)


@functools.lru_cache(maxsize=4)
def _noise(channels: int, paper: bool) -> U8:
    """A tile of noise about 128: the paper's soft grain, or the sensor's."""
    rng = np.random.default_rng([7, channels, int(paper)])
    shape = (_TILE, _TILE) if channels == 1 or paper else (_TILE, _TILE, 4)
    field = rng.standard_normal(shape, np.float32)
    if paper:
        endless = np.pad(field, 16, mode="wrap")  # so that the tile joins itself
        wide = cv2.GaussianBlur(endless[::-1].copy(), (0, 0), 3.0)[16:-16, 16:-16]
        near = cv2.GaussianBlur(endless, (0, 0), 0.9)[16:-16, 16:-16]
        field = np.asarray(near / near.std() + 0.5 * wide / wide.std(), np.float32)
        field /= field.std()
        if channels == 4:
            field = np.repeat(field[..., None], 4, axis=2)
    return np.clip(np.round(128 + _TILE_SIGMA * field), 0, 255).astype(np.uint8)


def _develop(
    page: U8, tone: tuple[float, float], sigmas: tuple[float, float], rng: np.random.Generator
) -> None:
    """page · gain + offset + noise, in place; `sigmas` are the grain's and the sensor's."""
    channels = 4 if page.ndim == 3 else 1
    total = max(float(np.hypot(*sigmas)), 1e-3)
    a, b = sigmas[0] / total, sigmas[1] / total
    grain, sensor = _noise(channels, True), _noise(channels, False)
    tile = cv2.addWeighted(grain, a, sensor, b, 128 * (1 - a - b))
    share = total / _TILE_SIGMA
    y0, x0 = (-int(offset) for offset in rng.integers(0, _TILE, 2))
    for y in range(y0, page.shape[0], _TILE):
        for x in range(x0, page.shape[1], _TILE):
            part = page[max(0, y) : y + _TILE, max(0, x) : x + _TILE]
            own = tile[max(0, -y) :, max(0, -x) :][: part.shape[0], : part.shape[1]]
            cv2.addWeighted(part, tone[0], own, share, tone[1] - 128 * share, dst=part)


def encode(page: U8, scan: Scan) -> tuple[bytes, str]:
    """The file's bytes and suffix: JPEG, or TIFF in CCITT group 4 for a bitonal scan."""
    dpi = scan.kind.dpi
    if scan.kind.mode is ScanMode.BITONAL:
        return _fax(page, dpi), ".tif"
    if page.ndim == 3:
        data = simplejpeg.encode_jpeg(page, scan.quality, "RGBX", "420")
    else:
        data = simplejpeg.encode_jpeg(page[..., None], scan.quality, "GRAY", "Gray")
    return _with_density(bytes(data), dpi), ".jpg"


def _fax(page: U8, dpi: int) -> bytes:
    """A TIFF of one strip in CCITT group 4."""
    data = bytearray(
        imagecodecs.tiff_encode(
            page > 0,
            compression=4,
            photometric=1,
            rowsperstrip=len(page),
            resolution=(dpi, dpi),
            resolutionunit=2,
        )
    )
    # libtiff leaves the byte that aligns the directory after the strip as it finds it in memory.
    (directory,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, directory)
    fields = (struct.unpack_from("<HHII", data, directory + 2 + 12 * k) for k in range(entries))
    values = {tag: value for tag, _, _, value in fields}
    end = values[_STRIP_OFFSETS] + values[_STRIP_BYTE_COUNTS]
    data[end:directory] = bytes(directory - end)
    return bytes(data)


def _with_density(data: bytes, dpi: int) -> bytes:
    """Write dots an inch into the JFIF header, which the encoder leaves empty."""
    if data[2:4] != b"\xff\xe0" or data[6:11] != b"JFIF\0":
        return data
    return data[:13] + struct.pack(">BHH", 1, dpi, dpi) + data[18:]
