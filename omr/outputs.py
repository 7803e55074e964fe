"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from omr.errors import OutputError

_ROOM = 1 << 24  # more bytes than a library writes at once
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def no_room(path: Path, error: OSError) -> OutputError:
    """The error for a write that failed, with what to do."""
    if error.errno in _FULL:
        return OutputError(
            f"{path}: no room left ({error.strerror}). Nothing that was read is lost: make room, "
            "then run the same command again and it goes on from there."
        )
    return OutputError(
        f"{path} cannot be written ({error.strerror or error}). Mend that, then run the same "
        "command again; what was read is kept."
    )


def as_os_error(error: Exception, path: Path) -> OSError:
    """What the system said, from a library's wrapping of it, or from trying again where that was
    dropped; `path` is the file that failed, and is of no more use."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    number = re.search(r"\(os error (\d+)\)", str(error))
    if number:
        return OSError(int(number[1]), os.strerror(int(number[1])))
    try:
        with path.open("ab") as file:
            file.write(bytes(_ROOM))
    except OSError as said:
        return said
    return OSError(str(error))


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to; what is there when the block ends takes the place of `path` at once.

    The contents are on the disk before they take the place. On an error nothing changes. The
    partial file has a fixed name beside `path`, so repeated kills never leave more than one.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        raise no_room(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def names_path(out: Path) -> Path:
    """Where the full names of a .dbf file's fields are."""
    return out.with_name(f"{out.stem}.fields.csv")


def writable_folder(folder: Path) -> None:
    """Create a folder for outputs where there is none.

    Raises:
        OutputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be created ({error.strerror}); choose another"
        ) from error


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
