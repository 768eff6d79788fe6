"""Flux's YAML documents as values: kinds, dialects, defaults, and every problem of every field at once.

Source: the CRDs of image-reflector-controller, image-automation-controller, source-controller and
notification-controller.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from gocompat.quote import quote
from tagstream.domain.objects.alert import read_alert, read_alert_provider
from tagstream.domain.objects.calendar_annotations import annotated_calendar
from tagstream.domain.objects.fields import Fields, Problem
from tagstream.domain.objects.git import read_automation, read_git_repository
from tagstream.domain.objects.image import read_image_policy, read_image_repository
from tagstream.domain.objects.model import FluxObject, Metadata, Namespace, NamespacedName
from tagstream.domain.objects.object_name import is_namespace_name, is_object_name
from tagstream.domain.objects.receiver import read_metadata, read_receiver
from tagstream.domain.objects.sops import ENCRYPTED, HOW, encrypted_members

GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ImageRepository": ("image.toolkit.fluxcd.io", ("v1alpha1", "v1alpha2", "v1beta1", "v1beta2", "v1")),
    "ImagePolicy": ("image.toolkit.fluxcd.io", ("v1alpha1", "v1alpha2", "v1beta1", "v1beta2", "v1")),
    "ImageUpdateAutomation": ("image.toolkit.fluxcd.io", ("v1alpha1", "v1alpha2", "v1beta1", "v1beta2", "v1")),
    "GitRepository": ("source.toolkit.fluxcd.io", ("v1beta1", "v1beta2", "v1")),
    "Receiver": ("notification.toolkit.fluxcd.io", ("v1beta1", "v1beta2", "v1beta3", "v1")),
    "Provider": ("notification.toolkit.fluxcd.io", ("v1beta1", "v1beta2", "v1beta3")),
    "Alert": ("notification.toolkit.fluxcd.io", ("v1beta1", "v1beta2", "v1beta3")),
    "Kustomization": ("kustomize.toolkit.fluxcd.io", ("v1beta1", "v1beta2", "v1")),
}
"""Group and versions of every kind that is read; the core kinds Namespace and Secret come beside them."""
_SOURCES = "source.toolkit.fluxcd.io"
"""The only group with kinds that are passed over. In the others, an unknown kind is misspelt."""
STORED = (
    *("Namespace", "GitRepository", "Kustomization", "ImageRepository", "ImagePolicy", "ImageUpdateAutomation"),
    *("Receiver", "Provider", "Alert"),
)
"""Kinds that are kept in the table, each after what it refers to."""
RECONCILED_KINDS = frozenset({"ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "Receiver", "Kustomization"})
"""The others are read when they are used, and have no status before something is wrong."""
SERVICE_ACCOUNT = "serviceaccount+"
"""A ServiceAccount is kept beside the secrets under its name with this before it: its pull secrets, a name a line."""
Parsed = FluxObject | Namespace
_SECRET_MAKERS: Mapping[str, str] = {
    "SealedSecret": "only the controller in its cluster can open it",
    "ExternalSecret": "its values are in another store",
    "ClusterExternalSecret": "its values are in another store",
    "SopsSecret": "it is encrypted",
    "VaultStaticSecret": "its values are in Vault",
    "VaultDynamicSecret": "its values are in Vault",
    "SecretProviderClass": "its values are in another store",
    "OnePasswordItem": "its values are in 1Password",
}
"""Kinds that make a Secret in a cluster, and why their Secret cannot be made from them here."""
ENCRYPTED_KIND = "(encrypted)"
"""Stands for the kind and the name of a document that is encrypted as a whole."""
_MAKE_SECRET = "apply the Secret itself, or make it with tagstream create secret"
SECRET_MEMBERS = frozenset({"apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"})
"""Of a Secret; a misspelt one would make a secret without its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretData:
    """A Secret on its way to Secrets Manager; its members never print."""

    key: NamespacedName
    data: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"SecretData({self.key})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedObject:
    """A document that was read. ``value`` is None when it has errors or is of a kind that is passed over (``note``).

    ``draft`` is what could be read in spite of errors. It is only good for finding more problems.
    """

    kind: str
    key: NamespacedName
    document: Mapping[str, object]
    value: Parsed | SecretData | None
    problems: tuple[Problem, ...] = ()
    note: str = ""
    draft: Parsed | SecretData | None = None

    @property
    def name(self) -> str:
        """``Kind/namespace/name``, for messages."""
        return f"{self.kind}/{self.key}"

    @property
    def errors(self) -> tuple[str, ...]:
        """What keeps the object from being stored, each with the object, the field and the value."""
        return tuple(f"{self.name} {problem}" for problem in self.problems if not problem.is_warning)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not."""
        return tuple(f"{self.name} {problem}" for problem in self.problems if problem.is_warning)


def parse_object(document: Mapping[str, object], default_namespace: str) -> ParsedObject:
    """Read one document.

    Args:
        document: as YAML or JSON gave it.
        default_namespace: for objects that name none.

    Returns:
        The value, or all problems; never an exception for anything a document can hold.
    """
    problems: list[Problem] = []
    kind = _text(document, "kind")
    api_version = _text(document, "apiVersion")
    if kind.startswith(ENCRYPTED) or api_version.startswith(ENCRYPTED):
        return _unreadable(document, default_namespace)
    filled = _with_namespace(document, default_namespace)
    metadata = read_metadata(filled, problems)
    _check_name(kind, metadata.key, problems)
    value, note = _value(kind, api_version, filled, metadata, problems)
    errors = any(not problem.is_warning for problem in problems)
    return ParsedObject(
        kind=kind or "(no kind)",
        key=metadata.key,
        document=filled,
        value=None if errors else value,
        problems=() if note else tuple(problems),
        note=note,
        draft=value,
    )


def _unreadable(document: Mapping[str, object], namespace: str) -> ParsedObject:
    """A document whose very kind is encrypted."""
    return ParsedObject(
        kind=ENCRYPTED_KIND,
        key=NamespacedName(namespace, ENCRYPTED_KIND),
        document=document,
        value=None,
        problems=(Problem(path="kind", message=HOW),),
    )


def _value(
    kind: str, api_version: str, document: Mapping[str, object], metadata: Metadata, problems: list[Problem]
) -> tuple[Parsed | SecretData | None, str]:
    if kind == "Namespace" and api_version == "v1":
        name = metadata.key.name
        calendar = annotated_calendar(f"namespace {name}", metadata.annotations, problems)
        return Namespace(name=name, labels=metadata.labels, calendar=calendar), ""
    if kind == "Secret" and api_version == "v1":
        return _secret(document, metadata.key, problems), ""
    if kind == "ServiceAccount" and api_version == "v1":
        return _service_account(document, metadata.key, problems), ""
    if kind in _SECRET_MAKERS:
        return None, f"{_SECRET_MAKERS[kind]}; {_MAKE_SECRET}"
    missing = [name for name, found in (("apiVersion", api_version), ("kind", kind)) if not found]
    if missing:
        problems += [Problem(path=name, message="Required value") for name in missing]
        return None, ""
    group, versions = GROUPS.get(kind, ("", ()))
    found_group, _, version = api_version.rpartition("/")
    if not group or found_group != group:
        known = [one for one, (its_group, _) in GROUPS.items() if its_group == found_group]
        if not known or found_group == _SOURCES:
            return None, f"{api_version} is not for tagstream"
        shown = ", ".join(map(quote, known))
        problems.append(Problem(path="kind", message=f"Unsupported value: {quote(kind)}: supported values: {shown}"))
        return None, ""
    if version not in versions:
        served = ", ".join(f"{group}/{one}" for one in versions)
        problems.append(
            Problem(path="apiVersion", message=f"Unsupported value: {quote(api_version)}: supported values: {served}")
        )
        version = versions[-1]
    note = _passed_over_kustomization(document) if kind == "Kustomization" else ""
    if note:
        return None, note
    members = encrypted_members(document)
    if members:
        problems.append(Problem(path=members[0], message=HOW))
    return _object(kind, version, document, metadata, problems), ""


def _passed_over_kustomization(document: Mapping[str, object]) -> str:
    """Why a Kustomization is none for tagstream: its objects are elsewhere, or for another cluster; empty if it is."""
    from tagstream.domain.objects.kustomization import OTHER_SOURCES

    spec = document.get("spec")
    members = cast("Mapping[str, object]", spec) if isinstance(spec, dict) else {}
    if members.get("kubeConfig"):
        return "it is for the cluster that spec.kubeConfig names"
    source = members.get("sourceRef")
    kind = source.get("kind") if isinstance(source, dict) else None
    return f"nothing is synced from a source of kind {kind}" if kind in OTHER_SOURCES else ""


def _object(
    kind: str, version: str, document: Mapping[str, object], metadata: Metadata, problems: list[Problem]
) -> FluxObject:
    raw = document.get("spec")
    if not isinstance(raw, dict):
        found = "Required value" if raw is None else "Invalid value: must be of type object"
        problems.append(Problem(path="spec", message=found))
        raw, problems = {}, []
    spec = Fields(raw, "spec", problems)
    if kind == "ImageRepository":
        return read_image_repository(metadata, spec)
    if kind == "ImagePolicy":
        return read_image_policy(metadata, spec)
    if kind == "ImageUpdateAutomation":
        return read_automation(metadata, spec, version)
    if kind == "GitRepository":
        return read_git_repository(metadata, spec)
    if kind == "Alert":
        return read_alert(metadata, spec)
    if kind == "Provider":
        return read_alert_provider(metadata, spec)
    if kind == "Kustomization":
        # Its patches bring a YAML reader along, which no other kind needs.
        from tagstream.domain.objects.kustomization import read_kustomization

        return read_kustomization(metadata, spec)
    return read_receiver(metadata, spec)


def _secret(document: Mapping[str, object], key: NamespacedName, problems: list[Problem]) -> SecretData:
    members = encrypted_members(document)
    if members:
        listed = ", ".join(one for one in members if one != "sops")
        problems.append(Problem(path=members[0], message=f"{HOW}{f' ({listed})' if listed else ''}"))
        return SecretData(key=key, data={})
    fields = Fields(document, "", problems, is_secret=True)
    problems += [
        Problem(path=name, message=f"unknown field {quote(name)}", is_warning=True)
        for name in document
        if name not in SECRET_MEMBERS
    ]
    data: dict[str, bytes] = {}
    for name, encoded in fields.strings("data").items():
        try:
            data[name] = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError):
            # The value is a secret: only its name may be said.
            problems.append(Problem(path=f"data.{name}", message="Invalid value: must be base64"))
    data |= {name: text.encode() for name, text in fields.strings("stringData").items()}
    return SecretData(key=key, data=data)


def _service_account(document: Mapping[str, object], key: NamespacedName, problems: list[Problem]) -> SecretData:
    """Without a cluster a service account means its image pull secrets."""
    listed = Fields(document, "", problems).children("imagePullSecrets")
    names = [name for one in listed if (name := one.text("name", required=True))]
    data = {"imagePullSecrets": "\n".join(names).encode()}
    return SecretData(key=NamespacedName(key.namespace, SERVICE_ACCOUNT + key.name), data=data)


def _check_name(kind: str, key: NamespacedName, problems: list[Problem]) -> None:
    if key.name and not is_object_name(key.name):
        problems.append(
            Problem(
                path="metadata.name",
                message=f"Invalid value: {quote(key.name)}: a lowercase RFC 1123 subdomain must consist of"
                " lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric"
                " character",
            )
        )
    if key.namespace and kind != "Namespace" and not is_namespace_name(key.namespace):
        problems.append(
            Problem(
                path="metadata.namespace",
                message=f"Invalid value: {quote(key.namespace)}: a lowercase RFC 1123 label must consist of"
                " lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            )
        )


def _with_namespace(document: Mapping[str, object], default: str) -> Mapping[str, object]:
    raw = document.get("metadata")
    metadata = dict(cast("Mapping[str, object]", raw)) if isinstance(raw, dict) else {}
    if _text(document, "kind") == "Namespace":
        # A namespace is stored under its own name twice, so that every key has two parts.
        metadata["namespace"] = metadata.get("name", "")
    elif metadata.get("namespace") in (None, ""):
        metadata["namespace"] = default
    if not isinstance(raw, dict):
        # Something that is no mapping must be told of, not replaced.
        return document if raw is not None else {**document, "metadata": metadata}
    return {**document, "metadata": metadata}


def _text(document: Mapping[str, object], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) else ""
