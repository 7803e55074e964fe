"""Text from Chinese offices: UTF-8, GB18030 (with GBK and GB2312 inside it) and UTF-16."""

from __future__ import annotations

import codecs
import re

STANDARD = dict(
    zip(
        "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7"
        "\ue816\ue817\ue818\ue81e\ue826\ue82b\ue82c\ue831\ue832\ue83b\ue843\ue854\ue855\ue864",
        "\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f"
        "\U00020087\U00020089\U000200cc\u9fb4\u9fb5\u9fb6\u9fb7\U000215d7\u9fb8\U0002298f"
        "\u9fb9\u9fba\U000241fe\u9fbb",
        strict=True,
    )
)
"""Private-use characters to which Python decodes GB18030, and what GB18030-2022 says they are."""

KNOWN = {
    "utf-8": "utf-8",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
    "utf-16": "utf-16",
}
"""Encodings that may be asked for, and what is used: GB18030 reads whatever GBK wrote."""

_TO_STANDARD = str.maketrans(STANDARD)
_UTF_8_HAN = re.compile(rb"[\xe0-\xf4]")


def known_encoding(name: str) -> str:
    """The encoding that is used where `name` is asked for; case and hyphens do not matter.

    Raises:
        LookupError: it is none of `KNOWN`.
    """
    plain = re.sub("[^a-z0-9]", "", name.lower()).removesuffix("sig").replace("codepage", "cp")
    for known, used in KNOWN.items():
        if known.replace("-", "") == plain:
            return used
    raise LookupError(f"encoding {name!r} is not known; use one of {', '.join(KNOWN)}")


def decoded(content: bytes, encoding: str | None = None) -> str:
    """The text, without a byte order mark; found out where no encoding is given.

    A byte order mark decides. Without one it is UTF-8 if it can be, else GB18030. A few GBK words
    are UTF-8 by chance, but never of the three bytes that a Chinese character has there, so those
    are read as GB18030. Private-use characters are left as they are: see `standard`.

    Raises:
        UnicodeDecodeError: it is not in that encoding, or in neither; `start` counts from the
            first byte.
        LookupError: the encoding is not known.
    """
    if encoding is not None:
        used = known_encoding(encoding)
        if used == "utf-16" and content[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            used = "utf-16-le"
        return content.decode(used).removeprefix("\ufeff")
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return content.decode("utf-16")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("gb18030")
    if content.isascii() or _UTF_8_HAN.search(content):
        return text.removeprefix("\ufeff")
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError:
        return text


def standard(text: str) -> str:
    """The text with standard characters in place of private-use ones that stand for them."""
    return text.translate(_TO_STANDARD)
