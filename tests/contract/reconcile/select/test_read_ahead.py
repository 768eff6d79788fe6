"""What many policies are evaluated with is read in groups, and read again for a policy that had to wait."""

from __future__ import annotations

from dataclasses import replace

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import ImagePolicy, NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tagstream.reconcile.select.read_ahead import FRESH_S, GROUP, ReadAhead
from tagstream.reconcile.stored_objects import parse_stored
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import APP, Silent, document, ports_on, scan, watched
from tests.contract.skipping_clock import SkippingClock
from tests.embedded.registry import Registry


def apply_policies(ports: Ports, count: int, namespace: str = "ns") -> list[NamespacedName]:
    """Policies of one repository; the first one is that of ``watched``."""
    names = [NamespacedName(namespace, f"app-{number:02}") for number in range(count)]
    spec = {"imageRepositoryRef": {"name": "app", "namespace": "ns"}, "policy": {"semver": {"range": "1.x"}}}
    for name in names:
        metadata = {"name": name.name, "namespace": name.namespace}
        ports.objects.put({**document("ImagePolicy", **spec), "metadata": metadata})
    return names


def policy_of(ports: Ports, name: NamespacedName) -> ImagePolicy:
    stored = ports.objects.get("ImagePolicy", name)
    assert stored is not None
    return parse_stored(stored, ImagePolicy)


def test_policies_that_nothing_has_changed_for_share_a_few_calls(
    table: Table, silent: Silent, registry: Registry
) -> None:
    ports = ports_on(table, silent)
    watched(ports, registry)
    names = apply_policies(ports, 20)
    scan(ports)
    counting = CountingClient(table.client)
    counted = ports_on(replace(table, client=counting), silent)
    evaluate_policies(names, Cause(text="test"), ports.clock.monotonic_s() + 30, counted)
    # The policies, their selections and their repository, its tags, and a note for the agenda.
    assert sum(counting.calls.values()) <= 6
    assert {str(one.ref.tag) for one in ports.selections.get_many(names).values()} == {"v1.29.0"}
    assert len(ports.selections.get_many([*names, NamespacedName("ns", "nobody")])) == len(names)


def test_a_policy_whose_turn_comes_late_is_evaluated_with_what_is_stored_by_then(
    ports: Ports, registry: Registry
) -> None:
    watched(ports, registry)
    names = apply_policies(ports, 2)
    scan(ports)
    clock = SkippingClock()
    ahead = ReadAhead([policy_of(ports, name) for name in names], replace(ports, clock=clock))
    early = ahead.inputs(policy_of(ports, names[0]))
    registry.add_tags("app", ["v1.30.0"])
    scan(ports)
    clock.sleep(FRESH_S + 0.1)
    late = ahead.inputs(policy_of(ports, names[1]))
    assert early.current is not None and early.current.ref.tag == "v1.29.0"
    assert late.current is not None and late.current.ref.tag == "v1.30.0"
    assert early.tags is not None and late.tags is not None and late.tags.tag_count == early.tags.tag_count + 1


def test_groups_are_read_one_after_the_other(table: Table, silent: Silent, registry: Registry) -> None:
    ports = ports_on(table, silent)
    watched(ports, registry)
    scan(ports)
    policies = [
        replace(policy_of(ports, APP), metadata=replace(policy_of(ports, APP).metadata, key=NamespacedName("ns", name)))
        for name in (f"app-{number}" for number in range(GROUP + 1))
    ]
    counting = CountingClient(table.client)
    ahead = ReadAhead(policies, ports_on(replace(table, client=counting), silent))
    ahead.inputs(policies[0])
    first = sum(counting.calls.values())
    ahead.inputs(policies[1])
    assert sum(counting.calls.values()) == first
    ahead.inputs(policies[-1])
    assert sum(counting.calls.values()) == 2 * first


def test_a_repository_that_a_policy_may_not_name_is_not_read(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    (foreign,) = apply_policies(ports, 1, namespace="other")
    scan(ports)
    policies = [policy_of(ports, foreign), policy_of(ports, APP)]
    ahead = ReadAhead(policies, replace(ports, no_cross_namespace_refs=True))
    assert ahead.inputs(policies[0]).repository is None
    assert ahead.inputs(policies[1]).repository is not None
