"""Reads one SQLite database for another process, as Arrow: `python -m admin_api.arrow_reader FILE`.

The driver brings an SQLite of its own, and two of those in one process drop each other's locks: so
it runs apart. Asked, on standard input, by lines of JSON `[last act, query]`, it answers on
standard output with a length (8 bytes) and so many bytes of Arrow; length 0: another act was stored
meanwhile.
"""

from __future__ import annotations

import io
import json
import sys
from urllib.parse import quote

import polars as pl

LAST_ACT = "SELECT max(id) FROM act"
LENGTH = 8
_BATCH_ROWS = 1_000_000  # types are told by the first batch


def answer(file: str, moment: int | None, query: str) -> bytes:
    """A query's rows as an Arrow stream; nothing where the last act is not `moment`."""
    import adbc_driver_sqlite.dbapi as arrow  # never where this module is only imported

    with arrow.connect(f"file:{quote(file)}?mode=ro") as connection, connection.cursor() as cursor:
        cursor.execute(LAST_ACT)  # from here on this connection sees one moment
        if cursor.fetch_polars().item() != moment:
            return b""
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)})
        cursor.execute(query)
        frame: pl.DataFrame = cursor.fetch_polars()
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        moment, query = json.loads(line)
        try:
            content = answer(sys.argv[1], moment, query)
        except Exception as error:  # whatever it is: the asker reads by itself then
            print(f"arrow reader: {error}", file=sys.stderr)
            content = b""
        sys.stdout.buffer.write(len(content).to_bytes(LENGTH, "little") + content)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
