"""The objects of Flux's image automation as frozen values, in the v1 vocabulary whatever dialect they came in.

They are what every other package passes around; ``domain/objects/kinds.py`` makes them from YAML documents.

Source: image-reflector-controller api/v1, image-automation-controller api/v1, source-controller api/v1,
notification-controller api/v1, kustomize-controller api/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NewType

if TYPE_CHECKING:
    from datetime import datetime

    from tagstream.domain.calendar.calendar import Calendar
    from tagstream.domain.kustomize.kustomization_file import Overlay
    from tagstream.domain.objects.commit_by import CommitBy
    from tagstream.domain.objects.intervention import Intervention, Revert
    from tagstream.domain.objects.pull_request import PullRequestSpec

CanonicalImage = NewType("CanonicalImage", str)
"""A canonical image name, e.g. ``index.docker.io/library/alpine``; only ``domain/objects/image_name.py`` makes them."""
Revision = NewType("Revision", str)
"""``sha256:<hex>`` over a sorted tag list, or ``branch@sha1:<hex>`` of a Git source."""
Digest = NewType("Digest", str)
"""A manifest digest, ``sha256:<64 hex>``."""
CommitId = NewType("CommitId", str)
"""A Git commit id, 40 hex digits."""

Provider = Literal["generic", "aws", "azure", "gcp", "github"]
Severity = Literal["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
SEVERITIES: tuple[Severity, ...] = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
"""As ECR names them, the least severe first."""
OrderBy = Literal["", "first-seen", "created"]
DigestReflection = Literal["Never", "IfNotPresent", "Always"]

DEBOUNCE = "tagstream.dev/debounce"
"""Annotation of an ImageUpdateAutomation: a Go duration of at most MAX_DEBOUNCE_S."""
DEFAULT_DEBOUNCE_S, MAX_DEBOUNCE_S = 3.0, 900.0
PIN = "tagstream.dev/pin"
"""Annotation of an ImagePolicy: the tag to select, whatever the policy's order says."""
HOLD = "tagstream.dev/hold"
"""Annotation of an ImagePolicy: ``true`` keeps the current selection."""
UNTIL, WHY = "tagstream.dev/until", "tagstream.dev/reason"
"""Annotations of an ImagePolicy: when a pin or a hold ends (RFC 3339), and the reason for it."""
ALLOW_DOWNGRADE = "tagstream.dev/allow-downgrade"
"""The annotation of an ImagePolicy that lets a selection go backwards when its value is ``true``."""
SKIP_TAGS = "tagstream.dev/skip-tags"
"""Annotation of an ImagePolicy: tags, with commas between them, that are never selected."""
ON_REVERT = "tagstream.dev/on-revert"
"""Annotation of an ImagePolicy or an ImageUpdateAutomation: ``hold`` (default) honours a person's revert in Git,
``ignore`` commits the selected tag again, as Flux does."""
PLATFORMS = "tagstream.dev/platforms"
"""Annotation of an ImagePolicy: platforms, with commas between them, that an image must have to be selected."""
ORDER_BY = "tagstream.dev/order-by"
"""Annotation of an ImagePolicy: ``first-seen`` or ``created`` selects the newest tag by time."""
VULNERABILITIES_BELOW = "tagstream.dev/vulnerabilities-below"
"""Annotation of an ImagePolicy: a severity; images in which ECR found one as severe as this are not selected."""
VERIFY, VERIFY_SECRET = "tagstream.dev/verify", "tagstream.dev/verify-secret"
"""Annotations of an ImagePolicy: ``cosign``, and the Secret with the public keys that must have signed an image."""
VERIFY_IDENTITY, VERIFY_ISSUER = "tagstream.dev/verify-identity", "tagstream.dev/verify-issuer"
"""Annotations that would ask for keyless verification; they are refused, and docs/gates.md says why."""
MINIMUM_AGE = "tagstream.dev/minimum-age"
"""Annotation of an ImagePolicy: how long a tag must have been known before it may be selected, e.g. ``72h``, ``3d``."""
WINDOW, FREEZE = "tagstream.dev/window", "tagstream.dev/freeze"
"""Annotations of an ImageUpdateAutomation and of a Namespace; docs/windows.md has their grammar."""
PROVIDER_TYPE = "tagstream.dev/provider-type"
"""Annotation of a Provider: a type that Flux does not have (``email``, ``sns``), in place of ``spec.type``."""
REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
"""The annotation that asks for a reconcile; its value is opaque."""


