"""Finds the one policy that a command looks into: in the files of ``--filename``, or in the stack."""

from __future__ import annotations

from collections.abc import Callable

from tagstream.cli.console import CommandFailed
from tagstream.cli.files import read_objects
from tagstream.cli.kinds import POLICY
from tagstream.cli.session import Session
from tagstream.cli.waiting import required
from tagstream.domain.objects.model import ImagePolicy, ImageRepository
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.apply.validation import validate


def policy_of_files(
    session: Session, is_meant: Callable[[ImagePolicy], bool]
) -> tuple[ImagePolicy, ImageRepository | None]:
    """Return the policy, with its repository if that is in the files too. What is wrong in the files is printed.

    Raises:
        CommandFailed: none or several of the policies are meant.
    """
    args = session.args
    manifests = read_objects(args.filename, session.stdin, session.namespace)
    validation = validate(manifests, lambda kind, key: True)
    for error in validation.errors:
        session.console.failure(error)
    objects = [one.parsed.value for one in validation.objects]
    policies = [one for one in objects if isinstance(one, ImagePolicy) and is_meant(one)]
    if len(policies) != 1:
        for note in manifests.notes:
            session.console.warning(note)
        names = ", ".join(str(one.metadata.key) for one in policies) or "none"
        raise CommandFailed(f"expected one ImagePolicy{f' {args.name}' if args.name else ''} in the files: {names}")
    [policy] = policies
    repositories = (one for one in objects if isinstance(one, ImageRepository))
    return policy, next((one for one in repositories if one.metadata.key == policy.repository), None)


def policy_of_stack(session: Session) -> StoredObject:
    """Return the policy that is named.

    Raises:
        CommandFailed: none is named, or it does not exist.
    """
    if not session.args.name:
        raise CommandFailed("a policy's name, or --filename is required")
    return required(session, POLICY, session.key(session.args.name))
