"""Names that objects and namespaces can have.

Source: Kubernetes apimachinery pkg/util/validation (IsDNS1123Subdomain, IsDNS1123Label).
"""

from __future__ import annotations

import re

LONGEST_NAME, LONGEST_NAMESPACE = 253, 63
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*", re.ASCII)


def is_object_name(text: str) -> bool:
    """Whether an object can have this name: a lowercase RFC 1123 subdomain."""
    return len(text) <= LONGEST_NAME and _SUBDOMAIN.fullmatch(text) is not None


def is_namespace_name(text: str) -> bool:
    """Whether a namespace can have this name: a lowercase RFC 1123 label."""
    return len(text) <= LONGEST_NAMESPACE and _LABEL.fullmatch(text) is not None


def is_full_name(namespace: str, name: str) -> bool:
    """Whether there can be an object of this name in this namespace."""
    return is_object_name(name) and is_namespace_name(namespace)
