"""The dashboard's HTML: nothing that others write can become part of it, and it stays usable with many objects."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from tagstream.dashboard.overview import read_overview
from tagstream.dashboard.render import (
    Frame,
    content_policy,
    cut,
    linkable,
    overview_address,
    overview_html,
    problem_html,
)
from tagstream.dashboard.view import Overview
from tests.unit.cli.memory_ports import MemoryPorts
from tests.unit.dashboard.sample_stack import EVIL, alarms, hostile, policy, ready, sample

EMPTY_ELEMENTS = {"meta", "br", "input", "link"}


class Elements(HTMLParser):
    """The elements of a page with their attributes; it fails for elements that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(html: bytes) -> Elements:
    found = Elements()
    found.feed(html.decode())
    assert found.open == []
    return found


def overview(ports: MemoryPorts) -> Overview:
    return read_overview("prod", None, ports.bundle(), alarms())


def many() -> Overview:
    ports = MemoryPorts()
    for number in range(1000):
        failed = {"conditions": ready("no tags", status="False", reason="Failed")} if number == 999 else {}
        policy(ports, f"shop/p{number:03}", "web", failed)
    return overview(ports)


def text_of(html: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", html.decode(), flags=re.DOTALL))


def test_the_page_says_what_runs_where() -> None:
    page = text_of(overview_html(overview(sample()), Frame()))
    for words in ("1.4.2", "ghcr.io/example/shop-web", "a push (delivery 4be1d2f0), after 1.4.1", "12s median", "#87"):
        assert words in page


@pytest.mark.parametrize("frame", [Frame(), Frame(kind="widget", theme="dark")])
def test_nothing_that_others_write_becomes_an_element_or_an_attribute(frame: Frame) -> None:
    html = overview_html(overview(hostile()), frame)
    found = elements(html)
    assert {tag for tag, _ in found.found} & {"script", "img", "iframe", "object", "svg", "b"} == set()
    assert [name for _, attributes in found.found for name in attributes if name.startswith("on")] == []
    links = [attributes["href"] for tag, attributes in found.found if tag == "a"]
    assert [one for one in links if one and not one.startswith(("/", "#"))] == []
    assert html.decode().count("&lt;script&gt;") > 10


def test_characters_that_steer_text_are_spelled_out() -> None:
    page = overview_html(overview(hostile()), Frame()).decode()
    assert "\u202e" in EVIL
    assert not {"\u202e", "\u2028"} & set(page)
    assert "\\u202e" in page


def test_a_lone_surrogate_does_not_break_the_page() -> None:
    assert b"\\ud800" in problem_html("a", "\ud800", Frame())


def test_values_are_no_templates() -> None:
    assert b"{{7*7}}" in overview_html(overview(hostile()), Frame())


def test_what_is_red_is_on_the_first_part_however_many_objects_there_are() -> None:
    html = overview_html(many(), Frame())
    assert b"p999" in html
    assert html.count(b'<th scope="row">') < 120
    assert len(html) < 100_000


def test_the_other_rows_are_one_link_away() -> None:
    view = many()
    first = overview_html(view, Frame()).decode()
    assert '<a href="/?policies=2#policies">Next</a>' in first
    last = overview_html(view, Frame(parts={"policies": 20})).decode()
    assert "Part 20 of 20" in last
    assert "p998" in last


@pytest.mark.parametrize("number", [0, -1, 21, 10**6])
def test_a_part_that_does_not_exist_is_the_nearest_one(number: int) -> None:
    html = overview_html(many(), Frame(parts={"policies": number})).decode()
    assert f"Part {1 if number < 1 else 20} of 20" in html


def test_a_widget_shows_fewer_rows_and_says_so_and_links_to_no_page_of_ours() -> None:
    html = overview_html(many(), Frame(kind="widget")).decode()
    assert "The first 20 of 1000" in html
    assert "href" not in html
    assert "<html" not in html


def test_a_widget_takes_the_theme_that_it_is_given() -> None:
    assert b'data-theme="dark"' in overview_html(overview(sample()), Frame(kind="widget", theme="dark"))


def test_a_page_loads_nothing() -> None:
    for html in (overview_html(overview(sample()), Frame()), problem_html("a", "b", Frame())):
        tags = elements(html).found
        assert [tag for tag, attributes in tags if tag in ("script", "link", "img") or "src" in attributes] == []
        assert not re.search(r"url\(|@import", html.decode())
        assert [tag for tag, attributes in tags if "style" in attributes] == []


def test_every_table_has_a_caption_and_scopes_and_every_section_a_heading() -> None:
    found = elements(overview_html(overview(sample()), Frame())).found
    count = {tag: sum(one == tag for one, _ in found) for tag in ("table", "caption", "main", "h1")}
    assert count["table"] == count["caption"] >= 7
    assert (count["main"], count["h1"]) == (1, 1)
    assert [attributes for tag, attributes in found if tag == "th" and "scope" not in attributes] == []
    ids = {attributes["id"] for _, attributes in found if "id" in attributes}
    named = [attributes["aria-labelledby"] for tag, attributes in found if tag == "section"]
    assert named
    assert set(named) <= ids


def test_an_empty_stack_says_so() -> None:
    page = text_of(overview_html(read_overview("prod", None, MemoryPorts().bundle()), Frame()))
    for words in ("nothing is red", "There is no ImagePolicy.", "Changes are pushed at any time."):
        assert words in page


@pytest.mark.parametrize(
    ("url", "is_linked"),
    [
        ("https://github.com/a/b/pull/1", True),
        ("http://git.example:3000/a/b/pulls/1", True),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example", False),
        ("https:///x", False),
        ("https://a b/", False),
        ("https://evil\u202e.example/", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_only_http_and_https_are_linked(url: str, is_linked: bool) -> None:
    assert linkable(url) == (url if is_linked else "")


def test_the_address_of_a_page_quotes_what_it_holds() -> None:
    assert overview_address("a&b", {"policies": 2}) == "/?namespace=a%26b&policies=2"
    assert overview_address(None) == "/"


def test_a_long_text_is_cut() -> None:
    assert cut("a" * 700) == "a" * 600 + " …"
    assert cut("a" * 600) == "a" * 600


def test_the_policy_of_a_page_allows_the_style_on_it_and_nothing_else() -> None:
    page = problem_html("a", "b", Frame()).decode()
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    told = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert content_policy() == (f"default-src 'none'; style-src 'sha256-{told}'; form-action 'self'; base-uri 'none'")


@pytest.mark.parametrize("html", [problem_html("a", "b", Frame()), overview_html(overview(sample()), Frame())])
def test_a_saved_page_has_its_policy_in_its_head(html: bytes) -> None:
    policies = [attributes["content"] for tag, attributes in elements(html).found if "http-equiv" in attributes]
    assert policies == [content_policy()]


def test_an_age_is_counted_from_when_the_stack_was_read() -> None:
    view = overview(sample())
    assert "37m ago" in text_of(overview_html(view, Frame()))
    assert view.at - view.policies[-1].selected_at == timedelta(minutes=37)  # type: ignore[operator]
