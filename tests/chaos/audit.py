"""What must be true when a chaos run has come to rest; each finding is a sentence that says what was lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tagstream.adapters.store import keys
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.ledger import repeated_identity
from tests.chaos.world import BY_HAND, World
from tests.embedded.git_server import git
from tests.simulation.cloud import STACK, TICK, client_of
from tests.simulation.documents import TOLD_KINDS

# Items that name an object in their keys and go with it. Of `seen#`, `delivery#`, `pending#` and `waiting#`, time takes
# care: they have an end.
_DERIVED = re.compile(r"^(?:status|object|tags|policies|selection|run|hookpath|image)#")
REPEATED = ("sync", "notify")
Items = list[dict[str, Any]]


def findings(world: World) -> Iterator[str]:
    """Everything that is wrong; nothing if all is well."""
    items = _items(world)
    yield from world.missing()
    yield from world.history.wrong
    yield from _dead_letters(world)
    yield from _stuck_leases(world, items)
    yield from _broken_tag_lists(items)
    yield from _outdated(world)
    yield from _orphans(items)
    yield from _not_ready(world)
    yield from _commits_without_one_event(world, items)
    yield from _untold(world, items)
    yield from _told_in_other_words(world)
    yield from _pruned(world)
    yield from _requests(world)
    yield from _raised(world)


def _raised(world: World) -> Iterator[str]:
    """What functions raised. Those that are invoked asynchronously say in this way that AWS has to repeat the event."""
    for name, pool in world.cloud.pools.items():
        for error in pool.errors:
            if not (name in REPEATED and error.startswith(("OutOfOrder: ", "RetryableError: "))):
                yield f"{name} raised: {error}"


def explained(letter: str) -> bool:
    """Whether nobody misses what AWS gave up because its workers were killed each time.

    The next tick does what a tick has left, and asks for a sync again; a notice is sent again by hand.
    """
    return letter == str(TICK) or letter.startswith(("{'tagstream': 'sync'", "{'tagstream': 'notice'"))


def _items(world: World) -> Items:
    pages = client_of(world.cloud.aws, "dynamodb").get_paginator("scan").paginate(TableName=STACK)
    return [dict(item) for page in pages for item in page["Items"]]


def _dead_letters(world: World) -> Iterator[str]:
    for letter in world.cloud.dead_letters:
        if not explained(letter):
            yield f"a dead letter: {letter}"


def _stuck_leases(world: World, items: Items) -> Iterator[str]:
    for item in items:
        name = item["pk"]["S"]
        if not name.startswith("lease#"):
            continue
        until = keys.read_number(item, "until")
        if "owner" in item and until > world.cloud.clock.now_s():
            yield f"{name} is still held"
        if "intents" in item:
            yield f"{name} has commits in doubt"


def _broken_tag_lists(items: Items) -> Iterator[str]:
    chunks: dict[str, set[str]] = {}
    for item in items:
        if item["pk"]["S"].startswith("tags#") and item["sk"]["S"].startswith("chunk#"):
            chunks.setdefault(item["pk"]["S"], set()).add(item["sk"]["S"])
    for item in items:
        if item["pk"]["S"].startswith("tags#") and item["sk"]["S"] == "state":
            yield from _of_state(item, chunks.pop(item["pk"]["S"], set()))
    yield from (f"{name} has chunks and no state" for name in chunks)


def _outdated(world: World) -> Iterator[str]:
    """Statuses that tell of another list than the stored one, or of another selection: an older worker came last."""
    ports = world.cloud.ports
    for stored in ports.objects.list("ImageRepository"):
        state, result = ports.tags.state(stored.key), stored.status.get("lastScanResult")
        told = result.get("revision") if isinstance(result, Mapping) else None
        if state is not None and told != state.revision:
            yield f"ImageRepository {stored.key} tells of the list {told}, and {state.revision} is stored"
    for stored in ports.objects.list("ImagePolicy"):
        selection, ref = ports.selections.get(stored.key), stored.status.get("latestRef")
        told = ref.get("tag") if isinstance(ref, Mapping) else None
        if selection is not None and told != selection.ref.tag:
            yield f"ImagePolicy {stored.key} tells of {told}, and {selection.ref.tag} is selected"


def _of_state(item: Mapping[str, Any], chunks: set[str]) -> Iterator[str]:
    state: Any = keys.read_document(item)
    snapshot, wanted = str(state["snapshot"]), int(state["chunkCount"])
    own = {one for one in chunks if snapshot and snapshot in one}
    if len(own) < wanted:
        yield f"{item['pk']['S']}: {len(own)} of {wanted} chunks"
    if chunks - own:
        yield f"{item['pk']['S']}: chunks that no state names: {sorted(chunks - own)}"


def _orphans(items: Items) -> Iterator[str]:
    objects = {
        (item["pk"]["S"].removeprefix("object#"), item["sk"]["S"])
        for item in items
        if item["pk"]["S"].startswith("object#")
    }
    for item in items:
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        if _DERIVED.match(pk) and not _owners(pk, sk) & objects:
            yield f"orphan item {pk} {sk}"


def _owners(pk: str, sk: str) -> set[tuple[str, str]]:
    kind, _, name = pk.partition("#")
    if kind in ("status", "object"):
        return {(name, sk)}
    if kind in ("selection", "run"):
        return {("ImagePolicy" if kind == "selection" else "ImageUpdateAutomation", f"{name}/{sk}")}
    if kind == "image":
        return {("ImageRepository", sk)}
    return {("Receiver" if kind == "hookpath" else "ImageRepository", name)}


def _not_ready(world: World) -> Iterator[str]:
    for kind in (*TOLD_KINDS, "Receiver"):
        for stored in world.cloud.ports.objects.list(kind):
            conditions: Any = stored.status.get("conditions") or []
            ready: Any = next((one for one in conditions if one["type"] == "Ready"), {})
            if ready.get("status") != "True":
                yield f"{kind} {stored.key} is not ready: {ready.get('message')}"


def _commits_without_one_event(world: World, items: Items) -> Iterator[str]:
    """Each commit of the bot has exactly one entry in the ledger."""
    told: Counter[str] = Counter()
    for item in items:
        if item["pk"]["S"].startswith("ledger#") and re.fullmatch(r"[0-9a-f]{40}", item["sk"]["S"].rpartition("#")[2]):
            told[item["sk"]["S"].rpartition("#")[2]] += 1
    for commit in (*world.history.made, *_heads(world)):
        if told[commit] != 1:
            yield f"commit {commit[:8]} has {told[commit]} entries in the ledger"


def _untold(world: World, items: Items) -> Iterator[str]:
    """Everything that happened was told, to the service of its namespace and on the event bus."""
    told = _with_repeated(one.headers["X-Event-Id"] for one in world.hooks.received)
    on_bus = _with_repeated(str(detail["id"]) for detail in world.cloud.gate.bus)
    for item in items:
        if not item["pk"]["S"].startswith("ledger#") or "t" not in item:
            continue
        name, entry = item["sk"]["S"], keys.read_document(item)
        same = {name, repeated_identity(name)} - {""}
        if entry["kind"] in TOLD_KINDS and not same & told:
            yield f"{entry['kind']} {entry['name']} {entry['reason']} was not told: {name}"
        if not same & on_bus:
            yield f"{entry['kind']} {entry['name']} {entry['reason']} is not on the event bus: {name}"


def _with_repeated(names: Iterable[str]) -> frozenset[str]:
    """The ids of events, and the identities by which an entry that is recorded again is known for the same."""
    found = frozenset(names)
    return found | {repeated_identity(name) for name in found}


def _told_in_other_words(world: World) -> Iterator[str]:
    """Who is told again gets the same event under the same id."""
    bodies: dict[str, bytes] = {}
    for one in world.hooks.received:
        name = one.headers["X-Event-Id"]
        if bodies.setdefault(name, one.body) != one.body:
            yield f"event {name} was told again in other words"


def _pruned(world: World) -> Iterator[str]:
    """A Kustomization deletes what was its own, and nothing else."""
    for fleet in world.fleets:
        if world.cloud.ports.objects.get("ImageRepository", NamespacedName(fleet.key.namespace, BY_HAND)) is None:
            yield f"{fleet.key} has deleted an ImageRepository of somebody else"
    for image in world.images:
        if world.cloud.ports.objects.get("ImageRepository", image.key) is None:
            yield f"{image.key} is gone"


def _requests(world: World) -> Iterator[str]:
    """Each push branch on the Git host has one pull request, which is open; what was replaced is closed and gone."""
    yield from (f"the Git host was asked wrongly: {one}" for one in world.git_host.problems)
    if world.git_host.bare is None:
        return
    wanted = {"staging", *world.branches()}
    names = git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", folder=world.git_host.bare).split()
    yield from (f"branch {one} is nobody's" for one in sorted(set(names) - wanted - {"main"}))
    for head in sorted(wanted | {one.head for one in world.git_host.requests}):
        found = [one.state for one in world.git_host.requests if one.head == head]
        if found != ["open" if head in wanted else "closed"]:
            yield f"branch {head} has the pull requests {found}"


def _heads(world: World) -> Iterator[str]:
    """The commits of the branches that the policies of a template have."""
    yield from (world.git_host.branch(one) for one in world.branches())
