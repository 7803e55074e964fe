"""The release that is shown: swapped for another when its file is replaced, without a pause."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from admin_api.portal.sealed import PortalError, SealedFile
from admin_api.portal.settings import PortalSettings

_LOOK_S = 1.0
_LOG = logging.getLogger("kaowu.portal")


class Shown:
    """The newest sealed file that held. A damaged one is refused, and the old one stays shown."""

    def __init__(self, settings: PortalSettings) -> None:
        """Open the file.

        Raises:
            PortalError: it does not hold.
        """
        self._settings = settings
        self._file: Path = settings.file
        self._mark = self._look()
        self.now = SealedFile(settings.file, settings.secret, settings.keys)
        self.fault = ""
        threading.Thread(target=self._watch, name="shown", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            self.refresh()

    def refresh(self) -> None:
        """Look whether another file is there, and show it if it holds."""
        mark = self._look()
        if mark is None or mark == self._mark:
            return
        self._mark = mark
        try:
            # The old map lives on until the last request that uses it has ended.
            self.now = SealedFile(self._file, self._settings.secret, self._settings.keys)
            self.fault = ""
            _LOG.info("now showing release %s", self.now.release)
        except PortalError as error:
            self.fault = str(error)
            _LOG.error("still showing release %s: %s", self.now.release, error)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            stat = self._file.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
