"""The dashboard in headless Chromium: every view, in light and in dark, by keyboard, on a small screen, under attack.

``make screenshots`` runs these tests and writes the pictures of docs/images anew.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tagstream.cli.dashboard_site import Site
from tagstream.cli.loopback_server import LoopbackServer
from tagstream.dashboard.render import content_policy
from tagstream.dashboard.widget import widget
from tests.embedded.need import need
from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import MemoryPorts
from tests.unit.dashboard.sample_stack import alarms, hostile, sample
from tests.unit.dashboard.test_widget import ARN
from tests.unit.dashboard.test_widget import ports as widget_ports

CUT_OFF = """[...document.querySelectorAll(".sheet:not(.scroll)")]
    .filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent.trim().slice(0, 40))"""
IMAGES = ROOT / "docs" / "images"
WRITES_IMAGES = os.environ.get("TAGSTREAM_SCREENSHOTS") == "1"
SCHEMES = ("light", "dark")
BACKGROUNDS = {"light": "rgb(246, 247, 249)", "dark": "rgb(16, 20, 27)"}
VIEWS = {
    "all namespaces": "/",
    "one namespace": "/?namespace=shop",
    "a policy": "/policy/shop/web",
    "a policy that waits": "/policy/shop/api",
    "a policy that is red": "/policy/platform/search",
    "no such policy": "/policy/shop/none",
}
# By name: the page, its width and its height.
PICTURES = {
    "dashboard": ("/", 1200, 1120),
    "dashboard-policy": ("/policy/shop/web", 1200, 1120),
    "dashboard-narrow": ("/?namespace=shop", 400, 900),
}


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A page of a browser, and what it did beside showing itself."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def serving(ports: MemoryPorts) -> Iterator[str]:
    """Serve the dashboard of a stack on loopback; yields where."""
    errors: list[Exception] = []
    bundle = ports.bundle()
    site = Site(stack="prod", ports=lambda: bundle, alarms=alarms, on_error=errors.append)
    with LoopbackServer(0, site.answer, content_policy()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    assert errors == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    path = need("chromium")
    # Chromium has no sandbox for root, who runs CI's containers.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=arguments)
        yield running
        running.close()


@pytest.fixture(scope="module")
def prod() -> Iterator[str]:
    with serving(sample()) as address:
        yield address


@pytest.fixture(scope="module")
def attacked() -> Iterator[str]:
    with serving(hostile()) as address:
        yield address


@contextmanager
def visiting(browser: Browser, width: int = 1200, height: int = 900, scheme: str = "light") -> Iterator[Visit]:
    """Open an empty page."""
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": height}
    )
    visit = Visit(page=context.new_page())
    context.on("request", lambda request: visit.requests.append(request.url))
    visit.page.on("console", lambda message: visit.complaints.append(message.text))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
    yield visit
    context.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with a page, with the elements."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_wrong_with_any_view(browser: Browser, prod: str, scheme: str) -> None:
    with visiting(browser, scheme=scheme) as visit:
        for name, path in VIEWS.items():
            visit.page.goto(prod + path)
            assert (name, violations(visit.page)) == (name, [])


def test_axe_finds_nothing_wrong_on_a_small_screen(browser: Browser, prod: str) -> None:
    with visiting(browser, width=400) as visit:
        for path in (VIEWS["all namespaces"], VIEWS["a policy"]):
            visit.page.goto(prod + path)
            assert violations(visit.page) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_wrong_with_the_widget(browser: Browser, scheme: str) -> None:
    with visiting(browser) as visit:
        for asked in ({}, {"namespace": "shop"}, {"policy": "shop/web"}, {"policy": "shop/none"}):
            html = widget({**asked, "widgetContext": {"theme": scheme}}, ARN, widget_ports(sample()))
            # Somebody else's page may have no doctype.
            for begin in ("<!doctype html>", ""):
                visit.page.set_content(f"{begin}<html lang=en><title>x</title><main><h1>Widget</h1>{html}</main>")
                assert (asked, violations(visit.page)) == (asked, [])
            assert visit.page.evaluate(CUT_OFF) == []
        assert visit.requests == []


def test_parameters_of_the_widgets_links_are_for_the_console_alone(browser: Browser) -> None:
    html = widget({}, ARN, widget_ports(sample()))
    with visiting(browser) as visit:
        visit.page.set_content(f"<!doctype html><html lang=en><title>x</title><main>{html}</main>")
        assert "{" not in visit.page.inner_text("main")
        told = visit.page.locator("a.call + cwdb-action").all_text_contents()
        assert {"policy": "shop/web"} in [json.loads(one) for one in told]


def test_nothing_that_others_write_runs_or_loads_anything_in_the_widget(browser: Browser) -> None:
    with visiting(browser) as visit:
        for asked in ({}, {"policy": "shop/web"}):
            html = widget(asked, ARN, widget_ports(hostile()))
            visit.page.set_content(f"<!doctype html><html lang=en><title>x</title><main>{html}</main>")
            assert visit.page.locator("text=<script>").count() > 0
            assert visit.page.evaluate("window.evil") is None
            assert visit.page.locator("script, img, iframe, object, embed, link, use").count() == 0
        assert (visit.complaints, visit.requests) == ([], [])


def test_nothing_that_others_write_runs_or_loads_anything(browser: Browser, attacked: str) -> None:
    with visiting(browser) as visit:
        for path in ("/", "/?namespace=shop", "/policy/shop/web"):
            visit.page.goto(attacked + path)
            assert visit.page.locator("text=<script>").count() > 0
            assert visit.page.evaluate("window.evil") is None
            assert visit.page.locator("script, img, iframe, object, embed, link").count() == 0
        assert visit.complaints == []
        outside = [url for url in visit.requests if not url.startswith(attacked)]
        assert outside == []


def test_no_link_leads_anywhere_but_to_the_dashboard_and_to_git_hosts(
    browser: Browser, prod: str, attacked: str
) -> None:
    every = "[...document.links].map(one => one.href)"
    with visiting(browser) as visit:
        visit.page.goto(prod)
        hosts = {url.split("/")[2] for url in visit.page.evaluate(every)}
        assert hosts == {prod.removeprefix("http://"), "github.com", "gitlab.com"}
        visit.page.goto(attacked)
        assert {url.split("/")[2] for url in visit.page.evaluate(every)} == {attacked.removeprefix("http://")}


@pytest.mark.parametrize(("scheme", "background"), BACKGROUNDS.items())
def test_the_page_follows_the_scheme_of_the_browser(browser: Browser, prod: str, scheme: str, background: str) -> None:
    with visiting(browser, scheme=scheme) as visit:
        visit.page.goto(prod)
        assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == background
        # A style sheet that the Content-Security-Policy forbids would be a complaint.
        assert visit.complaints == []


@pytest.mark.parametrize(("theme", "background"), BACKGROUNDS.items())
def test_the_theme_of_cloudwatch_comes_before_the_scheme_of_the_browser(
    browser: Browser, prod: str, theme: str, background: str
) -> None:
    other = "light" if theme == "dark" else "dark"
    with visiting(browser, scheme=other) as visit:
        visit.page.goto(prod)
        visit.page.evaluate("theme => document.querySelector('.tagstream').dataset.theme = theme", theme)
        assert (
            visit.page.evaluate("getComputedStyle(document.querySelector('.tagstream')).backgroundColor") == background
        )


@pytest.mark.parametrize("width", [400, 1200])
def test_no_view_is_wider_than_the_screen(browser: Browser, prod: str, attacked: str, width: int) -> None:
    with visiting(browser, width=width) as visit:
        for url in (*(prod + path for path in VIEWS.values()), attacked, attacked + "/policy/shop/web"):
            visit.page.goto(url)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, url
            # What sticks out of a table's frame is not seen.
            assert visit.page.evaluate(CUT_OFF) == [], url


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(browser: Browser, prod: str) -> None:
    focused = (
        "document.activeElement.className || document.activeElement.id || document.activeElement.textContent.trim()"
    )
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    with visiting(browser) as visit:
        page = visit.page
        page.goto(prod)
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == "skip"
        assert page.evaluate(outline) != "none"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        # The first link behind the heading: the policy that is red.
        assert page.evaluate(focused) == "search"
        assert page.evaluate(outline) == "solid"
        page.keyboard.press("Enter")
        page.wait_for_url("**/policy/platform/search")


def test_a_namespace_is_chosen_without_a_script(browser: Browser, prod: str) -> None:
    with visiting(browser) as visit:
        page = visit.page
        page.goto(prod)
        page.get_by_label("Namespace").select_option("shop")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**/?namespace=shop")
        assert page.get_by_role("rowheader", name="web shop").count() >= 1
        assert page.get_by_role("rowheader", name="worker").count() == 0
        assert visit.complaints == []


def test_a_table_is_a_table_to_a_screen_reader_on_a_small_screen_too(browser: Browser, prod: str) -> None:
    with visiting(browser, width=400) as visit:
        visit.page.goto(prod)
        policies = visit.page.get_by_role("table", name="What each policy has selected, and why")
        assert policies.get_by_role("row").count() == 6
        assert policies.get_by_role("rowheader").count() == 5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_pictures_of_the_documents_are_made_here(browser: Browser, prod: str, scheme: str, tmp_path: Path) -> None:
    for name, (path, width, height) in PICTURES.items():
        with visiting(browser, width, height, scheme) as visit:
            visit.page.goto(prod + path)
            made = visit.page.screenshot()
        kept = IMAGES / f"{name}-{scheme}.png"
        if WRITES_IMAGES:
            kept.write_bytes(made)
        # Fonts differ from machine to machine, so that pictures are compared by their size only.
        assert _size(kept.read_bytes()) == _size(made) == (width, height)


def _size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
