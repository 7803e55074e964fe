"""Compiled arithmetic over pixels. Plain arrays in, the caller's arrays out; checks are outside.

Every kernel has a slow plain twin in tests/oracle. `data` is the page's flat read-only bytes
and `view` the (start, step in x, step in y) of a `Plane`; coordinates are upright pixels, pixel
(x, y) covering [x, x + 1) × [y, y + 1).
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAX_OPEN = 128
SUB_BITS = 8
SUB = 1 << SUB_BITS  # fixed-point parts of a pixel in outline positions


@njit(cache=True, nogil=True)
def pixel(data, index):  # type: ignore[no-untyped-def]
    """`data[index]` for an index that is known not to be negative, which Numba then need not ask;
    asking cost the kernels half their time."""
    return data[np.uintp(index)]


@njit(cache=True, nogil=True)
def histogram_lattice(data, view, box, step, out):  # type: ignore[no-untyped-def]
    """Add the grey levels at every `step`-th pixel of box (x0, y0, x1, y1) to `out` (256)."""
    start, sx, sy = view[0], view[1], view[2]
    for y in range(box[1] + step // 2, box[3], step):
        base = start + y * sy
        for x in range(box[0] + step // 2, box[2], step):
            out[pixel(data, base + x * sx)] += 1


@njit(cache=True, nogil=True)
def find_blobs(data, view, box, threshold, limits, out):  # type: ignore[no-untyped-def]
    """Dark blobs of about a mark's size, from runs of dark pixels linked from row to row.

    `box`: x0, y0, x1, y1. `limits`: least and greatest width, least and greatest height, widest
    white gap bridged along a row, most rows bridged downwards, step between rows; whole px.
    `out` (n, 5) receives centre x, centre y, width, height, dark share of width × height; runs
    darker than `threshold` count. Returns how many were written.

    One piece on purpose: with any part as a function of its own it took an eighth longer or more.
    """
    start, sx, sy = view[0], view[1], view[2]
    left, right, bottom = box[0], box[2], box[3]
    dark_to = int(np.ceil(threshold))  # whole levels compare faster
    w_min, w_max, h_min, h_max = limits[0], limits[1], limits[2], limits[3]
    gap, rows_gap, step = limits[4], limits[5], limits[6]
    # Open blobs: sum of run centres, sum of widths, rows, first and last row, dark pixels.
    open_blobs = np.zeros((MAX_OPEN, 6))
    is_open = np.zeros(MAX_OPEN, np.bool_)
    found = 0
    top = 0
    for y in range(box[1], bottom + (rows_gap + 2) * step, step):
        for k in range(top):  # close what has not grown for too long
            if is_open[k] and y - open_blobs[k, 4] > rows_gap + step:
                is_open[k] = False
                height = open_blobs[k, 4] - open_blobs[k, 3] + step
                if h_min <= height <= h_max and found < out.shape[0]:
                    rows = open_blobs[k, 2]
                    width = open_blobs[k, 1] / rows
                    out[found, 0] = open_blobs[k, 0] / rows
                    out[found, 1] = (open_blobs[k, 3] + open_blobs[k, 4]) / 2 + 0.5
                    out[found, 2] = width
                    out[found, 3] = height
                    out[found, 4] = open_blobs[k, 5] * step / (width * height)
                    found += 1
        while top > 0 and not is_open[top - 1]:
            top -= 1
        if y >= bottom:
            continue
        base = start + y * sy
        x = left
        while x < right:
            if pixel(data, base + x * sx) >= dark_to:
                x += 1
                continue
            first, last, dark = x, x, 0
            while x < right:
                if pixel(data, base + x * sx) < dark_to:
                    # A gap is bridged only while the run is shorter than a mark may be, so that
                    # a mark does not grow into its neighbour.
                    if x - last > 1 and last - first + 1 >= w_min:
                        break
                    last = x
                    dark += 1
                elif x - last > gap or last - first + 1 >= w_min:
                    break
                x += 1
            width = last - first + 1
            if width < w_min or width > w_max:
                continue
            centre = (first + last + 1) / 2
            slot = -1
            for k in range(top):
                if is_open[k]:
                    mean = open_blobs[k, 0] / open_blobs[k, 2]
                    if abs(mean - centre) <= 0.3 * width + 1:
                        slot = k
                        break
            if slot < 0:
                for k in range(MAX_OPEN):
                    if not is_open[k]:
                        slot = k
                        break
                if slot < 0:
                    continue
                is_open[slot] = True
                top = max(top, slot + 1)
                open_blobs[slot, :] = 0
                open_blobs[slot, 3] = y
            open_blobs[slot, 0] += centre
            open_blobs[slot, 1] += width
            open_blobs[slot, 2] += 1
            open_blobs[slot, 4] = y
            open_blobs[slot, 5] += dark
    return found


@njit(cache=True, nogil=True)
def _edge(profile, count, middle, backwards):  # type: ignore[no-untyped-def]
    """Where the profile first falls below `middle`, walking in from one end; -1 if nowhere."""
    for i in range(1, count):
        a = count - i if backwards else i - 1
        b = a - 1 if backwards else a + 1
        if profile[a] >= middle > profile[b]:
            part = (profile[a] - middle) / (profile[a] - profile[b])
            return a + 0.5 - part if backwards else a + 0.5 + part
    return -1.0


@njit(cache=True, nogil=True)
def refine_marks(data, view, size, marks, out):  # type: ignore[no-untyped-def]
    """Edges of dark rectangles to a part of a pixel.

    `size`: page width and height. `marks` (n, 4): centre x, y, width, height in px. `out` (n, 5):
    left, top, right, bottom where the mean profile across the mark first crosses half way between
    its darkest and its brightest from either end, or the page's edge where that cuts the mark;
    and the darkest profile level. All four are -1 where an edge was not found.
    """
    start, sx, sy = view[0], view[1], view[2]
    for m in range(marks.shape[0]):
        cx, cy, w, h = marks[m, 0], marks[m, 1], marks[m, 2], marks[m, 3]
        darkest = 255.0
        good = True
        for axis in range(2):
            long_half = (w if axis == 0 else h) * 0.5
            along = cx if axis == 0 else cy
            across = cy if axis == 0 else cx
            across_half = (h if axis == 0 else w) * 0.3
            reach = max(long_half * 0.6, 3.0)
            a0 = max(0, int(along - long_half - reach))
            a1 = min(size[axis], int(along + long_half + reach) + 1)
            b0 = max(0, int(across - across_half))
            b1 = min(size[1 - axis], int(across + across_half) + 1)
            count = a1 - a0
            if count < 4 or b1 <= b0:
                good = False
                break
            profile = np.zeros(count)
            low, high = 255.0, 0.0
            step_a = sx if axis == 0 else sy
            step_b = sy if axis == 0 else sx
            for i in range(count):
                total = 0
                base = start + (a0 + i) * step_a
                for b in range(b0, b1):
                    total += int(pixel(data, base + b * step_b))
                profile[i] = total / (b1 - b0)
                low = min(low, profile[i])
                high = max(high, profile[i])
            middle = (low + high) / 2
            near = _edge(profile, count, middle, False)
            far = _edge(profile, count, middle, True)
            if a0 == 0 and profile[0] < middle:  # cut off by the page's edge
                near = 0.0
            if a1 == size[axis] and profile[count - 1] < middle:
                far = float(count)
            if near < 0 or far < 0 or far <= near:
                good = False
                break
            darkest = min(darkest, low)
            out[m, axis] = a0 + near
            out[m, axis + 2] = a0 + far
        out[m, 4] = darkest
        if not good:
            out[m, :4] = -1.0


@njit(cache=True, nogil=True)
def sample_bubbles(data, view, size, centres, lattice, levels, out):  # type: ignore[no-untyped-def]
    """Figures of every bubble, straight from the decoded page.

    `size`: page width and height. `centres` (n, 2): px; the nearest whole pixel is taken.
    `lattice` (rows, cols, 3) int64: each sample's offset from the centre in whole px, and what it
    is for: 1 inside, 2 in the margin round the box, 0 not used. `levels`: ink level; share of
    the way from paper to ink from which a sample counts as dark; least and greatest paper level
    believed; 1 for a bitonal page. `out` (n, 5) uint8: fill, darkness, around, through, and the
    paper level: what 30 % of the margin reach, in steps of 4. Ink all round must not pass for
    paper, so around is held against no less than 0.7 of the greatest paper level. `through` is
    measured only where fill is from 2 % to 50 %, else 0.
    Returns the number of bubbles whose samples leave the page (their figures are 0).
    """
    start, sx, sy = view[0], view[1], view[2]
    rows, cols = lattice.shape[0], lattice.shape[1]
    ink, dark_from, paper_low, paper_high = levels[0], levels[1], levels[2], levels[3]
    bitonal = levels[4] > 0
    inside = np.empty(rows * cols, np.int64)
    margin = np.empty(rows * cols, np.int64)
    insides, margins, reach_x, reach_y = _offsets(lattice, sx, sy, inside, margin)
    counts = np.zeros(64, np.int64)
    outside = 0
    for n in range(centres.shape[0]):
        cx, cy = int(centres[n, 0]), int(centres[n, 1])
        if cx < reach_x or cy < reach_y or cx + reach_x >= size[0] or cy + reach_y >= size[1]:
            outside += 1
            out[n, :] = 0
            continue
        base = start + cx * sx + cy * sy
        paper, local = 255.0, 255.0
        if not bitonal:
            level = _brighter_part(data, base, margin[:margins], counts)
            paper = min(max(level, paper_low), paper_high)
            # Shadow dims the paper by less than this; darker is something on the paper.
            local = max(paper, 0.7 * paper_high)
        margin_dark = int(np.ceil(local - dark_from * (local - ink)))
        around = 0
        for k in range(margins):
            around += pixel(data, base + margin[k]) < margin_dark
        white = int(paper)
        span = max(white - int(ink), 1)
        dark_below = int(np.ceil(white - dark_from * span))
        dark, total = 0, 0
        for k in range(insides):
            value = int(pixel(data, base + inside[k]))
            dark += value < dark_below
            total += min(max(white - value, 0), span)
        fill = dark / insides
        through = 0.0
        if 0.02 <= fill <= 0.5:
            through = _through(data, (base, sx, sy), lattice, dark_below)
        out[n, 0] = int(fill * 255 + 0.5)
        out[n, 1] = int(total * 255 / (span * insides) + 0.5)
        out[n, 2] = int(around * 255 / max(margins, 1) + 0.5)
        out[n, 3] = int(through * 255 + 0.5)
        out[n, 4] = white
    return outside


@njit(cache=True, nogil=True)
def _offsets(lattice, sx, sy, inside, margin):  # type: ignore[no-untyped-def]
    """Write where the samples of each kind lie from the centre, in bytes.

    Returns how many are inside, how many in the margin, and how far any goes across and down.
    """
    insides, margins, reach_x, reach_y = 0, 0, 0, 0
    for r in range(lattice.shape[0]):
        for c in range(lattice.shape[1]):
            dx, dy, kind = lattice[r, c, 0], lattice[r, c, 1], lattice[r, c, 2]
            if kind == 1:
                inside[insides] = dx * sx + dy * sy
                insides += 1
            elif kind == 2:
                margin[margins] = dx * sx + dy * sy
                margins += 1
            reach_x, reach_y = max(reach_x, abs(dx)), max(reach_y, abs(dy))
    return insides, margins, reach_x, reach_y


@njit(cache=True, nogil=True)
def _brighter_part(data, base, margin, counts):  # type: ignore[no-untyped-def]
    """The level that 30 % of the margin reach, in steps of 4; `counts` (64) is room."""
    counts[:] = 0
    for k in range(margin.shape[0]):
        counts[pixel(data, base + margin[k]) >> 2] += 1
    left, level = 0.3 * margin.shape[0], 63
    while level > 0 and counts[level] < left:
        left -= counts[level]
        level -= 1
    return level * 4.0 + 2.0


@njit(cache=True, nogil=True)
def _through(data, place, lattice, dark_below):  # type: ignore[no-untyped-def]
    """How completely the straightest dark line of columns or rows crosses box and both margins."""
    base, sx, sy = place
    rows, cols = lattice.shape[0], lattice.shape[1]
    best = 0.0
    for across in range(2):
        lines, length = (rows, cols) if across == 1 else (cols, rows)
        for line in range(lines):
            inside, inside_dark, first_dark, last_dark = 0, 0, 0, 0
            for k in range(length):
                r, c = (line, k) if across == 1 else (k, line)
                kind = lattice[r, c, 2]
                if kind == 0:
                    continue
                dark = (
                    pixel(data, base + lattice[r, c, 0] * sx + lattice[r, c, 1] * sy) < dark_below
                )
                if kind == 1:
                    inside += 1
                    inside_dark += dark
                elif inside == 0:
                    first_dark += dark
                else:
                    last_dark += dark
            if inside > 0 and first_dark > 0 and last_dark > 0:
                best = max(best, inside_dark / inside)
    return best


@njit(cache=True, nogil=True)
def snap_to_outline(data, view, size, centres, outline, radius, out):  # type: ignore[no-untyped-def]
    """Shift each bubble to where its printed outline fits best.

    `outline` (k, 4) int64, 1/SUB px: offsets of points on the printed line, and of the point just
    outside the line there. `radius`: greatest shift in whole px. `out` (n, 3): shift x, shift y,
    and the contrast (0–255) between line and outside at the best place; zeros where the page's
    edge is nearer than the outline's farthest offset, the radius and 2 px.
    """
    start, sx, sy = view[0], view[1], view[2]
    reach = 0
    for k in range(outline.shape[0]):
        for j in range(4):
            reach = max(reach, abs(outline[k, j]))
    reach = reach // SUB + radius + 2
    for n in range(centres.shape[0]):
        cx = int(centres[n, 0] * SUB)
        cy = int(centres[n, 1] * SUB)
        px, py = cx // SUB, cy // SUB
        out[n, 0] = out[n, 1] = out[n, 2] = 0.0
        if px < reach or py < reach or px + reach >= size[0] or py + reach >= size[1]:
            continue
        best = -1e9
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                total = 0
                for k in range(outline.shape[0]):
                    x = ((cx + outline[k, 0]) >> SUB_BITS) + dx
                    y = ((cy + outline[k, 1]) >> SUB_BITS) + dy
                    xo = ((cx + outline[k, 2]) >> SUB_BITS) + dx
                    yo = ((cy + outline[k, 3]) >> SUB_BITS) + dy
                    total += int(pixel(data, start + xo * sx + yo * sy))
                    total -= int(pixel(data, start + x * sx + y * sy))
                # Prefer the smaller shift where two fit alike.
                score = total / outline.shape[0] - 0.25 * (dx * dx + dy * dy) ** 0.5
                if score > best:
                    best = score
                    out[n, 0], out[n, 1] = dx, dy
                    out[n, 2] = max(total / outline.shape[0], 0.0)


@njit(cache=True, nogil=True)
def column_darkness(data, view, box, threshold, step, out):  # type: ignore[no-untyped-def]
    """Share of dark pixels of every column of the box, looking at every `step`-th row.

    `out` has x1 - x0 entries.
    """
    start, sx, sy = view[0], view[1], view[2]
    rows = 0
    out[:] = 0.0
    for y in range(box[1], box[3], step):
        base = start + y * sy
        rows += 1
        for x in range(box[0], box[2]):
            if pixel(data, base + x * sx) < threshold:
                out[x - box[0]] += 1.0
    if rows > 0:
        for i in range(out.shape[0]):
            out[i] /= rows
