"""The operations page in headless Chromium: what people see, hear and can reach."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from infra.lag.snapshot import Snapshot
from tests.browser.conftest import BUSY_MACHINE_SECONDS
from tests.support import console, snapshots

DESKTOP, PHONE = (1440, 900), (360, 780)
ALL_SECTIONS = (
    *("alarms", "pipeline", "follow_ups", "releases", "forecast", "reports", "checkpoints", "devices", "queryable"),
    *("audit", "dead_letters", "partitions", "workers", "parts"),
)
SOURCED = [name for name in ALL_SECTIONS if name not in ("alarms", "pipeline")]
Scheme = Literal["light", "dark"]


class Site(NamedTuple):
    """The page and what stands behind it."""

    address: str
    pipeline: console.GivenPipeline
    desk: console.GivenDesk
    browser: Browser

    def given(self, found: Snapshot, alarms: Any = None) -> "Site":
        """With another state behind it."""
        self.pipeline.found = found
        self.pipeline.letters = console.letters()
        self.pipeline.fails = None
        self.desk.found = list(snapshots.alarms() if alarms is None else alarms)
        self.desk.notes.clear()
        return self

    @contextmanager
    def opened(
        self, size: tuple[int, int] = DESKTOP, language: str = "en-GB", scheme: Scheme = "light", **options: Any
    ) -> Iterator[Page]:
        """A fresh visitor, who has seen the page drawn. Whatever the page complains of fails the test."""
        complaints: list[str] = []
        viewport: Any = {"width": size[0], "height": size[1]}
        with self.browser.new_context(viewport=viewport, locale=language, color_scheme=scheme, **options) as context:
            page = context.new_page()
            page.set_default_timeout(BUSY_MACHINE_SECONDS * 1000)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
            page.goto(self.address)
            page.wait_for_selector("#parts .heading")
            yield page
        assert not complaints


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pipeline, desk = console.GivenPipeline(snapshots.rich()), console.GivenDesk()
    with console.page(pipeline, desk, tmp_path_factory.mktemp("console"), look_seconds=0.5) as address:
        yield Site(address, pipeline, desk, browser)


def _overflow(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found


STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def _violations(page: Page, within: str | None = None, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds wrong, by all standards or by these rules alone."""
    asked = {"type": "rule", "values": [*rules]} if rules else {"type": "tag", "values": [*STANDARDS]}
    found = Axe().run(page, within, {"resultTypes": ["violations"], "runOnly": asked})
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found.response["violations"]
        for node in one["nodes"][:3]
    ]


def test_every_section_of_a_rich_state_is_drawn_with_its_numbers(site: Site) -> None:
    with site.given(snapshots.rich()).opened() as page:
        for name in ALL_SECTIONS:
            expect(page.locator(f"#{name} h2")).to_be_visible()
        text = page.locator("main").inner_text()
        for said in (
            "A partition stands still although events wait on it",
            "14 of 60 “same calendar day” in Chengyang will miss midnight at the present pace.",
            "Between 9 and 20 with nine in ten",
            "Error of such forecasts so far: 3.0",
            "Chengyang police station 4 (6.5 an hour)",
            "release from follow-up",
            "street-office-07",
            "datum does not fit its schema",
            "never heard of",
            "worker-risk-2 recovers: 48,200 records left",
            "The tables differ from the log",
            "sends no decisions",
            "> 5 min",
        ):
            assert said in text
        stuck = page.locator('[data-node="temperatures"]')
        expect(stuck).to_contain_text("stands still")
        expect(stuck).to_contain_text("1 min 35 s")
        assert page.locator(".lines path").count() > 20
        assert page.locator("text=⟦").count() == 0
        assert _overflow(page) <= 0


def test_the_language_is_switched_told_and_remembered(site: Site) -> None:
    with site.given(snapshots.rich()).opened() as page:
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.get_by_role("button", name="中文").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        text = page.locator("main").inner_text()
        for said in (
            "未结告警",
            "随访与时限",
            "超时",
            "缺报",
            "死信",
            "滞后",
            "核查",
            "解除隔离",
            "城阳区",
            "当日清零",
        ):
            assert said in text
        assert "⟦" not in text
        page.reload()
        expect(page.locator("#alarms-title")).to_have_text("未结告警")
        expect(page.get_by_role("button", name="中文")).to_have_attribute("aria-pressed", "true")


