"""Files in: rosters, lists, earlier years, answer keys; each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel
from sqlalchemy import select

from admin_api import tables
from admin_api.acts.roles import Role
from admin_api.console.desk import Desk, seated
from admin_api.console.uploads import check_list, laid_down, name_of
from admin_api.keys import service as keys
from admin_api.keys.service import KeyStatus
from admin_api.registration import service as registration
from admin_api.registration.service import Stored

router = APIRouter(tags=["files in"])
Supervisor = Annotated[Desk, seated(Role.SUPERVISOR)]
Onlooker = Annotated[Desk, seated(Role.SUPERVISOR, Role.AUDITOR)]
Keyholder = Annotated[Desk, seated(Role.KEYHOLDER)]
KeyOnlooker = Annotated[Desk, seated(Role.KEYHOLDER, Role.SUPERVISOR, Role.AUDITOR)]


class FileKind(StrEnum):
    """What a file is."""

    ROSTER = "roster"  # 报名库
    MILITARY = "military_roster"  # 军队报名库
    ATTENDANCE = "attendance"  # 签到表
    MATERIALS = "materials"  # 回收单
    COMPUTER = "computer_answers"  # 机考作答
    HISTORY = "history"  # 历年成绩


class FileIn(BaseModel):
    """A file that was taken in."""

    kind: str
    name: str
    rows: int
    sha256: str


class Files(BaseModel):
    """Every file that was taken in, newest first."""

    files: list[FileIn]


class Imported(BaseModel):
    """What a file came to. `again`: it was taken before, and nothing changed."""

    new: int
    known: int
    again: bool
    warnings: list[str]


class Keys(BaseModel):
    """Every key that the exam needs."""

    keys: list[KeyStatus]


_TAKE: dict[FileKind, Callable[..., Stored]] = {
    FileKind.ROSTER: registration.import_roster,
    FileKind.MILITARY: registration.import_roster,
    FileKind.ATTENDANCE: registration.import_attendance,
    FileKind.MATERIALS: registration.import_materials,
    FileKind.COMPUTER: registration.import_computer_answers,
    FileKind.HISTORY: registration.import_history,
}


@router.get("/imports")
def imports(desk: Onlooker) -> Files:
    """The files that were taken in."""
    table = tables.file_in
    frame = desk.office.ledger.read(
        select(table.c.kind, table.c.name, table.c.rows, table.c.sha256).order_by(table.c.id.desc())
    )
    found = Files(files=[FileIn(**row) for row in frame.iter_rows(named=True)])
    return desk.show("imports.html", found, kinds=list(FileKind))


@router.post("/imports")
def import_file(
    desk: Supervisor,
    kind: Annotated[FileKind, Form()],
    file: Annotated[UploadFile, File(description=".csv, .xlsx or .dbf")],
    encoding: Annotated[str, Form(max_length=20)] = "",
) -> Imported:
    """Take a file in whole, or refuse it with every bad row; the same again changes nothing."""
    more: dict[str, Any] = {}
    if kind in (FileKind.ROSTER, FileKind.MILITARY):
        more = {"military": kind is FileKind.MILITARY}
    with laid_down(desk.office, [file]) as folder:
        path = folder / name_of(file)
        check_list(path)
        done = _TAKE[kind](desk.office, desk.signer, path, encoding=encoding or None, **more)
    found = Imported(
        new=done.new,
        known=done.known,
        again=done.again,
        warnings=list(done.report.warnings),
    )
    return desk.done(found, "/imports", "taken before" if done.again else "the file is taken")


@router.get("/keys")
def key_states(desk: KeyOnlooker) -> Keys:
    """Which keys are in force; never what they hold."""
    return desk.show("keys.html", _keys(desk))


@router.post("/keys")
def load_key(desk: Keyholder, file: Annotated[UploadFile, File()]) -> Keys:
    """Load a key's file; it is in force when another person has loaded the same."""
    with laid_down(desk.office, [file]) as folder:
        keys.load(desk.office, desk.signer, folder / name_of(file))
    return desk.done(_keys(desk), "/keys", "the key is loaded")


def _keys(desk: Desk) -> Keys:
    with desk.office.ledger.moment() as connection:
        found = keys.status(connection, desk.office.exam)
    return Keys(keys=found)
