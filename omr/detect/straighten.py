"""Pictures that are no scans: finding the sheet, and laying it flat before marks are looked for.

Each step of a design's `[[find]]` finds the page's four corners its own way; what it leads to is
drawn once, from the original pixels, as an upright page. A step that is not sure finds nothing:
the page is refused with what was seen.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from omr.design import Design, Find, FindKind
from omr.detect.faults import Fault
from omr.errors import DesignError
from omr.records import F64, U8, Raster, RejectReason

LOOK_PX = 1000  # longer side of the picture in which outlines and markers are looked for
LEAST_SHEET = 0.15  # share of the picture that a sheet must cover
FEATURES = 4000
LEAST_MATCHES = 25
REFERENCE_OFF = 0.004  # of the page's longer side: how far matches may lie from the fit
MARKER_SCORE = 0.6
FINEST, COARSEST = 12.0, 3.0  # px per mm of the page that is drawn
ASIDE = 0.1  # in logarithms of the page's proportions, how surely it must not lie on its side


@dataclass(frozen=True, slots=True)
class Straightened:
    """An upright page as drawn from a picture. `matrix` (3, 3): its px → px of the picture.

    `aside`: by its proportions on the picture, the page may lie on its side.
    """

    raster: Raster
    matrix: F64
    aside: bool


def straighten(raster: Raster, design: Design, channel: int) -> Straightened | Fault:
    """The page that the design's steps find, of the design's own proportions."""
    pixels = raster.pixels if raster.pixels.ndim == 2 else raster.pixels[:, :, channel]
    grey = np.ascontiguousarray(pixels)
    height, width = grey.shape
    page = (design.width_mm, design.height_mm)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    for find in design.finds:
        across, down = _sides(corners)
        seen, back = _drawn(grey, corners, (across, down), LOOK_PX)
        found = _STEPS[find.kind](seen, find)
        if isinstance(found, Fault):
            return found
        corners = _through(found, back)
    across, down = _sides(corners)
    drawn_ppm = min(max(across / page[0], down / page[1], COARSEST), FINEST)
    flat, back = _drawn(grey, corners, page, round(max(page) * drawn_ppm))
    beyond = min(
        _beyond(_through(side.centres_mm * drawn_ppm, back), width, height) for side in design.sides
    )
    if beyond:
        return Fault(
            RejectReason.FOLDED_OR_TORN, f"{beyond} bubbles lie beyond the edge of the picture"
        )
    flat.flags.writeable = False
    seen, meant = np.log(across / down), np.log(page[0] / page[1])
    aside = bool(abs(seen + meant) <= abs(seen - meant) + ASIDE)
    return Straightened(Raster(flat, False, drawn_ppm * 25.4), back, aside)


def _beyond(points: F64, width: int, height: int) -> int:
    """How many points (n, 2) lie so near a picture's edge, or beyond, that nothing shows there."""
    margin = 0.004 * max(width, height)
    low = (points < margin).any(axis=1)
    high = (points > np.array([width, height]) - margin).any(axis=1)
    return int((low | high).sum())


def _sides(corners: F64) -> tuple[float, float]:
    """How wide and how high a quadrilateral is, px; of two sides the longer, which is nearer."""
    sides = [float(np.hypot(*(b - a))) for a, b in pairwise([*corners, corners[0]])]
    return max(sides[0], sides[2]), max(sides[1], sides[3])


def _drawn(grey: U8, corners: F64, page: tuple[float, float], longer: int) -> tuple[U8, F64]:
    """What lies between four corners as an upright page, and the way back (3, 3)."""
    scale = longer / max(page)
    width, height = max(8, round(page[0] * scale)), max(8, round(page[1] * scale))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    there = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    shrink = np.sqrt(cv2.contourArea(corners.astype(np.float32)) / (width * height))
    if shrink > 1.5:  # so that thin print does not fall between the pixels that are looked at
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.4 * shrink), np.uint8)
    flat = cv2.warpPerspective(
        grey, there, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(flat, np.uint8), np.asarray(np.linalg.inv(there), np.float64)


def _through(points: F64, matrix: F64) -> F64:
    """Points (n, 2) through a perspective (3, 3)."""
    mapped = cv2.perspectiveTransform(points.reshape(-1, 1, 2), matrix)
    return np.asarray(mapped, np.float64).reshape(-1, 2)


# ── the sheet's outline ──────────────────────────────────────────────────────────────────────


def _outline(picture: U8, find: Find) -> F64 | Fault:
    """Corners of the largest bright quadrilateral."""
    height, width = picture.shape
    whole = float(width * height)
    smooth = cv2.GaussianBlur(cv2.morphologyEx(picture, cv2.MORPH_CLOSE, _disc(15)), (5, 5), 0)
    best: F64 | None = None
    best_area = LEAST_SHEET * whole
    for bright in _brightnesses(np.asarray(smooth, np.uint8)):
        contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            hull = cv2.convexHull(contour)
            area = cv2.contourArea(hull)
            quad = _quadrilateral(hull)
            if quad is not None and area > best_area and cv2.contourArea(quad) < 1.06 * area:
                best, best_area = quad.astype(np.float64), area
    if best is None:
        return Fault(
            RejectReason.NO_CARD, "no sheet with four straight edges stands out from its background"
        )
    return _upright_corners(best)


def _brightnesses(picture: U8) -> list[U8]:
    """Pictures of what may be paper: by one threshold for all, and by closed edges."""
    _, otsu = cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    edges = cv2.dilate(cv2.Canny(picture, 30, 90), _disc(3))
    contours, _ = cv2.findContours(edges, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = np.zeros_like(picture)
    cv2.drawContours(filled, contours, -1, 255, cv2.FILLED)
    return [np.asarray(otsu, np.uint8), filled]


def _quadrilateral(hull: np.ndarray) -> F64 | None:
    length = cv2.arcLength(hull, True)
    for share in (0.01, 0.02, 0.03, 0.05):
        points = cv2.approxPolyDP(hull, share * length, True)
        if len(points) == 4:
            return np.asarray(points.reshape(4, 2), np.float32)
    return None


def _upright_corners(points: F64) -> F64:
    """Top left, top right, bottom right and bottom left of four points."""
    middle = points.mean(axis=0)
    angle = np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0])
    round_ = points[np.argsort(angle)]
    first = int(np.argmin(round_.sum(axis=1)))
    return np.roll(round_, -first, axis=0)