def test_a_browser_in_chinese_is_answered_in_chinese(site: Site) -> None:
    with site.given(snapshots.rich()).opened(language="zh-CN") as page:
        expect(page.locator("#follow_ups-title")).to_have_text("随访与时限")


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_nothing_is_wider_than_a_phone(site: Site, language: str) -> None:
    for found in (snapshots.rich(), snapshots.silent()):
        with site.given(found).opened(PHONE, language) as page:
            assert _overflow(page) <= 0
            page.locator("#alarms").get_by_role("button", name=re.compile("Query|出处")).click()
            expect(page.locator("#behind")).to_be_visible()
            assert _overflow(page) <= 0


def test_axe_finds_nothing(site: Site) -> None:
    with site.given(snapshots.rich()).opened(reduced_motion="reduce") as page:
        assert _violations(page) == []
        page.locator("#follow_ups").get_by_role("button", name="Query").click()
        page.locator("#behind pre").first.wait_for()
        assert _violations(page, within="#behind") == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Log in").click()
        assert _violations(page, within="#login") == []


def test_axe_finds_nothing_in_the_dark(site: Site) -> None:
    with site.given(snapshots.rich()).opened(scheme="dark", reduced_motion="reduce") as page:
        assert _violations(page, rules=["color-contrast"]) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_last_words_can_still_be_read(site: Site, scheme: Scheme) -> None:
    with site.given(snapshots.silent()).opened(scheme=scheme, reduced_motion="reduce") as page:
        for within in ("#pipeline", "#partitions", "#follow_ups", "#audit"):
            assert _violations(page, within, ["color-contrast"]) == []


def test_what_was_never_known_is_a_word_and_never_a_zero(site: Site) -> None:
    with site.given(snapshots.never_known(), []).opened() as page:
        for name in SOURCED:
            section = page.locator(f"#{name}")
            expect(section).to_contain_text("Not known yet (connection refused).")
            assert not re.search(r"\d", section.inner_text().replace(section.locator("h2").inner_text(), ""))
        states = page.locator(".node").evaluate_all("nodes => nodes.map(node => node.dataset.state)")
        assert set(states) == {"unknown"}
        assert not re.search(r"\d", page.locator("#pipeline").inner_text())
        expect(page.locator("#alarms")).to_contain_text("No open alarms among what is known")
        expect(page.locator("#alarms")).to_contain_text("Not known now: Kafka, parts, workers, tables, audit, forecast")


def test_last_words_are_told_as_such_with_their_time_and_reason(site: Site) -> None:
    with site.given(snapshots.silent()).opened() as page:
        for name in SOURCED:
            expect(page.locator(f"#{name} .notice")).to_contain_text("Not known since 20:51:00")
            expect(page.locator(f"#{name}")).to_have_class(re.compile(r"\blast\b"))
        expect(page.locator("#partitions .notice")).to_contain_text("no brokers available")
        expect(page.locator('[data-node="sinks"]')).to_contain_text("not known since 20:51:00")
        number, heading = page.locator("#parts tbody td").first, page.locator("#parts h2")
        colours = [one.evaluate("element => getComputedStyle(element).color") for one in (number, heading)]
        assert colours[0] != colours[1]


def test_alarms_that_are_not_known_are_not_no_alarms(site: Site) -> None:
    site.given(snapshots.rich())
    site.desk.fails = RuntimeError("journal")
    try:
        with site.opened() as page:
            expect(page.locator("#alarms")).to_contain_text("The alarms are not known")
            expect(page.locator("#alarms")).not_to_contain_text("No open alarms")
    finally:
        site.desk.fails = None


def test_a_new_home_is_calm_and_says_what_is_not_there_yet(site: Site) -> None:
    with site.given(snapshots.empty(), []).opened() as page:
        expect(page.locator("#alarms")).to_contain_text("No open alarms")
        expect(page.locator("#follow_ups")).to_contain_text("Nothing is open.")
        expect(page.locator("#devices")).to_contain_text("No device is known yet.")
        expect(page.locator("#reports")).to_contain_text("No report is expected that is known of.")
        expect(page.locator("#queryable")).to_contain_text("No row was written lately.")
        assert page.locator("#alarms .alarm").count() == 0


