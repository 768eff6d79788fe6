"""Compares what image-reflector-controller does around a selection: exclusions, revisions, conditions, access."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from gocompat.floats import InvalidNumber, parse_float
from gocompat.semver.version import InvalidVersion, parse_tag
from tagstream.domain.objects.acl import may_access, may_refer
from tagstream.domain.objects.image_name import InvalidImage, ecr_region, parse_repository_image
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import (
    REQUESTED_AT,
    AccessFrom,
    ImageRef,
    ImageRepository,
    NamespacedName,
    TagFilter,
)
from tagstream.domain.scan.exclusion import InvalidExclusion, exclude, keep
from tagstream.domain.scan.revision import revision
from tagstream.domain.select.filter import compile_filter
from tagstream.domain.select.reflection import needs_digest
from tagstream.domain.status.conditions import Condition, is_transition, ready_message
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.due import due_at

# A controller is woken at any time and a tick comes once a minute, so these decisions differ.
INTENDED_SCANS = {
    "exactly one second left (from code)": True,
    # Any edit makes a new generation, and a new generation is scanned.
    "exclusion list reordered only (from code): no scan": True,
}
FILES = ("reflector_reconcile.json",)
Pair = tuple[object, object]
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def cases(data: Path, file: str) -> Iterator[tuple[str, Callable[[], Pair]]]:
    """Yield every row that applies to tagstream."""
    document = json.loads((data / file).read_text())
    for name, run in _RUNS.items():
        for number, row in enumerate(document.get(name, [])):
            yield f"{name}:{number}", partial(run, row)


def _number(row: dict[str, Any]) -> Pair:
    try:
        value = parse_float(row["input"])
    except InvalidNumber as error:
        return str(error), row.get("error")
    hexadecimal = row["hex"]
    if hexadecimal == "NaN":
        return math.isnan(value), True
    return value, float(hexadecimal.replace("Inf", "inf")) if "Inf" in hexadecimal else float.fromhex(hexadecimal)


def _exclusion(row: dict[str, Any]) -> Pair:
    try:
        return keep(row["tags"], row["patterns"]), row.get("kept")
    except InvalidExclusion as error:
        return str(error), row.get("error")


def _latest_tags(row: dict[str, Any]) -> Pair:
    return list(exclude(row["tags"], ()).latest_tags), row["latestTags"]


def _stored(row: dict[str, Any]) -> Pair:
    """Compare the order in which tags are stored. Badger's adler32 revision is not kept (docs/differences.md)."""
    return list(exclude(row["tags"], ()).tags), row["stored"]


def _revision(row: dict[str, Any]) -> Pair:
    return revision(row["stored"]), row["revision"]


def _should_scan(row: dict[str, Any]) -> Pair:
    if row.get("db_error"):
        # If the table cannot be read, the reconcile ends before it decides anything.
        return True, row["error"]
    spec, observed = row["spec"], row["status"]
    document = {
        "apiVersion": "image.toolkit.fluxcd.io/v1",
        "kind": "ImageRepository",
        "metadata": {"name": "app", "namespace": "ns", "annotations": _annotations(row)},
        "spec": spec,
    }
    repository = parse_object(document, "ns").value
    assert isinstance(repository, ImageRepository)
    body: dict[str, object] = {}
    if "scanAge_s" in observed:
        body = {"lastHandledReconcileAt": observed.get("lastHandledReconcileAt"), "observedGeneration": 1}
        if _was_edited(repository, observed):
            # A changed spec has a new generation.
            body["observedGeneration"] = 0
        if row.get("db_tags"):
            body["lastScanResult"] = {"revision": "sha256:0"}
    last = NOW - timedelta(seconds=observed["scanAge_s"]) if "scanAge_s" in observed else None
    stored = StoredObject(kind="ImageRepository", key=repository.metadata.key, document=document, status=body)
    due = due_at(stored, repository, last)
    return due is not None and due <= NOW, INTENDED_SCANS.get(row["name"], row["scan"])


def _annotations(row: dict[str, Any]) -> dict[str, str]:
    return {REQUESTED_AT: row["annotation"]} if row.get("annotation") else {}


def _was_edited(repository: ImageRepository, observed: dict[str, Any]) -> bool:
    image = parse_repository_image(repository.image).canonical
    before = observed["observedExclusionList"], observed.get("canonicalImageName", image)
    return before != (list(repository.exclusion_list), image)


