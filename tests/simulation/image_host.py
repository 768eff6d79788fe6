"""A real docker-registry in which new tags appear at once, behind any number of proxies."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.embedded.distribution import Distribution
from tests.embedded.push import push_image


@dataclass
class ImageHost:
    """Pushes tags past the proxies, so that no fault of a proxy can stop a push."""

    registry: Distribution
    _digests: dict[str, str] = field(default_factory=dict)

    def push(self, repository: str, tag: str) -> None:
        """Push a tag; the first of a repository is an image, the others name the same image."""
        if repository not in self._digests:
            self._digests[repository] = push_image(self.registry.address, repository, tag)
        self.registry.link_tags(repository, [tag], self._digests[repository])
