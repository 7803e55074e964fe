"""The statistics desk in a real browser: plots in Chinese, and nothing that keeps people out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from admin_api.console.app import build_app
from admin_api.console.serve import Listening, config_for, console_for
from admin_api.exam.parse import load_exam
from admin_api.results.responses import Sat
from admin_api.settings import settings_in
from admin_api.statistics.folder import written
from admin_api.statistics.service import kept
from admin_api.statistics.study import study
from omr.score.items.analysis import Wanted
from tests.browser.conftest import serious, shoot
from tests.items.sittings import KEYED, responses
from tests.loopback import running
from tests.office.papers import EXAM
from tests.office.people import PASSPHRASE, new_desk, with_cheap_keys


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console in whose office a form of 300 people was worked out."""
    exam, _ = load_exam(EXAM)
    sat = Sat((responses("A", 0.0, 7, KEYED.replace("A", "B", 1)),), {})
    with pytest.MonkeyPatch.context() as patch:
        with_cheap_keys(patch.setattr)
        home = settings_in(tmp_path_factory.mktemp("statistics") / "home")
        office = new_desk(home, Path(EXAM)).office
        with written(study(exam, sat, None, Wanted()), kept(office)):
            pass
        listening = Listening(port=0)
        app = build_app(console_for(office, listening, second_factor=False))
        with running(config_for(app, listening)) as port:
            yield f"http://127.0.0.1:{port}"


def test_an_auditor_looks_at_a_suspected_key(address: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{address}/sign-in")
    page.get_by_label("姓名").fill("shen")
    page.get_by_label("口令", exact=True).fill(PASSPHRASE)
    page.get_by_role("button", name="登录").click()
    page.get_by_role("link", name="试题统计").click()
    expect(page.get_by_role("heading", name="首先核查")).to_be_visible()
    shoot(page, "console-statistics")
    assert serious(page) == []
    page.get_by_role("link", name="2031-A · 1").first.click()
    row = page.locator("#item-1")
    expect(row).to_contain_text("疑似答案有误 A")
    row.get_by_text("选项", exact=True).first.click()
    expect(row.locator("details table")).to_contain_text("漏答")
    for picture in page.locator("main img").all()[:3]:
        drawn = picture.evaluate("async one => { await one.decode(); return one.naturalWidth }")
        assert drawn > 300
    page.evaluate("scrollTo(0, 0)")
    shoot(page, "console-statistics-form")
    assert serious(page) == []
    assert faults == []
    context.close()
