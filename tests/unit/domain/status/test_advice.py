"""A failure points to the object, the field and the value that cause it; what Flux says stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.status.advice import Named, git_advice, receiver_advice, repository_advice

KEY = NamespacedName("ns", "web")
IMAGE = "ghcr.io/org/web"
URL = "https://git.example.com/org/apps.git"
SCAN = "scan failed: GET https://ghcr.io/v2/org/web/tags/list?n=1000: "
CHECKOUT = "failed to checkout source: "


def repository(**spec: Any) -> Named:
    return Named(kind="ImageRepository", key=KEY, spec={"image": IMAGE, **spec})


def source(**spec: Any) -> Named:
    return Named(kind="GitRepository", key=NamespacedName("ns", "apps"), spec={"url": URL, **spec})


def automation(**spec: Any) -> Named:
    return Named(kind="ImageUpdateAutomation", key=KEY, spec={"sourceRef": {"name": "apps"}, **spec})


@pytest.mark.parametrize(
    ("message", "spec", "advice"),
    [
        (
            SCAN + "UNAUTHORIZED: authentication required",
            {"secretRef": {"name": "login"}},
            "ghcr.io refuses the login in Secret/ns/login (spec.secretRef.name of ImageRepository/ns/web);"
            " it must be allowed to pull ghcr.io/org/web",
        ),
        (
            SCAN + "DENIED: requested access to the resource is denied",
            {},
            "ghcr.io refuses a request without login, since ImageRepository/ns/web has no spec.secretRef"
            " (tagstream create secret oci); it must be allowed to pull ghcr.io/org/web",
        ),
        (
            SCAN + "unexpected status code 403",
            {"provider": "aws"},
            "ghcr.io refuses the login of spec.provider 'aws' of ImageRepository/ns/web; it must be allowed to pull"
            " ghcr.io/org/web",
        ),
        (
            SCAN + "UNAUTHORIZED: authentication required",
            {"serviceAccountName": "puller"},
            "ghcr.io refuses the logins of ServiceAccount/ns/puller (spec.serviceAccountName of"
            " ImageRepository/ns/web); it must be allowed to pull ghcr.io/org/web",
        ),
        (
            SCAN + "NAME_UNKNOWN: repository name not known to registry",
            {},
            "spec.image 'ghcr.io/org/web': ghcr.io has no such repository; some registries say so of a repository"
            " that the login may not see, too",
        ),
        (
            'scan failed: Get "https://ghcr.io/v2/": dial tcp: connect: connection refused',
            {},
            "spec.image 'ghcr.io/org/web': ghcr.io cannot be reached; look at its name and port, and at its firewall",
        ),
        (
            'failed to configure authentication options: secrets "login" not found',
            {"secretRef": {"name": "login"}},
            "spec.secretRef.name 'login' of ImageRepository/ns/web: there is no such secret:"
            " tagstream create secret oci login --url=ghcr.io --username=… --password=- -n ns",
        ),
        (
            'secrets "authority" not found',
            {"certSecretRef": {"name": "authority"}},
            "spec.certSecretRef.name 'authority' of ImageRepository/ns/web: there is no such secret",
        ),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            {},
            "the certificate of ghcr.io is not trusted: ImageRepository/ns/web has no spec.certSecretRef, whose ca.crt"
            " would be that of its authority",
        ),
        ("scan failed: the moon is full", {}, ""),
    ],
)
def test_a_failed_scan_points_to_the_login_the_image_or_the_host(
    message: str, spec: dict[str, Any], advice: str
) -> None:
    assert repository_advice(message, repository(**spec)) == advice


@pytest.mark.parametrize(
    ("message", "owner", "git", "advice"),
    [
        (
            f"{CHECKOUT}authentication required by '{URL}': HTTP status 401",
            automation(),
            source(secretRef={"name": "login"}),
            f"the host of '{URL}' refuses the login in Secret/ns/login (spec.secretRef.name of GitRepository/ns/apps)",
        ),
        (
            f"{CHECKOUT}unable to clone '{URL}': couldn't find remote ref \"refs/heads/master\"",
            automation(),
            source(),
            f"spec.ref.branch 'master' of GitRepository/ns/apps: the repository '{URL}' has no such branch",
        ),
        (
            f"{CHECKOUT}unable to clone '{URL}': couldn't find remote ref \"refs/heads/release\"",
            automation(git={"checkout": {"ref": {"branch": "release"}}}),
            source(ref={"branch": "main"}),
            f"spec.git.checkout.ref.branch 'release': the repository '{URL}' has no such branch",
        ),
        (
            f"{CHECKOUT}unable to reach '{URL}': repository not found",
            automation(),
            source(secretRef={"name": "login"}),
            f"spec.url '{URL}' of GitRepository/ns/apps: there is no such repository, or its login may not see it:"
            " the login in Secret/ns/login (spec.secretRef.name of GitRepository/ns/apps)",
        ),
        (
            f"unable to push to remote '{URL}': refs/heads/main: pre-receive hook declined",
            automation(),
            source(ref={"branch": "main"}, secretRef={"name": "login"}),
            "the host does not take pushes to branch 'main' by the login in Secret/ns/login (spec.secretRef.name of"
            " GitRepository/ns/apps): allow them, or set spec.git.push.branch to another branch, and"
            " tagstream.dev/pull-request if it shall be a request",
        ),
        (
            f"{CHECKOUT}unable to reach '{URL}': ssh: handshake failed: knownhosts: key mismatch",
            automation(),
            source(secretRef={"name": "login"}),
            "known_hosts of the login in Secret/ns/login (spec.secretRef.name of GitRepository/ns/apps) has no key that"
            f" the host of '{URL}' shows",
        ),
        (
            "failed to apply policies: walking path for files: lstat ./apps: no such file or directory",
            automation(update={"path": "./apps"}),
            source(),
            "spec.update.path './apps': the branch has no such folder",
        ),
        (
            "kustomization path not found: clusters/prod",
            Named(kind="Kustomization", key=KEY, spec={"path": "./clusters/prod"}),
            source(),
            "spec.path './clusters/prod': the branch has no such folder",
        ),
        (
            "failed configuring source manager: failed to get auth secret 'ns/login': secrets \"login\" not found",
            automation(),
            source(secretRef={"name": "login"}),
            "spec.secretRef.name 'login' of GitRepository/ns/apps: there is no such secret: tagstream create secret git"
            f" login --url={URL} --username=… --password=- -n ns",
        ),
        (
            "referenced git repository does not exist",
            automation(),
            None,
            "spec.sourceRef.name 'apps': there is no such GitRepository",
        ),
        ("failed to sign", automation(), source(), ""),
    ],
)
def test_a_failed_run_points_to_the_login_the_address_the_branch_or_the_folder(
    message: str, owner: Named, git: Named | None, advice: str
) -> None:
    assert git_advice(message, owner, git) == advice


def test_a_refused_delivery_points_to_the_secret_and_the_type() -> None:
    receiver = Named(kind="Receiver", key=KEY, spec={"type": "github", "secretRef": {"name": "token"}})
    assert receiver_advice(receiver) == (
        "the sender must have the token of Secret/ns/token (spec.secretRef.name), and sign or send it as 'github' does"
    )
