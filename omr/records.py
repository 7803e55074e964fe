"""The types that travel between the stages. Frozen; arrays in them are read-only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class SideName(StrEnum):
    """Which face of the sheet."""

    FRONT = "front"
    BACK = "back"


class Turn(IntEnum):
    """Degrees clockwise that the scan is turned against the upright card."""

    UPRIGHT = 0
    RIGHT = 90
    OVER = 180
    LEFT = 270


class Status(StrEnum):
    """What becomes of a page."""

    READ = "read"
    REVIEW = "review"
    REJECTED = "rejected"


class RejectReason(StrEnum):
    """Why a page was not read: a closed list. `omr/README.md` says what to do about each."""

    DAMAGED_FILE = "damaged_file"
    UNSUPPORTED_FILE = "unsupported_file"
    TOO_LARGE = "too_large"
    BLANK_PAGE = "blank_page"
    NO_CARD = "no_card"
    WRONG_DESIGN = "wrong_design"
    MARK_MISSING = "mark_missing"
    WRONG_WAY_UP = "wrong_way_up"
    FOLDED_OR_TORN = "folded_or_torn"
    STREAK = "streak"
    TOO_SKEWED = "too_skewed"
    TOO_STRETCHED = "too_stretched"
    LOW_CONTRAST = "low_contrast"
    TOO_DARK = "too_dark"
    DOUBLE_FEED = "double_feed"
    WRONG_SCALE = "wrong_scale"
    READER_FAILED = "reader_failed"


class DoubtKind(StrEnum):
    """Why a person must look at a field: a closed list."""

    FAINT = "faint"
    SEVERAL = "several"
    ERASED = "erased"
    OUTSIDE = "outside"
    LINE = "line"
    FIGURES_DISAGREE = "figures_disagree"
    IDENTITY_CLASH = "identity_clash"
    CHECK_FAILED = "check_failed"
    BARCODE_ALONE = "barcode_alone"
    BARCODE_MISSING = "barcode_missing"
    REQUIRED_BLANK = "required_blank"
    VALUE_NOT_ALLOWED = "value_not_allowed"
    SIDE_MISSING = "side_missing"


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """One encoded page as a driver delivers it.

    `image` holds the bytes of a single-page file, or of a multi-page TIFF with `frame` naming the
    page in it (0-based). `sha256` is over `image` (and the frame, where it is not 0), hex.
    `position` counts from 0 in feed order. `dpi` and `side` are what the driver was told, if
    anything; `imprint` is the number that the scanner printed onto the sheet or counted for it,
    where it gives one.
    """

    image: bytes
    sha256: str
    source: str
    position: int
    frame: int = 0
    dpi: float | None = None
    side: SideName | None = None
    imprint: str = ""

    @staticmethod
    def digest(image: bytes, frame: int = 0) -> str:
        """The page's SHA-256, hex."""
        digest = hashlib.sha256(image)
        if frame:
            digest.update(f"#{frame}".encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Raster:
    """A decoded page, as stored (no turn applied).

    `pixels` is C-contiguous uint8, (height, width) grey or (height, width, 3) RGB; 0 is black.
    `bitonal` says that only 0 and 255 occur because the file holds one bit a pixel. `dpi` is what
    the file says, `turn_hint` what its EXIF says; neither is trusted.
    """

    pixels: U8
    bitonal: bool
    dpi: float | None = None
    turn_hint: Turn = Turn.UPRIGHT


@dataclass(frozen=True, slots=True)
class BarcodeRead:
    """What was read in one barcode zone; `text` is empty where nothing was.

    `reader` is "zxing", "pyzbar" (the second reader alone: a doubt), "split" (readings of the
    zone differ, or only one was had: a doubt), "unread" (something is there that neither
    can read: a doubt) or "".
    """

    zone: str
    text: str
    symbology: str = ""
    reader: str = ""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How paper lies in the scan.

    `matrix` (3×3) maps upright paper mm (x right, y down, homogeneous) to pixels of the scan as
    turned upright. `correction`, where tracks allow it, corrects locally (see detect/alignment).
    `residual_mm` is the largest distance between a found mark and where the fit puts it.
    """

    matrix: F64
    turn: Turn
    side: SideName
    residual_mm: float
    skew_deg: float
    stretch: float
    px_per_mm: float
    marks_mm: F64
    marks_px: F64
    correction: LocalCorrection | None = None


@dataclass(frozen=True, slots=True)
class LocalCorrection:
    """Displacements (px) left over by the matrix, measured along timing tracks.

    `near` and `far` are (n, 3) arrays of paper position along the track in mm and the
    displacement (dx, dy) there; the two are interpolated along the track and blended across.
    `across_mm` holds the two tracks' positions on the other axis. `along_y` says whether the
    tracks run down the page (timing tracks at the left and right edges) or across it.
    """

    near: F64
    far: F64
    across_mm: tuple[float, float]
    along_y: bool
    then: LocalCorrection | None = None


@dataclass(frozen=True, slots=True)
class BubbleScores:
    """What detection measured of a page's bubbles; no verdict.

    All arrays are uint8, one entry a bubble in the design's order, 0–255 standing for 0–1.
    `fill`: share of the bubble's inside that is dark at all; `darkness`: its mean darkness
    between this card's own paper and ink. Two light strokes fill little and a smudge is not
    dark: the two fail apart.
    `around`: ink in the margin round the box; `through`: ink of a straight line that enters at
    one side and leaves at the other.
    """

    side: SideName
    fill: U8
    darkness: U8
    around: U8
    through: U8
    bitonal: bool
    barcodes: tuple[BarcodeRead, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason for a person to look, with its evidence in words and figures."""

    kind: DoubtKind
    field: str
    evidence: str


@dataclass(frozen=True, slots=True)
class CardReading:
    """What one side of a card says.

    `values`, `error_probability` run in the order of the design's fields on that side; `masks`
    (bit k = option k) in the order of its groups. Blank is "", several options are joined
    ("BD"); a digit that is blank or several shows as "?" in an identity value.
    """

    position: int
    source: str
    frame: int
    sha256: str
    side: SideName
    turn: Turn
    status: Status
    fields: tuple[str, ...]
    values: tuple[str, ...]
    error_probability: F32
    masks: NDArray[np.uint32]
    doubts: tuple[Doubt, ...]
    barcodes: tuple[BarcodeRead, ...]
    residual_mm: float
    design_hash: str
    policy_hash: str


@dataclass(frozen=True, slots=True)
class RejectedPage:
    """A page that was not read, why, and what to do with the paper."""

    position: int
    source: str
    frame: int
    sha256: str
    reason: RejectReason
    evidence: str
    advice: str
    design_hash: str = ""
    policy_hash: str = ""
    figures: dict[str, float] = field(default_factory=dict)
