"""One object on its way through a build, and what patches know it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from tagstream.domain.objects.kinds import GROUPS
from tagstream.domain.objects.manifest import Document

CLUSTER_SCOPED = frozenset(
    {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass"}
    | {"IngressClass", "PriorityClass", "ClusterIssuer", "APIService", "Node", "PodSecurityPolicy", "RuntimeClass"}
    | {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
)
"""Kinds without a namespace that lie beside tagstream's objects; of tagstream's own, Namespace is the only one."""
DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What kustomize tells objects apart by."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str

    @property
    def apart(self) -> tuple[str, str, str, str]:
        """What no two objects of a build may have in common; no namespace is the default one."""
        return self.group, self.kind, self.namespace or DEFAULT_NAMESPACE, self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """An object. ``document`` knows the lines of the file it was read from; ``original`` is its identity there."""

    document: Document
    value: Mapping[str, object]
    original: Identity

    @property
    def identity(self) -> Identity:
        """What it is called now."""
        return identity_of(self.value)

    @property
    def is_ours(self) -> bool:
        """Whether tagstream stores objects of the kind that it was read with; only those are patched."""
        return _is_ours(self.original)

    @property
    def is_stored(self) -> bool:
        """Whether it is of tagstream's kinds still: a patch may have made another kind of it, such as a Secret."""
        return _is_ours(self.original) and _is_ours(self.identity)

    def changed(self, value: Mapping[str, object]) -> Resource:
        """Return the same object with another content."""
        return replace(self, value=value)


def identity_of(value: Mapping[str, object]) -> Identity:
    """Return an object's identity; what is missing is empty."""
    api_version, metadata = _text(value, "apiVersion"), _mapping(value.get("metadata"))
    group, _, version = api_version.rpartition("/")
    return Identity(
        group=group,
        version=version,
        kind=_text(value, "kind"),
        namespace=_text(metadata, "namespace"),
        name=_text(metadata, "name"),
    )


def _is_ours(identity: Identity) -> bool:
    group = GROUPS.get(identity.kind, (None,))[0]
    return group == identity.group or (identity.kind == "Namespace" and not identity.group)


def with_metadata(value: Mapping[str, object], **members: object) -> Mapping[str, object]:
    """Return an object with members of its metadata replaced."""
    return {**value, "metadata": {**_mapping(value.get("metadata")), **members}}


def metadata_texts(value: Mapping[str, object], name: str) -> Mapping[str, str]:
    """Return the labels or the annotations of an object, without what is no text."""
    found = _mapping(_mapping(value.get("metadata")).get(name))
    return {key: text for key, text in found.items() if isinstance(text, str)}


def _text(members: Mapping[str, object], name: str) -> str:
    found = members.get(name)
    return found if isinstance(found, str) else ""


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
