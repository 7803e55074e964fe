"""A study as a folder: pages, plots, tables; either whole or not there.

index.html, a page a form and its plots in a folder of the form's name; statistics.xlsx; and each
table as Parquet, of which items.parquet is what next year's sitting is compared with.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from admin_api.errors import StoreError
from admin_api.statistics.columns import tables
from admin_api.statistics.plots import drawn
from admin_api.statistics.report import index, page
from admin_api.statistics.study import Study

ITEMS, BOOK = "items.parquet", "statistics.xlsx"
_NO_DATE = datetime(2000, 1, 1)  # the same figures are the same bytes


@contextlib.contextmanager
def written(found: Study, folder: Path) -> Iterator[Path]:
    """Everything, written beside `folder`; it takes its place when the block ends without error.

    What an earlier run wrote there is replaced whole. Only its owner may read it, since it tells
    the keys.

    Raises:
        StoreError: it cannot be written, or the folder holds what no earlier run wrote.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / ITEMS).is_file():
            raise StoreError(f"{folder} holds other files; name a folder that is new or empty")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        _fill(found, partial)
        yield partial
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def digest_of(folder: Path) -> str:
    """What tells one study from another: the SHA-256 of its items."""
    return hashlib.sha256((folder / ITEMS).read_bytes()).hexdigest()


def _fill(found: Study, folder: Path) -> None:
    made = tables(found)
    for name, frame in made.items():
        frame.write_parquet(folder / f"{name}.parquet")
    _write_book(made, folder / BOOK)
    for one in found.studied:
        plots = folder / one.name
        plots.mkdir()
        names: list[str] = []

        def keep(name: str, svg: bytes, into: Path = plots, known: list[str] = names) -> None:
            (into / f"{name}.svg").write_bytes(svg)
            known.append(name)

        drawn(one, keep)
        text = page(one, found, frozenset(names))
        (folder / f"{one.name}.html").write_text(text, encoding="utf-8")
    (folder / "index.html").write_text(index(found), encoding="utf-8")


def _write_book(made: dict[str, pl.DataFrame], path: Path) -> None:
    """All tables as sheets of one file; lists as texts."""
    import xlsxwriter

    plain = {"strings_to_formulas": False, "strings_to_urls": False}
    lists = pl.selectors.list()
    with xlsxwriter.Workbook(path, plain) as book:
        book.set_properties({"created": _NO_DATE})
        for name, frame in made.items():
            texts = lists.list.eval(pl.element().cast(pl.String)).list.join(", ")
            frame.with_columns(texts).write_excel(book, name, autofit=False)
