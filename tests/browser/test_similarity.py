"""A screening in a real browser: run by its button, the pair's dossier with cards and pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from admin_api.console.app import build_app
from admin_api.console.desk import Console
from admin_api.console.guard import Rules
from admin_api.console.lockout import Lockout
from admin_api.console.serve import Listening, config_for
from admin_api.console.visits import Visits
from admin_api.settings import settings_in
from tests.browser.conftest import serious, shoot
from tests.loopback import running
from tests.office.papers import EXAM
from tests.office.people import PASSPHRASE, new_desk, with_cheap_keys
from tests.office.screened import COPIER, SOURCE, sit, ticket


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("screened")
    with pytest.MonkeyPatch.context() as patch:
        with_cheap_keys(patch.setattr)
        desk = new_desk(settings_in(folder / "home"), EXAM)
        sit(desk, folder)
        console = Console(
            desk.office,
            Rules(("127.0.0.1",), secure=False),
            Visits(time.monotonic),
            Lockout(time.monotonic),
            desk.clock,
            second_factor=False,
        )
        with running(config_for(build_app(console), Listening(port=0))) as port:
            yield f"http://127.0.0.1:{port}"


def test_a_supervisor_screens_and_looks_at_a_dossier(address: str, page: Page) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("姓名").fill("sun")
    page.get_by_label("口令", exact=True).fill(PASSPHRASE)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{address}/")
    page.get_by_role("link", name="雷同").click()
    expect(page.locator("#main")).to_contain_text("尚未筛查")
    page.get_by_label("比较范围").select_option("room")
    page.get_by_role("button", name="按最近评分筛查").click()
    row = page.get_by_role("row").filter(has_text=ticket(COPIER))
    expect(row).to_contain_text(ticket(SOURCE), timeout=60_000)
    assert serious(page) == []
    shoot(page, "similarity", whole=True)
    row.get_by_role("link", name="卷宗").click()
    expect(page.get_by_role("heading", name="逐题")).to_be_visible()
    page.wait_for_load_state("networkidle")
    widths = page.locator("#main img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert len(widths) == 4
    assert all(width > 0 for width in widths), "both cards, the distribution, the map"
    assert page.locator(".item-pairs li").count() == 100
    assert serious(page) == []
    shoot(page, "similarity-dossier", whole=True)


def test_the_dossier_that_is_handed_out_stands_alone(
    address: str, page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = sorted(tmp_path_factory.getbasetemp().rglob("dossier/1/index.html"))
    assert found, f"the test before made it at {address}"
    page.goto(Path(found[-1]).as_uri())
    widths = page.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert len(widths) == 4
    assert all(widths)
    shoot(page, "similarity-handed-out", whole=True)
