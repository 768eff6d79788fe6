"""Titles and bodies of pull requests: defaults, tables, and text that must not become Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.identity import ObjectIdentifier
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.message import MessageData, TemplateError
from tagstream.domain.update.request_text import (
    ChangeSet,
    RequestText,
    TextTemplates,
    changes_table,
    identity_in,
    is_withdrawn,
    registry_page,
    request_text,
    withdrawn_body,
    without_withdrawal,
)

WEB = NamespacedName("apps", "web")


def change(old: str, new: str, setter: str = "apps:web", file: str = "apps/web.yaml") -> Change:
    return Change(file=file, object=ObjectIdentifier(), old_value=old, new_value=new, setter=setter, line=1)


def change_set(*changes: Change, refs: Mapping[NamespacedName, ImageRef] | None = None) -> ChangeSet:
    known = {WEB: ImageRef(name="registry.example.com/web", tag="1.1.0")} if refs is None else refs
    return ChangeSet(changes=changes, named=changes, refs=known)


def text(changes: ChangeSet, title: str = "", body: str = "", limits: tuple[int, int] = (255, 65_536)) -> RequestText:
    data = MessageData(
        automation=NamespacedName("apps", "bot"),
        changes=changes.named,
        now=datetime(2026, 11, 27, tzinfo=UTC),
        entropy=bytes,
        refs=changes.refs,
    )
    return request_text(TextTemplates(title=title, body=body, max_title=limits[0], max_body=limits[1]), data, changes)


ONE = change_set(change("registry.example.com/web:1.0.0", "registry.example.com/web:1.1.0"))


def test_the_default_body_shows_image_old_new_and_file() -> None:
    assert text(ONE).body == (
        "Update of web by `apps/bot`.\n\n"
        "| Image | Old | New | File |\n|---|---|---|---|\n"
        "| `registry.example.com/web` | `1.0.0` | `1.1.0` | `apps/web.yaml` |\n\n"
        "This request is kept current by tagstream: it is replaced when newer tags are selected.\n\n"
        f"[tagstream]: # (changes {ONE.identity})\n"
    )


def test_the_default_title_names_the_image_and_its_tag() -> None:
    assert text(ONE).title == "Update web to 1.1.0"


def test_the_default_title_of_several_images_names_two_of_them() -> None:
    keys = [NamespacedName("apps", name) for name in ("a", "b", "c", "d")]
    refs = {key: ImageRef(name=f"r.example.com/{key.name}", tag="1") for key in keys}
    changes = change_set(*(change("0", "1", f"apps:{key.name}:tag") for key in keys), refs=refs)
    assert text(changes).title == "Update a, b and 2 more"


def test_the_same_new_values_have_the_same_identity_whatever_they_replace() -> None:
    other = change_set(change("registry.example.com/web:0.9.0", "registry.example.com/web:1.1.0"))
    newer = change_set(change("registry.example.com/web:1.0.0", "registry.example.com/web:1.2.0"))
    assert other.identity == ONE.identity != newer.identity


def test_the_identity_is_read_from_a_body_that_a_host_or_a_person_has_changed() -> None:
    body = "Note by alice.\r\n\r\n" + text(ONE).body.replace("\n", "\r\n")
    assert identity_in(body) == ONE.identity
    assert identity_in("nothing of ours") == ""


@pytest.mark.parametrize(
    "body", ["", "a person's words", "\r\n".join(["words", "", "[tagstream]: # (changes 0123456789abcdef)"])]
)
def test_the_mark_of_a_withdrawal_keeps_the_identity_and_can_be_taken_away(body: str) -> None:
    marked = withdrawn_body(body, 1_000)
    assert (is_withdrawn(body), is_withdrawn(marked), identity_in(marked)) == (False, True, identity_in(body))
    assert withdrawn_body(marked, 1_000).count("withdrawn by tagstream") == 1
    assert without_withdrawal(marked).strip() == body.replace("\r", "").strip()


def test_the_mark_of_a_withdrawal_fits_behind_the_longest_body() -> None:
    made = text(
        change_set(*(change(f"v{one}", f"v{one + 1}", f"apps:w{one}") for one in range(99))), limits=(255, 2_000)
    )
    marked = withdrawn_body(made.body, 2_000)
    assert len(marked) <= 2_000
    assert without_withdrawal(marked).strip() == made.body.strip()


@pytest.mark.parametrize(
    ("old", "cell"),
    [
        ("@org/team", "`@org/team`"),
        ("[x](https://evil.example)", "`[x](https://evil.example)`"),
        ("<img src=x>", "`<img src=x>`"),
        ("a`b` | c \\", "`a\ufffdb\ufffd \ufffd c \ufffd`"),
        ("a\n| b\u202e", "`a \ufffd b`"),
        ("", ""),
        ("x" * 300, f"`{'x' * 199}…`"),
    ],
)
def test_values_stand_in_code_spans_that_they_cannot_end(old: str, cell: str) -> None:
    row = changes_table(change_set(change(old, "1.1.0")), 10_000).splitlines()[2]
    assert row == f"| `registry.example.com/web` | {cell} | `1.1.0` | `apps/web.yaml` |"


def test_a_table_that_is_too_long_for_the_host_says_how_many_rows_are_left_out() -> None:
    changes = change_set(*(change("1.0.0", "1.1.0", file=f"apps/{number}.yaml") for number in range(100)))
    body = text(changes, limits=(255, 4_000)).body
    rows = body.count("apps/")
    assert len(body) <= 4_000
    assert f"… and {100 - rows + 1} more" in body
    assert identity_in(body) == changes.identity


def test_a_long_title_is_cut_and_is_one_line() -> None:
    assert text(ONE, title="a\n b" + "x" * 300, limits=(20, 1_000)).title == "a bxxxxxxxxxxxxxxxx…"


def test_an_empty_title_is_an_error() -> None:
    with pytest.raises(TemplateError, match="the pull request title is empty"):
        text(ONE, title="{{ if false }}x{{ end }} ")


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("nginx", "https://hub.docker.com/_/nginx/tags?name=1.1.0"),
        ("grafana/grafana", "https://hub.docker.com/r/grafana/grafana/tags?name=1.1.0"),
        ("quay.io/org/app", "https://quay.io/repository/org/app?tab=tags&tag=1.1.0"),
        ("ghcr.io/org/app", "https://ghcr.io/org/app"),
        ("europe-docker.pkg.dev/p/r/app", "https://europe-docker.pkg.dev/p/r/app"),
        ("public.ecr.aws/alias/app", "https://gallery.ecr.aws/alias/app"),
        ("registry.example.com/app", ""),
        ("not an image", ""),
    ],
)
def test_images_of_well_known_registries_link_to_their_pages(name: str, page: str) -> None:
    assert registry_page(ImageRef(name=name, tag="1.1.0")) == page


def test_a_new_value_links_to_the_commits_since_the_old_one() -> None:
    commits = "https://github.com/acme/web/compare/aaaaaaa...bbbbbbb"
    changes = replace(ONE, ranges={(WEB, ONE.changes[0].old_value): commits})
    assert f"| `registry.example.com/web` | `1.0.0` | [`1.1.0`]({commits}) | `apps/web.yaml` |" in text(changes).body
