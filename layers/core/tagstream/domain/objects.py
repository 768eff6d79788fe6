"""Flux's YAML documents as values: kinds, dialects, defaults, and every problem of every field at once.

In: JSON-like documents. Out: ParsedObject values.

Source: the CRDs of image-reflector-controller, image-automation-controller, source-controller and
notification-controller.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from tagstream.domain.fields import Fields, Problem
from tagstream.domain.git_objects import read_automation, read_git_repository
from tagstream.domain.image_objects import read_image_policy, read_image_repository
from tagstream.domain.model import (
    FluxObject,
    Metadata,
    Namespace,
    NamespacedName,
)
from tagstream.domain.receiver import read_metadata, read_receiver
from tagstream.errors import StalledError
from tagstream.records import StoredObject

GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ImageRepository": ("image.toolkit.fluxcd.io", ("v1alpha1", "v1alpha2", "v1beta1", "v1beta2", "v1")),
    "ImagePolicy": ("image.toolkit.fluxcd.io", ("v1alpha1", "v1alpha2", "v1beta1", "v1beta2", "v1")),
    "ImageUpdateAutomation": ("image.toolkit.fluxcd.io", ("v1alpha1", "v1alpha2", "v1beta1", "v1beta2", "v1")),
    "GitRepository": ("source.toolkit.fluxcd.io", ("v1beta1", "v1beta2", "v1")),
    "Receiver": ("notification.toolkit.fluxcd.io", ("v1beta1", "v1beta2", "v1beta3", "v1")),
}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
Parsed = FluxObject | Namespace
T = TypeVar("T", bound=FluxObject)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretData:
    """A Secret on its way to Secrets Manager; its members never print."""

    key: NamespacedName
    data: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"SecretData({self.key})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedObject:
    """A document that was read. ``value`` is None when it has errors or is of a kind that is passed over (``note``)."""

    kind: str
    key: NamespacedName
    document: Mapping[str, object]
    value: Parsed | SecretData | None
    problems: tuple[Problem, ...] = ()
    note: str = ""

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
    filled = _with_namespace(document, default_namespace)
    metadata = read_metadata(filled, problems)
    _check_name(metadata.key, problems)
    value, note = _value(kind, api_version, filled, metadata, problems)
    errors = any(not problem.is_warning for problem in problems)
    return ParsedObject(
        kind=kind or "(no kind)",
        key=metadata.key,
        document=filled,
        value=None if errors else value,
        problems=() if note else tuple(problems),
        note=note,
    )


def parse_stored(stored: StoredObject, kind: type[T]) -> T:
    """A stored object as a value of its class.

    Raises:
        StalledError: InvalidObject, the document is not what this version would store.
    """
    parsed = parse_object(stored.document, stored.key.namespace)
    if not isinstance(parsed.value, kind):
        cause = "; ".join(parsed.errors) or parsed.note or f"not a {kind.__name__}"
        raise StalledError(f"invalid object: {cause}", reason="InvalidObject")
    return parsed.value


def _value(
    kind: str, api_version: str, document: Mapping[str, object], metadata: Metadata, problems: list[Problem]
) -> tuple[Parsed | SecretData | None, str]:
    if kind == "Namespace" and api_version == "v1":
        return Namespace(name=metadata.key.name, labels=metadata.labels), ""
    if kind == "Secret" and api_version == "v1":
        return _secret(document, metadata.key, problems), ""
    group, versions = GROUPS.get(kind, ("", ()))
    found_group, _, version = api_version.rpartition("/")
    if not group or found_group != group:
        return None, f"{kind or 'a document without kind'} ({api_version or 'no apiVersion'}) is not for tagstream"
    if version not in versions:
        served = ", ".join(f"{group}/{one}" for one in versions)
        problems.append(
            Problem(path="apiVersion", message=f'Unsupported value: "{api_version}": supported values: {served}')
        )
        return None, ""
    return _flux_object(kind, version, document, metadata, problems), ""


def _flux_object(
    kind: str, version: str, document: Mapping[str, object], metadata: Metadata, problems: list[Problem]
) -> FluxObject:
    raw = document.get("spec")
    if not isinstance(raw, dict):
        problems.append(Problem(path="spec", message="Required value"))
    spec = Fields(raw if isinstance(raw, dict) else {}, "spec", problems if isinstance(raw, dict) else [])
    if kind == "ImageRepository":
        return read_image_repository(metadata, spec)
    if kind == "ImagePolicy":
        return read_image_policy(metadata, spec)
    if kind == "ImageUpdateAutomation":
        return read_automation(metadata, spec, version)
    if kind == "GitRepository":
        return read_git_repository(metadata, spec)
    return read_receiver(metadata, spec)


def _secret(document: Mapping[str, object], key: NamespacedName, problems: list[Problem]) -> SecretData:
    fields = Fields(document, "", problems)
    data: dict[str, bytes] = {}
    for name, encoded in fields.strings("data").items():
        try:
            data[name] = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError):
            # The value is a secret: only its name may be said.
            problems.append(Problem(path=f"data.{name}", message="Invalid value: must be base64"))
    data |= {name: text.encode() for name, text in fields.strings("stringData").items()}
    return SecretData(key=key, data=data)


def _check_name(key: NamespacedName, problems: list[Problem]) -> None:
    for path, name in (("metadata.name", key.name), ("metadata.namespace", key.namespace)):
        if name and (len(name) > 253 or not _NAME.fullmatch(name)):
            problems.append(
                Problem(
                    path=path,
                    message=f'Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of'
                    " lower case alphanumeric characters, '-' or '.'",
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
    return {**document, "metadata": metadata}


def _text(document: Mapping[str, object], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) else ""
