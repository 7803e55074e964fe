"""A scanner's paper and words, without its network: real sheets, and faults by a script.

It knows where each sheet is: in the tray, stuck, or through. What was through and was not sent is
gone with its job, as in a real device; a person can lay sheets back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

NAMES = (
    'xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03"'
    ' xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm"'
)


class Fault(StrEnum):
    """What befalls a sheet, once. The first group stops the feeder, the second the network."""

    JAM = "jam"
    JAM_AT_BACK = "jam at back"
    DOOR = "door"
    DOUBLE = "double"
    MISPICK = "mispick"
    TOO_LONG = "too long"
    CANCELLED = "cancelled"

    CUT = "cut"
    CUT_AT_BACK = "cut at back"
    CUT_CHUNKED = "cut chunked"
    CUT_UNBOUNDED = "cut unbounded"
    RESET = "reset"
    STALL = "stall"
    WRONG = "wrong"
    HTML = "html"
    BUSY = "busy"
    EARLY_404 = "early 404"
    NO_BACK = "no back"


STOPS = {
    Fault.JAM: "ScannerAdfJam",
    Fault.JAM_AT_BACK: "ScannerAdfJam",
    Fault.DOOR: "ScannerAdfHatchOpen",
    Fault.DOUBLE: "ScannerAdfMultipickDetected",
    Fault.MISPICK: "ScannerAdfMispick",
    Fault.TOO_LONG: "ScannerAdfDuplexPageTooLong",
    Fault.CANCELLED: "",
}


@dataclass(frozen=True)
class Model:
    """What sort of scanner it is. Sizes in 1/300 inch."""

    formats: Sequence[str] = ("image/jpeg",)
    modes: Sequence[str] = ("Grayscale8", "RGB24")
    dpis: Sequence[int] = (200, 300)
    range_dpi: tuple[int, int, int] | None = None
    glass: bool = True
    feeder: bool = True
    duplex: bool = True
    most: tuple[int, int] = (2480, 3508)
    renderings: Sequence[str] = ()
    extra: str = ""  # more of the tray's capabilities
    location: str = "relative"
    lists_jobs: bool = True
    ahead: int = 0  # sheets that it scans before they are fetched
    a_job: int = 0  # sheets in one job, where there is a limit
    always_loaded: bool = False
    code_at_end: int = 404
    code_at_stop: int = 503
    code_when_empty: int = 409
    page_s: float = 0.0  # how long a page takes


@dataclass
class Job:
    """One job; `ready` holds (sheet, side) that were scanned and not sent."""

    name: str
    feeder: bool
    duplex: bool
    state: str = "Processing"
    reason: str = "JobScanning"
    images: int = 0
    fed: int = 0
    ready: deque[tuple[int, int]] = field(default_factory=deque)


class EsclDevice:
    """The device. Whoever asks it takes the lock."""

    def __init__(self, sheets: Sequence[Sequence[bytes]], model: Model | None = None) -> None:
        self.sheets = [tuple(sheet) for sheet in sheets]
        self.model = model or Model()
        self.content_type = next(iter(self.model.formats), "")
        self.tray = deque(range(len(sheets)))
        self.stuck: list[int] = []
        self.through: list[int] = []
        self.laid_back: list[int] = []
        self.trouble = ""
        self.jobs: dict[str, Job] = {}
        self.faults: dict[int, list[Fault]] = {}
        self.settings: list[dict[str, str]] = []
        self.busy_posts = 0
        self.retry_after = "0"
        self.lock = threading.RLock()

    # ── what a person does ───────────────────────────────────────────────────────────────────

    def fault(self, sheet: int, *kinds: Fault) -> None:
        self.faults.setdefault(sheet, []).extend(kinds)

    def lay_back(self, first: int) -> list[int]:
        """Clears the scanner and lays every sheet from `first` on into the tray, in order.

        Gives the sheets that had left the tray.
        """
        with self.lock:
            out = sorted(sheet for sheet in {*self.stuck, *self.through} if sheet >= first)
            self.through = [sheet for sheet in self.through if sheet < first]
            self.stuck, self.trouble = [], ""
            assert sorted({*out, *self.tray}) == list(range(first, len(self.sheets)))
            self.tray = deque(range(first, len(self.sheets)))
            self.laid_back += out
            return out

    def lay_in(self, sheets: Sequence[Sequence[bytes]]) -> None:
        with self.lock:
            start = len(self.sheets)
            self.sheets += [tuple(sheet) for sheet in sheets]
            self.tray.extend(range(start, len(self.sheets)))

    # ── what the device does ─────────────────────────────────────────────────────────────────

    def take(self, sheet: int, *kinds: Fault) -> Fault | None:
        """The first of these faults that is set for the sheet; it happens once."""
        for fault in self.faults.get(sheet, ()):
            if fault in kinds:
                self.faults[sheet].remove(fault)
                return fault
        return None

    def feed(self, job: Job) -> None:
        """One sheet through, or into trouble."""
        if not job.feeder:
            job.ready.append((0, 0))
            job.images += 1
            job.state, job.reason = "Completed", "JobCompletedSuccessfully"
            return
        sheet = self.tray.popleft()
        stop = self.take(sheet, *STOPS)
        if stop is None:
            self.through.append(sheet)
            sides = 2 if job.duplex and not self.take(sheet, Fault.NO_BACK) else 1
            job.ready.extend((sheet, side) for side in range(sides))
            job.images += sides
            job.fed += 1
            if self.model.a_job and job.fed >= self.model.a_job:
                job.state, job.reason = "Completed", "JobCompletedSuccessfully"
            return
        self.stuck.append(sheet)
        if stop is Fault.JAM_AT_BACK:
            job.ready.append((sheet, 0))
            job.images += 1
        if stop is Fault.DOUBLE and self.tray:
            self.stuck.append(self.tray.popleft())
        self.trouble = STOPS[stop]
        cancelled = stop is Fault.CANCELLED
        job.state = "Canceled" if cancelled else "Aborted"
        job.reason = "JobCanceledAtDevice" if cancelled else "ResourcesAreNotReady"

    def next_document(self, job: Job) -> tuple[int, int] | int:
        """(sheet, side) to be sent, or the code of the answer."""
        while job.state == "Processing" and len(job.ready) <= self.model.ahead * 2:
            if job.feeder and not self.tray:
                job.state, job.reason = "Completed", "JobCompletedSuccessfully"
                break
            coming = self.tray[0] if job.feeder else 0
            if not job.ready and self.take(coming, Fault.BUSY):
                return 503
            if not job.ready and self.take(coming, Fault.EARLY_404):
                return 404
            self.feed(job)
            if not job.feeder or (job.ready and not self.model.ahead):
                break
        if job.ready:
            return job.ready.popleft()
        return self.model.code_at_stop if self.trouble else self.model.code_at_end

    def new_job(self, settings: dict[str, str]) -> Job | int:
        if self.busy_posts:
            self.busy_posts -= 1
            return 503
        if any(job.state == "Processing" for job in self.jobs.values()):
            return 503
        feeder = settings.get("InputSource") == "Feeder"
        if self.trouble and feeder:
            return self.model.code_at_stop
        if feeder and not self.tray and self.model.code_when_empty != 201:
            return self.model.code_when_empty
        dpi, mode = int(settings["XResolution"]), settings["ColorMode"]
        least, most, _ = self.model.range_dpi or (0, 0, 0)
        known = dpi in self.model.dpis or least <= dpi <= most
        if not known or mode not in self.model.modes:
            return 409
        if settings["DocumentFormat"] not in self.model.formats:
            return 409
        name = f"a1b2-{len(self.jobs) + 1:04d}"
        self.jobs[name] = Job(name, feeder, settings.get("Duplex") == "true")
        return self.jobs[name]

    # ── what it says ─────────────────────────────────────────────────────────────────────────

    def status(self) -> str:
        runs = any(job.state == "Processing" for job in self.jobs.values())
        loaded = self.tray or self.model.always_loaded
        feeder = self.trouble or ("ScannerAdfLoaded" if loaded else "ScannerAdfEmpty")
        jobs = "".join(
            f"<scan:JobInfo><pwg:JobUri>/eSCL/ScanJobs/{job.name}</pwg:JobUri>"
            f"<pwg:JobUuid>{job.name}</pwg:JobUuid><scan:Age>1</scan:Age>"
            f"<pwg:ImagesCompleted>{job.images}</pwg:ImagesCompleted>"
            f"<pwg:ImagesToTransfer>{len(job.ready)}</pwg:ImagesToTransfer>"
            f"<pwg:JobState>{job.state}</pwg:JobState><pwg:JobStateReasons>"
            f"<pwg:JobStateReason>{job.reason}</pwg:JobStateReason></pwg:JobStateReasons>"
            "</scan:JobInfo>"
            for job in reversed(self.jobs.values())
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><scan:ScannerStatus {NAMES}>'
            f"<pwg:Version>2.63</pwg:Version>"
            f"<pwg:State>{'Processing' if runs else 'Idle'}</pwg:State>"
            + (f"<scan:AdfState>{feeder}</scan:AdfState>" if self.model.feeder else "")
            + (f"<scan:Jobs>{jobs}</scan:Jobs>" if self.model.lists_jobs else "")
            + "</scan:ScannerStatus>"
        )

    def capabilities(self) -> str:
        tray = _tray(self.model)
        adf = f"<scan:AdfSimplexInputCaps>{tray}</scan:AdfSimplexInputCaps>"
        if self.model.duplex:
            adf += f"<scan:AdfDuplexInputCaps>{tray}</scan:AdfDuplexInputCaps>"
        platen = f"<scan:Platen><scan:PlatenInputCaps>{tray}</scan:PlatenInputCaps></scan:Platen>"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><scan:ScannerCapabilities {NAMES}>'
            "<pwg:Version>2.63</pwg:Version><pwg:MakeAndModel>House Scanner 1</pwg:MakeAndModel>"
            "<pwg:SerialNumber>1</pwg:SerialNumber>"
            + (platen if self.model.glass else "")
            + (f"<scan:Adf>{adf}</scan:Adf>" if self.model.feeder else "")
            + "</scan:ScannerCapabilities>"
        )


def _tray(model: Model) -> str:
    def each(tag: str, words: Sequence[object]) -> str:
        return "".join(f"<{tag}>{word}</{tag}>" for word in words)

    pairs = [f"<scan:XResolution>{d}</scan:XResolution><scan:YResolution>{d}</scan:YResolution>"
             for d in model.dpis]  # fmt: skip
    steps = f"<scan:DiscreteResolutions>{each('scan:DiscreteResolution', pairs)}"
    steps += "</scan:DiscreteResolutions>"
    if model.range_dpi:
        band = "<scan:Min>{}</scan:Min><scan:Max>{}</scan:Max><scan:Step>{}</scan:Step>".format(
            *model.range_dpi
        )
        steps = (
            f"<scan:ResolutionRange><scan:XResolutionRange>{band}</scan:XResolutionRange>"
            f"<scan:YResolutionRange>{band}</scan:YResolutionRange></scan:ResolutionRange>"
        )
    rendering = each("scan:BinaryRendering", model.renderings)
    return (
        "<scan:MinWidth>8</scan:MinWidth>"
        f"<scan:MaxWidth>{model.most[0]}</scan:MaxWidth>"
        "<scan:MinHeight>8</scan:MinHeight>"
        f"<scan:MaxHeight>{model.most[1]}</scan:MaxHeight>"
        "<scan:SettingProfiles><scan:SettingProfile>"
        f"<scan:ColorModes>{each('scan:ColorMode', model.modes)}</scan:ColorModes>"
        f"<scan:DocumentFormats>{each('pwg:DocumentFormat', model.formats)}"
        f"{each('scan:DocumentFormatExt', model.formats)}</scan:DocumentFormats>"
        f"<scan:SupportedResolutions>{steps}</scan:SupportedResolutions>"
        + (f"<scan:BinaryRenderings>{rendering}</scan:BinaryRenderings>" if rendering else "")
        + "</scan:SettingProfile></scan:SettingProfiles>"
        "<scan:SupportedIntents><scan:Intent>Document</scan:Intent></scan:SupportedIntents>"
        + model.extra
    )
