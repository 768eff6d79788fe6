"""Which commit of which repository a status is for, and how it is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagstream.domain.notify.commit_status import commit_status, repository_address
from tagstream.domain.notify.destination import Unsendable
from tests.unit.domain.notify.sample_events import COMMIT, EVENT, FAILURE, destination


def test_a_status_is_for_the_commit_that_the_event_names() -> None:
    found = commit_status(EVENT, destination("github", "https://github.com/org/app"))
    assert found is not None
    assert (found.commit, found.repository, found.host) == (COMMIT, ("org", "app"), "https://github.com")
    assert (found.name, found.description) == ("imageupdateautomation/apps/abcdef12", "succeeded")


def test_an_event_without_a_commit_gives_no_status() -> None:
    assert commit_status(FAILURE, destination("github", "https://github.com/org/app")) is None
    tags = replace(EVENT, metadata={"revision": "sha256:abc"})
    assert commit_status(tags, destination("github", "https://github.com/org/app")) is None


def test_the_name_of_a_status_may_be_given() -> None:
    found = commit_status(EVENT, destination("github", "https://github.com/org/app", status_name="mine"))
    assert found is not None
    assert found.name == "mine"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://github.com/org/app.git", ("https://github.com", "org/app")),
        ("http://git.example.com:8080/org/app/", ("http://git.example.com:8080", "org/app")),
        ("ssh://git@github.com:22/org/app.git", ("https://github.com", "org/app")),
        ("git@github.com:org/app.git", ("https://github.com", "org/app")),
        ("https://user:password@git.example.com/a%20b/c", ("https://git.example.com", "a b/c")),
    ],
)
def test_an_address_is_read_as_one_clones_it(address: str, expected: tuple[str, str]) -> None:
    assert repository_address(address) == expected


@pytest.mark.parametrize("address", ["", "app", "ftp://github.com/a/b", "https://github.com:x/a/b", "https:///a/b"])
def test_an_address_that_is_none_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises(Unsendable, match=r"^the address is no"):
        repository_address(address)


def test_the_address_of_something_else_than_a_repository_is_refused() -> None:
    with pytest.raises(Unsendable, match="no repository"):
        commit_status(EVENT, destination("github", "https://github.com/org"))
