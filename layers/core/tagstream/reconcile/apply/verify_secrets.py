"""Finds secrets that cannot verify signatures, before an evaluation fails because of them.

Messages name the secret and the member. They never show a value.
"""

from __future__ import annotations

from collections.abc import Sequence

from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.model import VERIFY_SECRET, ImagePolicy, NamespacedName
from tagstream.ports.material import InvalidMaterial
from tagstream.ports.signatures import ReadPublicKeys
from tagstream.reconcile.apply.located import Located
from tagstream.reconcile.apply.pull_secrets import Members


def unverifiable_policies(
    objects: Sequence[Located], members: Members, read_keys: ReadPublicKeys | None
) -> Sequence[tuple[Located, Problem]]:
    """Return the policies whose secret cannot verify a signature.

    Args:
        objects: the valid objects of the manifests.
        members: reads a secret.
        read_keys: reads the keys of its members; None to check nothing.
    """
    if read_keys is None:
        return ()
    found = [(one, _problem(one.parsed.value, members, read_keys)) for one in objects]
    return [(one, problem) for one, problem in found if problem is not None]


def _problem(value: object, members: Members, read_keys: ReadPublicKeys) -> Problem | None:
    """What is wrong with the secret that a policy verifies signatures with; None if it is good, or not known.

    Args:
        value: an object without errors. Kinds other than ImagePolicy verify nothing.
        members: reads a secret.
        read_keys: reads the keys of its members.
    """
    if not isinstance(value, ImagePolicy) or not value.control.verify_secret:
        return None
    key = NamespacedName(value.metadata.key.namespace, value.control.verify_secret)
    data = members(key)
    if data is None:
        return None
    try:
        read_keys(data)
    except InvalidMaterial as error:
        return Problem(path=f"metadata.annotations[{VERIFY_SECRET}]", message=f"secret '{key}': {error}")
    return None
