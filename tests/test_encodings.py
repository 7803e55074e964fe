"""Text from offices: what is found out by itself, and the characters that Python misplaces."""

from __future__ import annotations

import pytest

from omr.encodings import STANDARD, decoded, known_encoding, standard

RARE = "王䶮 㐂 𫖯 𬭎·"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_are_found(encoding: str) -> None:
    assert decoded(f"姓名,{RARE}".encode(encoding)) == f"姓名,{RARE}"


@pytest.mark.parametrize(
    ("encoding", "asked"),
    [
        ("utf-8", "UTF8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "GBK"),
        ("gb18030", "cp936"),
        ("utf-16-le", "utf-16"),
        ("utf-16", "UTF-16"),
    ],
)
def test_encodings_may_be_given(encoding: str, asked: str) -> None:
    assert decoded(RARE.encode(encoding), asked) == RARE


def test_unknown_encodings_and_undecodable_text_are_errors() -> None:
    with pytest.raises(LookupError, match=r"latin-1.*use one of utf-8, gb18030"):
        known_encoding("latin-1")
    with pytest.raises(UnicodeDecodeError):
        decoded("姓名".encode("gb18030"), "utf-8")
    with pytest.raises(UnicodeDecodeError):
        decoded(b"\x81\xff")


def test_gbk_words_that_are_utf_8_by_chance_are_read_as_gb18030() -> None:
    word = "牛奴"
    assert word.encode("gbk").decode("utf-8") != word
    assert decoded(word.encode("gbk")) == word


@pytest.mark.parametrize(
    ("code", "character"),
    [
        ("a6d9", 0xFE10),
        ("a6da", 0xFE12),
        ("a6db", 0xFE11),
        ("a6dc", 0xFE13),
        ("a6dd", 0xFE14),
        ("a6de", 0xFE15),
        ("a6df", 0xFE16),
        ("a6ec", 0xFE17),
        ("a6ed", 0xFE18),
        ("a6f3", 0xFE19),
        ("fe59", 0x9FB4),
        ("fe61", 0x9FB5),
        ("fe66", 0x9FB6),
        ("fe67", 0x9FB7),
        ("fe6d", 0x9FB8),
        ("fe7e", 0x9FB9),
        ("fe90", 0x9FBA),
        ("fea0", 0x9FBB),
        ("fe51", 0x20087),
        ("fe52", 0x20089),
        ("fe53", 0x200CC),
        ("fe6c", 0x215D7),
        ("fe76", 0x2298F),
        ("fe91", 0x241FE),
        ("a8bc", 0x1E3F),
    ],
)
def test_gb18030_private_use_becomes_standard(code: str, character: int) -> None:
    assert standard(decoded(bytes.fromhex(code))) == chr(character)


def test_the_table_holds_all_of_the_ideographs_that_python_puts_into_private_use() -> None:
    rows = [0xD7, 0xFE]  # the rest of private use in two bytes is unassigned or for users
    found = set()
    for lead in rows:
        for trail in [*range(0x40, 0x7F), *range(0x80, 0xA1)]:
            character = bytes([lead, trail]).decode("gb18030", errors="replace")
            found |= {character} if "\ue000" <= character <= "\uf8ff" else set()
    assert found <= set(STANDARD)
    assert len(STANDARD) == len(set(STANDARD.values())) == 25
