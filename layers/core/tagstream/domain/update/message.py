"""Renders commit messages from Go templates, and checks templates before they are stored.

Source: image-automation-controller internal/source/source.go (templateMsg) and internal/update/result.go; the fields
that Flux removed in 1.0.0 (``.Updated``, ``.Changed.ImageResult``) as in v0.41 pkg/update/result.go; vectors
gotemplate.json, templates.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gocompat.entropy import Entropy
from gocompat.render import parse_template, render
from gocompat.template.faults import ExecutionError
from gocompat.template.nodes import Chain, Field, Node, Variable, walk
from gocompat.template.parser import InvalidTemplate, Tree
from gocompat.template.values import raw
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.objects.pull_request import COMMIT_MESSAGE
from tagstream.domain.setters.identity import ObjectIdentifier
from tagstream.domain.setters.plan import Change

DEFAULT_MESSAGE = "Update from image update automation"
_EXAMPLE_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_REMOVED = (
    "template uses '{field}' field, which Flux removed; it still works here. Please use '.Changed' instead. "
    "See: https://fluxcd.io/flux/components/image/imageupdateautomations/#message-template"
)


class TemplateError(ValueError):
    """A template that cannot be read or run; the message is Flux's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageData:
    """What a template is rendered from: ``refs`` is what each policy selected, ``values`` is messageTemplateValues.

    ``now`` is the aware time that counts as the present; ``entropy`` is what ``shuffle`` and ``randInt`` draw from.
    ``table`` is ``.Table`` in the body of a pull request; None where there is no such field.
    """

    automation: NamespacedName
    changes: Sequence[Change]
    now: datetime
    entropy: Entropy
    refs: Mapping[NamespacedName, ImageRef] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    table: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMessage:
    """A commit message, used as it is, and what its author should know about the template."""

    text: str
    warnings: tuple[str, ...] = ()


def check_template(template: str, name: str = COMMIT_MESSAGE) -> tuple[str, ...]:
    """Parse a template without running it.

    Args:
        template: to parse.
        name: what it is for; shown in errors.

    Returns:
        Warnings for its author.

    Raises:
        TemplateError: ``unable to create commit message template from spec: …``. The template is not valid, or it
            calls a function that tagstream refuses, which the error names.
    """
    tree = _parsed(template, name)
    found = (_removed(node) for block in tree.templates.values() for node in walk(block))
    field = next((one for one in found if one), "")
    return (_REMOVED.format(field=field),) if field else ()


def try_template(
    template: str, automation: NamespacedName, values: Mapping[str, str], name: str = COMMIT_MESSAGE
) -> str:
    """Why a valid template fails for an example of a change, at an example of a time; empty if it does not fail.

    Args:
        template: spec.git.commit.messageTemplate, or one for a pull request.
        automation: whose it is.
        values: messageTemplateValues.
        name: what it is for; shown in errors.
    """
    policy = NamespacedName(automation.namespace, "app")
    change = Change(
        file="app.yaml",
        object=ObjectIdentifier("apps/v1", "Deployment", "app", "default"),
        old_value="example.com/app:1.0.0",
        new_value="example.com/app:1.0.1",
        setter=str(policy).replace("/", ":"),
        line=1,
    )
    refs = {policy: ImageRef(name="example.com/app", tag="1.0.1", digest="")}
    example = MessageData(
        automation=automation,
        changes=(change,),
        refs=refs,
        values=values,
        now=_EXAMPLE_TIME,
        entropy=bytes,
        table=None if name == COMMIT_MESSAGE else "",
    )
    try:
        render_message(template, example, name)
    except TemplateError as error:
        return str(error)
    return ""


def _removed(node: Node) -> str:
    """The removed field that a node names."""
    names: tuple[str, ...] = ()
    if isinstance(node, Field | Chain):
        names = node.names
    elif isinstance(node, Variable):
        names = node.names[1:]
    if names[:1] == ("Updated",):
        return ".Updated"
    return ".Changed.ImageResult" if names[:2] == ("Changed", "ImageResult") else ""


def render_message(template: str, data: MessageData, name: str = COMMIT_MESSAGE) -> RenderedMessage:
    """Run a template.

    Args:
        template: spec.git.commit.messageTemplate; the empty one stands for Flux's default message.
        data: the automation and its changes; their order does not matter.
        name: what the template is for; shown in errors.

    Returns:
        The message, trimmed by nobody. Bytes that are no UTF-8 are replaced.

    Raises:
        TemplateError: ``unable to create commit message template from spec: …`` when it cannot be read,
            ``failed to run template from spec: …`` when it fails while it runs.
    """
    from tagstream.domain.update.message_data import template_data

    tree = _parsed(template, name)
    used: list[str] = []
    try:
        text = render(tree, template_data(data, used), now=data.now, entropy=data.entropy)
    except ExecutionError as error:
        words = raw(str(error)).decode("utf-8", "replace")
        raise TemplateError(f"failed to run template from spec: {words}") from error
    warnings = (_REMOVED.format(field=used[0]),) if used else ()
    return RenderedMessage(text=raw(text).decode("utf-8", "replace"), warnings=warnings)


def _parsed(template: str, name: str) -> Tree:
    try:
        return parse_template(name, template or DEFAULT_MESSAGE)
    except InvalidTemplate as error:
        raise TemplateError(f"unable to create {name} template from spec: {error}") from error
