"""The columns of every file that comes in, declared once: admin_api/README.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from admin_api.registration.errors import refuse_file

MOST_COLUMNS = 1000
_DBF_NAME = 10  # bytes of a field's name in a DBF


class Shown(Enum):
    """How much of a value a message may show."""

    WHOLE = "whole"
    LAST_FOUR = "last four"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file. `needed`: it must be there, and every cell filled.

    `text`: an identifier or another text, which a cell must not hold as a number. `prose`: may
    hold line breaks.
    """

    name: str
    chinese: str
    needed: bool = True
    text: bool = True
    prose: bool = False
    shown: Shown = Shown.WHOLE
    also: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Both names, for messages."""
        return f"{self.chinese} {self.name}"

    def is_named(self, heading: str) -> bool:
        """Whether a heading names this column, at full length or cut as in a DBF."""
        given = re.sub(r"\s", "", heading).lower()
        names = (self.name, self.chinese, *self.also)
        return given in names or given in {_cut(name) for name in names}


def _cut(name: str) -> str:
    return name.encode("gb18030")[:_DBF_NAME].decode("gb18030", errors="ignore")


@dataclass(frozen=True, slots=True)
class SheetColumns:
    """The columns of one kind of file, in the order in which they are shown."""

    kind: str
    columns: tuple[Column, ...]

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Every column's name."""
        return tuple(column.name for column in self.columns)

    def places(self, path: Path, header: Sequence[str]) -> dict[str, int]:
        """Where in the file the columns are, by name; those that may be left out can lack.

        Raises:
            ImportRefused: a needed column lacks, or one is there twice.
        """
        if len(header) > MOST_COLUMNS:
            raise refuse_file(
                path,
                f"{len(header)} columns; keep the columns of the {self.kind} and delete the rest",
            )
        places: dict[str, int] = {}
        for column in self.columns:
            found = [at for at, heading in enumerate(header) if column.is_named(heading)]
            if len(found) > 1:
                numbers = " and ".join(str(at + 1) for at in found)
                raise refuse_file(
                    path, f"columns {numbers} are both the {column.label}; rename or delete one"
                )
            if found:
                places[column.name] = found[0]
        lacking = [c.label for c in self.columns if c.needed and c.name not in places]
        if lacking:
            headings = ", ".join(repr(heading[:20]) for heading in header[:30])
            raise refuse_file(
                path,
                f"this is no {self.kind}: no column for {', '.join(lacking)}; name them so in the "
                f"first row, in Chinese or in English (found: {headings})",
            )
        return places


_TICKET = Column("ticket", "准考证号", also=("准考证号码",))
_SUBJECT = Column("subject", "科目", also=("科目代码",))
_SPECIALTY = Column("specialty", "专业代码", also=("报考专业代码",))
_REGION = Column("region", "考区", also=("考区代码",))
_CODE = Column("code", "代码", also=("违纪代码",))
_FILE_NUMBER = Column("file_number", "档案号", shown=Shown.LAST_FOUR)


def _optional(name: str, chinese: str, shown: Shown = Shown.WHOLE) -> Column:
    return Column(name, chinese, needed=False, shown=shown)


def _date(name: str, chinese: str) -> Column:
    return Column(name, chinese, needed=False, text=False)


def _person(name: str, chinese: str, needed: bool = False) -> Column:
    return Column(name, chinese, needed=needed, shown=Shown.NOTHING)


ROSTER = SheetColumns(
    "roster 报名库",
    (
        _TICKET,
        Column("name", "姓名", shown=Shown.NOTHING),
        Column("id_kind", "证件类型"),
        Column("id_number", "证件号", shown=Shown.LAST_FOUR, also=("证件号码", "身份证号")),
        _optional("file_number", "档案号", Shown.LAST_FOUR),
        _SPECIALTY,
        _optional("level", "级别"),
        _REGION,
        Column("site", "考点"),
        Column("venue", "考场"),
        Column("room", "试室"),
        Column("seat", "座位号"),
        Column("subjects", "报考科目"),
        _optional("unit", "单位"),
    ),
)
ATTENDANCE = SheetColumns(
    "attendance list 签到表", (_TICKET, _SUBJECT, Column("present", "到考", text=False))
)
MATERIALS = SheetColumns(
    "materials list 回收单",
    (
        _REGION,
        _optional("box", "箱号"),
        _optional("bag", "袋号"),
        _optional("site", "考点"),
        _optional("venue", "考场"),
        _optional("room", "试室"),
        _optional("subject", "科目"),
        Column("count", "数量", text=False),
    ),
)
COMPUTER_ANSWERS = SheetColumns(
    "list of computer-based answers 机考作答",
    (
        _TICKET,
        _SUBJECT,
        Column("paper", "试卷"),
        _optional("form", "卷型"),
        Column("answers", "作答", shown=Shown.NOTHING),
    ),
)
HISTORY = SheetColumns(
    "list of earlier years' scores 历年成绩",
    (
        Column("year", "年度", text=False),
        _FILE_NUMBER,
        _SPECIALTY,
        _SUBJECT,
        Column("score", "成绩", needed=False, text=False),
        Column("passed", "合格", text=False),
    ),
)
CORRECTIONS = SheetColumns(
    "list of corrections 数据修正",
    (
        Column("kind", "类型"),
        _TICKET,
        _optional("subject", "科目"),
        _optional("old", "原值", Shown.NOTHING),
        _optional("new", "新值", Shown.NOTHING),
        Column("reason", "原因", prose=True, shown=Shown.NOTHING),
        Column("evidence", "证据"),
        Column("document", "文号"),
    ),
)
VIOLATIONS = SheetColumns(
    "list of violations 违纪",
    (
        _TICKET,
        _SUBJECT,
        _CODE,
        Column("reminded", "提醒", text=False),
        Column("facts", "事实", prose=True, shown=Shown.NOTHING),
        Column("evidence", "证据"),
        _person("recorder1", "记录人一", needed=True),
        _person("recorder2", "记录人二", needed=True),
        Column("signature", "签名"),
        _person("witness1", "见证人一"),
        _person("witness2", "见证人二"),
        _person("site_head", "考点负责人", needed=True),
        _date("notice", "告知日期"),
        _date("defence", "申辩日期"),
        _date("reviewed", "审核日期"),
        _optional("decision", "决定书号"),
        Column("served", "送达", needed=False, text=False),
    ),
)
FORMAL_DOCUMENT = SheetColumns(
    "violations' formal document 正式文件",
    (Column("document", "公文号"), _TICKET, _SUBJECT, _CODE),
)
