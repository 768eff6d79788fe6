"""Annotations of an ImagePolicy that Flux does not know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.objects.checks import check_object
from tagstream.domain.objects.intervention import Intervention, Place, Revert, intervention_text, revert_text
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import ImagePolicy, PolicyChoice

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


def test_a_pin_or_a_hold_of_the_manifest_is_an_order_with_a_reason_and_an_end() -> None:
    pinned, _ = read(pin="v1.2.0", until="2026-12-01T09:00:00+01:00", reason="bug 7")
    held, _ = read(hold="true")
    end = datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert pinned is not None and pinned.control.annotated == Intervention(
        kind="pin", tag="v1.2.0", author="the annotation tagstream.dev/pin", reason="bug 7", until=end
    )
    assert pinned.control.intervention(end - timedelta(seconds=1)) == pinned.control.annotated
    assert pinned.control.intervention(end) is None
    assert held is not None and held.control.annotated == Intervention(
        kind="hold", author="the annotation tagstream.dev/hold"
    )


def test_tags_to_skip_are_a_list_with_commas() -> None:
    policy, errors = read(skip_tags="v1.2.0, v1.2.1")
    assert errors == ()
    assert policy is not None and policy.control.skip_tags == {"v1.2.0", "v1.2.1"}


@pytest.mark.parametrize(
    ("annotations", "problem"),
    [
        ({"pin": "v1 2"}, '[tagstream.dev/pin]: Invalid value: "v1 2": is no tag'),
        ({"pin": ""}, '[tagstream.dev/pin]: Invalid value: "": is no tag'),
        (
            {"hold": "yes"},
            '[tagstream.dev/hold]: Unsupported value: "yes": supported values: "true", "false"',
        ),
        (
            {"hold": "true", "pin": "v1"},
            '[tagstream.dev/hold]: Invalid value: "true": tagstream.dev/pin and tagstream.dev/hold exclude each other',
        ),
        (
            {"pin": "v1", "until": "tomorrow"},
            '[tagstream.dev/until]: Invalid value: "tomorrow": must be a time with its zone,'
            " such as 2026-12-01T08:00:00Z",
        ),
        (
            {"pin": "v1", "until": "2026-12-01T08:00:00"},
            '[tagstream.dev/until]: Invalid value: "2026-12-01T08:00:00": must be a time with its zone,'
            " such as 2026-12-01T08:00:00Z",
        ),
        (
            {"reason": "x"},
            '[tagstream.dev/reason]: Invalid value: "x": means nothing without tagstream.dev/pin or tagstream.dev/hold',
        ),
        ({"skip_tags": "v1,,v2"}, '[tagstream.dev/skip-tags]: Invalid value: "": is no tag'),
        (
            {"on_revert": "keep"},
            '[tagstream.dev/on-revert]: Unsupported value: "keep": supported values: "hold", "ignore"',
        ),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused_with_its_value(annotations: dict[str, str], problem: str) -> None:
    policy, errors = read(**annotations)
    assert policy is None
    assert errors == (f"ImagePolicy/apps/web metadata.annotations{problem}",)


def test_an_order_of_a_command_comes_before_that_of_the_manifest() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    order = Intervention(kind="hold", author="ann", at=now, until=now + timedelta(hours=1))
    policy, errors = read(pin="v1.2.0", intervention=intervention_text(order))
    assert errors == ()
    assert policy is not None and policy.control.intervention(now) == order
    later = policy.control.intervention(now + timedelta(hours=1))
    assert later is not None and later.kind == "pin"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"kind": "keep", "author": "a"}', '{"kind": "pin", "at": 1}'])
def test_an_order_that_cannot_be_read_is_none(text: str) -> None:
    policy, errors = read(intervention=text, reverted=text)
    assert errors == ()
    assert policy is not None and (policy.control.ordered, policy.control.revert) == (None, None)


def test_a_revert_is_kept_with_all_that_is_known_of_it() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    known = Revert(rejected="v2", found="v1", file="a.yaml", at=now, commit="a" * 40, author="Ann <a@b>")
    placed = replace(known, rejected_place=Place(value="2", made_at=now.replace(microsecond=5)))
    for revert in (known, placed, Revert(rejected="v2", found="v1", file="a.yaml", at=now)):
        policy, _ = read(reverted=revert_text(revert))
        assert policy is not None and policy.control.revert == revert


@pytest.mark.parametrize("made_at", [None, datetime(2026, 11, 24, 1, 2, 3, 4, tzinfo=UTC)])
def test_a_rollback_is_kept_with_its_digest_and_the_place_of_the_bad_tag(made_at: datetime | None) -> None:
    order = Intervention(
        kind="rollback",
        author="ann",
        tag="v1",
        digest="sha256:1",
        image="app",
        rejected="v2",
        rejected_place=Place(value="2", made_at=made_at),
    )
    policy, _ = read(intervention=intervention_text(order))
    assert policy is not None and policy.control.ordered == order


def test_platforms_are_a_list_with_commas_and_what_is_none_is_refused() -> None:
    policy, errors = read(platforms="linux/amd64, linux/arm/v7")
    assert errors == ()
    assert policy is not None and policy.control.platforms == {"linux/amd64", "linux/arm/v7"}
    _, errors = read(platforms="linux/amd64,arm64")
    words = 'Invalid value: "arm64": is no platform, such as linux/arm64 or linux/arm/v7'
    assert errors == (f"ImagePolicy/apps/web metadata.annotations[tagstream.dev/platforms]: {words}",)


@pytest.mark.parametrize(
    ("platform", "doubt"),
    [
        ("linux/x86_64", '"x86_64" is no architecture that Go knows (GOARCH): did you mean linux/amd64?'),
        ("linux/aarch64", '"aarch64" is no architecture that Go knows (GOARCH): did you mean linux/arm64?'),
        ("windows/bogus", '"bogus" is no architecture that Go knows (GOARCH): amd64 and arm64 are the usual ones'),
        ("linus/amd64", '"linus" is no operating system that Go knows (GOOS)'),
    ],
)
def test_a_platform_with_names_that_no_image_has_is_warned_of(platform: str, doubt: str) -> None:
    policy, errors = read(platforms=f"linux/arm/v7, {platform}")
    assert errors == ()
    assert policy is not None
    [problem] = check_object(policy, advises=False)
    assert (problem.is_warning, problem.path) == (True, "metadata.annotations[tagstream.dev/platforms]")
    assert problem.message == f'"{platform}": no image may be for it: {doubt}'


def test_signatures_are_verified_with_the_keys_of_a_secret() -> None:
    policy, errors = read(verify="cosign", verify_secret="cosign-keys")
    assert errors == ()
    assert policy is not None and policy.control.verify_secret == "cosign-keys"


@pytest.mark.parametrize(
    ("annotations", "name", "words"),
    [
        ({"verify": "notation", "verify_secret": "a"}, "verify", 'Unsupported value: "notation"'),
        ({"verify": "cosign"}, "verify", "needs tagstream.dev/verify-secret, the Secret with the public keys"),
        ({"verify_secret": "a"}, "verify-secret", "means nothing without tagstream.dev/verify"),
        ({"verify": "cosign", "verify_secret": "other/a"}, "verify-secret", '"other/a": is no name of a Secret'),
        (
            {"verify": "cosign", "verify_secret": "a", "verify_issuer": "x"},
            "verify-issuer",
            "keyless verification",
        ),
        (
            {"verify": "cosign", "verify_secret": "a", "verify_identity": "x"},
            "verify-identity",
            "nineteen more",
        ),
    ],
)
def test_signatures_that_cannot_be_verified_are_refused(annotations: dict[str, str], name: str, words: str) -> None:
    _, errors = read(**annotations)
    assert [f"metadata.annotations[tagstream.dev/{name}]" in one and words in one for one in errors] == [True]


def test_the_order_by_time_stands_beside_an_alphabetical_order() -> None:
    policy, errors = read(order_by="first-seen")
    assert errors == ()
    assert policy is not None and policy.control.order_by == "first-seen"
    words = "needs spec.policy.alphabetical with order asc"
    assert [words in one.message and not one.is_warning for one in check_object(policy)] == [True]
    for order, count in (("asc", 0), ("", 0), ("desc", 1)):
        given = replace(policy, policy=PolicyChoice(alphabetical=order))
        assert sum(words in one.message for one in check_object(given)) == count
    _, errors = read(order_by="age")
    assert ['Unsupported value: "age": supported values: "first-seen", "created"' in one for one in errors] == [True]


def test_a_severity_is_one_of_ecrs() -> None:
    policy, errors = read(vulnerabilities_below="HIGH")
    assert errors == ()
    assert policy is not None and policy.control.vulnerabilities_below == "HIGH"
    _, errors = read(vulnerabilities_below="high")
    assert ['Unsupported value: "high": supported values: "INFORMATIONAL", "LOW"' in one for one in errors] == [True]
