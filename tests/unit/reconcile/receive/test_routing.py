"""Which ImageRepositories a delivery means."""

from __future__ import annotations

import pytest

from tagstream.events.delivery import PushAction, PushHint
from tagstream.reconcile.receive.routing import NamedImages, canonical_names, comparable_name


@pytest.mark.parametrize(
    ("told", "watched"),
    [
        ("docker.io/library/nginx", "nginx"),
        ("docker.io/library/nginx", "docker.io/nginx"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx"),
        ("registry-1.docker.io/nginx", "library/nginx"),
        ("registry.hub.docker.com/team/app", "team/app"),
        ("Registry.Example.com/app", "registry.example.com/app"),
        ("registry.example.com:443/app", "registry.example.com/app"),
        ("registry.example.com/app", "registry.example.com:80/app"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
            "123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com/app",
        ),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app", "123456789012.dkr-ecr.eu-west-1.on.aws/app"),
    ],
)
def test_all_spellings_of_a_repository_are_one(told: str, watched: str) -> None:
    registry, _, repository = told.partition("/")
    named = NamedImages.of([PushHint(registry=registry, repository=repository, tag="1")])
    assert named.tags_of(watched) == {"1"}


@pytest.mark.parametrize(
    "watched",
    [
        "registry.example.com:5000/app",
        "registry.example.com/team/app",
        "registry.example.com/app2",
        "registry.example.org/app",
        "app",
        "https://registry.example.com/app",
        "",
    ],
)
def test_another_repository_is_not_meant(watched: str) -> None:
    named = NamedImages.of([PushHint(registry="registry.example.com", repository="app", tag="1")])
    assert named.tags_of(watched) is None


@pytest.mark.parametrize(
    ("watched", "meant"),
    [
        ("a.example/team/app", True),
        ("a.example/docker/team/app", True),
        ("a.example/app", False),
        ("a.example/my-team/app", False),
        ("a.example/team/app/sub", False),
    ],
)
def test_without_a_host_the_path_or_its_end_decides(watched: str, meant: bool) -> None:
    named = NamedImages.of([PushHint(registry=None, repository="team/app", tag="1")])
    assert (named.tags_of(watched) == {"1"}) is meant


@pytest.mark.parametrize(
    ("action", "tag", "tags"), [("push", "1", {"1"}), ("push", None, set()), ("delete", "1", set())]
)
def test_only_pushed_tags_are_waited_for(action: PushAction, tag: str | None, tags: set[str]) -> None:
    named = NamedImages.of([PushHint(registry="r.example", repository="app", tag=tag, action=action)])
    assert named.tags_of("r.example/app") == tags


def test_what_is_no_image_name_means_nothing() -> None:
    assert comparable_name("r.example/UPPER") == ""
    assert canonical_names(PushHint(registry="r.example", repository="U")) == ()


def test_an_ecr_repository_is_found_under_each_of_its_hosts() -> None:
    hint = PushHint(registry="123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", repository="app")
    assert canonical_names(hint) == (
        "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/app",
        "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app",
        "123456789012.dkr-ecr.us-gov-west-1.on.aws/app",
        "123456789012.dkr-ecr-fips.us-gov-west-1.on.aws/app",
    )
