"""The pull request that an automation's status keeps: where it is, and when the host has to be asked for it again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.update.request_course import KeptRequest, kept_request
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject

FIELD = "pullRequest"
"""The status field with the request of the push branch."""
KIND = "ImageUpdateAutomation"


def known_request(stored: StoredObject) -> KeptRequest | None:
    """The request that an automation's status keeps."""
    return kept_request(stored.status.get(FIELD))


def forget_reads(automations: Collection[NamespacedName], ports: Ports) -> None:
    """Have the next run of these automations ask their hosts for requests, however short the last time was ago.

    A closed request is read too, because a person may have opened it again.

    A status that somebody else writes meanwhile is left alone: that run has asked, or is about to.
    """
    for stored in ports.objects.get_many(KIND, automations):
        known = known_request(stored)
        if known is not None and (known.is_open or known.may_reopen) and known.read_at is not None:
            unread = replace(known, read_at=None).document()
            ports.objects.replace_status(stored, {**stored.status, FIELD: unread})
