"""What to look at when an object is not ready: the field, its value, and what helps.

Advice stands beside the messages, which are Flux's, and never changes them. A message that no rule knows has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tagstream.domain.objects.model import NamespacedName

_NO_SECRET = re.compile(r'secrets "([^"]+)" not found')
_REFUSED_LOGIN = re.compile(
    r"\b(?:UNAUTHORIZED|DENIED|401|403)\b|authentication required|HTTP status 40[13]|denied access"
)
_NO_SUCH_IMAGE = re.compile(r"\b(?:NAME_UNKNOWN|404)\b")
_NOBODY_ANSWERS = re.compile(r"connection refused|no such host|i/o timeout|no route to host|network is unreachable")
_UNTRUSTED = re.compile(r"\bx509\b|\btls: |certificate")
_HOST_KEY = re.compile(r"knownhosts: ")
_NO_BRANCH = re.compile(r"couldn't find remote ref")
_NO_REPOSITORY = re.compile(r"repository not found")
_NO_SOURCE = re.compile(
    r"git repository does not exist|gitrepositories\.source\.toolkit\.fluxcd\.io \"[^\"]*\" not found"
)
_REFUSED_PUSH = re.compile(r"hook declined|protected branch|GH006|not allowed to push|pushed? .*denied", re.IGNORECASE)
_NO_FOLDER = re.compile(r"walking path for files: lstat")
_NO_SYNCED_FOLDER = re.compile(r"kustomization path not found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An object that advice is about: its kind, its key, and its spec as it was applied."""

    kind: str
    key: NamespacedName
    spec: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"

    def text(self, *path: str) -> str:
        """A member of the spec as text; empty if there is none."""
        found: object = self.spec
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return "" if found is None else str(found)


def repository_advice(message: str, repository: Named) -> str:
    """What an ImageRepository's failure points to; empty if no rule knows the message.

    Args:
        message: of the Ready condition, or of whatever else asked the registry.
        repository: the ImageRepository.
    """
    image = repository.text("image")
    host = image.partition("/")[0]
    if missing := _NO_SECRET.search(message):
        return _missing_secret(missing[1], repository, f"oci {missing[1]} --url={host} --username=… --password=-")
    if _REFUSED_LOGIN.search(message):
        return f"{host} refuses {_login(repository, 'oci')}; it must be allowed to pull {image}"
    if _NO_SUCH_IMAGE.search(message):
        hidden = "some registries say so of a repository that the login may not see, too"
        return f"spec.image '{image}': {host} has no such repository; {hidden}"
    if _NOBODY_ANSWERS.search(message):
        return f"spec.image '{image}': {host} cannot be reached; look at its name and port, and at its firewall"
    if _UNTRUSTED.search(message):
        return f"the certificate of {host} is not trusted: {_authority(repository)}"
    return ""


def git_advice(message: str, owner: Named, source: Named | None) -> str:
    """What the failure of an ImageUpdateAutomation or a Kustomization points to; empty if no rule knows the message.

    Args:
        message: of the Ready condition.
        owner: the automation or the Kustomization.
        source: its GitRepository; None if there is none.
    """
    if source is None or _NO_SOURCE.search(message):
        return f"spec.sourceRef.name '{owner.text('sourceRef', 'name')}': there is no such GitRepository"
    if missing := _NO_SECRET.search(message):
        made = f"git {missing[1]} --url={source.text('url')} --username=… --password=-"
        return _missing_secret(missing[1], source if _refers_to(source, missing[1]) else owner, made)
    if _REFUSED_PUSH.search(message):
        return _refused_push(owner, source)
    if _HOST_KEY.search(message):
        return f"known_hosts of {_login(source, 'git')} has no key that the host of '{source.text('url')}' shows"
    if _REFUSED_LOGIN.search(message):
        return f"the host of '{source.text('url')}' refuses {_login(source, 'git')}"
    return _place_advice(message, owner, source)


def _place_advice(message: str, owner: Named, source: Named) -> str:
    """What points to an address, a branch or a folder that is not there."""
    url = f"spec.url '{source.text('url')}' of {source}"
    if _NO_BRANCH.search(message):
        checkout, branch = owner.text("git", "checkout", "ref", "branch"), source.text("ref", "branch") or "master"
        field_name = (
            f"spec.git.checkout.ref.branch '{checkout}'" if checkout else f"spec.ref.branch '{branch}' of {source}"
        )
        return f"{field_name}: the repository '{source.text('url')}' has no such branch"
    if _NO_REPOSITORY.search(message):
        return f"{url}: there is no such repository, or its login may not see it: {_login(source, 'git')}"
    if _NOBODY_ANSWERS.search(message):
        return f"{url}: it cannot be reached; look at its name and port, and at its firewall"
    if _UNTRUSTED.search(message):
        return f"the certificate of the host of '{source.text('url')}' is not trusted: {_authority(source)}"
    if _NO_FOLDER.search(message):
        return f"spec.update.path '{owner.text('update', 'path')}': the branch has no such folder"
    if _NO_SYNCED_FOLDER.search(message):
        return f"spec.path '{owner.text('path')}': the branch has no such folder"
    return ""


def receiver_advice(receiver: Named) -> str:
    """What to look at when the last delivery was refused."""
    secret = f"Secret/{receiver.key.namespace}/{receiver.text('secretRef', 'name')}"
    type_ = receiver.text("type")
    return f"the sender must have the token of {secret} (spec.secretRef.name), and sign or send it as '{type_}' does"


def _refused_push(owner: Named, source: Named) -> str:
    branch = owner.text("git", "push", "branch") or owner.text("git", "checkout", "ref", "branch")
    branch = branch or source.text("ref", "branch") or "master"
    other = "or set spec.git.push.branch to another branch, and tagstream.dev/pull-request if it shall be a request"
    return f"the host does not take pushes to branch '{branch}' by {_login(source, 'git')}: allow them, {other}"


def _missing_secret(name: str, owner: Named, made: str) -> str:
    members = ("secretRef", "certSecretRef", "proxySecretRef")
    found = next((one for one in members if owner.text(one, "name") == name), "")
    where = f"spec.{found}.name '{name}' of {owner}" if found else f"'{name}', which {owner} refers to"
    helps = f": tagstream create secret {made} -n {owner.key.namespace}" if found == "secretRef" else ""
    return f"{where}: there is no such secret{helps}"


def _refers_to(owner: Named, name: str) -> bool:
    return name in {owner.text(one, "name") for one in ("secretRef", "certSecretRef", "proxySecretRef")}


def _login(owner: Named, kind: str) -> str:
    """Say which login is meant, without a word of its value."""
    secret, provider = owner.text("secretRef", "name"), owner.text("provider")
    if secret:
        return f"the login in Secret/{owner.key.namespace}/{secret} (spec.secretRef.name of {owner})"
    if provider not in ("", "generic"):
        return f"the login of spec.provider '{provider}' of {owner}"
    if account := owner.text("serviceAccountName"):
        return f"the logins of ServiceAccount/{owner.key.namespace}/{account} (spec.serviceAccountName of {owner})"
    return f"a request without login, since {owner} has no spec.secretRef (tagstream create secret {kind})"


def _authority(owner: Named) -> str:
    secret = owner.text("certSecretRef", "name") or owner.text("secretRef", "name")
    if secret:
        return f"ca.crt in Secret/{owner.key.namespace}/{secret} must be that of its authority"
    return f"{owner} has no spec.certSecretRef, whose ca.crt would be that of its authority"
