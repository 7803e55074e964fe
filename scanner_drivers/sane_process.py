"""The process that talks to SANE: one job from its input, pages to its output.

A backend that crashes or hangs takes this process down and nobody else. The job is one line of
JSON; what comes back are lines of JSON, a page's followed by its `size` bytes. When the input
closes, whether the reader went home or was killed, the scan is cancelled and the process ends.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

_BOOL, _INT, _FIXED, _STRING = 0, 1, 2, 3
_MM = 3
_ALIVE_S = 1.0
_CANCEL_S = 2.0
_NO_DOCS = "Document feeder out of documents"
_DROP_OUT = ("dropout-front", "dropout", "dropout-color", "color-filter", "filter-color")
_MODES = {
    "colour": ("color", "colour", "24bit", "24-bit", "rgb", "true colo"),
    "grey": ("gray", "grey", "true gray", "8-bit gray", "8bit gray"),
    "bitonal": ("lineart", "line art", "black & white", "black and white", "binary", "mono", "bw"),
}


class Refused(Exception):
    """The device cannot do what is asked; `possible` is what it can."""

    def __init__(self, asked: str, possible: list[str]) -> None:
        self.asked, self.possible = asked, possible
        super().__init__(asked)


class Output:
    """Where pages go: messages, each whole, from whichever thread."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._lock = file, threading.Lock()
        self._last = 0.0

    def say(self, payload: bytes = b"", **message: Any) -> None:
        """A message, and a page's bytes behind it."""
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._file.write(line + payload)
            self._file.flush()
            self._last = time.monotonic()

    def alive(self, *_progress: int) -> None:
        """Between the lines of a page: it goes on."""
        if time.monotonic() - self._last > _ALIVE_S:
            self.say(kind="alive")


def main() -> None:
    """Run the one job that the input names."""
    # Backends print; what they print must not come between the messages.
    output = Output(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    job = _job()
    if job["config_dir"]:
        os.putenv("SANE_CONFIG_DIR", job["config_dir"])
    try:
        import sane
    except ImportError as error:
        output.say(kind="missing", text=str(error))
        return
    sane.init()
    if job["do"] == "list":
        output.say(kind="devices", names=[found[0] for found in sane.get_devices()])
        return
    try:
        device = sane.open(job["device"])
    except Exception as error:  # python-sane's own error is the C module's
        text = str(error)
        busy = "busy" in text.casefold()
        names = [] if busy else [found[0] for found in sane.get_devices()]
        output.say(kind="unopened", text=text, names=names)
        return
    watch = _Watch(device)
    try:
        prepare(device, job)
        scan(device, job, output)
        output.say(kind="end")
    except Refused as refused:
        output.say(kind="refused", asked=refused.asked, possible=refused.possible)
    except Exception as error:
        output.say(kind="stopped", text=str(error))
    finally:
        watch.over()
        device.cancel()
        device.close()


class _Watch:
    """Cancels the scan when the input closes; never a device that is being closed."""

    def __init__(self, device: Any) -> None:
        self._device, self._lock = device, threading.Lock()
        self._over = False
        threading.Thread(target=self._wait, daemon=True).start()

    def over(self) -> None:
        """The device is not to be touched any more."""
        with self._lock:
            self._over = True

    def _wait(self) -> None:
        while os.read(0, 1024):
            pass
        with self._lock:
            if not self._over:
                self._device.cancel()
        time.sleep(_CANCEL_S)
        os._exit(0)


def _job() -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, 1 << 16)
        if not more:
            os._exit(0)
        line += more
    job: dict[str, Any] = json.loads(line)
    return job


# ── options ──────────────────────────────────────────────────────────────────────────────────


def prepare(device: Any, job: dict[str, Any]) -> None:
    """Set the options that the job asks for. Raises Refused."""
    _set_source(device, job)
    _set_mode(device, job["colour"])
    if _has(device, "resolution"):
        _set_number(device, "resolution", job["dpi"], f"{job['dpi']} dpi")
    if job["width_mm"] and job["height_mm"]:
        edges = (
            ("tl-x", 0.0),
            ("tl-y", 0.0),
            ("br-x", job["width_mm"]),
            ("br-y", job["height_mm"]),
        )
        for name, value in edges:
            if not _has(device, name) or _option(device, name).unit != _MM:
                raise Refused("a size of paper in mm", [])
            _set_number(device, name, value, f"{name} of {value:g} mm", near=1.0)
    if job["drop_out"] != "none":
        _set_drop_out(device, job["drop_out"])
    for name, value in job["options"].items():
        _set_named(device, name, value)


def _option(device: Any, name: str) -> Any:
    return device.opt[name.replace("-", "_")]


def _has(device: Any, name: str) -> bool:
    key = name.replace("-", "_")
    return key in device.opt and device.opt[key].is_active() and device.opt[key].is_settable()


def _set(device: Any, name: str, value: Any) -> None:
    setattr(device, name.replace("-", "_"), value)


def _set_source(device: Any, job: dict[str, Any]) -> None:
    wanted = "a feeder" if job["paper"] == "feeder" else "a flatbed"
    duplex = job["duplex"]
    if not _has(device, "source"):
        if job["paper"] == "feeder":
            raise Refused(wanted, ["what lies on the glass"])
        return
    names = [str(one) for one in _option(device, "source").constraint or []]
    if job["paper"] == "flatbed":
        fits = [one for one in names if _says(one, "flatbed", "platen", "glass")]
    else:
        fed = [one for one in names if _says(one, "adf", "feeder")]
        fits = [one for one in fed if _says(one, "duplex") == duplex and not _says(one, "back")]
        if duplex and not fits and fed and _both_sides(device):
            fits = fed
    if not fits:
        raise Refused(f"{wanted}, both sides" if duplex else wanted, names)
    _set(device, "source", fits[0])
    # Options beside the source are there only once it is chosen.
    if duplex and not _says(fits[0], "duplex"):
        _choose_both_sides(device)


