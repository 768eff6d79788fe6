"""Parsers of what users apply: YAML objects and their texts, calendars, selectors, and what the table gives back."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from gocompat.duration import InvalidDuration, parse_interval, parse_timeout
from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.cli.console import CommandFailed
from tagstream.cli.files import read_objects
from tagstream.cli.worktree import given_refs
from tagstream.cli.yaml_text import as_json, as_yaml
from tagstream.domain.calendar.calendar import next_opening, read_calendar
from tagstream.domain.calendar.hand_freeze import read_freezes
from tagstream.domain.calendar.zone import InvalidCalendar
from tagstream.domain.instant import read_instant
from tagstream.domain.kustomize.build import build
from tagstream.domain.kustomize.kustomization_file import Overlay
from tagstream.domain.kustomize.source import BuildFailed
from tagstream.domain.objects.annotations import INTERVENTION, REVERTED
from tagstream.domain.objects.branch_template import BRANCH_TEMPLATE
from tagstream.domain.objects.checks import check_object
from tagstream.domain.objects.git_host import API_URL, GIT_HOST
from tagstream.domain.objects.image_name import InvalidImage, ecr_region, parse_repository_image
from tagstream.domain.objects.intervention import read_intervention, read_revert
from tagstream.domain.objects.issuer_url import is_trusted_source
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.long_duration import parse_long_duration
from tagstream.domain.objects.manifest import InvalidDocument, plain_value, read_documents
from tagstream.domain.objects.model import LabelRequirement, LabelSelector
from tagstream.domain.objects.pull_request import DETAILS, PULL_REQUEST
from tagstream.domain.objects.selector import InvalidSelector, check_selector, read_selector, selects
from tagstream.domain.objects.sops import encrypted_members
from tagstream.reconcile.apply.pull_secrets import pull_secret_problems
from tests.fuzz.target import ROOT, Shape, Target, files_in, text, texts_in
from tests.kustomize.cases import Repository, cases

OBJECTS = "tagstream.domain.objects."
NOW = datetime(2026, 11, 27, tzinfo=UTC)
YAML_WORDS = (
    *(b"---\n", b"...\n", b"apiVersion: image.toolkit.fluxcd.io/v1\n", b"kind: ImagePolicy\n", b"metadata:\n"),
    *(b"kind: ImageRepository\n", b"kind: ImageUpdateAutomation\n", b"kind: GitRepository\n", b"kind: Receiver\n"),
    *(b"kind: Secret\n", b"kind: List\n", b"kind: Kustomization\n", b"items:\n", b"  name: a\n", b"spec:\n"),
    *(b"  interval: 1m\n", b"  policy:\n", b"    semver: {range: '>=1'}\n", b"  filterTags: {pattern: '^v(.*)$'}\n"),
    *(
        b"- ",
        b"  ",
        b": ",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!int ",
        b"!x ",
        b"|\n",
        b">\n",
        b"'",
        b'"',
        b"[",
        b"]",
        b"{",
        b"}",
    ),
    *(
        b"%TAG ! tag:a\n",
        b"%YAML 1.1\n",
        b"\xef\xbb\xbf",
        b"0x1F",
        b"1e9",
        b"~",
        b"null",
        b"? ",
        b"#",
        b"stringData:\n",
    ),
)
ALIASES = Shape(b"- *a\n", b"a: &a [1]\nb:\n")


def _selectors(data: bytes) -> None:
    _selector(data)
    read_selector(text(data))


def _documents(data: bytes) -> None:
    for document in read_documents(data, "f"):
        if isinstance(document.value, dict):
            parsed = parse_object(document.value, "default")
            check_object(parsed.draft)
            encrypted_members(document.value)
        as_yaml(document.value)
        as_json(document.value)


def _kustomization_file(data: bytes) -> None:
    """Any bytes as a kustomization file beside one object."""
    named = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: a}\nspec: {interval: 1m}\n"
    files = {"kustomization.yaml": text(data), "a.yaml": named}
    build("", Repository(files), Overlay())


NOTES = (*DETAILS, BRANCH_TEMPLATE, GIT_HOST, API_URL)


def _typed(data: bytes) -> None:
    """Any JSON as the spec of every kind, whose fields then have values of every type."""
    try:
        spec = json.loads(data)
    except (ValueError, RecursionError):
        spec = text(data)
    for group, kind in (
        ("image.toolkit.fluxcd.io/v1", "ImageRepository"),
        ("image.toolkit.fluxcd.io/v1", "ImagePolicy"),
        ("image.toolkit.fluxcd.io/v1beta1", "ImageUpdateAutomation"),
        ("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation"),
        ("source.toolkit.fluxcd.io/v1", "GitRepository"),
        ("notification.toolkit.fluxcd.io/v1", "Receiver"),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        ("v1", "Secret"),
        ("v1", "Namespace"),
    ):
        metadata = {"name": "a", "annotations": {PULL_REQUEST: "true", **dict.fromkeys(NOTES, text(data))}}
        document = {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec, "data": spec}
        parsed = parse_object(document, "default")
        if not any(not problem.is_warning for problem in check_object(parsed.draft)):
            list(pull_secret_problems(parsed.value, lambda _key: {".dockerconfigjson": data}))


def _image(data: bytes) -> None:
    ecr_region(text(data))
    parse_repository_image(text(data))


def _duration(data: bytes) -> None:
    for parse in (parse_interval, parse_timeout, parse_long_duration):
        try:
            parse(text(data))
        except InvalidDuration:
            continue


def _selector(data: bytes) -> None:
    words = text(data).split("\n")
    one = LabelRequirement(key=words[0], operator=words[-1], values=tuple(words[1:-1]))
    selector = LabelSelector(match_labels={words[0]: words[-1]}, match_expressions=(one,))
    selects(selector, {words[0]: words[-1]})
    check_selector(selector)


def _calendar(data: bytes) -> None:
    for window, freeze in ((text(data), None), (None, text(data))):
        try:
            next_opening([read_calendar("a", window, freeze)], NOW)
        except InvalidCalendar:
            continue


def _intervention(data: bytes) -> None:
    """Whatever the two annotations hold, they are read or taken for none; only an instant may be refused."""
    annotations = {INTERVENTION: text(data), REVERTED: text(data)}
    for found in (read_intervention(annotations), read_revert(annotations)):
        str(found)
    read_instant(text(data))


class _OneItem:
    """A table whose every query finds the same item."""

    def __init__(self, item: Mapping[str, object]) -> None:
        self.item = item

    def query(self, _pk: str, _prefix: str = "") -> Iterator[Mapping[str, object]]:
        return iter([self.item])


def _item(data: bytes) -> None:
    """Attributes of the table's items as another version, or a person, may have written them."""
    packed = zlib.compress(data)
    for kind, value in (("S", text(data)), ("B", data), ("B", packed), ("N", "1")):
        item = {"doc": {kind: value}, "rows": {kind: value}, "sk": {kind: value}, "n": {kind: value}}
        read = keys.read_document(item)
        keys.read_text(item, "sk")
        DynamoAgenda(table=cast("Any", _OneItem(item)), clock=SystemClock()).read()
        try:
            read_freezes(read)
        except ValueError:
            continue


