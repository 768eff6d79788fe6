"""Names are those that Kubernetes admits."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.object_name import is_namespace_name, is_object_name


@pytest.mark.parametrize("name", ["a", "web-1", "a.b-c.d", "0", "a" * 253])
def test_a_subdomain_is_a_name_of_an_object(name: str) -> None:
    assert is_object_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a..b", ".a", "A", "a_b", "a/b", "a\n", "ä", "a" * 254])
def test_anything_else_is_none(name: str) -> None:
    assert not is_object_name(name)


@pytest.mark.parametrize(("name", "fits"), [("a" * 63, True), ("a" * 64, False), ("a.b", False), ("flux-system", True)])
def test_the_name_of_a_namespace_is_one_label(name: str, fits: bool) -> None:
    assert is_namespace_name(name) is fits
