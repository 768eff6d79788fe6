"""The objects and deliveries of simulations, as ``apply`` stores them and senders send them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.receive.paths import publish_receiver

IMAGE = "image.toolkit.fluxcd.io/v1"
SOURCE = "source.toolkit.fluxcd.io/v1"
NOTIFICATION = "notification.toolkit.fluxcd.io/v1"
ALERTS = "notification.toolkit.fluxcd.io/v1beta3"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io/v1"
TOLD_KINDS = ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "Kustomization")
TOKEN = "a-token-of-the-receiver"


def delivery_event(path: str, image: str, tag: str, token: str = TOKEN) -> dict[str, Any]:
    """A signed delivery (generic-hmac), as a Function URL hands it on."""
    body = json.dumps({"image": image, "tag": tag})
    signature = hmac.new(token.encode(), body.encode(), hashlib.sha256).hexdigest()
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "x-signature": f"sha256={signature}"},
        "requestContext": {"http": {"method": "POST", "path": path, "sourceIp": "203.0.113.7"}},
        "body": body,
        "isBase64Encoded": False,
    }


def document(kind: str, key: NamespacedName, api: str = IMAGE, **spec: Any) -> dict[str, Any]:
    """An object as ``apply`` stores it."""
    annotations = spec.pop("annotations", {})
    metadata: dict[str, Any] = {"namespace": key.namespace, "name": key.name, "annotations": annotations}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def add_receiver(ports: Ports, namespace: str) -> str:
    """A Receiver for all images of a namespace; returns its path."""
    key = NamespacedName(namespace, "hook")
    ports.secrets.put(key, {"token": TOKEN.encode()})
    resources = [{"kind": "ImageRepository", "name": "*"}]
    secret = {"name": "hook"}
    stored = ports.objects.put(
        document("Receiver", key, NOTIFICATION, type="generic-hmac", secretRef=secret, resources=resources)
    )
    path = publish_receiver(stored, ports)
    assert path is not None
    return path


def add_alert(ports: Ports, namespace: str, address: str, timeout: str) -> None:
    """Everything that happens in a namespace is told to an address, one event a request."""
    key = NamespacedName(namespace, "hook")
    sources = [{"kind": kind, "name": "*"} for kind in TOLD_KINDS]
    ports.objects.put(document("Provider", key, ALERTS, type="generic", address=address, timeout=timeout))
    ports.objects.put(document("Alert", key, ALERTS, providerRef={"name": key.name}, eventSources=sources))


def kustomization(key: NamespacedName) -> dict[str, Any]:
    """A Kustomization of the folder ``fleet`` of the GitRepository of its name; it prunes."""
    source = {"kind": "GitRepository", "name": key.name}
    return document("Kustomization", key, KUSTOMIZE, interval="5m", path="./fleet", prune=True, sourceRef=source)


def automation(key: NamespacedName, checkout: str, push: str, path: str) -> dict[str, Any]:
    """An ImageUpdateAutomation on the GitRepository ``source`` of its namespace."""
    author = {"author": {"name": "bot", "email": "bot@example.com"}}
    git = {"checkout": {"ref": {"branch": checkout}}, "commit": author, "push": {"branch": push}}
    return document(
        "ImageUpdateAutomation",
        key,
        interval="5m",
        sourceRef={"kind": "GitRepository", "name": "source"},
        git=git,
        update={"path": path, "strategy": "Setters"},
    )


def marked(policy: NamespacedName, image: str) -> bytes:
    """A file whose one line is set by a policy of the same name."""
    marker = json.dumps({"$imagepolicy": str(policy).replace("/", ":")})
    return f"image: {image} # {marker}\n".encode()