def _refs(data: bytes) -> None:
    given_refs(text(data).split("\n"), "ns")


def _stdin(data: bytes) -> None:
    read_objects(["-"], io.StringIO(text(data)), "default")


TARGETS = (
    Target(
        name="yaml-objects",
        parse=_documents,
        modules=tuple(
            f"{OBJECTS}{one}"
            for one in ("manifest", "yaml_events", "kinds", "fields", "sops", "git", "image", "receiver", "checks")
        ),
        allowed=(InvalidDocument,),
        seeds=lambda: (
            *files_in(ROOT / "tests" / "data" / "harvis", "*.yaml"),
            *files_in(ROOT / "tests" / "vectors" / "data" / "setters", "*.yaml"),
        ),
        words=YAML_WORDS,
        shapes=(
            *(
                Shape(b"["),
                Shape(b"{a: "),
                Shape(b"- "),
                Shape(b"---\n"),
                Shape(b"a: 1\n---\n"),
                Shape(b"- a\n"),
                ALIASES,
            ),
            *(
                Shape(b"? "),
                Shape(b"!!a "),
                Shape(b"'", b"a: "),
                Shape(b"\\x41", b'a: "', b'"'),
                Shape(b" a", b"a: |\n"),
            ),
            *(Shape(b"#\n"), Shape(b"\n"), Shape(b"&a ", b"a: ", b"1"), Shape(b"*a : 1\n", b"&a x: 1\n")),
        ),
    ),
    Target(
        name="object-fields",
        parse=_typed,
        modules=(
            *(
                f"{OBJECTS}{one}"
                for one in (
                    *("kinds", "fields", "git", "image", "kustomization", "receiver", "alert", "checks"),
                    *(
                        "policy_control",
                        "calendar_annotations",
                        "dockerconfig",
                        "pull_request",
                        "branch_template",
                        "object_name",
                    ),
                )
            ),
            "tagstream.domain.update.branch_name",
        ),
        seeds=lambda: [
            b'{"interval":"1m","image":"a/b","exclusionList":["^x"],"accessFrom":{"namespaceSelectors":[{}]}}',
            b'{"policy":{"semver":{"range":">=1"}},"filterTags":{"pattern":"^v(?P<a>.*)$","extract":"$a"}}',
            b'{"git":{"commit":{"author":{"email":"a"},"messageTemplate":"{{ . }}"},"push":{"branch":"b"}}}',
            b'{"git":{"push":{"refspec":"refs/heads/a:refs/heads/b"}}}',
            b'{"providerRef":{"name":"a"},"eventSources":[{"kind":"ImagePolicy","name":"*"}],"inclusionList":["^a"]}',
            b'{"type":"slack","address":"https://a/b","timeout":"5s","secretRef":{"name":"a"}}',
            b'{"type":"generic-oidc","resources":[{"kind":"ImageRepository","name":"*"}],"resourceFilter":"true"}',
        ],
        words=(
            *(b'"interval":', b'"image":', b'"policy":', b'"semver":', b'"range":', b'"filterTags":', b'"pattern":'),
            *(b'"git":', b'"commit":', b'"push":', b'"refspec":', b'"resources":', b'"matchLabels":', b'"secretRef":'),
            *(b"{", b"}", b"[", b"]", b",", b"null", b"1e999", b"-1", b'"1m"', b'"("', b"true", b'"a"'),
        ),
        shapes=(
            Shape(b"["),
            Shape(b'{"interval":'),
            Shape(b'"^a$",', b'{"image":"a","interval":"1m","exclusionList":[', b'"x"]}'),
            Shape(b"(a|b)*", b'{"filterTags":{"pattern":"', b'"},"policy":{"numerical":{}}}'),
            Shape(b">=1 ", b'{"policy":{"semver":{"range":"', b'"}}}'),
            Shape(b"{{.}}", b'{"git":{"commit":{"messageTemplate":"', b'"}}}'),
            Shape(b"{{.Policy}}", b'{"git":{"push":{"branch":"', b'"}}}'),
        ),
    ),
    Target(
        name="image-name",
        parse=_image,
        modules=(f"{OBJECTS}image_name",),
        allowed=(InvalidImage,),
        seeds=lambda: texts_in("registry/image_reference.json"),
        words=(b"docker.io", b"/", b":", b"@sha256:", b".", b"localhost", b"[::1]", b".dkr.ecr.", b".amazonaws.com"),
        shapes=(
            Shape(b"a/"),
            Shape(b"a."),
            Shape(b"a-", b"", b"a"),
            Shape(b":"),
            Shape(b"_"),
            Shape(b"a__", b"h/", b"a"),
        ),
    ),
    Target(
        name="duration",
        parse=_duration,
        modules=("gocompat.duration", f"{OBJECTS}long_duration"),
        seeds=lambda: [b"1h2m3.5s", b"100ms", b"3d12h", b"-1s", b"1", b"9" * 400 + b"h"],
        words=(b"h", b"ms", b"us", b"\xc2\xb5s", b"ns", b"d", b".", b"-", b"+", b"1e9"),
        shapes=(Shape(b"1h"), Shape(b"9"), Shape(b"0"), Shape(b"1.", b"", b"s"), Shape(b"9", b"0.", b"s")),
    ),
    Target(
        name="label-selector",
        parse=_selectors,
        modules=(f"{OBJECTS}selector",),
        allowed=(InvalidSelector,),
        seeds=lambda: [
            b"app=web,env in (a,b),!c",
            b"app\na\nb\nIn",
            b"app\nExists",
            b"a/b\nc\nNotIn",
            b"a\nDoesNotExist",
        ],
        words=(b"In", b"NotIn", b"Exists", b"\n", b"/", b"."),
        shapes=(Shape(b"a\n", b"k\n", b"In"), Shape(b"a.", b"", b"/k\nExists"), Shape(b"-a", b"a", b"\nExists")),
    ),
    Target(
        name="calendar",
        parse=_calendar,
        modules=(
            *tuple(f"tagstream.domain.calendar.{one}" for one in ("calendar", "window", "freeze", "zone")),
            f"{OBJECTS}calendar_annotations",
        ),
        seeds=lambda: [
            b"Mon-Fri 09:00-17:00 Europe/Berlin",
            b"0 9 * * 1-5 8h Europe/Berlin",
            b"2026-12-24..2027-01-02",
            b"2026-12-24T00:00/2027-01-02T00:00 UTC reason",
        ],
        words=(
            b"Mon",
            b"-",
            b"Fri",
            b" ",
            b"09:00",
            b"24:00",
            b"Europe/Berlin",
            b"../../etc/passwd",
            b"UTC",
            b"*",
            b"*/1",
            b";",
            b"\n",
            b",",
            b"8h",
            b"2026-12-24",
            b"T",
            b"Z",
            b"..",
            b"/",
            b"0 9 * * 1-5",
        ),
        shapes=(
            Shape(b"Mon,", b"", b"Tue 09:00-10:00"),
            Shape(b"Mon-Fri 09:00-17:00;"),
            Shape(b"1,", b"0 ", b"1 * * * 1h"),
        ),
    ),
    Target(
        name="kustomization-file",
        parse=_kustomization_file,
        modules=("tagstream.domain.kustomize.kustomization_file", "tagstream.domain.kustomize.patches"),
        allowed=(BuildFailed,),
        seeds=lambda: [
            one.files["kustomization.yaml"].encode() for one in cases() if "kustomization.yaml" in one.files
        ],
        words=(
            *(
                b"resources: [a.yaml]\n",
                b"patches:\n- ",
                b"target: {kind: Image.*}\n",
                b"  patch: |\n    ",
                b"$patch: delete",
            ),
            *(
                b"- {op: add, path: /spec/x, value: 1}",
                b"labelSelector: a in (b,c)",
                b"commonLabels: {a: b}",
                b"namespace: n",
            ),
        ),
        shapes=(Shape(b"resources:\n- a.yaml\n", b"- b.yaml\n"), Shape(b"patches:\n", b"- {patch: '[]', path: x}\n")),
    ),
    Target(
        name="table-item",
        parse=_item,
        modules=(
            "tagstream.adapters.store.keys",
            "tagstream.adapters.store.agenda",
            "tagstream.domain.calendar.hand_freeze",
        ),
        seeds=lambda: [
            b'{"freezes":[{"namespace":"a","name":"b","author":"c","madeAt":"2026-01-01T00:00:00+00:00","until":null}]}',
            b'[["ImageRepository","ns/a",1795000000000,0,300,0]]',
            b'{"conditions":[]}',
            base64.b64encode(b"x"),
        ],
        words=(
            b"[",
            b"]",
            b"{",
            b"}",
            b'"',
            b",",
            b"null",
            b"1e999",
            b'"freezes":',
            b'"madeAt":',
            b'"until":',
            b"99999999999999999999",
        ),
        shapes=(Shape(b"["), Shape(b'{"a":'), Shape(b'["a","b/c",1,1,1,0],', b"[", b"[]]"), Shape(b"9")),
    ),
    Target(
        name="intervention",
        parse=_intervention,
        modules=(f"{OBJECTS}intervention", "tagstream.domain.instant"),
        allowed=(ValueError,),
        seeds=lambda: [
            b'{"kind":"pin","author":"a","tag":"1.0.0","reason":"r","at":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z"}',
            b'{"rejected":"2.0.0","found":"1.0.0","file":"a.yaml","commit":"0","author":"b","at":"2026-01-01T00:00:00Z"}',
            b"2026-01-01T00:00:00+14:00",
        ],
        words=(b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b'"until":', b'"at":', b'"kind":"pin"'),
        shapes=(Shape(b"["), Shape(b'{"a":'), Shape(b"9")),
    ),
    Target(
        name="ref-argument",
        parse=_refs,
        modules=("tagstream.cli.worktree",),
        allowed=(CommandFailed,),
        seeds=lambda: [b"ns/app=host/a:1.0@sha256:00", b"app=a:1"],
        words=(b"=", b"@", b":", b"/", b"\n"),
        shapes=(Shape(b"="), Shape(b":"), Shape(b"@"), Shape(b"a=b:c\n")),
    ),
    Target(
        name="standard-input",
        parse=_stdin,
        modules=("tagstream.cli.files",),
        allowed=(CommandFailed,),
        seeds=lambda: files_in(ROOT / "tests" / "data" / "harvis", "*.yaml"),
        words=YAML_WORDS,
        shapes=(Shape(b"---\n"), Shape(b"- a\n"), Shape(b"a: 1\n---\n")),
    ),
    Target(
        name="plain-scalar",
        parse=lambda data: (plain_value(text(data)), is_trusted_source(text(data)), keys.named(text(data) or "a")),
        modules=(f"{OBJECTS}manifest", f"{OBJECTS}issuer_url"),
        seeds=lambda: [b"0x1F", b"1_000", b"1:30", b".inf", b"2026-01-01", b"https://issuer.example.com", b"~"],
        words=(b"0x", b"0b", b"_", b":", b".", b"e", b"-", b"+", b"nan", b"http://127.0.0.1", b"https://"),
        shapes=(Shape(b"9"), Shape(b"1_"), Shape(b"1:"), Shape(b"0", b"1."), Shape(b"9", b"0x"), Shape(b"9", b"1e")),
    ),
)
