"""Warns whoever changes an object by hand that Git will put it back."""

from __future__ import annotations

from tagstream.cli.session import Session
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.shown_status import is_suspended
from tagstream.reconcile.sync.store import inventory_names, shown
from tagstream.reconcile.sync.wanted import owner_of


def warn_of_owner(session: Session, stored: StoredObject | None) -> None:
    """Print a warning if a Kustomization that is not suspended keeps this object; nothing is read for other objects.

    Args:
        session: gives the console and the stack.
        stored: the object as it is before the change; None if it is new.
    """
    owner = owner_of(stored.document) if stored is not None else None
    if stored is None or owner is None:
        return
    kustomization = session.ports.objects.get("Kustomization", owner)
    # An object that was exported from a cluster, or copied under another name, has the labels too, and nobody keeps it.
    if kustomization is None or is_suspended(kustomization):
        return
    if shown(stored) in (inventory_names(kustomization.status) or ()):
        session.console.warning(
            f"{stored.kind}/{stored.key} is kept in Git by Kustomization/{owner}, which puts it back:"
            " commit the change there, or suspend the Kustomization first"
        )