def _both_sides(device: Any) -> bool:
    return "duplex" in device.opt or "adf_mode" in device.opt


def _choose_both_sides(device: Any) -> None:
    if _has(device, "duplex"):
        _set(device, "duplex", True)
    elif _has(device, "adf-mode"):
        modes = [str(one) for one in _option(device, "adf-mode").constraint or []]
        fits = [one for one in modes if _says(one, "duplex")]
        if not fits:
            raise Refused("both sides", modes)
        _set(device, "adf-mode", fits[0])
    else:
        raise Refused("both sides", ["one side"])


def _set_mode(device: Any, colour: str) -> None:
    depth_of_one = False
    if _has(device, "mode"):
        names = [str(one) for one in _option(device, "mode").constraint or []]
        fits = [one for one in names if one.casefold().startswith(_MODES[colour])]
        depths = _option(device, "depth").constraint if _has(device, "depth") else None
        if not fits and colour == "bitonal" and isinstance(depths, list) and 1 in depths:
            fits = [one for one in names if one.casefold().startswith(_MODES["grey"])]
            depth_of_one = bool(fits)
        if not fits:
            raise Refused(colour, names)
        _set(device, "mode", fits[0])
    if _has(device, "depth"):
        wanted = 1 if depth_of_one else 8
        if colour != "bitonal" or depth_of_one:
            _set_number(device, "depth", wanted, f"{wanted} bits a sample")


def _set_number(device: Any, name: str, value: float, asked: str, near: float = 0.0) -> None:
    """Set a number exactly, or to within `near`."""
    option = _option(device, name)
    can = option.constraint
    told = [str(one) for one in can] if isinstance(can, list) else []
    if isinstance(can, tuple):
        told = [f"{can[0]:g} to {can[1]:g}"]
        inside = can[0] - near <= value <= can[1] + near
        value = min(max(value, can[0]), can[1])
        if not inside:
            raise Refused(asked, told)
    elif isinstance(can, list) and value not in can:
        raise Refused(asked, told)
    _set(device, name, float(value) if option.type == _FIXED else int(value))
    if abs(float(getattr(device, option.py_name)) - value) > max(near, 1e-3):
        raise Refused(asked, told)


def _set_drop_out(device: Any, colour: str) -> None:
    for name in _DROP_OUT:
        if _has(device, name):
            names = [str(one) for one in _option(device, name).constraint or []]
            fits = [one for one in names if _says(one, colour)]
            if fits:
                _set(device, name, fits[0])
                return
            raise Refused(f"dropping {colour} out", names)
    raise Refused(f"dropping {colour} out", [])


def _set_named(device: Any, name: str, text: str) -> None:
    """An option of the installation's own, by its SANE name."""
    if not _has(device, name):
        there = [one.replace("_", "-") for one in device.opt if one and _has(device, one)]
        raise Refused(f"the option {name}", sorted(there))
    option = _option(device, name)
    can = option.constraint
    told = [str(one) for one in can] if isinstance(can, (list, tuple)) else [f"not {text!r}"]
    try:
        if option.type == _BOOL:
            value: Any = {"yes": True, "no": False}[text]
        else:
            value = {_INT: int, _FIXED: float}.get(option.type, str)(text)
        if isinstance(can, list) and value not in can:
            raise ValueError
        if isinstance(can, tuple) and not can[0] <= value <= can[1]:
            raise ValueError
    except (KeyError, ValueError):
        told = ["yes", "no"] if option.type == _BOOL else told
        raise Refused(f"{name} = {text}", told) from None
    _set(device, name, value)


def _says(text: str, *words: str) -> bool:
    return any(word in text.casefold() for word in words)


# ── pages ────────────────────────────────────────────────────────────────────────────────────


def scan(device: Any, job: dict[str, Any], output: Output) -> None:
    """Send page after page until the feeder is empty, or the one that lies on the glass."""
    dpi = getattr(device, "resolution", None) if "resolution" in device.opt else None
    while True:
        try:
            device.start()
        except Exception as error:
            if job["paper"] == "feeder" and str(error) == _NO_DOCS:
                return
            raise
        page = _page(device, job["colour"], dpi, output.alive)
        output.say(page, kind="page", size=len(page), dpi=dpi)
        if job["paper"] == "flatbed":
            return


def _page(device: Any, colour: str, dpi: float | None, alive: Callable[..., None]) -> bytes:
    """One page, without loss: PNG, or a G4 TIFF of one bit a pixel."""
    _, _, _, depth, _ = device.get_parameters()
    image = device.snap(True, alive)
    is_colour = image.mode == "RGB"
    if is_colour != (colour == "colour") or (depth == 1) != (colour == "bitonal") or depth > 8:
        given = f"{'colour' if is_colour else 'grey'} of {depth} bits a sample"
        raise Refused(colour, [given])
    alive()
    content = io.BytesIO()
    resolution = (dpi, dpi) if dpi else None
    more = {"dpi": resolution} if resolution else {}
    if colour == "bitonal":
        image.point(lambda value: 255 if value else 0).convert("1", dither=0).save(
            content, "TIFF", compression="group4", **more
        )
    else:
        image.save(content, "PNG", compress_level=1, **more)
    return content.getvalue()


if __name__ == "__main__":
    main()
    # At once: backends' threads and libraries have nothing left to do.
    os._exit(0)
