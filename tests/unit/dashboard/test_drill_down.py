"""The page of a policy: what it selects and why, its tags over time, what happened to it."""

from __future__ import annotations

import re

from tagstream.dashboard.drill_down import read_policy_page
from tagstream.dashboard.render import Frame, policy_html
from tagstream.dashboard.view import PolicyPage
from tests.unit.cli.memory_ports import MemoryPorts
from tests.unit.dashboard.sample_stack import (
    COMMITS,
    ago,
    entry,
    hostile,
    key,
    policy,
    repository,
    sample,
    selected,
)
from tests.unit.dashboard.test_render import elements, text_of


def page(name: str = "shop/web", ports: MemoryPorts | None = None) -> PolicyPage:
    found = read_policy_page("prod", key(name), (ports or sample()).bundle())
    assert found is not None
    return found


def test_there_is_no_page_of_a_policy_that_does_not_exist() -> None:
    assert read_policy_page("prod", key("shop/none"), sample().bundle()) is None


def test_every_tag_has_the_verdict_that_explain_prints() -> None:
    found = {one.tag: (one.verdict, one.detail) for one in page().tags}
    assert found["1.4.2"] == ("selected", "")
    assert found["1.4.1"] == ("candidate", "")
    assert found["pr-212"] == ("not a version", "invalid semantic version")
    assert found["2.0.0-rc.1"][0] == "out of range"
    assert [one.tag for one in page().tags][:2] == ["1.4.2", "1.4.1"]


def test_a_tag_shows_when_it_was_first_seen() -> None:
    assert page().tags[0].seen_at == ago(minutes=37)


def test_the_gates_say_why_the_tag_is_not_the_best_one() -> None:
    [gate] = page("platform/worker").gates
    assert gate.startswith("pinned by arn:aws:iam::123456789012:user/ben")
    assert "v3.3.0 leaks memory" in gate


def test_a_policy_that_cannot_select_says_why_and_what_that_points_to() -> None:
    found = page("platform/search")
    assert found.problem.startswith("no tags of ImageRepository/platform/search are stored")
    assert "it must be allowed to pull registry.example.com/platform/search" in found.hints[0]
    assert "What it selects" in text_of(policy_html(found, Frame()))


def test_the_timeline_tells_tags_with_a_place_in_the_order_from_others() -> None:
    lanes = {dot.seen.tag: dot.seen.lane for dot in page().timeline.dots}
    assert (lanes["1.3.0"], lanes["pr-212"], lanes["2.0.0-rc.1"]) == ("candidate", "other", "other")


def test_the_timeline_has_what_was_selected_and_when_it_was_committed() -> None:
    drawn = page().timeline
    assert [(bar.tag, bar.is_current) for bar in drawn.bars] == [("1.4.0", False), ("1.4.1", False), ("1.4.2", True)]
    assert [mark.commit[:8] for mark in drawn.marks] == [COMMITS[1], COMMITS[2], COMMITS[0]]


def test_a_selection_that_the_ledger_forgot_is_drawn_with_the_one_before() -> None:
    ports = sample()
    ports.ledger.entries.clear()
    assert [bar.tag for bar in page(ports=ports).timeline.bars] == ["1.4.1", "1.4.2"]


def test_an_entry_that_repeats_the_selection_makes_no_second_bar() -> None:
    ports = sample()
    entry(ports, "ImagePolicy", "shop/web", ago(minutes=5), "again", tag="1.4.2")
    assert [bar.tag for bar in page(ports=ports).timeline.bars] == ["1.4.0", "1.4.1", "1.4.2"]


def test_what_happened_is_told_newest_first_with_its_cause() -> None:
    ports = sample()
    entry(ports, "Receiver", "shop/quay", ago(minutes=38), "delivered", "4be1d2f0", repositories=["shop/web"])
    entry(ports, "ImagePolicy", "shop/api", ago(minutes=1), "not about this one")
    ports.ledger.entries.sort(key=lambda one: one.at)
    found = page(ports=ports).events
    assert [(one.kind, one.cause) for one in found[:3]] == [
        ("ImageUpdateAutomation", "4be1d2f0"),
        ("ImagePolicy", "4be1d2f0"),
        ("Receiver", "4be1d2f0"),
    ]


def test_its_commits_are_linked_to_the_git_host() -> None:
    assert page().commits[0].url == f"https://github.com/example/shop-deploy/commit/{COMMITS[0] * 5}"
    assert [one.id[:8] for one in page().commits] == [COMMITS[0], COMMITS[2], COMMITS[1]]


def test_the_automations_that_commit_it_are_shown() -> None:
    assert [one.key.name for one in page().automations] == ["apps"]
    assert page("platform/worker").automations[0].health.state == "waiting"


def test_a_pin_is_shown_with_its_reason() -> None:
    [order] = page("platform/worker").orders
    assert "v3.3.0 leaks memory" in order.text
    assert "v3.3.0 leaks memory" in text_of(policy_html(page("platform/worker"), Frame()))


def test_nothing_that_others_write_becomes_an_element_or_an_attribute() -> None:
    html = policy_html(page(ports=hostile()), Frame())
    found = elements(html).found
    assert {tag for tag, _ in found} & {"script", "img", "iframe", "object", "b"} == set()
    assert [name for _, attributes in found for name in attributes if name.startswith("on")] == []
    assert not {"\u202e", "\u2028"} & set(html.decode())
    links = [attributes["href"] for tag, attributes in found if tag == "a"]
    assert [one for one in links if one and not one.startswith(("/", "#"))] == []


def test_thousands_of_tags_stay_a_small_page() -> None:
    ports = MemoryPorts()
    repository(ports, "shop/web", "ghcr.io/a/web", [f"1.0.{number}" for number in range(5000)])
    policy(ports, "shop/web", "web")
    selected(ports, "shop/web", "ghcr.io/a/web", "1.0.4999", "1.0.4998", ago(hours=1))
    html = policy_html(page(ports=ports), Frame(parts={"tags": 2})).decode()
    assert len(html) < 60_000
    assert "Part 2 of 100" in html
    assert '<a href="/policy/shop/web?tags=3#tags">Next</a>' in html


def test_the_drawing_is_told_in_words_too() -> None:
    html = policy_html(page(), Frame()).decode()
    svg = re.search(r"<svg.*?</svg>", html, re.DOTALL)
    assert svg is not None
    assert 'role="img" aria-labelledby="drawing-title drawing-text"' in svg[0]


def test_a_policy_without_tags_has_no_drawing() -> None:
    assert b"Its tags over time" not in policy_html(page("platform/search"), Frame())
