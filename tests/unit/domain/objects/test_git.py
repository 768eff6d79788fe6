"""ImageUpdateAutomation, GitRepository and Receiver in every dialect."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.checks import check_object
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import (
    CommitSpec,
    GitRef,
    GitRepository,
    GitSpec,
    ImageUpdateAutomation,
    LabelRequirement,
    LabelSelector,
    NamespacedName,
    PushSpec,
    Receiver,
    ReceiverResource,
    SigningKey,
    SourceRef,
    UpdateStrategy,
)
from tests.unit.object_documents import INTERVAL, METADATA, document, problems, value

AUTHOR = {"author": {"email": "bot@example.com"}}


@pytest.mark.parametrize("version", ["v1alpha2", "v1beta1", "v1beta2", "v1"])
def test_every_field_of_an_automation_is_read(version: str) -> None:
    commit = {
        **AUTHOR,
        "messageTemplate": "{{ .Values.a }}",
        "messageTemplateValues": {"a": "b"},
        "signingKey": {"type": "ssh", "secretRef": {"name": "key"}},
    }
    spec = {
        "sourceRef": {"apiVersion": "x", "kind": "GitRepository", "name": "src", "namespace": "flux-system"},
        "interval": "5m",
        "git": {
            "checkout": {"ref": {"branch": "main", "tag": "t", "semver": "1.x", "name": "refs/x", "commit": "c"}},
            "commit": commit,
            "push": {"branch": "b", "refspec": "r", "options": {"k": "v"}},
        },
        "policySelector": {
            "matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
        },
        "update": {"path": "./apps", "strategy": "Setters"},
        "suspend": True,
    }
    assert value("ImageUpdateAutomation", spec, version) == ImageUpdateAutomation(
        metadata=METADATA,
        dialect=version,
        source=SourceRef(kind="GitRepository", key=NamespacedName("flux-system", "src")),
        interval_s=300.0,
        git=GitSpec(
            checkout=GitRef(branch="main", tag="t", semver="1.x", name="refs/x", commit="c"),
            commit=CommitSpec(
                author_email="bot@example.com",
                message_template="{{ .Values.a }}",
                message_template_values={"a": "b"},
                signing_key=SigningKey(secret_ref="key", type="ssh"),
            ),
            push=PushSpec(branch="b", refspec="r", options={"k": "v"}),
        ),
        policy_selector=LabelSelector(
            match_labels={"a": "b"},
            match_expressions=(LabelRequirement(key="k", operator="In", values=("v",)),),
        ),
        update=UpdateStrategy(path="./apps"),
        suspend=True,
    )


def test_the_first_dialect_of_automations_has_its_own_layout() -> None:
    spec = {
        "checkout": {"gitRepositoryRef": {"name": "src"}, "branch": "main"},
        "commit": {"authorName": "bot", "authorEmail": "bot@example.com", "messageTemplate": "m"},
        "push": {"branch": "b"},
        "interval": "1m",
        "update": {"strategy": "Setters", "path": "x"},
    }
    assert value("ImageUpdateAutomation", spec, "v1alpha1") == ImageUpdateAutomation(
        metadata=METADATA,
        dialect="v1alpha1",
        source=SourceRef(kind="GitRepository", key=NamespacedName("apps", "src")),
        interval_s=60.0,
        git=GitSpec(
            checkout=GitRef(branch="main"),
            commit=CommitSpec(author_name="bot", author_email="bot@example.com", message_template="m"),
            push=PushSpec(branch="b"),
        ),
        update=UpdateStrategy(path="x"),
    )


@pytest.mark.parametrize(
    ("spec", "version", "told"),
    [
        ({"interval": "1m"}, "v1", ["spec.sourceRef: Required value"]),
        (
            {"interval": "1m", "sourceRef": {"kind": "Bucket", "name": "b"}, "git": {"commit": AUTHOR}},
            "v1",
            ['spec.sourceRef.kind: Unsupported value: "Bucket": supported values: "GitRepository"'],
        ),
        (
            {"interval": "1m", "sourceRef": {"name": "b"}, "git": {"commit": {"author": {"name": "x"}}}},
            "v1",
            ["spec.git.commit.author.email: Required value"],
        ),
        (
            {"interval": "1m", "sourceRef": {"name": "b"}, "git": {"commit": AUTHOR, "checkout": {}}},
            "v1",
            ["spec.git.checkout.ref: Required value"],
        ),
        (
            {"interval": "1m", "sourceRef": {"name": "b"}, "update": {"strategy": "Magic"}},
            "v1",
            ['spec.update.strategy: Unsupported value: "Magic": supported values: "Setters"'],
        ),
        (
            {"interval": "1m", "checkout": "x", "commit": []},
            "v1alpha1",
            [
                'spec.checkout: Invalid value: "x": must be of type object, not string',
                "spec.commit: Invalid value: must be of type object, not array",
            ],
        ),
    ],
)
def test_a_wrong_automation_names_field_and_value(spec: object, version: str, told: list[str]) -> None:
    assert problems("ImageUpdateAutomation", spec, version) == told


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2", "v1"])
def test_a_git_repository_is_read_and_fields_of_artifacts_mean_nothing(version: str) -> None:
    spec = {
        "url": "https://git.example/a.git",
        "interval": "1m",
        "ref": {"branch": "main"},
        "secretRef": {"name": "s"},
        "proxySecretRef": {"name": "p"},
        "provider": "github",
        "timeout": "20s",
        "ignore": "*.md",
        "include": [],
        "recurseSubmodules": True,
        "verify": {},
    }
    assert value("GitRepository", spec, version) == GitRepository(
        metadata=METADATA,
        url="https://git.example/a.git",
        ref=GitRef(branch="main"),
        interval_s=60.0,
        timeout_s=20.0,
        secret_ref="s",
        proxy_secret_ref="p",
        provider="github",
    )


def test_a_service_account_of_a_git_repository_is_a_warning() -> None:
    spec = {"url": "https://h/r", "interval": "1m", "serviceAccountName": "writer"}
    parsed = parse_object(document("GitRepository", spec), "default")
    assert parsed.value is not None
    assert [one.is_warning for one in parsed.problems] == [True]


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("git@github.com:a/b.git", "; did you mean ssh://git@github.com/a/b.git"),
        ("github.com:a/b.git", "; did you mean ssh://git@github.com/a/b.git"),
        ("file:///x", ""),
        ("ftp://x", ""),
        ("https:/x", ""),
        ("ssh://a\nb", ""),
    ],
)
def test_a_git_url_needs_a_scheme_that_flux_knows(url: str, meant: str) -> None:
    (told,) = problems("GitRepository", {"url": url, "interval": "1m"})
    assert told.endswith(f"spec.url in body should match '^(http|https|ssh)://.*$'{meant}")


UNREADABLE = "the host, or the port behind its colon, cannot be read"


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("ssh://git@host:org/repo", f"{UNREADABLE}; did you mean ssh://git@host/org/repo"),
        ("https://host:org/repo", f"{UNREADABLE}; did you mean https://host/org/repo"),
        ("ssh://git@host:99999/x", UNREADABLE),
        ("https:///x", "there is no host"),
        ("https://a b/x", "an address has no blanks"),
    ],
)
def test_an_address_that_no_run_could_use_is_refused_with_the_one_that_was_meant(url: str, cause: str) -> None:
    (problem,) = check_object(value("GitRepository", {"url": url, "interval": "1m"}))
    assert str(problem) == f'spec.url: Invalid value: "{url}": {cause}'


def test_a_password_in_a_wrong_address_is_not_shown() -> None:
    url = "https://me:se/cr@et@host:org/repo"
    (problem,) = check_object(value("GitRepository", {"url": url, "interval": "1m"}))
    (other,) = problems("GitRepository", {"url": url.replace("https", "ftp"), "interval": "1m"})
    for told in (str(problem), other):
        assert "://me:***@host:org/repo" in told
        assert [part for part in ("se/cr", "cr@et") if part in told] == []


def test_a_receiver_is_read() -> None:
    spec = {
        "type": "github",
        "secretRef": {"name": "s"},
        "events": ["ping"],
        "interval": "1m",
        "resources": [
            {"kind": "ImageRepository", "name": "*", "matchLabels": {"a": "b"}, "filter": "true"},
            {"apiVersion": "x", "kind": "GitRepository", "name": "g", "namespace": "n"},
        ],
        "resourceFilter": "true",
    }
    assert value("Receiver", spec) == Receiver(
        metadata=METADATA,
        type="github",
        secret_ref="s",
        events=("ping",),
        interval_s=60.0,
        resource_filter="true",
        resources=(
            ReceiverResource(
                kind="ImageRepository", key=NamespacedName("apps", "*"), match_labels={"a": "b"}, filter="true"
            ),
            ReceiverResource(kind="GitRepository", key=NamespacedName("n", "g")),
        ),
    )


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"type": "smoke", "secretRef": {"name": "s"}, "resources": []}, "spec.type"),
        ({"type": "github", "resources": []}, "spec.secretRef"),
        ({"type": "github", "secretRef": {"name": "s"}}, "spec.resources"),
        ({"type": "generic-oidc", "resources": []}, "spec.oidcProviders"),
        (
            {"type": "github", "secretRef": {"name": "s"}, "resources": [{"kind": "Pod", "name": "p"}]},
            "spec.resources[0].kind",
        ),
    ],
)
def test_a_wrong_receiver_names_the_field(spec: object, field: str) -> None:
    assert [told.partition(": ")[0] for told in problems("Receiver", spec)] == [field]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10s", (10.0, ())),
        ("0s", (0.0, ())),
        ("15m", (900.0, ())),
        ("901s", (None, ('Invalid value: "901s": must be at most 15m0s',))),
        ("soon", (None, (f'Invalid value: "soon": {INTERVAL}',))),
        ("-1s", (None, (f'Invalid value: "-1s": {INTERVAL}',))),
    ],
)
def test_a_debounce_window_is_a_duration_of_at_most_a_quarter_of_an_hour(
    text: str, expected: tuple[object, object]
) -> None:
    spec = {
        "sourceRef": {"kind": "GitRepository", "name": "src"},
        "interval": "5m",
        "git": {"commit": AUTHOR},
    }
    given = document("ImageUpdateAutomation", spec)
    given["metadata"]["annotations"] = {"tagstream.dev/debounce": text}
    parsed = parse_object(given, "default")
    found = parsed.value.debounce_s if isinstance(parsed.value, ImageUpdateAutomation) else None
    prefix = "ImageUpdateAutomation/apps/one metadata.annotations[tagstream.dev/debounce]: "
    assert (found, tuple(one.removeprefix(prefix) for one in parsed.errors)) == expected