def test_thousands_of_rows_are_the_worst_and_how_many_more(site: Site) -> None:
    found = [snapshots.alarm("PartitionStuck", f"partition {n}", ("stands", "停")) for n in range(200)]
    with site.given(snapshots.crowded(2_000), found).opened() as page:
        expect(page.locator("#devices")).to_contain_text("and 1,988 more")
        expect(page.locator("#follow_ups tbody tr").first).to_contain_text("1,999")
        expect(page.locator("#alarms .tally")).to_contain_text("200 critical")
        assert page.locator("#alarms > ul .alarm").count() == 6
        assert page.locator("tr").count() < 400
        assert page.locator("body *").count() < 8_000


def test_an_alarm_is_acknowledged_with_the_keyboard_alone(site: Site) -> None:
    with site.given(snapshots.rich()).opened(reduced_motion="reduce") as page:
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to the alarms")
        page.keyboard.press("Enter")
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.act") == "acknowledge":
                break
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.keyboard.press("Enter")
        expect(page.locator("#login")).to_be_visible()
        page.keyboard.type(console.USER)
        page.keyboard.press("Tab")
        page.keyboard.type("not the password")
        page.keyboard.press("Enter")
        expect(page.locator("#wrong")).to_have_text("No user with this password.")
        page.keyboard.type(console.PASSWORD)
        page.keyboard.press("Enter")
        first = page.locator("#alarms .alarm").first
        expect(first).to_contain_text(f"acknowledged by {console.USER}")
        assert site.desk.notes == [(console.USER, f"acknowledges {site.desk.found[0].identity}")]
        assert console.PASSWORD not in page.content()
        assert page.evaluate("document.cookie") == ""
        assert page.evaluate("[...document.querySelectorAll('input')].every(input => !input.value)")


def test_what_is_behind_a_number_opens_with_enter_and_closes_with_escape(site: Site) -> None:
    with site.given(snapshots.rich()).opened() as page:
        number = page.locator("#releases .stat").first
        number.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#behind pre").first).to_contain_text("FROM checkline.open_clocks")
        page.keyboard.press("Escape")
        expect(page.locator("#behind")).to_be_hidden()
        expect(number).to_be_focused()
        page.locator("#partitions tbody td").first.click()
        expect(page.locator("#behind")).to_contain_text("checkline lag")


def test_every_button_is_reached_by_tab_in_the_order_of_the_page(site: Site) -> None:
    with site.given(snapshots.rich()).opened() as page:
        order = page.evaluate(
            """() => [...document.querySelectorAll("a, button, input, summary, [tabindex]")]
            .filter(one => one.offsetParent && !one.closest("dialog")).map(one => one.tabIndex)"""
        )
        assert len(order) > 60
        assert all(place <= 0 for place in order)
        assert order.count(-1) == 1  # the main part, where the skip link leads


