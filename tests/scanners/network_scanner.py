"""A scanner on the network with a feeder (eSCL), as small as SANE's airscan backend accepts it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE_S = 0.1
"""How long a page takes. airscan loses pages that come all at once, before it is asked for them."""
_NAMES = (
    'xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm" '
    'xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03"'
)
_INPUT = """
<scan:MinWidth>16</scan:MinWidth><scan:MaxWidth>2550</scan:MaxWidth>
<scan:MinHeight>16</scan:MinHeight><scan:MaxHeight>4200</scan:MaxHeight>
<scan:SettingProfiles><scan:SettingProfile>
<scan:ColorModes><scan:ColorMode>Grayscale8</scan:ColorMode>
<scan:ColorMode>RGB24</scan:ColorMode></scan:ColorModes>
<scan:DocumentFormats><pwg:DocumentFormat>image/png</pwg:DocumentFormat>
<scan:DocumentFormatExt>image/png</scan:DocumentFormatExt></scan:DocumentFormats>
<scan:SupportedResolutions><scan:DiscreteResolutions><scan:DiscreteResolution>
<scan:XResolution>200</scan:XResolution><scan:YResolution>200</scan:YResolution>
</scan:DiscreteResolution></scan:DiscreteResolutions></scan:SupportedResolutions>
</scan:SettingProfile></scan:SettingProfiles>
"""
_CAPABILITIES = f"""<?xml version="1.0"?><scan:ScannerCapabilities {_NAMES}>
<pwg:Version>2.6</pwg:Version><pwg:MakeAndModel>Stand-in</pwg:MakeAndModel>
<scan:Adf><scan:AdfSimplexInputCaps>{_INPUT}</scan:AdfSimplexInputCaps>
<scan:AdfDuplexInputCaps>{_INPUT}</scan:AdfDuplexInputCaps></scan:Adf>
</scan:ScannerCapabilities>"""


class NetworkScanner(ThreadingHTTPServer):
    """Its `tray` holds the pages to come, as PNG files; None stands for a jam, which is cleared."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.tray: list[bytes | None] = []
        self.jammed = False

    @property
    def adf_state(self) -> str:
        """As the standard names it."""
        if self.jammed:
            return "ScannerAdfJam"
        return "ScannerAdfLoaded" if self.tray else "ScannerAdfEmpty"


class _Answers(BaseHTTPRequestHandler):
    server: NetworkScanner
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        scanner = self.server
        if self.path.endswith("ScannerCapabilities"):
            self._say(200, _CAPABILITIES.encode(), "text/xml")
        elif self.path.endswith("ScannerStatus"):
            state = "Stopped" if scanner.jammed else "Idle"
            status = (
                f'<?xml version="1.0"?><scan:ScannerStatus {_NAMES}><pwg:Version>2.6</pwg:Version>'
                f"<pwg:State>{state}</pwg:State><scan:AdfState>{scanner.adf_state}"
                "</scan:AdfState></scan:ScannerStatus>"
            )
            self._say(200, status.encode(), "text/xml")
        else:
            time.sleep(PAGE_S)
            self._next_page(scanner)

    def _next_page(self, scanner: NetworkScanner) -> None:
        if not scanner.tray:
            self._say(404)
        else:
            page = scanner.tray.pop(0)
            scanner.jammed = page is None
            if page is None:
                self._say(409)
            else:
                self._say(200, page, "image/png")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.jammed = False
        if not self.server.tray:
            self._say(409)
            return
        place = f"http://127.0.0.1:{self.server.server_port}/eSCL/ScanJobs/1"
        self._say(201, headers={"Location": place})

    def do_DELETE(self) -> None:
        self._say(200)

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _say(
        self, code: int, body: bytes = b"", kind: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def network_scanner(config: Path) -> Iterator[NetworkScanner]:
    """A scanner on a free port of this machine, entered into SANE's configuration as `box`."""
    scanner = NetworkScanner()
    thread = threading.Thread(target=scanner.serve_forever, args=(0.05,))
    thread.start()
    (config / "dll.conf").write_text("airscan\n", "utf-8")
    (config / "airscan.conf").write_text(
        f"[devices]\nbox = http://127.0.0.1:{scanner.server_port}/eSCL\n"
        "[options]\ndiscovery = disable\nws-discovery = off\n",
        "utf-8",
    )
    try:
        yield scanner
    finally:
        scanner.shutdown()
        thread.join()
        scanner.server_close()
