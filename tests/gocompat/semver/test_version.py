"""Tags as versions."""

from __future__ import annotations

import pytest

from gocompat.semver.version import InvalidVersion, parse_tag


def test_versions_are_ordered_as_semver_says() -> None:
    ascending = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-rc.2", "1.0.0-rc.11", "1.0.0", "1.10.0"]
    assert sorted(set(ascending), key=lambda tag: parse_tag(tag).key) == ascending


@pytest.mark.parametrize("tag", ["", "1", "1.2", "latest", "1.2.x", "1.2.3-01", "a.b.c"])
def test_a_tag_without_three_parts_is_not_a_version(tag: str) -> None:
    with pytest.raises(InvalidVersion):
        parse_tag(tag)
