"""A real browser for the tests of pages: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from admin_api.pages.assets import asset

SHOTS = Path("build") / "screenshots"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("there is no Chromium; make test installs it with apt")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def context(chromium: str, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser with a profile of its own."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chromium,
            headless=True,
            args=_ARGUMENTS,
            viewport={"width": 1440, "height": 900},
        )
        yield opened
        opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test for any script error or console error."""
    faults: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    yield opened
    # A refusal of the server is shown to the person, and to the console as a failed request.
    assert [fault for fault in faults if "Failed to load resource" not in fault] == []


def shoot(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a picture of the page among the tests' artefacts."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)


def serious(page: Page) -> list[str]:
    """What axe-core finds that keeps people out."""
    page.evaluate(asset("axe/axe.min.js").read_text(encoding="utf-8"))
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in page.evaluate("axe.run()")["violations"]
        if one["impact"] in ("serious", "critical")
    ]
