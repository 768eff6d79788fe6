"""``tagstream apply`` warns of pull secrets that an image's registry cannot be read with."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tagstream.domain.objects.kinds import SERVICE_ACCOUNT
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import AuthenticationError
from tests.unit.cli.memory_ports import MemoryPorts, MemorySecrets, command

PASSWORD = "hunter22"
REPOSITORY = "ImageRepository/apps/app"
SERVICE_ACCOUNT_PULLER = """
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: puller, namespace: apps}
imagePullSecrets: [{name: pull}, {name: other}]
"""


class UnreadableSecrets(MemorySecrets):
    """Secrets for somebody who may write them and not read them."""

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        raise AuthenticationError(f"access to '{key}' denied", reason="AccessDenied")


def repository(image: str = "ghcr.io/org/app", spec: str = "secretRef: {name: pull}") -> str:
    return f"""
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {{name: app, namespace: apps}}
spec: {{image: "{image}", interval: 1m, {spec}}}
"""


def config(*keys: str) -> str:
    return json.dumps({"auths": {key: {"username": "bot", "password": PASSWORD} for key in keys}})


def secret(name: str, members: Mapping[str, str]) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "apps"},
        "stringData": members,
    }
    return f"\n---\n{json.dumps(document)}\n"


def pull_secret(*keys: str, name: str = "pull") -> str:
    return secret(name, {".dockerconfigjson": config(*keys)})


def stored(name: str, members: Mapping[str, str]) -> MemoryPorts:
    ports = MemoryPorts()
    ports.secrets.data[NamespacedName("apps", name)] = {key: value.encode() for key, value in members.items()}
    return ports


def warnings(text: str, ports: MemoryPorts | None = None, *more: str) -> list[str]:
    """What is told of the repository; it is stored all the same."""
    done = command("apply", "-f", "-", *more, ports=ports or MemoryPorts(), stdin=text)
    assert done.code == 0
    assert PASSWORD not in done.out + done.err
    return [line.partition(f"{REPOSITORY} ")[2] for line in done.err.splitlines()]


@pytest.mark.parametrize(
    ("keys", "entries"),
    [
        (("quay.io", "https://index.docker.io/v1/"), "index.docker.io, quay.io"),
        (("https://bot:hunter22@quay.io/v2/",), "quay.io"),
        ((), "none"),
    ],
)
def test_a_pull_secret_without_an_entry_for_the_images_host_is_a_warning(keys: tuple[str, ...], entries: str) -> None:
    expected = f"spec.secretRef: pull secret 'pull' has no entry for ghcr.io; its entries: {entries}"
    assert warnings(repository() + pull_secret(*keys)) == [expected]
    assert warnings(repository(), stored("pull", {".dockerconfigjson": config(*keys)})) == [expected]


def test_entries_for_other_paths_of_the_host_are_told_with_the_path_that_is_wanted() -> None:
    told = warnings(repository() + pull_secret("ghcr.io/other"))
    assert told == ["spec.secretRef: pull secret 'pull' has no entry for ghcr.io/org/app; its entries: ghcr.io/other"]


@pytest.mark.parametrize("key", ["ghcr.io", "https://ghcr.io/v2/", "*.io", "ghcr.io/org", "https://me@ghcr.io"])
def test_a_pull_secret_with_an_entry_for_the_image_is_no_warning(key: str) -> None:
    assert warnings(repository() + pull_secret("quay.io", key)) == []


def test_an_entry_by_another_name_of_docker_hub_is_no_warning() -> None:
    assert warnings(repository("alpine") + pull_secret("docker.io")) == []


@pytest.mark.parametrize("text", ["", "{}"])
def test_the_older_form_of_a_pull_secret_is_looked_into_too(text: str) -> None:
    old = json.dumps({"quay.io": {"username": "bot", "password": PASSWORD}})
    told = warnings(repository() + secret("pull", {".dockerconfigjson": text, ".dockercfg": old}))
    host = "quay.io" if not text else "none"
    assert told == [f"spec.secretRef: pull secret 'pull' has no entry for ghcr.io; its entries: {host}"]


def test_a_secret_of_another_kind_is_a_warning() -> None:
    expected = (
        "spec.secretRef: secret 'apps/pull' is no pull secret for ghcr.io:"
        " it has neither '.dockerconfigjson' nor '.dockercfg'"
    )
    login = {"username": "bot", "password": PASSWORD}
    assert warnings(repository() + secret("pull", login)) == [expected]
    assert warnings(repository(), stored("pull", login)) == [expected]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (f"{{{PASSWORD}", ".dockerconfigjson is not valid JSON"),
        (
            json.dumps({"auths": {"ghcr.io": {"auth": PASSWORD}}}),
            "unable to decode auth field: must be formatted as base64(username:password)",
        ),
        (
            json.dumps({"auths": {f"https://bot:{PASSWORD}@ghcr.io:x": {}}}),
            'entry "ghcr.io:x" in dockercfg invalid (invalid port)',
        ),
    ],
)
def test_a_pull_secret_that_cannot_be_read_is_a_warning_that_shows_no_value(content: str, fault: str) -> None:
    told = warnings(repository() + secret("pull", {".dockerconfigjson": content}))
    assert told == [f"spec.secretRef: secret 'apps/pull' is no pull secret for ghcr.io: {fault}"]


def test_the_secrets_of_a_service_account_are_looked_into() -> None:
    used = repository(spec="serviceAccountName: puller")
    both = pull_secret("quay.io") + pull_secret("gcr.io", name="other")
    told = warnings(used + SERVICE_ACCOUNT_PULLER + both)
    assert told == [
        "spec.serviceAccountName: pull secret 'pull', 'other' has no entry for ghcr.io; its entries: gcr.io, quay.io"
    ]
    assert warnings(used + SERVICE_ACCOUNT_PULLER + pull_secret("quay.io") + pull_secret("ghcr.io", name="other")) == []


def test_the_secrets_of_a_stored_service_account_are_looked_into() -> None:
    ports = stored("pull", {".dockerconfigjson": config("quay.io")})
    ports.secrets.data[NamespacedName("apps", SERVICE_ACCOUNT + "puller")] = {"imagePullSecrets": b"pull"}
    told = warnings(repository(spec="serviceAccountName: puller"), ports)
    assert told == ["spec.serviceAccountName: pull secret 'pull' has no entry for ghcr.io; its entries: quay.io"]


def test_a_secret_given_in_the_files_counts_and_not_the_stored_one_that_it_replaces() -> None:
    assert warnings(repository() + pull_secret("ghcr.io"), stored("pull", {"token": "x"})) == []


def test_a_secret_that_is_not_known_may_have_the_entry() -> None:
    used = repository(spec="serviceAccountName: puller, secretRef: {name: pull}")
    assert warnings(used + SERVICE_ACCOUNT_PULLER + pull_secret("quay.io")) == []


def test_a_secret_that_must_not_be_read_may_have_the_entry() -> None:
    ports = MemoryPorts(secrets=UnreadableSecrets())
    assert warnings(repository(), ports) == []


@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
def test_the_identity_of_a_cloud_needs_no_pull_secret(provider: str) -> None:
    spec = f"provider: {provider}, secretRef: {{name: pull}}"
    assert warnings(repository(spec=spec) + secret("pull", {"clientID": "x"})) == []


def test_a_secret_with_certificates_for_the_same_repository_is_no_warning() -> None:
    spec = "secretRef: {name: pull}, certSecretRef: {name: pull}"
    assert not [
        one for one in warnings(repository(spec=spec) + secret("pull", {"ca.crt": "x"})) if "pull secret" in one
    ]


def test_a_dry_run_without_the_stack_looks_into_the_secrets_of_the_files() -> None:
    told = warnings(repository() + pull_secret("quay.io"), None, "--dry-run=client")
    assert told == ["spec.secretRef: pull secret 'pull' has no entry for ghcr.io; its entries: quay.io"]
