"""Whatever a registry or a secret holds, the parsers answer or refuse; they never fail otherwise."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from gocompat.path_match import BadPattern, glob_match
from tagstream.adapters.registry.challenge import parse_challenges
from tagstream.adapters.registry.link_header import InvalidLink, next_page
from tagstream.adapters.registry.tag_stream import BadTagList, TagStream
from tagstream.domain.objects.dockerconfig import InvalidDockerConfig, parse_keyring

PAGE = "https://r.example.com/v2/a/b/tags/list?n=1000"
PIECES = st.lists(st.sampled_from([*'<>;,="\\ /?&:@.#%[]', "rel", "next", "https:", "//", "r.example.com", "x"]))
JSON = st.recursive(
    # JSON has no infinity, and yajl takes integers of 64 bits.
    st.none()
    | st.booleans()
    | st.integers(1 - 2**63, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.text(), max_size=3) | st.lists(PIECES.map("".join), max_size=3))
def test_challenges_always_parse(headers: list[str]) -> None:
    assert all(one.scheme == one.scheme.lower() != "" for one in parse_challenges(headers))


@given(st.text() | PIECES.map("".join) | PIECES.map(lambda parts: f"<{''.join(parts)}>; rel=next"))
def test_a_next_page_is_always_on_the_pages_own_address(header: str) -> None:
    with contextlib.suppress(InvalidLink):
        found = next_page(PAGE, header)
        assert found is None or found.partition("?")[0] == PAGE.partition("?")[0]


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_content_is_a_keyring_or_refused(content: bytes) -> None:
    with contextlib.suppress(InvalidDockerConfig):
        parse_keyring([(".dockerconfigjson", content), (".dockercfg", content)])


@given(st.dictionaries(st.text() | PIECES.map("".join), JSON, max_size=4))
def test_any_registries_are_a_keyring_or_refused(auths: dict[str, object]) -> None:
    with contextlib.suppress(InvalidDockerConfig):
        keyring = parse_keyring([(".dockerconfigjson", json.dumps({"auths": auths}).encode())])
        keyring.find("r.example.com:5000", "a/b")
        assert [key for key, _ in keyring.entries] == sorted((key for key, _ in keyring.entries), key=str.encode)[::-1]


@given(st.text("ab*?[]^-\\"), st.text("ab-", max_size=12))
def test_any_pattern_matches_or_not_or_is_refused(pattern: str, text: str) -> None:
    with contextlib.suppress(BadPattern):
        assert glob_match(pattern, text) in (True, False)


@given(st.lists(st.text(max_size=20), max_size=20), st.dictionaries(st.text(), JSON, max_size=3), st.integers(1, 50))
def test_tags_are_read_however_they_are_cut(tags: list[str], rest: dict[str, object], size: int) -> None:
    document = json.dumps({**rest, "tags": tags}).encode()
    stream = TagStream()
    found = [tag for at in range(0, len(document), size) for tag in stream.feed(document[at : at + size])]
    stream.close()
    assert found == tags


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_tags_or_refused(content: bytes, size: int) -> None:
    stream = TagStream()
    with contextlib.suppress(BadTagList):
        for at in range(0, len(content), size):
            list(stream.feed(content[at : at + size]))
        stream.close()
