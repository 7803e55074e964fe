"""Files of pages in a store: S3 and what else fsspec reaches, named by URL.

Addresses and secrets are the environment's (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, …), never
part of a command. A store that does not answer is a broken machine and no bad page: it raises
StoreAway, which ends a run that can be taken up again.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from functools import cache
from typing import IO, Any, cast

from omr.errors import DamagedImage, OmrError, StoreAway
from scanner_drivers.places import Found, Store
from scanner_drivers.sources import HEAD_BYTES, SourceLimits, kind_of, not_above

# What an object itself may lack or forbid; everything else is the store's fault.
_OF_THE_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


class _Fsspec:
    def __init__(self, files: Any, scheme: str) -> None:
        self._files = files
        self._scheme = scheme

    def find(self, url: str) -> Iterator[Found]:
        with _answering(url):
            # A listing that is remembered would not show what came since.
            self._files.invalidate_cache()
            found = self._files.find(url, detail=True)
            if not found:
                raise FileNotFoundError(2, "holds no files; check its name", url)
        for name, about in found.items():
            stamp = about.get("ETag") or about.get("mtime") or about.get("LastModified") or ""
            yield Found(f"{self._scheme}://{name.lstrip('/')}", f"{about['size']}.{stamp}")

    def head(self, path: str) -> bytes:
        with _answering(path):
            try:
                return bytes(self._files.cat_file(path, start=0, end=HEAD_BYTES))
            except OSError as error:
                if error.errno == errno.EINVAL:  # no such range: the file is empty
                    return b""
                raise

    def open(self, path: str) -> IO[bytes]:
        with _answering(path):
            return cast("IO[bytes]", _Answering(self._files.open(path, "rb"), path))

    def read(self, path: str, limits: SourceLimits) -> bytes:
        with _answering(path):
            size = int(self._files.info(path)["size"])
            if size == 0:
                return b""
            data = bytes(self._files.cat_file(path, start=0, end=min(size, limits.paged_bytes + 1)))
        if size <= limits.paged_bytes and len(data) != size:
            raise DamagedImage(f"came as {len(data)} of {size} bytes; hand it in again")
        return not_above(limits.for_kind(kind_of(data[:HEAD_BYTES])), data)

    def pdf(self, path: str) -> bytes:
        return self.read(path, SourceLimits())


class _Answering:
    """An open file whose reads tell a store that went away."""

    def __init__(self, file: Any, path: str) -> None:
        self._file = file
        self._path = path

    def read(self, *size: int) -> bytes:
        with _answering(self._path):
            return bytes(self._file.read(*size))

    def __enter__(self) -> _Answering:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@cache
def _opened(scheme: str) -> Store:
    import fsspec

    try:
        kind = fsspec.get_filesystem_class(scheme)
        return _Fsspec(kind(), scheme)
    except (ImportError, ValueError) as error:
        raise StoreAway(
            f"files at {scheme}:// cannot be read here ({error}); install the extra `scale`, or "
            "use s3://"
        ) from error


def open_store(url: str) -> Store:
    """The store of a URL. See `places.store_of`."""
    return _opened(url.partition("://")[0])


@contextlib.contextmanager
def _answering(path: str) -> Iterator[None]:
    try:
        yield
    except (OmrError, *_OF_THE_FILE):
        raise
    except Exception as error:
        why = str(error).strip().splitlines()
        raise StoreAway(
            f"the store of {path} does not answer ({why[0] if why else type(error).__name__}); "
            "check its address, its keys and the network, then run the same command again"
        ) from error
