"""Documents for tests of objects."""

from __future__ import annotations

from typing import Any

from tagstream.domain.objects.kinds import GROUPS, parse_object
from tagstream.domain.objects.model import Metadata, NamespacedName

INTERVAL = "should match '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$'"
TIMEOUT = "should match '^([0-9]+(\\.[0-9]+)?(ms|s|m))+$'"
ALWAYS = "when spec.digestReflectionPolicy is set to 'Always'"
KEY = NamespacedName("apps", "one")
METADATA = Metadata(key=KEY)


def document(kind: str, spec: object, version: str = "v1") -> dict[str, Any]:
    """An object with a head."""
    metadata = {"name": "one", "namespace": "apps"}
    return {"apiVersion": f"{GROUPS[kind][0]}/{version}", "kind": kind, "metadata": metadata, "spec": spec}


def value(kind: str, spec: object, version: str = "v1") -> object:
    """What a spec without any problem is read as."""
    parsed = parse_object(document(kind, spec, version), "default")
    assert parsed.errors == ()
    assert parsed.warnings == ()
    assert parsed.note == ""
    return parsed.value


def problems(kind: str, spec: object, version: str = "v1") -> list[str]:
    """Errors and warnings of a spec, the object's name taken off."""
    parsed = parse_object(document(kind, spec, version), "default")
    prefix = f"{kind}/apps/one "
    assert (parsed.value is None) == bool(parsed.errors)
    return [text.removeprefix(prefix) for text in (*parsed.errors, *parsed.warnings)]
