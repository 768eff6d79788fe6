"""ImageRepository and ImagePolicy from their documents, in every dialect.

Source: image-reflector-controller api/v1 imagerepository_types.go, imagepolicy_types.go and the CRDs' validation;
vectors reflector_reconcile.json ``crd_validation``.
"""

from __future__ import annotations

from typing import cast

from tagstream.domain.objects.fields import Fields
from tagstream.domain.objects.model import (
    AccessFrom,
    DigestReflection,
    ImagePolicy,
    ImageRepository,
    Metadata,
    NamespacedName,
    PolicyChoice,
    Provider,
    TagFilter,
)
from tagstream.domain.objects.policy_control import read_policy_control

DEFAULT_EXCLUSION_LIST = ("^.*\\.sig$",)
MAX_EXCLUSIONS = 25
INTERVAL_REFUSED = "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'"
INTERVAL_MISSING = "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'"
POLICY_MISSING = "Required value: one of semver, alphabetical, numerical"
PROVIDERS = ("generic", "aws", "azure", "gcp")


def read_image_repository(metadata: Metadata, spec: Fields) -> ImageRepository:
    """An ImageRepository; an unset or empty exclusionList is Flux's default."""
    access = spec.child("accessFrom")
    repository = ImageRepository(
        metadata=metadata,
        image=spec.text("image", required=True),
        interval_s=spec.interval("interval", required=True) or 0.0,
        timeout_s=spec.timeout("timeout"),
        exclusion_list=spec.texts("exclusionList", MAX_EXCLUSIONS) or DEFAULT_EXCLUSION_LIST,
        secret_ref=spec.reference("secretRef"),
        service_account_name=spec.sized("serviceAccountName", 253) or None,
        cert_secret_ref=spec.reference("certSecretRef"),
        proxy_secret_ref=spec.reference("proxySecretRef"),
        insecure=spec.flag("insecure"),
        provider=cast("Provider", spec.text("provider", "generic", allowed=PROVIDERS)),
        suspend=spec.flag("suspend"),
        access_from=_access_from(access) if access is not None else None,
    )
    spec.finish()
    return repository


def _access_from(fields: Fields) -> AccessFrom:
    selectors = []
    for selector in fields.children("namespaceSelectors", required=True):
        selectors.append(selector.strings("matchLabels"))
        selector.finish()
    fields.finish()
    return AccessFrom(namespace_selectors=tuple(selectors))


def read_image_policy(metadata: Metadata, spec: Fields) -> ImagePolicy:
    """An ImagePolicy; an absent namespace of the repository's reference is the policy's own."""
    repository = spec.child("imageRepositoryRef", required=True)
    policy = spec.child("policy")
    if not spec.has("policy"):
        spec.error("policy", POLICY_MISSING)
    filter_tags = spec.child("filterTags")
    reflection = spec.text("digestReflectionPolicy", "Never", allowed=("Always", "IfNotPresent", "Never"))
    interval_s = spec.interval("interval")
    if spec.has("interval") and reflection != "Always":
        spec.error("", INTERVAL_REFUSED)
    if not spec.has("interval") and reflection == "Always":
        spec.error("", INTERVAL_MISSING)
    found = ImagePolicy(
        metadata=metadata,
        repository=_repository_ref(repository, metadata.key.namespace),
        policy=_choice(policy) if policy is not None else PolicyChoice(),
        filter_tags=_filter(filter_tags) if filter_tags is not None else None,
        digest_reflection=cast("DigestReflection", reflection),
        interval_s=interval_s,
        suspend=spec.flag("suspend"),
        control=read_policy_control(metadata, spec.problems),
    )
    spec.finish()
    return found


def _repository_ref(fields: Fields | None, namespace: str) -> NamespacedName:
    if fields is None:
        return NamespacedName(namespace, "")
    key = NamespacedName(fields.text("namespace") or namespace, fields.text("name", required=True))
    fields.finish(("kind", "apiVersion"))
    return key


def _choice(fields: Fields) -> PolicyChoice:
    semver, alphabetical, numerical = (fields.child(name) for name in ("semver", "alphabetical", "numerical"))
    choice = PolicyChoice(
        semver=semver.text("range", required=True) if semver is not None else None,
        alphabetical=_order(alphabetical),
        numerical=_order(numerical),
    )
    if semver is not None:
        semver.finish()
    fields.finish()
    return choice


def _order(fields: Fields | None) -> str | None:
    if fields is None:
        return None
    order = fields.text("order", "asc", allowed=("asc", "desc"))
    fields.finish()
    return order


def _filter(fields: Fields) -> TagFilter:
    found = TagFilter(pattern=fields.text("pattern"), extract=fields.text("extract"))
    fields.finish()
    return found
