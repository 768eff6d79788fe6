"""Finds policies that ask for the findings of a registry which tagstream does not ask: only ECR's are read."""

from __future__ import annotations

from collections.abc import Sequence

from gocompat.quote import quote
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.image_name import ecr_account
from tagstream.domain.objects.model import VULNERABILITIES_BELOW, ImagePolicy, ImageRepository
from tagstream.reconcile.apply.located import Located


def unscanned_policies(objects: Sequence[Located]) -> Sequence[tuple[Located, Problem]]:
    """Return the policies whose ImageRepository is among the objects and is not in a private ECR.

    Args:
        objects: the valid objects of the manifests.
    """
    values = [one.parsed.value for one in objects]
    images = {one.metadata.key: one.image for one in values if isinstance(one, ImageRepository)}
    found = []
    for one in objects:
        value = one.parsed.value
        if not isinstance(value, ImagePolicy) or value.control.vulnerabilities_below is None:
            continue
        image = images.get(value.repository, "")
        if image and ecr_account(image) is None:
            words = f"{quote(image)} is not in a private ECR registry, and only ECR is asked for vulnerabilities"
            path = f"metadata.annotations[{VULNERABILITIES_BELOW}]"
            found.append((one, Problem(path=path, message=words)))
    return found
