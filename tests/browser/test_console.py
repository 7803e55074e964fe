"""The desks in a real browser, one after another, on a rehearsed sitting: scans to release."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from starlette.types import ASGIApp

from admin_api import tables
from admin_api.acts.verify import verify_chain
from admin_api.clock import CST
from admin_api.console.app import build_app
from admin_api.console.desk import Console
from admin_api.console.guard import Rules
from admin_api.console.lockout import Lockout
from admin_api.console.serve import Listening, config_for
from admin_api.console.visits import Visits
from admin_api.office import Office
from admin_api.portal.app import build_app as build_portal
from admin_api.portal.settings import PortalSettings
from admin_api.rehearsal.run import PHRASE, Moment, open_to_people
from admin_api.rehearsal.troubles import make_world
from admin_api.rehearsal.truth import Script
from admin_api.rehearsal.world import SittingPlan
from admin_api.release import service as release
from admin_api.release.portal_file import new_secret, write_portal_file
from admin_api.results.service import let_stand
from admin_api.review import service as review
from admin_api.settings import Settings, settings_in
from admin_api.staff.service import open_key
from tests.browser.conftest import serious, shoot
from tests.loopback import running, served

PEOPLE = 60


@dataclass
class Reading:
    """A console that serves a rehearsed sitting, and the clock that its office goes by."""

    address: str
    office: Office
    files: Path
    clock: Moment


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    folder = tmp_path_factory.mktemp("room")
    files = folder / "files"
    plain = settings_in(folder / "home")
    settings = Settings(plain.home, plain.database, workers=1, scans=files)
    made = open_to_people(settings, files, PEOPLE, 2, lambda _words: None)
    clock = Moment(datetime(2026, 6, 2, 9, 0, tzinfo=CST))
    office = Office(
        settings,
        type(made.ledger)(made.ledger.engine, clock, made.ledger.via),
        made.vault,
        made.exam,
        made.secret,
    )
    console = Console(
        office,
        Rules(("127.0.0.1",), secure=False),
        Visits(time.monotonic),
        Lockout(time.monotonic),
        clock,
        second_factor=False,
    )
    with running(config_for(build_app(console), Listening(port=0))) as port:
        yield Reading(f"http://127.0.0.1:{port}", office, files, clock)


@contextlib.contextmanager
def sitting(
    browser: Browser, room: Reading, name: str, path: str = "/", *, dark: bool = False
) -> Iterator[Page]:
    """Somebody signed in, at a page; script errors fail, and so does what axe finds serious."""
    context = browser.new_context(
        viewport={"width": 1360, "height": 850}, color_scheme="dark" if dark else "light"
    )
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{room.address}/sign-in")
    page.get_by_label("姓名").fill(name)
    page.get_by_label("口令", exact=True).fill(PHRASE)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{room.address}/")
    page.goto(room.address + path)
    yield page
    assert faults == []
    context.close()


def source_of(room: Reading, page: int) -> str:
    """A page's scan, as the sitting's truth names it."""
    table = tables.page
    found = room.office.ledger.read(select(table.c.source).where(table.c.id == page))
    return Path(found.item()).relative_to(room.files).as_posix()


def waiting(room: Reading) -> int:
    with room.office.ledger.moment() as connection:
        return len(review.open_fields(connection, room.office.exam))


def test_an_operator_reads_a_batch(room: Reading, browser: Browser) -> None:
    with sitting(browser, room, "operator", "/bags") as page:
        row = page.get_by_role("row").filter(has_text="兵团")
        expect(row).to_contain_text("-44")
        page.get_by_label("扫描根目录下的文件夹").fill("scans")
        page.get_by_role("button", name="读卡").click()
        expect(page.locator("#notices")).to_contain_text("正在读卡")
        expect(page.locator(".live")).to_contain_text("已完成", timeout=60_000)
        expect(page.locator(".live")).to_contain_text("页已入库")
        page.reload()
        expect(row).to_contain_text("一致")
        shoot(page, "console-operator")
        assert serious(page) == []


def test_a_rejected_page_says_what_to_do_and_its_rescan_stands_for_it(
    room: Reading, browser: Browser
) -> None:
    """Both pages that could not be read are scanned again and handed in as files."""
    for again in sorted((room.files / "rescans").rglob("*.jpg")):
        region, box, bag = again.relative_to(room.files / "rescans").parts[:3]
        with sitting(browser, room, "operator", f"/bags/{region}/{box}/{bag}") as page:
            refused = page.get_by_role("row").filter(has_text="已拒读")
            before = page.locator("tbody tr").count()
            renamed = room.files / f"rescan-{box}.jpg"
            renamed.write_bytes(again.read_bytes())
            page.get_by_label("本袋扫描件").set_input_files(renamed)
            page.get_by_role("button", name="读卡").click()
            newest = page.locator(".live article").first
            expect(newest).to_contain_text(f"{region}/{box}/{bag}")
            expect(newest).to_contain_text("已完成", timeout=30_000)
            page.get_by_role("button", name="刷新").click()
            expect(page.locator("tbody tr")).to_have_count(before + 1)
            new = page.locator("tbody tr").last.get_attribute("id") or ""
            refused.first.get_by_role("link", name="查看").click()
            expect(page.get_by_role("heading", name="如何处理这张卡")).to_be_visible()
            shoot(page, "console-rejected")
            assert serious(page) == []
            page.get_by_label("重扫页号").fill(new.removeprefix("page-"))
            page.get_by_role("button", name="替代").click()
            expect(page.locator("#notices")).to_contain_text("已由重扫替代")
            expect(page.locator("tr.gone")).to_have_count(1)


def test_two_graders_and_an_arbiter_settle_doubts(room: Reading, browser: Browser) -> None:
    script, count = Script.read(room.files), waiting(room)
    assert count > 0
    slipped: tuple[int, str] | None = None
    for name in ("reviewer-1", "reviewer-2"):
        with sitting(browser, room, name, "/grading") as page:
            for done in range(count):
                expect(page.locator("main b").first).to_have_text(str(count - done))
                number = int(page.locator("[name=page]").first.input_value())
                field = page.locator("[name=field]").first.input_value()
                expect(page.locator(".look img.scan").first).to_be_visible()
                value = script.value(source_of(room, number), field)
                if done == 0:
                    shoot(page, "console-grading")
                    assert serious(page) == []
                if name == "reviewer-2" and slipped is None and field.startswith("q"):
                    slipped, value = (number, field), "" if value else "A"
                decide(page, value)
                expect(page.locator("#notices")).not_to_contain_text("拒")
            expect(page.get_by_text("没有需要您判读的内容")).to_be_visible()
    assert slipped is not None
    with sitting(browser, room, "supervisor-1", "/grading", dark=True) as page:
        expect(page.locator("main b").first).to_have_text("1")
        shoot(page, "console-arbiter-dark")
        assert serious(page) == []
        decide(page, script.value(source_of(room, slipped[0]), slipped[1]))
        expect(page.get_by_text("没有需要您判读的内容")).to_be_visible()
        page.goto(f"{room.address}/graders")
        expect(page.get_by_role("row").filter(has_text="reviewer-2")).to_contain_text("1")
        shoot(page, "console-graders")
    assert waiting(room) == 0


def decide(page: Page, value: str) -> None:
    """By one key where the field has options, else typed."""
    before = page.locator("[name=field]").first.input_value()
    number = page.locator("[name=page]").first.input_value()
    if page.locator(".keys").count():
        if len(value) > 1:
            page.keyboard.press("/")
            page.keyboard.type(value)
            page.keyboard.press("Enter")
        else:
            page.keyboard.press(value.lower() or " ")
    else:
        page.locator("input[name=value]").fill(value)
        page.keyboard.press("Enter")
    page.wait_for_function(
        """([page, field]) => document.querySelector('[name=page]')?.value !== page
           || document.querySelector('[name=field]')?.value !== field""",
        arg=[number, before],
    )


def test_a_region_submits_corrections_and_the_centre_approves(
    room: Reading, browser: Browser
) -> None:
    folder = room.files / "corrections"
    with sitting(browser, room, "shandong-1", "/corrections") as page:
        expect(page.locator("time")).to_contain_text("还剩 10 天")
        page.get_by_label("名单：CSV、XLSX 或 DBF").set_input_files(folder / "37.csv")
        page.get_by_label("名单所列的全部证据文件").set_input_files(folder / "evidence.pdf")
        page.get_by_role("button", name="提交").nth(1).click()
        expect(page.locator("#notices")).to_contain_text("名单已接收")
        shoot(page, "console-corrections-region")
        assert serious(page) == []
    with sitting(browser, room, "supervisor-1", "/corrections?standing=proposed") as page:
        while page.get_by_role("button", name="批准").count():
            left = page.get_by_role("button", name="批准").count()
            page.get_by_role("button", name="批准").first.click()
            expect(page.get_by_role("button", name="批准")).to_have_count(left - 1)
        assert serious(page) == []
    with sitting(browser, room, "xizang", "/corrections") as page:
        expect(page.locator("tbody")).to_contain_text("无")  # another region's do not exist


def test_violations_are_entered_reviewed_and_compared(
    room: Reading, browser: Browser, tmp_path: Path
) -> None:
    folder = room.files / "violations"
    with sitting(browser, room, "shandong-1", "/violations") as page:
        page.get_by_label("名单：CSV、XLSX 或 DBF").set_input_files(folder / "37.csv")
        page.get_by_label("名单所列的全部证据文件").set_input_files(folder / "record.pdf")
        page.get_by_role("button", name="录入").nth(1).click()
        expect(page.locator("#notices")).to_contain_text("名单已接收")
        expect(page.get_by_role("button", name="确认")).to_have_count(0)  # never one's own
    with sitting(browser, room, "shandong-2", "/violations") as page:
        for left in (2, 1, 0):
            page.get_by_role("button", name="确认").first.click()
            expect(page.get_by_role("button", name="确认")).to_have_count(left)
        shoot(page, "console-violations")
        assert serious(page) == []
        rows = (folder / "37-document.csv").read_text(encoding="utf-8").splitlines()
        short = tmp_path / "short.csv"
        short.write_text("\n".join(rows[:-1]), encoding="utf-8")
        page.get_by_label("正式文件名单").set_input_files(short)
        page.get_by_role("button", name="比对").click()
        expect(page.locator("main")).to_contain_text("比对不一致")
        page.goto(f"{room.address}/violations")
        page.get_by_label("正式文件名单").set_input_files(folder / "37-document.csv")
        page.get_by_role("button", name="比对").click()
        expect(page.locator("main")).to_contain_text("逐条比对一致")
        page.goto(f"{room.address}/violations/list")
        expect(page.locator("tbody tr")).to_have_count(3)


def test_after_the_deadline_a_region_is_told_whom_to_ask(room: Reading, browser: Browser) -> None:
    with sitting(browser, room, "xizang", "/corrections") as page:
        room.clock.now = datetime(2026, 6, 13, 0, 0, 0, tzinfo=CST)
        page.get_by_label("名单：CSV、XLSX 或 DBF").set_input_files(
            room.files / "corrections" / "late-54.csv"
        )
        page.get_by_label("名单所列的全部证据文件").set_input_files(
            room.files / "corrections" / "evidence.pdf"
        )
        page.get_by_role("button", name="提交").nth(1).click()
        expect(page.get_by_role("alert")).to_contain_text("已过截止时间")
        expect(page.get_by_role("alert")).to_contain_text("two people there can let a late one in")
        shoot(page, "console-late")
        page.reload()
        expect(page.locator("main")).to_contain_text("请携证据致函中心")
        expect(page.get_by_role("button", name="提交")).to_have_count(0)
    for name in ("supervisor-1", "supervisor-2"):
        with sitting(browser, room, name, "/corrections") as page:
            page.get_by_label("名单：CSV、XLSX 或 DBF").set_input_files(
                room.files / "corrections" / "late-54.csv"
            )
            page.get_by_label("名单所列的全部证据文件").set_input_files(
                room.files / "corrections" / "evidence.pdf"
            )
            page.get_by_label("理由").last.fill("信函按时寄出")
            page.get_by_role("button", name="准入").click()
            expect(page.locator("#notices")).to_contain_text("准入")
    with sitting(browser, room, "supervisor-1", "/corrections?standing=in_force") as page:
        expect(page.locator("tbody")).to_contain_text("549999999997")


def test_two_people_release(room: Reading, browser: Browser) -> None:
    """What is left open two people let stand; freeze, two signatures, publish, export, audit."""
    replace_spoiled(room, browser)
    with sitting(browser, room, "supervisor-1", "/matters") as page:
        page.get_by_role("button", name="全部计分").click()
        expect(page.locator("#notices")).to_contain_text("已全部计分")
        expect(page.locator(".head nav [aria-current]")).to_have_text("成绩")
        shoot(page, "console-results")
        page.get_by_role("link", name="更正与违纪处理前后对比").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("前后对比")
        expect(page.locator("main")).to_contain_text("变动的成绩")
        assert serious(page) == []
        shoot(page, "console-changes")
        page.goto(f"{room.address}/matters")
        shoot(page, "console-matters")
        assert serious(page) == []
    with sitting(browser, room, "release-1", "/releases") as page:
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="冻结").click()
        expect(page.get_by_role("alert")).to_contain_text("尚有未了事项")
    for name in ("supervisor-1", "release-2"):
        with sitting(browser, room, name, "/matters") as page:
            named = page.locator("[name=matter]")
            matters = [named.nth(n).input_value() for n in range(named.count())]
            assert matters
            signer = open_key(room.office.ledger, name, PHRASE)
            for matter in matters[2:]:  # two by hand are enough
                let_stand(room.office, signer, matter, "以试室记录为准")
            for matter in matters[:2]:
                page.goto(f"{room.address}/matters")
                row = page.locator("details").filter(has=page.locator(f"[value='{matter}']"))
                row.locator("summary").click()
                row.get_by_label("理由").fill("以试室记录为准")
                with page.expect_response("**/matters"):
                    row.get_by_role("button", name="保留").click()
                expect(page.locator("#notices .good")).to_be_visible()
    with sitting(browser, room, "supervisor-1", "/matters") as page:
        page.get_by_role("button", name="全部计分").click()
        expect(page.locator("#notices")).to_contain_text("已全部计分")
        page.goto(f"{room.address}/matters")
        expect(page.locator("main")).to_contain_text("没有待办事项")
    with sitting(browser, room, "release-1", "/releases") as page:
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="冻结").click()
        expect(page.locator("#notices")).to_contain_text("已冻结")
        for left in (1, 0):
            page.get_by_role("button", name="签名").first.click()
            expect(page.get_by_role("button", name="签名")).to_have_count(left)
        expect(page.get_by_role("button", name="发布")).to_have_count(0)  # one signature is none
    with sitting(browser, room, "release-2", "/releases") as page:
        page.on("dialog", lambda dialog: dialog.accept())
        for left in (1, 0):
            page.get_by_role("button", name="签名").first.click()
            expect(page.get_by_role("button", name="签名")).to_have_count(left)
        page.get_by_role("button", name="发布").click()
        expect(page.locator("#notices")).to_contain_text("已发布")
        with page.expect_download() as download:
            page.get_by_role("button", name="导出").click()
        assert download.value.suggested_filename == "military.zip"
        shoot(page, "console-releases")
        assert serious(page) == []
    with room.office.ledger.moment() as connection:
        assert release.published(connection) is not None
        assert verify_chain(connection).holds


def replace_spoiled(room: Reading, browser: Browser) -> None:
    """The operator says which cards the candidates' second cards stand for."""
    script = Script.read(room.files)
    table = tables.page
    names = {
        Path(source).relative_to(room.files).as_posix(): page
        for page, source in room.office.ledger.read(select(table.c.id, table.c.source)).iter_rows()
        if Path(source).is_relative_to(room.files)
    }
    for old, new in script.replacements:
        if old in names and new in names:
            with sitting(browser, room, "operator", f"/pages/{names[old]}") as page:
                page.get_by_label("重扫页号").fill(str(names[new]))
                page.get_by_role("button", name="替代").click()
                expect(page.locator("#notices")).to_contain_text("已由重扫替代")


