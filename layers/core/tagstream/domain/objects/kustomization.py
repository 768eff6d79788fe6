"""Kustomizations from their documents.

Source: kustomize-controller api/v1 kustomization_types.go and its CRD's validation.
"""

from __future__ import annotations

from tagstream.domain.kustomize.kustomization_file import Overlay, PatchEntry, read_patches
from tagstream.domain.kustomize.source import BuildFailed
from tagstream.domain.objects.fields import Fields
from tagstream.domain.objects.model import Kustomization, Metadata, NamespacedName, SourceRef

NOT_BUILT = ("namePrefix", "nameSuffix", "components", "postBuild")
"""Fields that would change tagstream's objects and are not supported."""
# Fields that only concern workloads, or the waiting for them.
NOT_USED = (
    *("images", "wait", "healthChecks", "healthCheckExprs", "dependsOn", "force", "serviceAccountName", "validation"),
    *("ignoreMissingComponents", "readyExpr"),
)
BOUNDS_NOTHING = "bounds nothing here: see the parameter NoCrossNamespaceRefs in docs/security.md#tenants"
DELETION_POLICIES = ("MirrorPrune", "Delete", "WaitForTermination", "Orphan")
OTHER_SOURCES = ("OCIRepository", "Bucket", "ExternalArtifact")
"""Kinds of ``spec.sourceRef`` that Flux has besides GitRepository."""


def read_kustomization(metadata: Metadata, spec: Fields) -> Kustomization:
    """A Kustomization's spec; problems stay in ``spec.problems``."""
    policy = spec.text("deletionPolicy", "MirrorPrune", allowed=DELETION_POLICIES)
    common = spec.child("commonMetadata")
    kustomization = Kustomization(
        metadata=metadata,
        source=_source(spec, metadata.key.namespace),
        interval_s=spec.interval("interval", required=True) or 0.0,
        retry_interval_s=spec.interval("retryInterval"),
        timeout_s=spec.interval("timeout"),
        path=folder_of(spec.text("path")),
        overlay=Overlay(
            target_namespace=spec.sized("targetNamespace", 63),
            patches=_patches(spec, f"Kustomization/{metadata.key}"),
            labels=common.strings("labels") if common is not None else {},
            annotations=common.strings("annotations") if common is not None else {},
        ),
        prune=spec.flag("prune"),
        keeps_objects=policy == "Orphan",
        suspend=spec.flag("suspend"),
        not_built=tuple(name for name in NOT_BUILT if spec.value.get(name)),
    )
    for name in kustomization.not_built:
        spec.warn(name, "not supported by tagstream: the Kustomization will not become ready with it")
    if spec.has("decryption"):
        spec.warn("decryption", "nothing is decrypted: a file that is encrypted with SOPS is refused")
    if spec.has("serviceAccountName"):
        spec.warn("serviceAccountName", BOUNDS_NOTHING)
    spec.finish((*NOT_USED, *NOT_BUILT, "decryption", "kubeConfig"))
    return kustomization


def folder_of(path: str) -> str:
    """``spec.path`` from the root of the repository: without ``./`` and slashes at its ends; the root is empty."""
    parts = [one for one in path.split("/") if one not in ("", ".")]
    return "/".join(parts)


def _source(spec: Fields, namespace: str) -> SourceRef:
    source = spec.child("sourceRef", required=True)
    if source is None:
        return SourceRef(kind="", key=NamespacedName(namespace, ""))
    source.text("apiVersion")
    kind = source.text("kind", required=True, allowed=("GitRepository", *OTHER_SOURCES))
    found = SourceRef(
        kind=kind,
        key=NamespacedName(source.text("namespace") or namespace, source.text("name", required=True)),
    )
    source.finish()
    return found


def _patches(spec: Fields, owner: str) -> tuple[PatchEntry, ...]:
    try:
        return read_patches(spec, f"{owner} spec.patches")
    except BuildFailed as error:
        spec.error("patches", f"Invalid value: {error}")
        return ()
