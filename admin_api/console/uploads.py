"""Files that a browser hands in: laid down in a folder of their own, and nothing else of them used.

Names are kept, since lists name their evidence by them, and refused where they could mean a path.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from fastapi import UploadFile

from admin_api.errors import Refused, StoreError
from admin_api.office import Office

MOST_FILES = 2000
MOST_NAME = 200
MOST_UNZIPPED = 512 << 20
_BLOCK = 1 << 20
_SIGNATURES = {
    b"%PDF-": ("application/pdf", (".pdf",)),
    b"\xff\xd8\xff": ("image/jpeg", (".jpg", ".jpeg")),
    b"\x89PNG\r\n\x1a\n": ("image/png", (".png",)),
    b"II*\0": ("image/tiff", (".tif", ".tiff")),
    b"MM\0*": ("image/tiff", (".tif", ".tiff")),
}


@contextlib.contextmanager
def laid_down(office: Office, files: Sequence[UploadFile]) -> Iterator[Path]:
    """A folder with the files in it, gone at the end; on the disk of the office's home.

    Raises:
        Refused: a name that is none, twice the same, or too many files.
        StoreError: the disk is full or cannot be written.
    """
    names = [name_of(one) for one in files]
    if len(names) > MOST_FILES:
        raise Refused(f"{len(names)} files at once; hand in at most {MOST_FILES}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused("files of one name; rename one of each", twice)
    try:
        parent = office.settings.home / "incoming"
        parent.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=parent))
    except OSError as error:
        raise StoreError(f"the files cannot be kept: {error.strerror}") from error
    try:
        try:
            for name, one in zip(names, files, strict=True):
                with open(folder / name, "xb") as file:
                    shutil.copyfileobj(one.file, file, _BLOCK)
        except OSError as error:
            raise StoreError(
                f"the files cannot be kept: {error.strerror}; nothing was taken"
            ) from error
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def name_of(file: UploadFile) -> str:
    """An upload's own name.

    Raises:
        Refused: it is empty, hidden, too long, or has characters that a path is made of.
    """
    name = file.filename or ""
    good = name == Path(name).name and not name.startswith(".") and name.isprintable()
    if not good or not name or "\\" in name or len(name.encode()) > MOST_NAME:
        raise Refused(f"{name[:40]!r} is no name for a file; rename it and hand it in again")
    return name


def kind_of(content: bytes) -> str:
    """The media type of evidence by its first bytes, "" where it is none that may be kept."""
    return next((kind for sign, (kind, _) in _SIGNATURES.items() if content.startswith(sign)), "")


def check_evidence(path: Path) -> None:
    """Pass evidence that is what its name says: PDF, JPEG, PNG or TIFF.

    Raises:
        Refused: it is something else.
    """
    with open(path, "rb") as file:
        start = file.read(16)
    for sign, (_, endings) in _SIGNATURES.items():
        if start.startswith(sign) and path.suffix.lower() in endings:
            return
    raise Refused(f"{path.name} is no PDF, JPEG, PNG or TIFF; scan or photograph the letter anew")


def check_list(path: Path) -> None:
    """Pass a list that is no zip bomb: an .xlsx is a zip.

    Raises:
        Refused: it would come to far more than a list, or is no zip at all.
    """
    if path.suffix.lower() != ".xlsx":
        return
    try:
        with zipfile.ZipFile(path) as archive:
            whole = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Refused(f"{path.name} is no .xlsx file; save it anew") from error
    if whole > MOST_UNZIPPED:
        raise Refused(f"{path.name} would come to {whole >> 20} MB; send what is filled in alone")
