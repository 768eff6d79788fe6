"""CDEvents: artifacts that were published or packaged as OCI images, in binary or structured mode.

The image is the subject's package URL. Another event that ``spec.events`` lists asks for all resources. As in Flux no
secret is checked; the path is the secret.

Source: cdevents/spec 0.4 continuous-integration, package-url/purl-spec PURL-TYPES oci; vectors
webhooks/cdevents_*.json.
"""

from __future__ import annotations

from urllib.parse import parse_qs, unquote

from tagstream.events.delivery import Delivery, PushAction, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, image_delivery, plain_delivery
from tagstream.events.receiver.document import member, text_at
from tagstream.events.receiver.hints import split_image

authenticate = by_path

_ACTIONS: dict[str, PushAction] = {"published": "push", "packaged": "push", "deleted": "delete"}


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint for an artifact; Flux compares ``spec.events`` with the Ce-Type header, structured mode has none."""
    event = member(document, "data") if text_at(document, "specversion") else document
    word = addressed.incoming.header("ce-type") or text_at(document, "type") or text_at(event, "context", "type")
    identity = addressed.incoming.header("ce-id") or text_at(event, "context", "id")
    if not addressed.wants(word):
        return plain_delivery(addressed, word, "event", identity)
    subject, _, predicate = word.removeprefix("dev.cdevents.").partition(".")
    action = _ACTIONS.get(predicate.partition(".")[0]) if subject == "artifact" else None
    if action is None:
        return plain_delivery(addressed, word, "" if addressed.lists(word) else "irrelevant", identity)
    return image_delivery(addressed, word, _hints(text_at(event, "subject", "id"), action), identity)


def _hints(purl: str, action: PushAction) -> list[PushHint]:
    name, _, qualifiers = purl.partition("#")[0].partition("?")
    if not name.startswith("pkg:oci/"):
        return []
    try:
        fields = parse_qs(qualifiers, max_num_fields=20)
    except ValueError:
        return []
    registry, repository, _, _ = split_image(fields.get("repository_url", [""])[0])
    digest = unquote(name.partition("@")[2])
    return [
        PushHint(
            registry=registry or None,
            repository=repository,
            tag=fields.get("tag", [""])[0],
            digest=digest,
            action=action,
        )
    ]
