"""When an image was created, as its configuration says.

Source: OCI image-spec config.md (``created``, RFC 3339) and image-index.md.
"""

from __future__ import annotations

import re
from datetime import datetime

from tagstream.domain.instant import read_instant
from tagstream.domain.json_object import json_object

# Go writes nanoseconds, Python reads six digits at most.
_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+", re.ASCII)
ATTESTATION = "vnd.docker.reference.type"


def first_image(index: bytes) -> str | None:
    """The digest of the first image of an index; None for a manifest that is no index, or an index without an image."""
    return next(iter(images_of_index(index)), None)


def images_of_index(index: bytes) -> tuple[str, ...]:
    """The digests of the images of an index; none for a manifest that is no index.

    BuildKit lists attestations beside the images; they are passed over.
    """
    listed = json_object(index).get("manifests")
    found = []
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or not isinstance(one.get("digest"), str):
            continue
        notes = one.get("annotations")
        if not isinstance(notes, dict) or ATTESTATION not in notes:
            found.append(str(one["digest"]))
    return tuple(found)


def read_creation_time(configuration: bytes) -> datetime | None:
    """When an image was created (aware UTC); None if its configuration does not say."""
    text = json_object(configuration).get("created")
    if not isinstance(text, str):
        return None
    try:
        return read_instant(_FRACTION.sub(r"\1", text))
    except ValueError:
        return None