def _ref(row: dict[str, str] | None) -> ImageRef | None:
    return None if row is None else ImageRef(name=row.get("name", ""), tag=row["tag"], digest=row.get("digest", ""))


def _message(row: dict[str, Any]) -> Pair:
    latest = _ref(row["latestRef"])
    assert latest is not None
    return ready_message(latest, _ref(row["observedPreviousRef"])), row["message"]


def _condition(row: dict[str, str] | None) -> Condition | None:
    if row is None:
        return None
    return Condition(
        type="Ready",
        status=row["status"],
        reason=row.get("reason", ""),
        message=row["message"],
        last_transition_time=NOW,
        observed_generation=1,
    )


def _notify(row: dict[str, Any]) -> Pair:
    """Whether there is an event, and its words. Flux warns at every failing try; tagstream records the first one."""
    after = _condition(row["new_ready"])
    assert after is not None
    before = None if row["old_ready"] is None else _condition({"reason": "Succeeded", **row["old_ready"]})
    kind, _, words = row["event"].partition(" ")
    is_recorded = is_transition(before, after) or after.status != "True"
    return (is_recorded, f"{after.reason} {after.message}" if is_recorded else ""), (
        kind != "Trace",
        words if kind != "Trace" else "",
    )


def _digest(row: dict[str, Any]) -> Pair:
    """Evaluate twice, while the registry's digest changes in between."""
    first = _reflected(row["policy1"], None, row["tag1"], row["registry_digest1"])
    current = ImageRef(name="i", tag=row["tag1"], digest=first)
    second = _reflected(row["policy2"], current, row["tag2"], row["registry_digest2"])
    return (first, second), (row["digest1"], row["digest2"])


def _reflected(policy: str, current: ImageRef | None, tag: str, digest: str) -> str:
    reflection: Any = policy or "Never"
    if needs_digest(reflection, current, "i", tag):
        return digest
    return current.digest if current and reflection != "Never" else ""


def _access(row: dict[str, Any]) -> Pair:
    given = row["accessFrom"]
    selectors = (
        None if given is None else AccessFrom(namespace_selectors=tuple(one.get("matchLabels") or {} for one in given))
    )
    same = row["same_namespace"]
    repository = NamespacedName("own" if same else "other", "app")
    may_name = may_refer("own", repository, no_cross_namespace_refs=row["no_cross_namespace_refs"])
    return may_name and may_access(selectors, same, row["namespace_labels"]), row["accessible"]


def _reference(row: dict[str, Any]) -> Pair:
    try:
        return (False, parse_repository_image(row["url"]).canonical), (row["error"], row["ref"])
    except InvalidImage:
        return (True, None), (row["error"], row["ref"])


def _version(row: dict[str, Any]) -> Pair:
    try:
        parse_tag(row["version"])
    except InvalidVersion:
        return True, row["error"]
    return False, row["error"]


def _filtered(row: dict[str, Any]) -> Pair:
    compiled = compile_filter(TagFilter(pattern=row["pattern"], extract=row["extract"]))
    return sorted({value for _, value in compiled.values(row["tags"])}), sorted(row["items"])


def _ecr(row: dict[str, Any]) -> Pair:
    region = ecr_region(row["artifactRepository"])
    return (region is not None, region or ""), (row["valid"], row.get("region") or "")


def _crd(row: dict[str, Any]) -> Pair:
    always = "without interval" in row["rule"]
    spec: dict[str, object] = {"imageRepositoryRef": {"name": "r"}, "policy": {"alphabetical": {}}}
    spec |= {"digestReflectionPolicy": "Always"} if always else {"interval": "1m"}
    document = {
        "apiVersion": "image.toolkit.fluxcd.io/v1",
        "kind": "ImagePolicy",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": spec,
    }
    return [row["error"] in error for error in parse_object(document, "n").errors], [True]


_RUNS: dict[str, Callable[[dict[str, Any]], Pair]] = {
    "parse_float": _number,
    "exclusion": _exclusion,
    "latest_tags": _latest_tags,
    "revision_badger": _stored,
    "revision_filesystem": _revision,
    "should_scan": _should_scan,
    "ready_message": _message,
    "notify": _notify,
    "digest_reflection": _digest,
    "acl": _access,
    "parse_image_reference": _reference,
    "flux_parse_version": _version,
    "filter_items": _filtered,
    "ecr_registry": _ecr,
    "crd_validation": _crd,
}
