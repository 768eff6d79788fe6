"""Renders a template with one change and gives the answer in the form of the tests' tables."""

from __future__ import annotations

from datetime import UTC, datetime

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.setters.identity import ObjectIdentifier
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.message import MessageData, TemplateError, render_message

PODINFO = ObjectIdentifier("apps/v1", "Deployment", "podinfo", "default")
DATA = MessageData(
    automation=NamespacedName("flux-system", "flux-system"),
    changes=(
        Change(
            file="deploy.yaml",
            object=PODINFO,
            old_value="ghcr.io/stefanprodan/podinfo:5.0.0",
            new_value="ghcr.io/stefanprodan/podinfo:5.0.3",
            setter="flux-system:podinfo",
            line=1,
        ),
    ),
    values={
        "cluster": "prod",
        "env": "production",
        "num": "42",
        "empty": "",
        "html": "<b>&\"'</b>",
        "list": "a,b,c",
        "multi": "line1\nline2",
        "json": '{"a":1,"b":[1,2]}',
        "uni": "héllo 日本",
    },
    now=datetime(2026, 1, 1, tzinfo=UTC),
    entropy=bytes,
)
_STAGES = {
    "unable to create commit message template from spec: template: commit message:": "parse ",
    "failed to run template from spec: template: commit message:": "exec ",
}


def rendered(template: str, data: MessageData = DATA) -> str:
    """The text; or the stage that failed, ``exec`` or ``parse``, and Go's error without the template's name."""
    try:
        return render_message(template, data).text
    except TemplateError as error:
        before = next(one for one in _STAGES if str(error).startswith(one))
        return _STAGES[before] + str(error).removeprefix(before)
