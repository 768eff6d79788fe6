"""The revision of a tag list."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tagstream.domain.objects.model import Revision
from tagstream.domain.select.ordering import encoded


def revision(tags: Sequence[str]) -> Revision:
    """``sha256:`` and the digest of the tags in stored order, each followed by a newline.

    Flux's file storage does the same; the adler32 of its Badger database has collisions.
    """
    return Revision("sha256:" + hashlib.sha256(encoded("\n".join((*tags, "")))).hexdigest())
