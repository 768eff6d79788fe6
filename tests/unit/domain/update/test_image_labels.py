"""What labels of an image are believed: whoever builds an image writes them."""

from __future__ import annotations

import json

import pytest

from tagstream.domain.update.image_labels import (
    REVISION,
    SOURCE,
    ImageSource,
    labels_of_configuration,
    labels_of_manifest,
    read_source,
    repository_url,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_annotations_and_labels_say_where_an_image_comes_from() -> None:
    labels = {SOURCE: "https://github.com/acme/web", REVISION: COMMIT}
    assert labels_of_manifest(json.dumps({"annotations": {**labels, "x": "y"}}).encode()) == labels
    assert labels_of_configuration(json.dumps({"config": {"Labels": labels}}).encode()) == labels
    assert read_source(labels) == ImageSource(url="https://github.com/acme/web", revision=COMMIT)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"annotations":[]}', b'{"config":{"Labels":{"a":1}}}', b"[" * 9999]
)
def test_what_has_no_labels_says_nothing(content: bytes) -> None:
    assert (labels_of_manifest(content), labels_of_configuration(content)) == ({}, {})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://github.com/acme/web.git", "https://github.com/acme/web"),
        ("https://user:word@GitHub.com/acme/web/?a=b#c", "https://github.com/acme/web"),
        ("http://git.example.com:3000/a/b", "http://git.example.com:3000/a/b"),
        ("https://x.example/a)[b](c", "https://x.example/a%29%5Bb%5D%28c"),
        ("https://x.example/a b|c`\n", "https://x.example/a%20b%7Cc%60"),
        ("javascript:alert(1)", ""),
        ("git@github.com:acme/web.git", ""),
        ("https://github.com", ""),
        ("https://[::1/x", ""),
        ("https://a b/x", ""),
        ("https://x.example/" + "a" * 600, ""),
    ],
)
def test_only_the_address_of_a_page_is_taken_and_nothing_of_it_is_markdown(text: str, url: str) -> None:
    assert repository_url(text) == url


@pytest.mark.parametrize("revision", ["", "main", "abc", "0123456g", "a" * 65, "012345 7"])
def test_a_revision_that_is_no_commit_says_nothing(revision: str) -> None:
    assert read_source({SOURCE: "https://github.com/acme/web", REVISION: revision}) is None
