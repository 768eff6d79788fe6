"""The revision of a tag list.

In: values. Out: values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tagstream.domain.objects.model import Revision
from tagstream.domain.select.ordering import encoded


def revision(tags: Sequence[str]) -> Revision:
    """``sha256:`` over the tags in stored order, a newline behind each (FluxStorage; Badger's adler32 collides)."""
    return Revision("sha256:" + hashlib.sha256(encoded("".join(f"{tag}\n" for tag in tags))).hexdigest())
