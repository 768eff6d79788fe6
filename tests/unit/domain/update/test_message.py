"""Commit messages: what templates see, and what is said about them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from gocompat.sprig.functions import REFUSED
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.identity import ObjectIdentifier
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.message import (
    DEFAULT_MESSAGE,
    RenderedMessage,
    TemplateError,
    check_template,
    render_message,
)
from tagstream.domain.update.message_data import template_data
from tests.unit.rendered import DATA, rendered

SAMPLES = Path(__file__).parents[3] / "data" / "harvis"
SAMPLE_FILES = (
    "flux-config/harvis/base/image-automation.yaml",
    "k8s-manifests/flux-system/image-update-automation.yaml",
)
BACKEND = NamespacedName("flux-system", "backend")
REFS = {BACKEND: ImageRef(name="reg.example.com:5000/shop/backend", tag="1.2.3", digest="")}
DEPLOYMENT = ObjectIdentifier("apps/v1", "Deployment", "backend", "shop")


def change(file: str, key: ObjectIdentifier, setter: str, old: str = "1.2.2", new: str = "1.2.3") -> Change:
    return Change(file=file, object=key, old_value=old, new_value=new, setter=setter, line=1)


LEGACY = dataclasses.replace(DATA, changes=(change("a.yaml", DEPLOYMENT, "flux-system:backend:tag"),), refs=REFS)


def sample_templates() -> list[tuple[str, str]]:
    found = []
    for name in SAMPLE_FILES:
        for document in yaml.safe_load_all((SAMPLES / name).read_text()):
            if document and document["kind"] == "ImageUpdateAutomation":
                found.append((document["metadata"]["name"], document["spec"]["git"]["commit"]["messageTemplate"]))
    return found


def test_no_template_gives_the_default_message() -> None:
    assert render_message("", DATA) == RenderedMessage(text=DEFAULT_MESSAGE)


@pytest.mark.parametrize("text", ["\n", " x \n\n", "no line feed", "CR\r\n"])
def test_a_message_is_used_as_it_is(text: str) -> None:
    assert render_message(text, DATA).text == text


def test_a_template_that_cannot_be_read_is_told_before_it_is_run() -> None:
    with pytest.raises(TemplateError) as told:
        check_template("{{ nope }}")
    assert str(told.value) == (
        'unable to create commit message template from spec: template: commit message:1: function "nope" not defined'
    )


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_template_that_names_a_key_or_password_function_is_refused_by_name(name: str) -> None:
    template = f'first line\n{{{{ "a" | {name} "b" }}}}'
    with pytest.raises(TemplateError) as told:
        check_template(template)
    assert str(told.value).startswith(
        f'unable to create commit message template from spec: template: commit message:2: function "{name}" is '
        "refused: it "
    )
    with pytest.raises(TemplateError, match="is refused"):
        render_message(template, DATA)


def test_a_refused_name_that_is_not_called_is_only_text() -> None:
    template = 'htpasswd {{ .Values.bcrypt }}{{ "genCA" }}'
    assert render_message(template, dataclasses.replace(DATA, values={"bcrypt": "!"})).text == "htpasswd !genCA"


def test_a_template_that_can_be_read_is_not_run_to_check_it() -> None:
    check_template('{{ fail "only when it runs" }}')


def test_a_template_that_fails_while_it_runs_is_told_in_the_words_of_flux() -> None:
    with pytest.raises(TemplateError) as told:
        render_message("{{ .Nope }}", DATA)
    assert str(told.value) == (
        'failed to run template from spec: template: commit message:1:3: executing "commit message" at <.Nope>: '
        "can't evaluate field Nope in type source.TemplateData"
    )


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert render_message('{{ "\\xff" }}', DATA).text == "\ufffd"


@pytest.mark.parametrize("field", [".Updated", ".Changed.ImageResult"])
def test_a_removed_field_goes_on_working_with_one_warning(field: str) -> None:
    message = render_message(
        f"{{{{ range {field}.Images }}}}{{{{ . }}}}{{{{ end }}}}{{{{ len {field}.Files }}}}", LEGACY
    )
    assert message.text == "reg.example.com:5000/shop/backend:1.2.31"
    assert [f"'{field}'" in one for one in message.warnings] == [True]


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ("{{ .Updated }}", ".Updated"),
        ("{{ with .Values }}{{ range $i := $.Updated.Images }}{{ $i }}{{ end }}{{ end }}", ".Updated"),
        ("{{ if len .Changed.ImageResult.Files }}{{ end }}", ".Changed.ImageResult"),
        ('{{ define "a" }}{{ print ($.Updated.Objects | len) }}{{ end }}', ".Updated"),
        ("{{ if 0 }}{{ else }}{{ (.).Updated }}{{ end }}", ".Updated"),
    ],
)
def test_a_removed_field_is_warned_of_before_the_template_runs(template: str, field: str) -> None:
    assert [f"'{field}'" in one for one in check_template(template)] == [True]


def test_a_template_without_removed_fields_has_no_warning() -> None:
    template = "{{ .Changed.Changes }} .Updated {{ .Values.Updated }}"
    assert check_template(template) == ()
    assert render_message(template, DATA).warnings == ()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("Registry", "reg.example.com:5000"),
        ("Repository", "shop/backend"),
        ("Identifier", "1.2.3"),
        ("Name", "reg.example.com:5000/shop/backend:1.2.3"),
        ("String", "reg.example.com:5000/shop/backend:1.2.3"),
        ("Policy", "flux-system/backend"),
        ("Policy.Name", "backend"),
        ("Context", "reg.example.com:5000/shop/backend"),
    ],
)
def test_an_image_has_its_parts(part: str, value: str) -> None:
    template = f"{{{{ range .Updated.Images }}}}{{{{ .{part} }}}}{{{{ end }}}}"
    assert render_message(template, LEGACY).text == value


def test_an_image_of_docker_hub_has_its_full_name() -> None:
    refs = {BACKEND: ImageRef(name="nginx", tag="1", digest="")}
    template = "{{ range .Updated.Images }}{{ .Registry }} {{ .Repository }} {{ .Name }} {{ . }}{{ end }}"
    message = render_message(template, dataclasses.replace(LEGACY, refs=refs))
    assert message.text == "index.docker.io library/nginx index.docker.io/library/nginx:1 nginx:1"


def test_the_digest_is_what_identifies_an_image_that_has_one() -> None:
    digest = "sha256:" + "a" * 64
    refs = {BACKEND: ImageRef(name="reg.example.com/a", tag="1", digest=digest)}
    template = "{{ range .Updated.Images }}{{ .Identifier }} {{ .Name }}{{ end }}"
    message = render_message(template, dataclasses.replace(LEGACY, refs=refs))
    assert message.text == f"{digest} reg.example.com/a@{digest}"


def test_an_image_is_named_once_however_many_of_its_setters_changed() -> None:
    changes = [
        change(file, DEPLOYMENT, setter)
        for file in ("b.yaml", "a.yaml")
        for setter in ("flux-system:backend:tag", "flux-system:backend")
    ]
    template = "{{ range $o, $i := .Updated.Objects }}{{ $o.Kind }}={{ len $i }} {{ end }}{{ len .Updated.Images }}"
    assert render_message(template, dataclasses.replace(LEGACY, changes=changes)).text == "Deployment=1 1"


def test_a_message_does_not_depend_on_the_order_of_files() -> None:
    changes = [change(f"{name}.yaml", DEPLOYMENT, f"flux-system:{name}", new=name) for name in "cab"]
    template = "{{ range .Changed.Changes }}{{ .NewValue }}{{ end }}{{ .Changed.FileChanges }}"
    texts = {
        render_message(template, dataclasses.replace(DATA, changes=order)).text for order in (changes, changes[::-1])
    }
    assert len(texts) == 1 and texts.pop().startswith("abc")


def test_changes_keep_the_order_of_the_document() -> None:
    changes = [change("a.yaml", DEPLOYMENT, "flux-system:backend", new=new) for new in ("3", "1", "2")]
    template = "{{ range .Changed.Changes }}{{ .NewValue }}{{ end }}"
    assert render_message(template, dataclasses.replace(DATA, changes=changes)).text == "312"


def test_equal_changes_are_one_among_all_and_each_within_its_object() -> None:
    other = ObjectIdentifier("apps/v1", "Deployment", "other", "shop")
    changes = [change("a.yaml", key, "flux-system:backend") for key in (DEPLOYMENT, other)]
    template = "{{ len .Changed.Changes }}{{ range .Changed.Objects }} {{ len . }}{{ end }}"
    assert render_message(template, dataclasses.replace(DATA, changes=changes)).text == "1 1 1"


def test_an_object_in_two_files_has_the_changes_of_both() -> None:
    changes = [change(file, DEPLOYMENT, f"flux-system:{file}") for file in ("a.yaml", "b.yaml")]
    template = "{{ range .Changed.Objects }}{{ len . }}{{ end }}{{ len .Changed.FileChanges }}"
    assert render_message(template, dataclasses.replace(DATA, changes=changes)).text == "22"


def test_nothing_changed_is_nothing_to_range_over() -> None:
    data = dataclasses.replace(DATA, automation=BACKEND, changes=(), values={})
    assert rendered(
        "{{ .Changed.Changes }}{{ .Changed.FileChanges }}{{ .Values.x }}{{ len .Updated.Images }}", data
    ) == ("[]map[]<no value>0")


def test_what_a_template_names_for_every_change_is_made_once() -> None:
    dot = template_data(LEGACY, [])
    changed = dict(dot.fields)["Changed"]
    assert dot.hidden["Updated"]() is changed.hidden["ImageResult"]() is dot.hidden["Updated"]()
    assert changed.methods["Changes"].call() is changed.methods["Changes"].call()


def test_methods_of_an_identifier_are_no_more_to_be_had_than_in_go() -> None:
    answer = rendered("{{ range $o, $_ := .Changed.Objects }}{{ $o.GetName }}{{ end }}")
    assert answer.endswith("<$o.GetName>: can't evaluate field GetName in type update.ObjectIdentifier")


@pytest.mark.parametrize(("name", "template"), sample_templates(), ids=lambda one: one if "\n" not in one else "")
def test_the_templates_of_the_example_system_render(name: str, template: str) -> None:
    check_template(template)
    text = render_message(template, LEGACY).text
    assert name and "reg.example.com:5000/shop/backend:1.2.3" in text and "<no value>" not in text
