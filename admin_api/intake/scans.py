"""Scans on their way in: kept in the vault before anything reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from admin_api.vault import Vault
from omr.batch import PageRef, file_opener, list_files
from omr.errors import ImageError, SourceError, StoreAway
from omr.records import ScannedPage


@dataclass(frozen=True, slots=True)
class BagName:
    """Where cards come from: region (考区), box (箱) and bag (袋)."""

    region: str
    box: str
    bag: str

    def __str__(self) -> str:
        return f"{self.region}/{self.box}/{self.bag}"


@dataclass(frozen=True, slots=True)
class Lot:
    """The scans of one bag: files and folders, and URLs of such in a store."""

    bag: BagName
    paths: tuple[Path | str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A page in the vault; what `omr.batch` calls a page reference.

    `fault` says why it could not be opened: then there is no image, and reading it gives that.
    """

    source: str
    frame: int
    position: int
    sha256: str
    image: str
    path: Path
    bag: BagName
    fault: SourceError | ImageError | None = None

    def row(self) -> dict[str, object]:
        """The page as a row of the tables `page` and `work` begins."""
        own = ("position", "source", "frame", "sha256", "image")
        return {
            "region": self.bag.region,
            "box": self.bag.box,
            "bag": self.bag.bag,
            **{name: getattr(self, name) for name in own},
        }


class KeptOpener:
    """Opens kept pages, from the very bytes that were kept."""

    def open(self, ref: Kept) -> ScannedPage:
        """The page. Raises what was wrong when it was to be kept, or StoreAway where the vault is
        not what it was: that is never the page's fault.
        """
        if ref.fault is not None:
            raise ref.fault
        try:
            image = ref.path.read_bytes()
        except OSError as error:
            raise StoreAway(
                f"{ref.path} cannot be read ({error.strerror}); mount the vault there, or restore "
                "its backup, and run the same command again"
            ) from error
        if hashlib.sha256(image).hexdigest() != ref.image:
            raise StoreAway(f"{ref.path} is not what was put there; restore it from the backup")
        return ScannedPage(image, ref.sha256, ref.source, ref.position, ref.frame)


def keep(lot: Lot, vault: Vault) -> Iterator[Kept]:
    """Keep a bag's pages, in feed order; positions count from 1.

    Raises:
        StoreError: the vault cannot be written.
    """
    opener = file_opener()
    for ref in list_files(lot.paths):
        position = ref.position + 1
        try:
            page = opener.open(ref)
        except (SourceError, ImageError) as error:
            yield unopened(ref, error, lot.bag, position)
            continue
        image = vault.put(page.image)
        place = vault.path_of(image)
        yield Kept(page.source, page.frame, position, page.sha256, image, place, lot.bag)


def unopened(ref: PageRef, fault: SourceError | ImageError, bag: BagName, position: int) -> Kept:
    """A page that could not be opened: it has its place, and no image."""
    named = hashlib.sha256(f"unopened\0{bag}\0{ref.source}\0{ref.frame}".encode())
    return Kept(ref.source, ref.frame, position, named.hexdigest(), "", Path(), bag, fault)


def lots_in(root: Path) -> Sequence[Lot]:
    """The bags of a folder that holds `region/box/bag/` folders.

    Raises:
        SourceError: it is not laid out so.
    """
    lots = [
        Lot(BagName(*bag.relative_to(root).parts), (bag,))
        for bag in sorted(root.glob("*/*/*"))
        if bag.is_dir() and not bag.name.startswith(".")
    ]
    if not lots:
        raise SourceError(f"{root} holds no folders region/box/bag; name one bag with --bag")
    return lots
