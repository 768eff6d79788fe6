"""Reads the secrets that an object refers to, and makes of them what registries and Git servers authenticate with.

A secret or a member that is missing is an error that names it, and never shows a value.

Source: fluxcd/pkg runtime/secrets; image-reflector-controller internal/registry/options.go;
image-automation-controller internal/source/git.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from tagstream.domain.objects.kinds import SERVICE_ACCOUNT
from tagstream.domain.objects.model import GitRepository, ImageRepository, NamespacedName
from tagstream.errors import AuthenticationError, RetryableError, StalledError, unusable_login
from tagstream.ports.connection import Proxy, TlsMaterial
from tagstream.ports.git import GitAccess
from tagstream.ports.registry import PullSecret, RegistryAccess
from tagstream.ports.secrets import SecretNotFound, Secrets

MAX_ADDRESS = 2048
PROXY_SCHEMES = ("http://", "https://", "socks5://")


def registry_access(repository: ImageRepository, secrets: Secrets) -> RegistryAccess:
    """How to talk to an ImageRepository's registry.

    Raises:
        AuthenticationError: ``failed to configure authentication options: …``.
        RetryableError: Secrets Manager cannot be reached.
    """
    namespace = repository.metadata.key.namespace
    try:
        return RegistryAccess(
            provider=repository.provider,
            insecure=repository.insecure,
            pull_secrets=_login_secrets(repository, secrets),
            tls=tls_material(secrets, namespace, repository.cert_secret_ref),
            proxy=proxy_of(secrets, namespace, repository.proxy_secret_ref),
        )
    except SecretNotFound as error:
        raise unusable_login(str(error)) from error


def git_access(repository: GitRepository, secrets: Secrets) -> GitAccess:
    """How to talk to a GitRepository's server.

    Raises:
        RetryableError: SourceManagerFailed, a secret or a member of it is missing.
        StalledError: InvalidSourceConfiguration, App data and provider do not fit.
    """
    namespace = repository.metadata.key.namespace
    _check_url(repository)
    try:
        data = secrets.get(NamespacedName(namespace, repository.secret_ref)) if repository.secret_ref else {}
    except SecretNotFound as error:
        raise _unconfigured(f"failed to get auth secret '{_secret_name(repository)}': {error}") from error
    try:
        proxy = proxy_of(secrets, namespace, repository.proxy_secret_ref)
    except SecretNotFound as error:
        name = f"{namespace}/{repository.proxy_secret_ref}"
        raise _unconfigured(f"failed to get proxy secret '{name}': {error}") from error
    except AuthenticationError as error:
        raise _unconfigured(error.message) from error
    if "githubAppID" in data and repository.provider != "github":
        raise StalledError(
            f"secretRef '{namespace}/{repository.secret_ref}' has github app data but provider is not set to github:"
            " invalid source configuration",
            reason="InvalidSourceConfiguration",
        )
    if repository.provider == "github" and "githubAppID" not in data:
        raise StalledError(
            "secretRef with github app data must be specified when provider is set to github:"
            " invalid source configuration",
            reason="InvalidSourceConfiguration",
        )
    if repository.url.startswith("ssh://"):
        return _ssh_access(repository, data, proxy)
    return _http_access(repository, data, proxy)


def _check_url(repository: GitRepository) -> None:
    try:
        parts = urlsplit(repository.url)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        # The URL is not shown, because it may hold a login.
        raise _unconfigured(f"failed to parse URL of GitRepository '{repository.metadata.key}': no host, or no port")


def _http_access(repository: GitRepository, data: Mapping[str, bytes], proxy: Proxy | None) -> GitAccess:
    bearer = _text(data, "bearerToken")
    if any(one in bearer for one in "\r\n"):
        # No header can hold it; an editor or ``echo`` left it behind.
        raise _unusable(
            urlsplit(repository.url).scheme, f"'bearerToken' of secret '{_secret_name(repository)}' has a line break"
        )
    username, password = _text(data, "username"), _text(data, "password")
    parts = urlsplit(repository.url)
    if password and not username and not bearer and not parts.username:
        raise _unusable(parts.scheme, "'password' requires 'username' to be set")
    try:
        tls = _tls_members(_secret_name(repository), data, required=False)
    except AuthenticationError as error:
        raise _unconfigured(error.message) from error
    return GitAccess(
        url=repository.url,
        provider=repository.provider,
        timeout_s=repository.timeout_s,
        username="" if bearer else username,
        password="" if bearer else password,
        bearer_token=bearer,
        app=data if repository.provider in ("github", "azure") else {},
        tls=tls,
        proxy=proxy,
    )


def _ssh_access(repository: GitRepository, data: Mapping[str, bytes], proxy: Proxy | None) -> GitAccess:
    for member in ("identity", "known_hosts"):
        if not data.get(member):
            raise _unusable("ssh", f"'{member}' is required")
    return GitAccess(
        url=repository.url,
        timeout_s=repository.timeout_s,
        identity=data["identity"],
        identity_passphrase=_text(data, "password"),
        known_hosts=data["known_hosts"],
        proxy=proxy,
    )


def _login_secrets(repository: ImageRepository, secrets: Secrets) -> tuple[PullSecret, ...]:
    """The pull secrets. For azure and gcp, where functions have no identity of their own, the secret to log in with."""
    if repository.provider == "generic":
        return _pull_secrets(repository, secrets)
    if repository.provider == "aws" or not repository.secret_ref:
        return ()
    name = NamespacedName(repository.metadata.key.namespace, repository.secret_ref)
    return (PullSecret(name=name.name, data=secrets.get(name)),)


def _pull_secrets(repository: ImageRepository, secrets: Secrets) -> tuple[PullSecret, ...]:
    namespace = repository.metadata.key.namespace
    names = [repository.secret_ref] if repository.secret_ref else []
    if repository.service_account_name:
        # Without a cluster, a service account is a secret that lists its imagePullSecrets, one name on each line. No
        # other secret is mistaken for one, because the name of an object cannot contain a plus.
        account = secrets.get(NamespacedName(namespace, SERVICE_ACCOUNT + repository.service_account_name))
        names += _text(account, "imagePullSecrets").split()
    found = []
    for name in names:
        data = secrets.get(NamespacedName(namespace, name))
        if ".dockerconfigjson" in data or ".dockercfg" in data:
            found.append(PullSecret(name=name, data=data))
        elif name != repository.cert_secret_ref:
            raise unusable_login(f"secret '{namespace}/{name}' has neither '.dockerconfigjson' nor '.dockercfg'")
    return tuple(found)


def tls_material(secrets: Secrets, namespace: str, name: str | None) -> TlsMaterial | None:
    """The certificates in a secret; None without a name.

    Raises:
        SecretNotFound: there is no such secret.
        AuthenticationError: it lacks a member.
    """
    if not name:
        return None
    return _tls_members(f"{namespace}/{name}", secrets.get(NamespacedName(namespace, name)), required=True)


def _tls_members(name: str, data: Mapping[str, bytes], *, required: bool) -> TlsMaterial | None:
    # The older names still work; the standard one wins (fluxcd/pkg runtime/secrets).
    ca, crt, key = (
        data.get(member) or data.get(legacy, b"")
        for member, legacy in (("ca.crt", "caFile"), ("tls.crt", "certFile"), ("tls.key", "keyFile"))
    )
    for present, member, missing in ((crt and not key, "tls.crt", "tls.key"), (key and not crt, "tls.key", "tls.crt")):
        if present:
            raise unusable_login(f"secret '{name}' contains '{member}' but missing '{missing}'")
    if not (ca or crt):
        if not required:
            return None
        raise unusable_login(f"secret '{name}' must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'")
    return TlsMaterial(ca_crt=ca, tls_crt=crt, tls_key=key)


def proxy_of(secrets: Secrets, namespace: str, name: str | None) -> Proxy | None:
    """The proxy in a secret; None without a name. Errors as ``tls_material``."""
    if not name:
        return None
    data = secrets.get(NamespacedName(namespace, name))
    address = _text(data, "address")
    if not address or len(address) > MAX_ADDRESS or not address.startswith(PROXY_SCHEMES):
        raise unusable_login(
            f"secret '{namespace}/{name}' must contain an 'address' of scheme http, https or socks5"
            f" with at most {MAX_ADDRESS} characters"
        )
    username = _text(data, "username")
    return Proxy(address=address, username=username, password=_text(data, "password") if username else "")


def _text(data: Mapping[str, bytes], member: str) -> str:
    return data.get(member, b"").decode(errors="replace")


def _secret_name(repository: GitRepository) -> str:
    return f"{repository.metadata.key.namespace}/{repository.secret_ref or ''}"


def _unusable(transport: str, cause: str) -> RetryableError:
    return _unconfigured(f"failed to configure authentication options: invalid '{transport}' auth option: {cause}")


def _unconfigured(cause: str) -> RetryableError:
    return RetryableError(f"failed configuring source manager: {cause}", reason="SourceManagerFailed")
