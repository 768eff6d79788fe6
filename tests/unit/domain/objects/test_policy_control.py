"""Annotations of an ImagePolicy that Flux does not know."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import ImagePolicy

PATTERN = "^([0-9]+d)?([0-9]+(\\.[0-9]+)?(ms|s|m|h))*$"


def read(**annotations: str) -> tuple[ImagePolicy | None, tuple[str, ...]]:
    """A policy with annotations below ``tagstream.dev/``, and what is wrong with it."""
    found = parse_object(
        {
            "apiVersion": "image.toolkit.fluxcd.io/v1",
            "kind": "ImagePolicy",
            "metadata": {
                "name": "web",
                "namespace": "apps",
                "annotations": {
                    f"tagstream.dev/{name.replace('_', '-')}": value for name, value in annotations.items()
                },
            },
            "spec": {"imageRepositoryRef": {"name": "web"}, "policy": {"semver": {"range": "*"}}},
        },
        "apps",
    )
    return found.value if isinstance(found.value, ImagePolicy) else None, found.errors


@pytest.mark.parametrize(
    ("text", "seconds"), [("72h", 259_200.0), ("3d", 259_200.0), ("1d12h", 129_600.0), ("1.5h", 5_400.0), ("0s", 0.0)]
)
def test_a_minimum_age_is_a_go_duration_that_may_have_days_in_front(text: str, seconds: float) -> None:
    policy, errors = read(minimum_age=text)
    assert errors == ()
    assert policy is not None and policy.control.minimum_age_s == seconds


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", f"should match '{PATTERN}'"),
        ("3", f"should match '{PATTERN}'"),
        ("three days", f"should match '{PATTERN}'"),
        ("1.5d", f"should match '{PATTERN}'"),
        ("12h3d", f"should match '{PATTERN}'"),
        ("-3d", f"should match '{PATTERN}'"),
        ("99999d", "is longer than a hundred years"),
    ],
)
def test_what_is_no_age_is_refused_with_its_object_and_its_value(text: str, cause: str) -> None:
    policy, errors = read(minimum_age=text)
    assert policy is None
    assert errors == (
        f'ImagePolicy/apps/web metadata.annotations[tagstream.dev/minimum-age]: Invalid value: "{text}": {cause}',
    )
