"""Whether the images of one evaluation are signed: the best few are looked at, and answers are kept by digest.

The answer that an image is not signed counts for as long as the image was known, at most an hour: it may be signed a
little later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tagstream.domain.objects.model import Digest
from tagstream.domain.select.choice import Content, Signing
from tagstream.domain.signatures.signed import Signed
from tagstream.ports.signatures import PublicKeys
from tagstream.ports.tags import ImageFact
from tagstream.reconcile.select.contents import Contents
from tagstream.reconcile.select.looks import Looks

KEPT_FOR = timedelta(days=30)
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
SIGNED, UNSIGNED, OF_OTHERS = "signed", "unsigned", "signed by others"
PROBLEMS = {UNSIGNED: "has no signature", OF_OTHERS: "has no signature by a key of the secret"}
NOT_LOOKED_AT = Signing(may_go=False, problem="was not looked at")
AskSigned = Callable[[Digest], Iterable[Signed]]


@dataclass(slots=True, kw_only=True)
class ImageSignatures:
    """The signatures of one repository's images.

    Args:
        contents: tells which digest a tag has.
        image: of the repository now; empty if it is not known.
        read_keys: reads the keys that count; called when the first tag is looked at.
        ask: asks the registry for the signatures of a digest; None when only what is stored counts.
        looks: how many tags may be looked at.
    """

    contents: Contents
    image: str
    read_keys: Callable[[], PublicKeys]
    ask: AskSigned | None
    looks: Looks
    _keys: PublicKeys | None = None
    _answers: dict[str, Signing] = field(default_factory=dict)

    def of(self, tag: str) -> Signing:
        """Whether a tag's image is signed by one of the keys, or needs no look because it is selected already.

        Raises:
            ImageAutomationError: the registry does not answer, or there are no keys.
        """
        current = self.contents.current
        is_current = current is not None and current.tag == tag and self.image in ("", current.name)
        if is_current and not self.contents.is_reread:
            return Signing(may_go=True)
        if tag not in self._answers and self.looks.may_compare():
            self._answers[tag] = self._looked_at(tag, current.digest if is_current and current is not None else "")
        return self._answers.get(tag, NOT_LOOKED_AT)

    def _looked_at(self, tag: str, selected_digest: str) -> Signing:
        content = self.contents.known(tag)
        if content is None:
            return NOT_LOOKED_AT
        if content.digest == selected_digest:
            return Signing(may_go=True)
        return self._of_digest(content)

    def _of_digest(self, content: Content) -> Signing:
        keys = self._keys = self._keys or self.read_keys()
        tags, repository = self.contents.first_seen.tags, self.contents.first_seen.repository
        kind = f"signature#{keys.identity}"
        fact = tags.image_fact(repository, content.digest, kind)
        if fact is None or (fact.until <= self.contents.now and self.ask is not None):
            if self.ask is None:
                return NOT_LOOKED_AT
            self.looks.count_question()
            fact = self._fact(content, self._verdict(content.digest, keys, self.ask))
            tags.put_image_fact(repository, content.digest, kind, fact)
        if fact.value == SIGNED:
            return Signing(may_go=True)
        return Signing(may_go=False, problem=PROBLEMS.get(fact.value, PROBLEMS[UNSIGNED]), until=fact.until)

    def _verdict(self, digest: str, keys: PublicKeys, ask: AskSigned) -> str:
        verdict = UNSIGNED
        for one in ask(Digest(digest)):
            # A valid signature of another image is none of this one.
            if digest in one.digests and keys.have_signed(one.message, one.signature):
                return SIGNED
            verdict = OF_OTHERS
        return verdict

    def _fact(self, content: Content, verdict: str) -> ImageFact:
        now = self.contents.now
        return ImageFact(value=verdict, until=now + KEPT_FOR if verdict == SIGNED else _again(content.since, now))


def _again(since: datetime | None, now: datetime) -> datetime:
    """When an unsigned image is looked at again: after as long as it was known."""
    known_for = now - since if since is not None else SHORTEST
    return (now + min(max(known_for, SHORTEST), LONGEST)).replace(microsecond=0)
