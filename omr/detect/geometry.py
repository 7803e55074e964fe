"""Compiled arithmetic over points: found marks, the walk along a track, paper → pixels.

Plain arrays in, the caller's arrays out; checks are outside. Every kernel has a slow plain twin
in tests/oracle. Points are (x, y), in px of the upright page or in mm of the paper.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def keep_whole(blobs, count, box, size, rules):  # type: ignore[no-untyped-def]
    """Keep, of the first `count` blobs, those that the strip did not cut; sort them along it.

    `blobs` (n, 5) as `find_blobs` writes them. `box`: the strip's x0, y0, x1, y1. `size`: page
    width and height; what the page's own edge cut may stay. `rules`: the axis along the track
    (0 for x), and the dark share that a mark must exceed. Returns how many are left.
    """
    along, share = int(rules[0]), rules[1]
    across = 1 - along
    low_end, high_end = box[across], box[across + 2]
    kept = 0
    row = np.empty(blobs.shape[1])
    for k in range(count):
        half = blobs[k, 2 + across] / 2
        in_front = blobs[k, across] - half > low_end + 1 or low_end == 0
        behind = blobs[k, across] + half < high_end - 1 or high_end == size[across]
        if not (blobs[k, 4] > share and in_front and behind):
            continue
        row[:] = blobs[k]
        at = kept  # blobs come nearly in order: few have to move
        while at > 0 and blobs[at - 1, along] > row[along]:
            blobs[at] = blobs[at - 1]
            at -= 1
        blobs[at] = row
        kept += 1
    return kept


@njit(cache=True, nogil=True)
def follow_track(blobs, axis, expected, limits, best):  # type: ignore[no-untyped-def]
    """Match marks to blobs by the longest walk.

    `blobs` (m, 2 or more): centres in px, sorted along `axis` (0 for x), on which the track runs.
    `limits`: tolerance along (px), across (px), steepest slope, and greatest local stretch.
    `best` (n) receives each mark's blob or -1.
    """
    n, m = expected.shape[0], blobs.shape[0]
    along, across = blobs[:, axis], blobs[:, 1 - axis]
    tolerance, side_tolerance, slope_limit, stretch_limit = (
        limits[0],
        limits[1],
        limits[2],
        limits[3],
    )
    trial = np.empty(n, np.int64)
    most, best_misfit = 0, 1e18
    for skip in range(min(3, n - 1)):
        for first in range(m):
            trial[:] = -1
            trial[skip] = first
            count, misfit = 1, 0.0
            last, last_blob = skip, first
            scale, slope, known = 1.0, 0.0, False
            for i in range(skip + 1, n):
                delta = expected[i] - expected[last]
                target = along[last_blob] + delta * scale
                nearest, distance = -1, tolerance
                for b in range(last_blob + 1, m):
                    off = abs(along[b] - target)
                    if along[b] > target + tolerance:
                        break
                    if off >= distance:
                        continue
                    reach = delta * scale
                    side = across[b] - across[last_blob] - slope * reach
                    allowed = side_tolerance + (0.0 if known else slope_limit * reach)
                    if abs(side) <= allowed:
                        nearest, distance = b, off
                if nearest < 0:
                    continue
                trial[i] = nearest
                count += 1
                misfit += distance
                local = (along[nearest] - along[last_blob]) / delta
                local = min(max(local, 1.0 - stretch_limit), 1.0 + stretch_limit)
                scale = 0.7 * scale + 0.3 * local
                last, last_blob = i, nearest
                if count >= 4:
                    known = True
                    back = max(0, i - 12)
                    while trial[back] < 0:
                        back += 1
                    run = along[nearest] - along[trial[back]]
                    if run > 0:
                        slope = (across[nearest] - across[trial[back]]) / run
            if count > most or (count == most and misfit < best_misfit):
                most, best_misfit = count, misfit
                best[:] = trial
        if most == n:
            return


@njit(cache=True, nogil=True)
def settle_centres(marks, edges, out):  # type: ignore[no-untyped-def]
    """Centres (n, 2) of marks from their refined edges, or from the blob where those mislead.

    `marks` and `edges` as for `refine_marks`. Edges mislead where one was not found, where their
    middle is more than a quarter of the mark (and a pixel) from the blob's, and where the size
    between them is over 30 % off the usual one: a mark nicked on one side would pull its centre.
    """
    n = marks.shape[0]
    widths, heights = np.empty(n), np.empty(n)
    good = np.zeros(n, np.bool_)
    count = 0
    for m in range(n):
        x, y = (edges[m, 0] + edges[m, 2]) / 2, (edges[m, 1] + edges[m, 3]) / 2
        off = max(abs(x - marks[m, 0]), abs(y - marks[m, 1]))
        good[m] = edges[m, 0] != -1.0 and off <= 0.25 * max(marks[m, 2], marks[m, 3]) + 1
        if good[m]:
            widths[count] = edges[m, 2] - edges[m, 0]
            heights[count] = edges[m, 3] - edges[m, 1]
            count += 1
    usual_w = np.median(widths[:count]) if count > 0 else 0.0
    usual_h = np.median(heights[:count]) if count > 0 else 0.0
    for m in range(n):
        odd_w = abs(edges[m, 2] - edges[m, 0] - usual_w) > 0.3 * usual_w
        odd_h = abs(edges[m, 3] - edges[m, 1] - usual_h) > 0.3 * usual_h
        if good[m] and not odd_w and not odd_h:
            out[m, 0] = (edges[m, 0] + edges[m, 2]) / 2
            out[m, 1] = (edges[m, 1] + edges[m, 3]) / 2
        else:
            out[m, 0], out[m, 1] = marks[m, 0], marks[m, 1]


@njit(cache=True, nogil=True)
def uncrop(marks, nominal, axis, inward, centres):  # type: ignore[no-untyped-def]
    """Where a crop took a mark's outer part, put its centre half a mark from its inner end.

    `marks` (n, 4) with sizes in columns 2 and 3; `nominal`: the printed width and height in px;
    `axis`: along the track; `inward`: the sign of the way from the page's edge to the track.
    Any mark may have lost its outer side, the first and the last also the end of the track.
    """
    across, n = 1 - axis, marks.shape[0]
    for k in range(n):
        lost = nominal[across] - marks[k, 2 + across]
        if lost > 0.15 * nominal[across]:
            centres[k, across] -= inward * lost / 2
    for end in range(2):
        k = 0 if end == 0 else n - 1
        gone = nominal[axis] - marks[k, 2 + axis]
        if gone > 0.15 * nominal[axis]:
            centres[k, axis] += (-1.0 if end == 0 else 1.0) * gone / 2


@njit(cache=True, nogil=True)
def fit_affine(mm, px, out):  # type: ignore[no-untyped-def]
    """Least-squares affine map from points (n, 2) to points (n, 2), as `out` (3, 3).

    Normal equations about the points' mean, which keeps them well conditioned. Points on one
    line leave the direction across it open; it is then taken as if the map were a similarity.
    """
    n = mm.shape[0]
    mean = np.zeros(4)
    for i in range(n):
        for k in range(2):
            mean[k] += mm[i, k] / n
            mean[k + 2] += px[i, k] / n
    xx, xy, yy = 0.0, 0.0, 0.0
    sums = np.zeros((2, 2))
    for i in range(n):
        x, y = mm[i, 0] - mean[0], mm[i, 1] - mean[1]
        xx += x * x
        xy += x * y
        yy += y * y
        for k in range(2):
            off = px[i, k] - mean[k + 2]
            sums[k, 0] += off * x
            sums[k, 1] += off * y
    det = xx * yy - xy * xy
    out[:] = 0.0
    out[2, 2] = 1.0
    if det > 1e-9 * (xx + yy) ** 2:
        for k in range(2):
            out[k, 0] = (sums[k, 0] * yy - sums[k, 1] * xy) / det
            out[k, 1] = (sums[k, 1] * xx - sums[k, 0] * xy) / det
    else:
        norm = max(xx + yy, 1e-12)
        cos = (sums[0, 0] + sums[1, 1]) / norm
        sin = (sums[1, 0] - sums[0, 1]) / norm
        out[0, 0], out[0, 1], out[1, 0], out[1, 1] = cos, -sin, sin, cos
    for k in range(2):
        out[k, 2] = mean[k + 2] - out[k, 0] * mean[0] - out[k, 1] * mean[1]


@njit(cache=True, nogil=True)
def track_regularity(along_mm, px, scale):  # type: ignore[no-untyped-def]
    """How evenly a track's marks lie: (roughness, stretch).

    Roughness: greatest distance in mm of a mark from the line between its neighbours, where its
    place on paper puts it. Stretch: greatest departure of four pitches' length from the card's
    own scale, as a share; single pitches would count the noise of edges.
    """
    n = along_mm.shape[0]
    rough, stretch = 0.0, 0.0
    for i in range(1, n - 1):
        share = (along_mm[i] - along_mm[i - 1]) / (along_mm[i + 1] - along_mm[i - 1])
        x = px[i - 1, 0] + share * (px[i + 1, 0] - px[i - 1, 0]) - px[i, 0]
        y = px[i - 1, 1] + share * (px[i + 1, 1] - px[i - 1, 1]) - px[i, 1]
        rough = max(rough, (x * x + y * y) ** 0.5 / scale)
    run = min(4, n - 1)
    for i in range(n - run):
        x, y = px[i + run, 0] - px[i, 0], px[i + run, 1] - px[i, 1]
        length = (x * x + y * y) ** 0.5 / (along_mm[i + run] - along_mm[i])
        stretch = max(stretch, abs(length / scale - 1.0))
    return rough, stretch


@njit(cache=True, nogil=True)
def map_points(mm, matrix, out):  # type: ignore[no-untyped-def]
    """Points (n, 2) through an affine matrix (3, 3)."""
    for i in range(mm.shape[0]):
        x, y = mm[i, 0], mm[i, 1]
        out[i, 0] = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
        out[i, 1] = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]


@njit(cache=True, nogil=True)
def _between(curve, at, near):  # type: ignore[no-untyped-def]
    """The segment of a curve (n, 3) that holds `at`, looked for from segment `near`, and where in
    it; beyond its ends the curve stays level."""
    last = curve.shape[0] - 1
    k = min(near, max(last - 1, 0))
    while k < last - 1 and curve[k + 1, 0] < at:
        k += 1
    while k > 0 and curve[k, 0] > at:
        k -= 1
    if last == 0 or at <= curve[k, 0]:
        return k, 0.0
    if at >= curve[k + 1, 0]:
        return k, 1.0
    return k, (at - curve[k, 0]) / (curve[k + 1, 0] - curve[k, 0])


@njit(cache=True, nogil=True)
def _value(curve, k, share, column):  # type: ignore[no-untyped-def]
    a = curve[k, column]
    return a if share == 0.0 else a + share * (curve[k + 1, column] - a)


@njit(cache=True, nogil=True)
def displace(mm, near, far, across_mm, axis, px):  # type: ignore[no-untyped-def]
    """Add a `LocalCorrection` at points (n, 2) in mm to their places (n, 2) in px.

    `near`, `far` (·, 3): place along `axis` in mm, ascending, and displacement in px;
    `across_mm`: where on the other axis the two curves were measured.
    """
    span = across_mm[1] - across_mm[0]
    a, b = 0, 0
    for i in range(mm.shape[0]):
        weight = (mm[i, 1 - axis] - across_mm[0]) / span if abs(span) > 1e-9 else 0.0
        a, share_a = _between(near, mm[i, axis], a)
        b, share_b = _between(far, mm[i, axis], b)
        for k in range(2):
            here = _value(near, a, share_a, k + 1)
            px[i, k] += here + weight * (_value(far, b, share_b, k + 1) - here)


@njit(cache=True, nogil=True)
def left_over(mm, px, matrix, axis, out):  # type: ignore[no-untyped-def]
    """What an affine matrix leaves of points: `out` (n, 3) is the curve of it along `axis`."""
    map_points(mm, matrix, out[:, 1:])
    for i in range(mm.shape[0]):
        out[i, 0] = mm[i, axis]
        out[i, 1] = px[i, 0] - out[i, 1]
        out[i, 2] = px[i, 1] - out[i, 2]


@njit(cache=True, nogil=True)
def curve_beyond(near, marks, out):  # type: ignore[no-untyped-def]
    """A curve (n, 3) for the other side of the page, where only a few marks tell of it.

    `near` (n, 3): the curve of the track; `marks` (m, 3): what the few say, ascending. Between
    them their difference from the track's own curve changes evenly.
    """
    extra = marks.copy()
    a = 0
    for i in range(marks.shape[0]):
        a, share = _between(near, marks[i, 0], a)
        for k in range(1, 3):
            extra[i, k] -= _value(near, a, share, k)
    a = 0
    for i in range(near.shape[0]):
        a, share = _between(extra, near[i, 0], a)
        out[i, 0] = near[i, 0]
        for k in range(1, 3):
            out[i, k] = near[i, k] + _value(extra, a, share, k)
