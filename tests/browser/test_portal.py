"""The portal in a real browser: on a telephone, with and without script, in the dark, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.benchmarks.portal import serving
from tests.browser.conftest import serious, shoot
from tests.portal.conftest import Sealed, record

TELEPHONE = {"width": 390, "height": 844}
ONE = record(7, name="王小明")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    sealed = Sealed(tmp_path_factory.mktemp("portal"))
    sealed.seal([record(n) if n != 7 else ONE for n in range(1, 20)])
    limits = {"WORK_BITS": "12", "WAIT_S": "6", "PER_FORM": "1"}
    with serving(sealed, 1, **limits) as (found, _):
        yield found


def fill(page: Page, ticket: str, id_number: str) -> None:
    page.get_by_label("准考证号").fill(ticket)
    page.get_by_label("证件号", exact=True).fill(id_number)


def test_a_candidate_finds_her_score_on_a_telephone_and_prints_it(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = browser.new_context(viewport=TELEPHONE, device_scale_factor=2).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    shoot(page, "portal-form", whole=True)
    assert serious(page) == []
    fill(page, ONE["ticket"], ONE["id_number"])
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("heading", name="王小明")).to_be_visible()
    expect(page.locator("main")).to_contain_text("71")
    expect(page.locator("main")).to_contain_text("成绩无效")
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    assert ONE["ticket"] not in page.url
    shoot(page, "portal-result", whole=True)
    assert serious(page) == []
    page.pdf(path=tmp_path / "printed.pdf")
    page.get_by_role("link", name="返回查询").click()
    fill(page, ONE["ticket"], ONE["id_number"])
    with page.expect_download() as download:
        page.get_by_role("button", name="下载成绩单 PDF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
    assert faults == []


def test_whoever_has_none_is_told_the_same(browser: Browser, address: str) -> None:
    page = browser.new_context(viewport=TELEPHONE, color_scheme="dark").new_page()
    told = []
    for ticket, id_number in (("389900000001", "军字第1号"), (ONE["ticket"], "370102199001010000")):
        page.goto(address)
        fill(page, ticket, id_number)
        page.get_by_role("button", name="查询").click()
        expect(page.get_by_role("alert")).to_contain_text("未查询到成绩")
        told.append(page.locator("main").inner_text())
    assert told[0] == told[1]
    shoot(page, "portal-none-dark", whole=True)
    assert serious(page) == []


def test_it_works_without_script_after_a_wait(browser: Browser, address: str) -> None:
    page = browser.new_context(java_script_enabled=False, viewport=TELEPHONE).new_page()
    page.goto(address)
    fill(page, ONE["ticket"], ONE["id_number"])
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("alert")).to_contain_text("请稍候再提交")
    fill(page, ONE["ticket"], ONE["id_number"])
    page.wait_for_timeout(6500)
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("heading", name="王小明")).to_be_visible()
    page.goto(f"{address}/?lang=en")
    expect(page.get_by_role("button", name="Look up")).to_be_visible()