@functools.cache
def _disc(size: int) -> U8:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


# ── four markers ─────────────────────────────────────────────────────────────────────────────


def _markers(picture: U8, find: Find) -> F64 | Fault:
    """Centres of the marker in each quarter of the page, all of one size."""
    marker = _grey_of(find.picture)
    height, width = picture.shape
    halves = (height // 2, width // 2)
    best: tuple[float, F64] | None = None
    contrast = _levelled(picture)
    for factor in np.geomspace(0.3, 1.9, 40):
        size = round(width / find.marker_share * factor)
        if size < 8 or size > min(halves) // 2:
            continue
        shape = (size, round(size * marker.shape[0] / marker.shape[1]))
        shrunk = cv2.resize(marker, shape, interpolation=cv2.INTER_AREA)
        template = _levelled(np.asarray(shrunk, np.uint8))
        places, scores = [], []
        for top, left in ((0, 0), (0, 1), (1, 1), (1, 0)):
            y0, x0 = top * halves[0], left * halves[1]
            part = contrast[y0 : y0 + halves[0], x0 : x0 + halves[1]]
            _, score, _, (x, y) = cv2.minMaxLoc(
                cv2.matchTemplate(part, template, cv2.TM_CCOEFF_NORMED)
            )
            places.append((x0 + x + template.shape[1] / 2, y0 + y + template.shape[0] / 2))
            scores.append(score)
        if best is None or min(scores) > best[0]:
            best = (min(scores), np.array(places))
    if best is None or best[0] < MARKER_SCORE:
        seen = 0.0 if best is None else best[0]
        return Fault(
            RejectReason.MARK_MISSING,
            f"not all four corner markers show: the weakest is {seen:.0%} like its picture",
        )
    return best[1]


def _levelled(picture: U8) -> U8:
    """Evenly lit: each place against what is bright around it."""
    around = cv2.GaussianBlur(cv2.dilate(picture, _disc(9)), (0, 0), 12)
    return np.asarray(cv2.divide(picture, around, scale=255), np.uint8)


# ── a picture of the whole page ──────────────────────────────────────────────────────────────


def _reference(picture: U8, find: Find) -> F64 | Fault:
    """The reference's corners, through features that both pictures have.

    ORB features (Rublee et al. 2011), nearest pairs that are clearly nearest, and a perspective
    by MAGSAC (Barath et al. 2019).
    """
    reference = _grey_of(find.picture)
    scale = LOOK_PX / max(reference.shape)
    shown = cv2.resize(reference, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    orb = cv2.ORB.create(FEATURES)
    here, said_here = orb.detectAndCompute(picture, None)
    there, said_there = orb.detectAndCompute(shown, None)
    if not (here and there):
        return Fault(RejectReason.BLANK_PAGE, "nothing is printed that could be recognised")
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(said_there, said_here, k=2)
    clear = [p[0] for p in pairs if len(p) == 2 and p[0].distance < 0.8 * p[1].distance]
    if len(clear) >= LEAST_MATCHES:
        a = np.array([there[m.queryIdx].pt for m in clear], np.float64)
        b = np.array([here[m.trainIdx].pt for m in clear], np.float64)
        off = REFERENCE_OFF * LOOK_PX
        matrix, inliers = cv2.findHomography(a, b, cv2.USAC_MAGSAC, off, maxIters=5000)
        agreed = 0 if matrix is None else int(inliers.sum())
        if matrix is not None and agreed >= LEAST_MATCHES:
            height, width = shown.shape
            corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
            return _through(corners, np.asarray(matrix, np.float64))
    return Fault(
        RejectReason.WRONG_DESIGN,
        f"only {len(clear)} places look like the reference picture, too few to lay it over",
    )


@functools.lru_cache(maxsize=16)
def _grey_of(picture: bytes) -> U8:
    """A design's picture; a file that is none stops the run, for no page could be found by it."""
    grey: object = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    if not isinstance(grey, np.ndarray):
        fault = "a picture of its [[find]] cannot be decoded; give a PNG or JPEG file"
        raise DesignError("the design", (fault,))
    return np.asarray(grey, np.uint8)


def _frame(picture: U8, find: Find) -> F64 | Fault:
    """The picture's own corners."""
    height, width = picture.shape
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


_STEPS = {
    FindKind.FRAME: _frame,
    FindKind.OUTLINE: _outline,
    FindKind.MARKERS: _markers,
    FindKind.REFERENCE: _reference,
}
