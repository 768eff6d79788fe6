"""Reads the secrets of a Provider, and makes of them where its events go and how.

No value of a secret is in an error.

Source: notification-controller internal/server/event_handlers.go (members of the secret).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit, urlunsplit

from tagstream.domain.notify.destination import Destination
from tagstream.domain.objects.manifest import InvalidDocument, read_documents
from tagstream.domain.objects.model import AlertProvider, NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.connection import Proxy
from tagstream.ports.notices import DeliveryFailed, Route
from tagstream.ports.secrets import SecretNotFound, Secrets
from tagstream.reconcile.credentials import proxy_of, tls_material
from tagstream.reconcile.notify.events import uid_of


def destination_of(provider: AlertProvider, secrets: Secrets, stack: str) -> tuple[Destination, Route]:
    """Where a Provider's events go, and how.

    Raises:
        DeliveryFailed: a secret or a member of it is missing, or does not fit; it is final only if the secret is there.
        RetryableError: Secrets Manager cannot be reached.
    """
    namespace, name = provider.metadata.key.namespace, provider.metadata.key
    try:
        data = secrets.get(NamespacedName(namespace, provider.secret_ref)) if provider.secret_ref else {}
        tls = tls_material(secrets, namespace, provider.cert_secret_ref)
        proxy = proxy_of(secrets, namespace, provider.proxy_secret_ref)
    except SecretNotFound as error:
        raise DeliveryFailed(f"failed to read the secrets of Provider/{name}: {error}", is_final=False) from error
    except ImageAutomationError as error:
        raise DeliveryFailed(f"Provider/{name}: {error.message}", is_final=False) from error
    destination = Destination(
        type=provider.type,
        uid=uid_of(stack, "Provider", str(name)),
        address=_text(data, "address") or provider.address,
        channel=provider.channel,
        username=_text(data, "username") or provider.username,
        password=_text(data, "password"),
        token=_text(data, "token"),
        headers=_headers(data, name),
    )
    written = _text(data, "proxy") or provider.proxy
    proxy = proxy or (_written_proxy(written) if written else None)
    return destination, Route(timeout_s=provider.timeout_s, tls=tls, proxy=proxy, secrets=destination.secrets)


def with_status_name(destination: Destination, name: str) -> Destination:
    """A destination whose commit statuses have this name."""
    return replace(destination, status_name=name)


def _text(data: Mapping[str, bytes], member: str) -> str:
    # A line break at the end is an editor's, or that of ``echo``.
    return data.get(member, b"").decode(errors="replace").strip()


def _headers(data: Mapping[str, bytes], name: NamespacedName) -> Mapping[str, str]:
    if "headers" not in data:
        return {}
    try:
        documents = read_documents(data["headers"], "headers")
    except InvalidDocument as error:
        # The error may quote the value, which is a secret.
        raise DeliveryFailed(f"failed to read headers from the secret of Provider/{name}", is_final=True) from error
    found = documents[0].value if documents else {}
    if not isinstance(found, dict):
        raise DeliveryFailed(f"the headers in the secret of Provider/{name} are no mapping", is_final=True)
    return {str(key): str(value) for key, value in found.items()}


def _written_proxy(address: str) -> Proxy:
    """A proxy's address that may hold its login."""
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise DeliveryFailed("the proxy's address is no URL", is_final=True) from None
    return Proxy(address=urlunsplit((parts.scheme, host, parts.path, "", "")), username=username, password=password)
