"""Where a Git host shows the commits between two images."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import ImageRef
from tagstream.domain.update.image_labels import ImageSource
from tagstream.domain.update.source_range import compare_page, replaced_image
from tests.unit.domain.update.test_request_text import change

REF = ImageRef(name="registry.example.com/web", tag="1.1.0")
DIGEST = "sha256:" + "1" * 64


def page(url: str, old: str = "aaaaaaa", new: str = "bbbbbbb") -> str:
    sources = ImageSource(url=url, revision=old), ImageSource(url=url, revision=new)
    return compare_page(*sources, kinds={"git.example.com": "gitea"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://github.com/acme/web", "https://github.com/acme/web/compare/aaaaaaa...bbbbbbb"),
        ("https://gitlab.com/acme/web", "https://gitlab.com/acme/web/-/compare/aaaaaaa...bbbbbbb"),
        ("https://codeberg.org/acme/web", "https://codeberg.org/acme/web/compare/aaaaaaa...bbbbbbb"),
        ("https://bitbucket.org/acme/web", "https://bitbucket.org/acme/web/branches/compare/bbbbbbb%0Daaaaaaa"),
        ("https://git.example.com:3000/a/b", "https://git.example.com:3000/a/b/compare/aaaaaaa...bbbbbbb"),
        ("https://unknown.example/a/b", ""),
    ],
)
def test_each_host_has_its_own_address_for_the_commits_between_two(url: str, shown: str) -> None:
    assert page(url) == shown


def test_there_is_no_page_for_one_commit_or_for_two_repositories() -> None:
    assert page("https://github.com/acme/web", new="aaaaaaa") == ""
    old, new = (ImageSource(url=f"https://github.com/acme/{name}", revision=name * 7) for name in "ab")
    assert compare_page(old, new, {}) == ""


@pytest.mark.parametrize(
    ("setter", "old", "image"),
    [
        ("", "registry.example.com/web:1.0.0", ("1.0.0", "")),
        ("", f"registry.example.com/web:1.0.0@{DIGEST}", ("1.0.0", DIGEST)),
        (":tag", "1.0.0", ("1.0.0", "")),
        (":tag@digest", f"1.0.0@{DIGEST}", ("1.0.0", DIGEST)),
        (":digest", DIGEST, ("", DIGEST)),
        ("", "registry.example.com/other:1.0.0", None),
        (":tag", "", None),
        (":digest", "none", None),
        (":name", "registry.example.com/web", None),
    ],
)
def test_the_replaced_image_is_what_the_marker_s_value_says(
    setter: str, old: str, image: tuple[str, str] | None
) -> None:
    found = replaced_image(change(old, "x", f"apps:web{setter}"), REF)
    assert (None if found is None else (found.tag, found.digest)) == image
