"""Gates, windows and requests with nothing to do cost no call of the table, a registry, a Git server or a Git host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagstream.ports.bundle import Ports
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.mortal_ports import Life
from tests.contract.reconcile.select.test_platforms import AMD64, ARM64, push_index
from tests.contract.reconcile.update.hosted import Hosted, automation_document, hosted
from tests.contract.reconciling import APP, MARKED, Silent, document, scan, selected, watched
from tests.embedded.git_server import commit_files
from tests.embedded.registry import Registry

CALENDAR = {"window": "Mon-Sun 00:00-24:00 UTC", "freeze": "2020-01-01..2020-01-02", "debounce": "0s"}


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with hosted(ports, silent, tmp_path, "github") as made:
        yield made


def calls_of_an_idle_run(stack: Hosted) -> Counter[str]:
    """The calls of a run within the interval of the last one, which finds nothing to do."""
    stack.run(after_s=3600)
    assert stack.ready == "Succeeded: repository up-to-date"
    stack.host.calls.clear()
    life = Life()
    stack.run(after_s=30, ports=life.ports(stack.ports))
    assert stack.host.calls == []
    # A session has read all refs with the one request that opened it.
    return Counter(one for one in life.calls if one != "git.open.refs")


def with_policies(stack: Hosted, count: int) -> None:
    """More policies, each with a file of its own and a newer tag."""
    for name in (f"p{number}" for number in range(count)):
        policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "x"}})
        policy["metadata"]["name"] = name
        stack.ports.objects.put(policy)
        commit_files(stack.bare, {f"{name}.yaml": MARKED.replace(b"ns:app", f"ns:{name}".encode())}, name)
        stack.select("v1.1.0", name)


def test_an_unchanged_scan_makes_the_same_calls_with_gates_that_are_passed(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    push_index(registry, "v1.30.0", AMD64, ARM64)
    scan(ports)

    def measured() -> tuple[Counter[str], int]:
        registry.requests.clear()
        life = Life()
        scan(life.ports(ports))
        return Counter(life.calls), len(registry.requests)

    plain = measured()
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    gates = {"minimum-age": "1h", "platforms": "linux/amd64,linux/arm64", "on-revert": "hold"}
    policy["metadata"]["annotations"] = {f"tagstream.dev/{name}": text for name, text in gates.items()}
    ports.objects.put(policy)
    evaluate_policies([APP], Cause(text="test"), ports.clock.monotonic_s() + 30, ports)
    assert selected(ports) == "v1.30.0"
    assert measured() == plain


def test_a_run_without_news_makes_the_same_calls_with_an_open_window_and_an_open_request(stack: Hosted) -> None:
    stack.annotate(pull_request=None)
    plain = calls_of_an_idle_run(stack)
    stack.annotate(pull_request="true", **CALENDAR)
    assert calls_of_an_idle_run(stack) == plain
    assert [one.state for one in stack.host.requests] == ["open"]


def test_a_run_without_news_makes_the_same_calls_however_many_requests_a_template_has_open(stack: Hosted) -> None:
    stack.annotate(pull_request=None)
    with_policies(stack, 1)
    plain = calls_of_an_idle_run(stack)
    stack.ports.objects.put(automation_document("images/{{ .Policy }}", **CALENDAR))
    assert calls_of_an_idle_run(stack) == plain
    with_policies(stack, 5)
    assert calls_of_an_idle_run(stack) == plain
    assert [one.state for one in stack.host.requests] == ["open"] * 6