def test_a_dead_letter_is_retried_and_a_hand_over_taken_by_who_is_logged_in(site: Site) -> None:
    with site.given(snapshots.rich()).opened() as page:
        expect(page.locator("#dead_letters")).not_to_contain_text("byte 14")
        page.get_by_role("button", name="Log in").click()
        page.get_by_label("User").fill(console.USER)
        page.get_by_label("Password").fill(console.PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#dead_letters")).to_contain_text("byte 14: no text follows")
        page.get_by_role("button", name="Retry check-ins/2/118210").click()
        expect(page.locator("#said")).to_contain_text("published again to check-ins/2/118210")
        expect(page.locator("#dead_letters")).not_to_contain_text("byte 14")
        assert site.pipeline.retried[-1] == ("check-ins/2/118210", console.USER)
        page.get_by_role("button", name="Hand-over").click()
        expect(page.locator("#hand_over pre")).to_contain_text("- PartitionStuck")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()


def test_a_new_alarm_is_told_to_who_listens_and_what_is_read_stays_in_place(site: Site) -> None:
    with site.given(snapshots.rich()).opened() as page:
        expect(page.locator("#announcer")).to_have_text("")
        page.locator("#alarms .remedy").nth(3).locator("summary").click()
        focused = page.locator("#releases .stat").first
        focused.focus()
        late = snapshots.alarm("WorkerDown", "worker-risk-1", ("has ended", "已停止"))
        site.desk.found = [late, *site.desk.found]
        expect(page.locator("#announcer")).to_contain_text("worker-risk-1")
        expect(page.locator("#announcer")).to_contain_text("Critical:")
        expect(page.locator("#alarms .alarm").first).to_contain_text("worker-risk-1")
        expect(focused).to_be_focused()
        opened = page.locator("#alarms .remedy").evaluate_all("all => all.map(one => one.open)")
        assert opened == [True, True, True, False, True, False]


def test_no_severity_is_told_by_colour_alone(site: Site) -> None:
    with site.given(snapshots.rich()).opened() as page, ExitStack() as stack:
        session = page.context.new_cdp_session(page)
        stack.callback(session.detach)
        for kind in ("achromatopsia", "deuteranopia", "protanopia", "tritanopia"):
            session.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
            told = page.locator("#alarms .alarm").evaluate_all(
                """all => all.map(one => [one.dataset.severity, one.querySelector("h3 .word").innerText,
                one.querySelector("h3 .shape").dataset.shape, one.querySelector("h3 .body").getAttribute("d")])"""
            )
            by_severity = {severity: (word, shape, drawn) for severity, word, shape, drawn in told}
            critical, warning = by_severity["critical"], by_severity["warning"]
            assert critical[0].casefold() == "critical"
            assert warning[0].casefold() == "warning"
            assert critical[1] != warning[1]
            assert critical[2] != warning[2]
            states = page.locator(".node").evaluate_all(
                """all => all.map(one => [one.dataset.state, one.querySelector(".shape").dataset.shape,
                one.querySelector(".word, .hidden").textContent])"""
            )
            shapes = {state: shape for state, shape, _ in states}
            assert shapes["ok"] != shapes["late"] != shapes["stopped"] != shapes["ok"]
            assert all(word for _, _, word in states)
        picture = page.locator("#alarms .tally").screenshot()
        assert len(picture) > 500


def test_a_lost_server_is_said_loudly_and_so_is_its_return(browser: Browser, tmp_path: Path) -> None:
    pipeline, desk = console.GivenPipeline(snapshots.rich()), console.GivenDesk(snapshots.alarms())
    with ExitStack() as running:
        address = running.enter_context(console.page(pipeline, desk, tmp_path))
        port = int(address.rpartition(":")[2])
        with Site(address, pipeline, desk, browser).opened() as page:
            expect(page.locator("#lost")).to_be_hidden()
            running.close()
            expect(page.locator("#lost")).to_contain_text("The server is lost")
            expect(page.locator("#lost")).to_contain_text("not how things are now")
            expect(page.locator("#announcer")).to_have_text("The server is lost")
            assert "✕" in page.title()
            assert page.locator("main").evaluate("element => getComputedStyle(element).filter") == "grayscale(1)"
            with console.page(pipeline, desk, tmp_path, port=port):
                expect(page.locator("#lost")).to_be_hidden()
                assert "✕" not in page.title()


def test_a_server_that_sees_nothing_new_says_how_old_its_view_is(site: Site) -> None:
    def older(route: Route) -> None:
        answer = route.fetch()
        about = json.dumps({"age_seconds": 40.0, "failure": "the watcher has ended"})
        route.fulfill(response=answer, headers={**answer.headers, "checkline-look": about})

    with site.given(snapshots.rich()).opened() as page:
        expect(page.locator("#lost")).to_be_hidden()
        page.route("**/api/changes", lambda route: route.abort())
        page.route("**/api/state", older)
        page.reload()
        expect(page.locator("#lost")).to_contain_text("The server sees nothing new")
        expect(page.locator("#lost")).to_contain_text(re.compile(r"4\d s ago: the watcher has ended"))
        page.unroute_all(behavior="ignoreErrors")


def test_a_source_that_answers_again_is_believed_again(site: Site) -> None:
    silent = snapshots.silent()
    with site.given(silent).opened() as page:
        expect(page.locator("#parts .notice")).to_be_visible()
        site.pipeline.found = replace(silent, parts=snapshots.rich().parts)
        expect(page.locator("#parts .notice")).to_have_count(0)
        expect(page.locator("#parts")).not_to_have_class(re.compile(r"\blast\b"))
        expect(page.locator("#workers .notice")).to_be_visible()
