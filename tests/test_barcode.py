"""Barcodes read from drawn pictures: two readings must agree, Code39's check is taken off."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp

from omr.design import FieldKind, Zone
from omr.detect.barcode import _read_zone
from omr.records import U8


def _zone(*symbologies: str) -> Zone:
    return Zone("code", "", FieldKind.BARCODE, 0, 0, 60, 20, symbologies, True, "", 1)


def _drawn(text: str, symbology: str, scale: int = 3) -> U8:
    code = zxingcpp.create_barcode(text, zxingcpp.barcode_format_from_str(symbology))
    image = np.array(zxingcpp.write_barcode_to_image(code, scale=scale), np.uint8)
    if symbology != "QRCode":  # tall enough for two bands
        image = cv2.resize(image, (image.shape[1], 120), interpolation=cv2.INTER_NEAREST)
    return cv2.copyMakeBorder(image, 30, 30, 40, 40, cv2.BORDER_CONSTANT, value=255)


@pytest.mark.parametrize("symbology", ["Code128", "QRCode"])
def test_plain_codes_are_read(symbology: str) -> None:
    got = _read_zone(_drawn("P4815393740", symbology), _zone(symbology))
    assert (got.text, got.symbology, got.reader) == ("P4815393740", symbology, "zxing")


def test_code39_gives_its_text_without_the_check_character() -> None:
    # 1+2+3+4+5+6 = 21, which is L.
    got = _read_zone(_drawn("123456L", "Code39"), _zone("Code39"))
    assert (got.text, got.symbology, got.reader) == ("123456", "Code39", "zxing")


def test_code39_with_a_wrong_check_character_is_not_believed() -> None:
    got = _read_zone(_drawn("123456K", "Code39"), _zone("Code39"))
    assert got.text == ""
    assert got.reader == "unread"


def test_an_empty_zone_is_nothing_and_a_smeared_code_is_something() -> None:
    empty = np.full((180, 400), 240, np.uint8)
    assert _read_zone(empty, _zone("Code128")).reader == ""
    code = _drawn("P4815393740", "Code128")
    smeared = cv2.blur(code, (41, 5))
    got = _read_zone(np.asarray(smeared, np.uint8), _zone("Code128"))
    assert (got.text, got.reader) == ("", "unread")


def test_two_codes_in_one_zone_are_a_doubt() -> None:
    pair = np.vstack([_drawn("P4815393740", "Code128"), _drawn("P1111111111", "Code128")])
    got = _read_zone(pair, _zone("Code128"))
    assert got.reader != "zxing"
