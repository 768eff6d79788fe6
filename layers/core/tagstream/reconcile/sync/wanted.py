"""The objects that a commit wants to be stored, checked as ``tagstream apply`` checks them.

Nothing is stored of a commit with an error. Secrets are no part of it: SyncFunction has no right to write them.

Source: kustomize-controller internal/controller/kustomization_controller.go (build); reasons of its conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from tagstream.domain.kustomize.build import build
from tagstream.domain.kustomize.resource import Resource
from tagstream.domain.kustomize.source import BuildFailed, Source
from tagstream.domain.objects.acl import BLOCKED, may_refer
from tagstream.domain.objects.model import Kustomization, NamespacedName
from tagstream.domain.objects.sops import HOW, encrypted_members
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.reconcile.apply.calendars import stored_calendars
from tagstream.reconcile.apply.located import Located, Manifests, add_objects
from tagstream.reconcile.apply.validation import Rules, validate

OWNER_NAME = "kustomize.toolkit.fluxcd.io/name"
OWNER_NAMESPACE = "kustomize.toolkit.fluxcd.io/namespace"
NOT_SYNCED = ("Secret", "ServiceAccount")
SHOWN_ERRORS = 10
# The begin of an error says where it is, and its end what is wrong; a value that it quotes may be of any length.
SHOWN_BEGIN, SHOWN_END = 1_000, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a commit holds.

    Attributes:
        objects: valid, with the labels of their owner.
        warnings: what ``tagstream apply`` would warn of, each with file and line.
        left_out: how many Secrets and ServiceAccounts were passed over, by kind.
    """

    objects: tuple[Located, ...]
    warnings: tuple[str, ...]
    left_out: Mapping[str, int]


def wanted(kustomization: Kustomization, source: Source, ports: Ports) -> Wanted:
    """Build and check the objects of a Kustomization.

    Args:
        kustomization: names the path and what is changed.
        source: the files of the commit.
        ports: tell the windows of the stack.

    Raises:
        RetryableError: BuildFailed, with file and line of each error.
    """
    if kustomization.not_built:
        raise _failed([f"spec.{name} is not supported by tagstream" for name in kustomization.not_built])
    try:
        built = build(kustomization.path, source, kustomization.overlay)
    except BuildFailed as error:
        raise _failed([str(error)]) from error
    errors = [_encrypted(one) for one in built if encrypted_members(one.value)]
    left_out = Counter(one.identity.kind for one in built if one.identity.kind in NOT_SYNCED and not one.identity.group)
    objects: list[Located] = []
    for one in built:
        if not one.is_stored or encrypted_members(one.value):
            continue
        if not one.identity.namespace and one.identity.kind != "Namespace":
            errors.append(f"{_where(one)}: {one.identity}: metadata.namespace is required, or spec.targetNamespace")
            continue
        if _is_elsewhere(one, kustomization.metadata.key.namespace, ports):
            errors.append(f"{_where(one)}: can't apply '{one.identity}', {BLOCKED}")
            continue
        add_objects(replace(one.document, value=_owned(one, kustomization.metadata.key)), "", objects, errors)
    found = validate(
        Manifests(objects=tuple(objects), errors=tuple(errors)),
        # Whether a reference leads somewhere is told when the object is reconciled.
        lambda kind, key: True,
        stored_calendars=stored_calendars(ports),
        rules=Rules(no_cross_namespace_refs=ports.no_cross_namespace_refs),
    )
    if found.errors:
        raise _failed(found.errors)
    return Wanted(objects=found.objects, warnings=found.warnings, left_out=dict(left_out))


def owner_of(document: Mapping[str, object]) -> NamespacedName | None:
    """The Kustomization that an object's labels name; None if they name none."""
    metadata = document.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    found = [labels.get(name) if isinstance(labels, Mapping) else None for name in (OWNER_NAMESPACE, OWNER_NAME)]
    return NamespacedName(str(found[0]), str(found[1])) if all(found) else None


def is_owned(document: Mapping[str, object], owner: NamespacedName) -> bool:
    """Tell whether an object carries the labels of a Kustomization."""
    return owner_of(document) == owner


def _owned(one: Resource, owner: NamespacedName) -> Mapping[str, object]:
    metadata = cast("Mapping[str, object]", one.value["metadata"])
    given = metadata.get("labels")
    labels = {**(given if isinstance(given, Mapping) else {}), OWNER_NAME: owner.name, OWNER_NAMESPACE: owner.namespace}
    return {**one.value, "metadata": {**metadata, "labels": labels}}


def _is_elsewhere(one: Resource, own: str, ports: Ports) -> bool:
    """Whether the stack forbids an object outside the Kustomization's namespace; a Namespace counts as outside.

    Flux bounds a tenant by ``serviceAccountName``, whose rights a stack does not have.
    """
    identity = one.identity
    namespace = "" if identity.kind == "Namespace" else identity.namespace
    key = NamespacedName(namespace, identity.name)
    return not may_refer(own, key, no_cross_namespace_refs=ports.no_cross_namespace_refs)


def _encrypted(one: Resource) -> str:
    return f"{_where(one)}: {one.identity}: {HOW}"


def _where(one: Resource) -> str:
    return f"{one.document.name}:{one.document.line}"


def _failed(errors: Sequence[str]) -> RetryableError:
    shown = "; ".join(_shown(one) for one in errors[:SHOWN_ERRORS])
    more = f"; and {len(errors) - SHOWN_ERRORS} more" if len(errors) > SHOWN_ERRORS else ""
    return RetryableError(f"{shown}{more}", reason="BuildFailed")


def _shown(error: str) -> str:
    missing = len(error) - SHOWN_BEGIN - SHOWN_END
    return error if missing <= 0 else f"{error[:SHOWN_BEGIN]}… ({missing} more characters) …{error[-SHOWN_END:]}"
