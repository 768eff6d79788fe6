"""Which page a request gets, and what it gets when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import pytest

from tagstream.cli.console import CommandFailed
from tagstream.cli.dashboard_site import Site
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.bundle import LookPorts
from tagstream.ports.operations import Alarm
from tests.unit.dashboard.sample_stack import alarms, sample


def site(error: Exception | None = None, told: list[Exception] | None = None) -> Site:
    ports = sample().bundle()

    def connected() -> LookPorts:
        if error is not None:
            raise error
        return ports

    return Site(stack="prod", ports=connected, alarms=alarms, on_error=[].append if told is None else told.append)


def test_the_root_is_the_page_of_all_namespaces() -> None:
    answer = site().answer("/")
    assert answer.status == 200
    assert b"All namespaces" in answer.html


def test_a_namespace_is_shown_alone() -> None:
    html = site().answer("/?namespace=shop").html.decode()
    assert "Namespace shop" in html
    assert '<option value="shop" selected>' in html
    assert "registry.example.com/platform" not in html


@pytest.mark.parametrize("target", ["/x", "//", "/../etc/passwd", "/policy", "/%00", "http://evil.example/x"])
def test_another_path_is_no_page(target: str) -> None:
    assert site().answer(target).status == 404


@pytest.mark.parametrize("name", ["<script>", "a" * 300, "A", "a%00b", "-a"])
def test_a_name_that_no_namespace_has_is_refused(name: str) -> None:
    answer = site().answer(f"/?namespace={name}")
    assert answer.status == 400
    assert b"<script>" not in answer.html


@pytest.mark.parametrize("query", ["policies=x", "policies=-1", "policies=0", "policies=99999999", "other=1", "&&="])
def test_a_part_that_is_no_number_is_the_first(query: str) -> None:
    assert site().answer(f"/?{query}").status == 200


def test_a_query_of_many_fields_is_refused() -> None:
    assert site().answer("/?" + "&".join(f"a{number}=1" for number in range(100))).status == 400


@pytest.mark.parametrize(
    "error",
    [
        RetryableError("the table does not answer", reason="StorageOperationFailed"),
        CommandFailed("the table does not answer"),
    ],
)
def test_an_error_of_aws_becomes_a_page_that_says_so(error: Exception) -> None:
    answer = site(error).answer("/")
    assert answer.status == 502
    assert b"the table does not answer" in answer.html


def test_an_error_that_nobody_expected_is_told_in_the_terminal_and_not_on_the_page() -> None:
    told: list[Exception] = []
    answer = site(KeyError("s3cret"), told).answer("/")
    assert answer.status == 500
    assert b"s3cret" not in answer.html
    assert [type(one) for one in told] == [KeyError]


def test_alarms_that_may_not_be_read_are_left_out_with_a_note() -> None:
    def refused() -> NoReturn:
        raise RetryableError("not authorized", reason="Failure")

    def none() -> Sequence[Alarm]:
        raise ImageAutomationError("none", reason="Failure")

    for read in (refused, none):
        html = Site(stack="prod", ports=lambda: sample().bundle(), alarms=read, on_error=[].append).answer("/").html
        assert b"The alarms of the stack are not shown" in html


def test_a_policy_has_a_page() -> None:
    answer = site().answer("/policy/shop/web?tags=1")
    assert answer.status == 200
    assert b"ImagePolicy in shop" in answer.html


@pytest.mark.parametrize("path", ["/policy/shop/none", "/policy/shop/A", "/policy/shop/web/x", "/policy/shop/%3Cb%3E"])
def test_a_policy_that_does_not_exist_has_none(path: str) -> None:
    assert site().answer(path).status == 404
