"""The release that is shown: swapped for another when its file is replaced, without a pause.

What is served is a copy in the portal's own folder, which its processes share. Somebody may write
over the file in its place, and pages of a file that is cut short under a map kill the process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from pathlib import Path

from admin_api.portal.sealed import PortalError, SealedFile
from admin_api.portal.settings import PortalSettings

_LOOK_S = 1.0
Mark = tuple[int, int, int]
_LOG = logging.getLogger("kaowu.portal")


class Shown:
    """The newest sealed file that held. A damaged one is refused, and the old one stays shown."""

    def __init__(self, settings: PortalSettings) -> None:
        """Open the file.

        Raises:
            PortalError: it is not there or does not hold.
            OSError: it cannot be copied.
        """
        self._settings = settings
        self._file: Path = settings.file
        self._mark = self._look()
        if self._mark is None:
            raise PortalError(f"{settings.file} is not there; seal a release (kaowu portal seal)")
        self.now = self._opened(self._mark)
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
        try:
            # The old map lives on until the last request that uses it has ended.
            self.now = self._opened(mark)
        except OSError as error:  # a full disk, say: looked at again
            self._fail(f"{self._file} cannot be copied: {error}; free some space")
            return
        except PortalError as error:  # until it is another file
            self._fail(str(error))
        else:
            self.fault = ""
            _LOG.info("now showing release %s", self.now.release)
        self._mark = mark

    def _fail(self, fault: str) -> None:
        if fault != self.fault:
            _LOG.error("still showing release %s: %s", self.now.release, fault)
        self.fault = fault

    def _opened(self, mark: Mark) -> SealedFile:
        """The file as it is now, from a copy of its own.

        Raises:
            PortalError: it does not hold.
            OSError: it cannot be copied.
        """
        state = self._settings.state
        copy = state / ("shown-" + "-".join(str(part) for part in mark))
        if not copy.is_file():
            making = state / f"making-{os.getpid()}"
            try:
                shutil.copyfile(self._file, making)
                os.replace(making, copy)
            finally:
                making.unlink(missing_ok=True)
        try:
            opened = SealedFile(copy, self._settings.secret, self._settings.keys)
        except PortalError:
            copy.unlink(missing_ok=True)
            raise
        for old in state.glob("shown-*"):
            if old != copy:
                with contextlib.suppress(OSError):
                    old.unlink()  # who still maps it keeps it
        return opened

    def _look(self) -> Mark | None:
        try:
            stat = self._file.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