@dataclass(frozen=True, slots=True, order=True)
class NamespacedName:
    """An object's name inside a namespace; prints as ``namespace/name``."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRef:
    """What a policy selected; prints as ``name:tag[@digest]`` (Flux's ImageRef.String)."""

    name: str
    tag: str
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The part of ``metadata`` that behaviour depends on."""

    key: NamespacedName
    generation: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequirement:
    """One ``matchExpressions`` entry; operator is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """A Kubernetes label selector; empty selects everything."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[LabelRequirement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFrom:
    """``spec.accessFrom``: the matchLabels of each namespace selector."""

    namespace_selectors: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRepository:
    """An image to watch. Durations are seconds; ``exclusion_list`` already holds Flux's default when none was given."""

    metadata: Metadata
    image: str
    interval_s: float
    timeout_s: float | None = None
    exclusion_list: tuple[str, ...] = ("^.*\\.sig$",)
    secret_ref: str | None = None
    service_account_name: str | None = None
    cert_secret_ref: str | None = None
    proxy_secret_ref: str | None = None
    insecure: bool = False
    provider: Provider = "generic"
    suspend: bool = False
    access_from: AccessFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChoice:
    """``spec.policy``: the first one set of semver, alphabetical, numerical wins (Flux PolicerFromSpec).

    ``alphabetical`` and ``numerical`` hold the order exactly as written (any case); None means the member is absent.
    """

    semver: str | None = None
    alphabetical: str | None = None
    numerical: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFilter:
    """``spec.filterTags``; both may be empty."""

    pattern: str = ""
    extract: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyControl:
    """What annotations of an ImagePolicy ask for.

    Attributes:
        minimum_age_s: 0 for none.
        platforms: that an image must have to be selected.
        order_by: what makes a tag newer than another; empty for the policy's own order.
        vulnerabilities_below: the severity that no finding of ECR may reach; None for any.
        verify_secret: the Secret whose keys must have signed an image; empty for none.
        ordered: what the last command ordered.
        annotated: what the manifest orders.
        skip_tags: are never selected.
        revert: a person's revert in Git that a run has noticed.
        honours_reverts: whether a person's revert in Git is honoured.
    """

    minimum_age_s: float = 0.0
    platforms: frozenset[str] = frozenset()
    order_by: OrderBy = ""
    vulnerabilities_below: Severity | None = None
    verify_secret: str = ""
    ordered: Intervention | None = None
    annotated: Intervention | None = None
    skip_tags: frozenset[str] = frozenset()
    revert: Revert | None = None
    honours_reverts: bool = True

    def intervention(self, now: datetime) -> Intervention | None:
        """The order that is in force: a command's comes before the manifest's."""
        orders = (one for one in (self.ordered, self.annotated) if one is not None and not one.is_over(now))
        return next(orders, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePolicy:
    """How the newest tag of an ImageRepository is chosen."""

    metadata: Metadata
    repository: NamespacedName
    policy: PolicyChoice
    filter_tags: TagFilter | None = None
    digest_reflection: DigestReflection = "Never"
    interval_s: float | None = None
    suspend: bool = False
    control: PolicyControl = PolicyControl()


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRef:
    """A checkout reference; precedence commit > name > tag > semver > branch (image-automation-controller's switch)."""

    branch: str = ""
    tag: str = ""
    semver: str = ""
    name: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """``spec.git.commit.signingKey``; type is ``gpg`` or ``ssh``."""

    secret_ref: str
    type: str = "gpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSpec:
    """``spec.git.commit``; an empty template means Flux's default message."""

    author_email: str
    author_name: str = ""
    message_template: str = ""
    message_template_values: Mapping[str, str] = field(default_factory=dict)
    signing_key: SigningKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSpec:
    """``spec.git.push``."""

    branch: str = ""
    refspec: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSpec:
    """``spec.git`` of an automation."""

    commit: CommitSpec
    checkout: GitRef | None = None
    push: PushSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """``spec.sourceRef``; the namespace is already resolved."""

    kind: str
    key: NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStrategy:
    """``spec.update``: strategy is ``Setters``; path is relative to the repository's root, empty for all of it."""

    strategy: str = "Setters"
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUpdateAutomation:
    """What to commit where. ``dialect`` is the apiVersion's last part: old ones may use ``.Updated`` in templates.

    ``debounce_s`` is how long nothing more may be selected before what was selected is committed together. ``calendar``
    has its windows and freezes; None without any.
    ``honours_reverts`` says whether a value that a person has set back in Git is left as it is. ``pull_request`` is
    the request of the push branch that is wanted; None where none is kept. ``commit_by`` says who makes the commits:
    this stack, or the Git host; ``api_secret`` is then the secret for the host's API, empty for the GitRepository's.
    ``branch_template`` makes the name of a push branch for each policy; empty where all changes go to one branch.
    """

    metadata: Metadata
    dialect: str
    source: SourceRef
    interval_s: float
    debounce_s: float = DEFAULT_DEBOUNCE_S
    calendar: Calendar | None = None
    honours_reverts: bool = True
    pull_request: PullRequestSpec | None = None
    commit_by: CommitBy = "push"
    api_secret: str = ""
    branch_template: str = ""
    git: GitSpec | None = None
    policy_selector: LabelSelector | None = None
    update: UpdateStrategy | None = field(default_factory=UpdateStrategy)
    suspend: bool = False

    @property
    def secret_of_api(self) -> str:
        """The secret for the host's API, whatever it is asked for; empty for the GitRepository's."""
        return self.api_secret or (self.pull_request.api_secret if self.pull_request is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRepository:
    """Where to commit. ``timeout_s`` covers one Git operation (default 60)."""

    metadata: Metadata
    url: str
    ref: GitRef | None = None
    interval_s: float = 60.0
    timeout_s: float = 60.0
    secret_ref: str | None = None
    proxy_secret_ref: str | None = None
    provider: Provider = "generic"
    service_account_name: str | None = None
    suspend: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverResource:
    """One entry of ``spec.resources``; name ``*`` selects by labels."""

    kind: str
    key: NamespacedName
    match_labels: Mapping[str, str] = field(default_factory=dict)
    filter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedExpression:
    """A CEL expression with a name: a variable, or a validation whose name is its message."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OIDCProvider:
    """One entry of a generic-oidc Receiver's ``spec.oidcProviders``."""

    issuer_url: str
    audience: str = "notification-controller"
    variables: tuple[NamedExpression, ...] = ()
    validations: tuple[NamedExpression, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A webhook endpoint."""

    metadata: Metadata
    type: str
    secret_ref: str | None
    resources: tuple[ReceiverResource, ...]
    events: tuple[str, ...] = ()
    interval_s: float = 600.0
    suspend: bool = False
    resource_filter: str = ""
    oidc_providers: tuple[OIDCProvider, ...] = ()

    @property
    def token_secret(self) -> NamespacedName | None:
        """The secret with its tokens; None where there are none: an OIDC issuer signs for ``generic-oidc``."""
        if not self.secret_ref or self.type == "generic-oidc":
            return None
        return NamespacedName(self.metadata.key.namespace, self.secret_ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace's labels, for ``accessFrom``, and the windows and freezes of its automations (None: no calendar)."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    calendar: Calendar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kustomization:
    """Objects that are kept in Git and synced from there.

    Attributes:
        metadata: its name, labels and annotations.
        source: the GitRepository.
        interval_s: how often the branch is looked at, and what was changed by hand is put back.
        retry_interval_s: when a failure is tried again; None for a back-off.
        timeout_s: of one sync.
        path: a folder from the root of the repository; empty for the root.
        overlay: what is changed in the objects that are built.
        prune: whether objects that vanish from Git are deleted.
        keeps_objects: whether the objects stay when the Kustomization is deleted (``deletionPolicy: Orphan``).
        suspend: whether nothing is synced.
        not_built: fields that change objects in a way that is not supported, by name.
    """

    metadata: Metadata
    source: SourceRef
    interval_s: float
    overlay: Overlay
    retry_interval_s: float | None = None
    timeout_s: float | None = None
    path: str = ""
    prune: bool = False
    keeps_objects: bool = False
    suspend: bool = False
    not_built: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """One entry of an Alert's ``spec.eventSources``; name ``*`` selects by labels, all objects if there are none."""

    kind: str
    key: NamespacedName
    match_labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Which events are sent to which Provider; ``severity`` is ``info`` (all) or ``error``."""

    metadata: Metadata
    provider: NamespacedName
    sources: tuple[EventSource, ...]
    severity: str = "info"
    inclusion_list: tuple[str, ...] = ()
    exclusion_list: tuple[str, ...] = ()
    event_metadata: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    suspend: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertProvider:
    """A Provider: where an Alert's events are sent. ``type`` is Flux's, or tagstream's own by an annotation.

    The address and the proxy may hold secrets, so they are left out of ``repr``.
    """

    metadata: Metadata
    type: str
    address: str = field(default="", repr=False)
    channel: str = ""
    username: str = ""
    timeout_s: float = 15.0
    proxy: str = field(default="", repr=False)
    secret_ref: str | None = None
    proxy_secret_ref: str | None = None
    cert_secret_ref: str | None = None
    commit_status_expr: str = ""
    suspend: bool = False


FluxObject = (
    ImageRepository
    | ImagePolicy
    | ImageUpdateAutomation
    | GitRepository
    | Receiver
    | Kustomization
    | Alert
    | AlertProvider
)
"""Every namespaced object that is stored."""
