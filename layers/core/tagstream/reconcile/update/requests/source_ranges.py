"""The commits between the images that a pull request replaces and the new ones, for its text.

The registry is asked for a few images of a request only, and once for each: the answer is kept, a failure for a day. A
registry that hangs is left alone for a while, and nothing is kept about its images. If images do not say where they
come from, the request is complete without these links.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from tagstream.domain.objects.acl import may_refer
from tagstream.domain.objects.git_host import GitHostKind
from tagstream.domain.objects.image_name import parse_repository_image
from tagstream.domain.objects.model import Digest, ImagePolicy, ImageRef, ImageRepository, NamespacedName
from tagstream.domain.update.image_labels import ImageSource, read_source
from tagstream.domain.update.request_text import ChangeSet, policy_of
from tagstream.domain.update.source_range import Ranges, compare_page, replaced_image
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.pull_requests import HostAccess
from tagstream.ports.tags import ImageFact
from tagstream.reconcile.cool_downs import CoolDowns, has_hung
from tagstream.reconcile.credentials import registry_access
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.snapshot import Snapshot

KIND = "source"
# The beginning of the name of a registry's cool-down for these questions: it stops no scan.
HUNG = "source:"
# A request with more images has no such links for the others.
MOST_IMAGES = 20
# Seconds for all questions of an automation's run, which holds the lease of its branches meanwhile.
MOST_S = 20.0
# Seconds for one question, so that a registry that hangs leaves time for the others.
LONGEST_S = 4.0
# Seconds in which a registry that has hung is not asked again for the images of requests.
HUNG_FOR_S = 900.0
# A tag may be moved; the content of a digest never changes. Facts that are not asked for again expire.
KEPT_FOR, TAG_KEPT_FOR = timedelta(days=30), timedelta(days=1)


def source_ranges(changes: ChangeSet, job: UpdateJob, host: HostAccess, ports: Ports) -> Ranges:
    """The pages with the commits behind changes, as far as images say where they come from.

    Args:
        changes: of one request.
        job: whose request it is.
        host: on which the request is; images of its repositories need not say which kind of host it is.
        ports: the registry and what is kept of images.
    """
    began_s, automation = ports.clock.monotonic_s(), job.stored.key
    until_s = began_s + MOST_S - job.snapshot.spent_on_texts_s(automation)
    sources = _Sources(snapshot=job.snapshot, ports=ports, until_s=until_s)
    kinds: dict[str, GitHostKind] = {} if host.kind is None else {urlsplit(host.git.url).hostname or "": host.kind}
    found = {}
    for change in changes.changes:
        policy = policy_of(change)
        ref = changes.refs.get(policy)
        before = replaced_image(change, ref) if ref is not None else None
        if ref is None or before is None or (policy, change.old_value) in found:
            continue
        new = sources.of(policy, ref)
        old = sources.of(policy, before) if new is not None else None
        if new is not None and old is not None:
            found[policy, change.old_value] = compare_page(old, new, kinds)
    job.snapshot.spend_on_texts(automation, ports.clock.monotonic_s() - began_s)
    return {change: page for change, page in found.items() if page}


@dataclass(slots=True, kw_only=True)
class _Sources:
    """The sources of images; ``until_s`` is on the monotonic clock."""

    snapshot: Snapshot
    ports: Ports
    until_s: float
    _known: dict[tuple[NamespacedName, str], ImageSource | None] = field(default_factory=dict)
    _repositories: dict[NamespacedName, ImageRepository | None] = field(default_factory=dict)
    _cool_downs: CoolDowns = field(init=False)

    def __post_init__(self) -> None:
        self._cool_downs = CoolDowns(self.ports.tags, self.ports.clock)

    def of(self, policy: NamespacedName, image: ImageRef) -> ImageSource | None:
        """Where an image comes from; None if it does not say, or no question is allowed any more."""
        repository = self._repository(policy)
        # A tag is no digest, so both can be keys.
        which = Digest(image.digest or f"tag:{image.tag}")
        if repository is None:
            return None
        key = repository.metadata.key, which
        if key not in self._known:
            self._known[key] = self._kept(repository, image, which) if len(self._known) < MOST_IMAGES else None
        return self._known[key]

    def _repository(self, policy: NamespacedName) -> ImageRepository | None:
        if policy not in self._repositories:
            try:
                self._repositories[policy] = self._read_repository(policy)
            except ImageAutomationError:
                self._repositories[policy] = None
        return self._repositories[policy]

    def _read_repository(self, policy: NamespacedName) -> ImageRepository | None:
        stored = self.snapshot.policy(policy)
        if stored is None:
            return None
        named = parse_stored(stored, ImagePolicy).repository
        # The policy may be older than the switch: another tenant's Secret and commits are not for this request.
        if not may_refer(policy.namespace, named, no_cross_namespace_refs=self.ports.no_cross_namespace_refs):
            return None
        found = self.ports.objects.get("ImageRepository", named)
        return parse_stored(found, ImageRepository) if found is not None else None

    def _kept(self, repository: ImageRepository, image: ImageRef, which: Digest) -> ImageSource | None:
        tags, key, now = self.ports.tags, repository.metadata.key, self.ports.clock.now()
        kept = tags.image_fact(key, which, KIND)
        if kept is not None and kept.until > now:
            return _read(kept.value)
        before = _read(kept.value) if kept is not None else None
        lasts = KEPT_FOR if image.digest else TAG_KEPT_FOR
        began_s, registry = self.ports.clock.monotonic_s(), parse_repository_image(repository.image).registry
        until_s = min(self.until_s, began_s + LONGEST_S)
        if began_s >= self.until_s or self._cool_downs.until(f"{HUNG}{registry}") is not None:
            return before
        try:
            with isolated():
                source = read_source(self._asked(repository, image, until_s))
        except ImageAutomationError as error:
            self.ports.log.info("source of image not known", image=str(image), error=error.message)
            if has_hung(error, self.ports.clock.monotonic_s() - began_s, LONGEST_S):
                self._cool_downs.begin(f"{HUNG}{registry}", HUNG_FOR_S)
            if self.ports.clock.monotonic_s() >= until_s:
                # The registry was cut off, so what it would have said is not known.
                return before
            # Keep the last answer for a day: otherwise the text would change whenever the registry fails.
            source, lasts = before, TAG_KEPT_FOR
        tags.put_image_fact(key, which, KIND, ImageFact(value=_text(source), until=now + lasts))
        return source

    def _asked(self, repository: ImageRepository, image: ImageRef, until_s: float) -> Mapping[str, str]:
        registry, name = self.ports.registry, parse_repository_image(repository.image)
        access = registry_access(repository, self.ports.secrets)
        digest = Digest(image.digest) if image.digest else registry.digest(name, image.tag, access, until_s)
        return registry.labels(name, digest, access, until_s)


def _text(source: ImageSource | None) -> str:
    return json.dumps([source.url, source.revision] if source is not None else [])


def _read(value: str) -> ImageSource | None:
    found = json.loads(value)
    return ImageSource(url=found[0], revision=found[1]) if found else None