def test_candidates_find_what_was_released_and_soldiers_do_not(
    room: Reading, browser: Browser, tmp_path: Path
) -> None:
    """The release that the desks made, sealed and asked as candidates ask."""
    secret, sealed = tmp_path / "secret", tmp_path / "shown.portal"
    new_secret(secret)
    with room.office.ledger.moment() as connection:
        shown, keys = release.published(connection), release.release_keys(connection)
    assert shown is not None
    folder = release.folder_of(room.office, shown.hash)
    count = write_portal_file(folder, keys, room.office.exam, secret, sealed)
    (tmp_path / "keys.toml").write_text("".join(f'"{n}" = "{k}"\n' for n, k in keys.items()))
    world = make_world(SittingPlan(PEOPLE))
    civil = [one for one in world.candidates if not one.military and not one.right]
    soldier = next(one for one in world.candidates if one.military)
    assert count == sum(not one.military for one in world.candidates)
    page = browser.new_page()
    with served(portal_in(tmp_path, keys)) as address:
        for one, found in ((civil[0], True), (soldier, False), (civil[1], True)):
            page.goto(address)
            page.get_by_label("准考证号").fill(one.ticket)
            page.get_by_label("证件号", exact=True).fill(one.id_number)
            page.get_by_role("button", name="查询").click()
            if found:
                expect(page.get_by_role("heading", name=one.name)).to_be_visible()
            else:
                expect(page.get_by_role("alert")).to_contain_text("未查询到成绩")
    page.close()


def portal_in(folder: Path, keys: dict[str, str]) -> ASGIApp:
    """A portal over a folder's sealed file."""
    secret = (folder / "secret").read_bytes()
    settings = PortalSettings(folder / "shown.portal", folder, secret, keys, work_bits=8)
    return build_portal(settings, time.time)


def test_the_audit_shows_who_did_it_and_that_the_chain_holds(
    room: Reading, browser: Browser
) -> None:
    with sitting(browser, room, "auditor", "/audit", dark=True) as page:
        expect(page.locator("tbody tr").first).to_contain_text("release-2")
        expect(page.locator("tbody tr").first).to_contain_text("web 127.0.0.1")
        page.get_by_role("button", name="核验审计链").click()
        expect(page.locator("#chain .good")).to_be_visible()
        shoot(page, "console-audit-dark")
        assert serious(page) == []
