"""Tables to files: Parquet, JSON lines, CSV, XLSX, SPSS and DBF, whole or not at all.

The same rows give the same bytes. What a person opens in a spreadsheet (CSV, XLSX) holds lists as
text: doubts as `field:kind; …`, masks and probabilities separated by spaces; a text that a
spreadsheet would take for a formula gets a leading apostrophe. CSV is UTF-8 with a byte order mark,
since Excel shows Chinese wrongly without one. CSV cannot say that a cell is text, and Excel cuts
long numbers in it: give people XLSX, whose cells are text, and keep Parquet for programs. SPSS and
DBF run no formulas and get lists as text alone.
"""

from __future__ import annotations

import datetime
import io
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from omr.errors import OutputError
from omr.outputs import as_os_error, names_path, whole_file
from omr.score.columns import Columns
from omr.score.dbf import fields_of, write_dbf, write_names
from omr.score.flat import FORMULA, for_people
from omr.score.sav import write_sav

Frames = Iterable[pl.DataFrame]

ROW_GROUP = 4096
_MOST_PAGES = {
    ".xlsx": 1_048_575,  # rows of a worksheet below its heading
    ".sav": 200_000,  # 1 GB of memory, since the library takes a table whole
    ".dbf": 1_000_000,  # 2 GiB, the most that a file holds, at 2 kB a page
}
_XLSX_TEXT = 32_767


def check_output(path: Path, pages: int, schema: Columns) -> None:
    """Refuse early what could not be written at the end of a long run.

    Raises:
        OutputError: an unknown kind of file, no such folder, or too many pages or columns for the
            kind.
    """
    if path.suffix not in _WRITERS:
        raise OutputError(
            f"{path}: give --out a name that ends in {', '.join(_WRITERS)} to choose the format"
        )
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is no folder; create it, or choose another --out")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file")
    most = _MOST_PAGES.get(path.suffix, pages)
    if pages > most:
        raise OutputError(
            f"{path}: {pages} pages, and at most {most} go into a {path.suffix} file; use .parquet"
        )
    if path.suffix == ".dbf":
        fields_of(schema)


def write_table(
    frames: Frames, path: Path, schema: Columns, notes: Mapping[str, str] | None = None
) -> None:
    """Write frames of that schema to `path`, in the format that its suffix names.

    `notes` go into a Parquet file's key-value metadata. An existing file is replaced in one step,
    once the new one is on the disk. Beside a .dbf file goes one with its fields' full names.

    Raises:
        OutputError: the disk is full, the file cannot be written, or it cannot hold what was read.
    """
    with whole_file(path) as partial:
        _WRITERS[path.suffix](frames, partial, schema, dict(notes or {}))
        if path.suffix == ".dbf":
            with whole_file(names_path(path)) as names:
                write_names(names, schema)


def _headings(schema: Columns) -> list[str]:
    return [f"'{name}" if re.match(FORMULA, name) else name for name in schema]


def _parquet(frames: Frames, path: Path, schema: Columns, notes: dict[str, str]) -> None:
    # The one unstable call of polars: a generator as a source, so that sinking stays flat.
    from polars.io.plugins import register_io_source

    failed: list[BaseException] = []

    def source(
        with_columns: list[str] | None, predicate: Any, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        try:
            yield from frames
        except BaseException as error:
            failed.append(error)
            raise

    try:
        register_io_source(source, schema=schema).sink_parquet(
            path, compression="zstd", row_group_size=ROW_GROUP, metadata=notes
        )
    except Exception as error:
        if failed:
            raise failed[0] from None
        raise as_os_error(error, path) from error


def _jsonl(frames: Frames, path: Path, schema: Columns, notes: dict[str, str]) -> None:
    with path.open("wb") as file:
        for frame in frames:
            text = io.BytesIO()  # so that a full disk is Python's error, with its number
            frame.write_ndjson(text)
            file.write(text.getbuffer())


def _csv(frames: Frames, path: Path, schema: Columns, notes: dict[str, str]) -> None:
    with path.open("wb") as file:
        file.write(b"\xef\xbb\xbf")
        heading = pl.DataFrame(schema=dict.fromkeys(_headings(schema), pl.String))
        file.write(heading.write_csv().encode())
        for frame in frames:
            text = for_people(frame).write_csv(include_header=False)
            file.write(text.encode())


def _xlsx(frames: Frames, path: Path, schema: Columns, notes: dict[str, str]) -> None:
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    rough = path.with_suffix(".rough")  # beside the output: the system's /tmp may be small
    shutil.rmtree(rough, ignore_errors=True)
    rough.mkdir()
    try:
        book = xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": str(rough)})
        book.set_properties({"created": datetime.datetime(2000, 1, 1)})  # the same bytes each time
        sheet = book.add_worksheet("readings")
        sheet.freeze_panes(1, 0)
        _fill_sheet(sheet, frames, schema, book.add_format({"num_format": "@"}))
        book.close()
    except FileCreateError as error:
        cause = error.args[0]
        raise cause if isinstance(cause, OSError) else OSError(None, str(error)) from error
    finally:
        shutil.rmtree(rough, ignore_errors=True)


def _fill_sheet(sheet: Any, frames: Frames, schema: Columns, text: Any) -> None:
    for column, name in enumerate(_headings(schema)):
        sheet.write_string(0, column, name)
    rows = (values for frame in frames for values in for_people(frame).iter_rows())
    for row, values in enumerate(rows, 1):
        for column, value in enumerate(values):
            if isinstance(value, str):
                if value:
                    sheet.write_string(row, column, value[:_XLSX_TEXT], text)
            elif value is not None:
                sheet.write_number(row, column, value)


_WRITERS: dict[str, Callable[[Frames, Path, Columns, dict[str, str]], None]] = {
    ".parquet": _parquet,
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".xlsx": _xlsx,
    ".sav": write_sav,
    ".dbf": write_dbf,
}
