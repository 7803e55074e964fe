"""What was worked out last, as it lies in the office's home for the console to show."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, select

from admin_api import tables
from admin_api.acts.roles import ActKind
from admin_api.errors import NotFound
from admin_api.office import Office
from admin_api.statistics.folder import BOOK, ITEMS, digest_of
from admin_api.statistics.service import kept

NOTHING = "no statistics have been worked out yet"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of the last study."""

    folder: Path

    @classmethod
    def of(cls, office: Office) -> Shelf:
        """The office's own."""
        return cls(kept(office))

    @property
    def empty(self) -> bool:
        """Whether nothing was worked out yet."""
        return not (self.folder / ITEMS).is_file()

    def table(self, name: str) -> pl.DataFrame:
        """One of the tables.

        Raises:
            NotFound: nothing was worked out yet.
        """
        if self.empty:
            raise NotFound(NOTHING)
        return pl.read_parquet(self.folder / f"{name}.parquet")

    def made(self, connection: Connection) -> tuple[str, str]:
        """When and by whom it was worked out, "" where no act tells."""
        act = tables.act
        digest = digest_of(self.folder)
        rows = connection.execute(
            select(act.c.at, act.c.who, act.c.details)
            .where(act.c.kind == ActKind.STATISTICS.value)
            .order_by(act.c.id.desc())
        )
        for at, who, details in rows:
            if json.loads(details).get("items") == digest:
                return at, who
        return "", ""

    def plot(self, form: str, name: str) -> bytes:
        """A plot, as SVG; both names are checked against what there is.

        Raises:
            NotFound: there is no such form or plot.
        """
        forms = {path.name: path for path in self.folder.glob("*") if path.is_dir()}
        plots = {path.name: path for path in forms[form].iterdir()} if form in forms else {}
        if f"{name}.svg" not in plots:
            raise NotFound(f"there is no plot {name} of {form}")
        return plots[f"{name}.svg"].read_bytes()

    def plots(self, form: str) -> frozenset[str]:
        """The names of a form's plots."""
        return frozenset(path.stem for path in (self.folder / form).glob("*.svg"))

    def book(self) -> bytes:
        """All tables as an XLSX file."""
        self.table("forms")
        return (self.folder / BOOK).read_bytes()

    def archive(self) -> bytes:
        """Everything in one zip file: pages, plots, tables."""
        self.table("forms")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(self.folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(self.folder).as_posix())
        return packed.getvalue()
