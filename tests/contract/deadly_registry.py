"""A registry with an image that kills its workers, such as a list that takes all memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.objects.model import Digest
from tagstream.ports.registry import TagListing
from tests.contract.mortal_ports import Killed


@dataclass
class Deadly:
    """A registry whose image ``poison`` kills the worker that asks what ``kills`` says: ``list`` or ``digest``."""

    kills: str = ""
    listed: list[str] = field(default_factory=list)

    def _asked(self, what: str, image: ImageName) -> str:
        name = str(image.canonical).rsplit("/", 1)[1]
        if what == self.kills and name == "poison":
            raise Killed
        return name

    def list_tags(self, image: ImageName, *_: Any) -> TagListing:
        self.listed.append(self._asked("list", image))
        return TagListing(tags=("1.0.0",), requests=1)

    def digest(self, image: ImageName, *_: Any) -> Digest:
        self._asked("digest", image)
        return Digest(f"sha256:{0:064}")
