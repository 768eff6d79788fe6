"""``tagstream apply``: everything is checked before anything is written."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from tagstream.domain.objects.kinds import SERVICE_ACCOUNT
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.receiver import hook_path
from tagstream.reconcile import credentials
from tests.unit.cli.memory_ports import MemoryPorts, Outcome, command

HARVIS = Path(__file__).parents[3] / "data/harvis"
REPOSITORY = """
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app}
spec: {image: ghcr.io/org/app, interval: 1m}
"""
RECEIVER = """
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: push}
spec:
  type: generic-hmac
  secretRef: {name: token}
  resources: [{kind: ImageRepository, name: app}]
"""
TOKEN = """
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: s3cret}
"""
AUTOMATION = """kind: ImageUpdateAutomation, spec: {{interval: 1m, sourceRef: {{kind: GitRepository, name: a}},
 git: {{commit: {{author: {{email: a@b}}}}, {}}}}}"""
RECEIVER_KEY = NamespacedName("flux-system", "push")


def apply(text: str, ports: MemoryPorts, *more: str) -> Outcome:
    return command("apply", "-f", "-", *more, ports=ports, stdin=text)


def test_the_sample_is_applied_whole() -> None:
    ports = MemoryPorts()
    done = command("apply", "-f", HARVIS / "k8s-manifests/flux-system", ports=ports)
    assert done.out.splitlines() == [
        "gitrepository.source.toolkit.fluxcd.io/harvis-ai-repo created",
        "imagerepository.image.toolkit.fluxcd.io/harvis-backend created",
        "imagerepository.image.toolkit.fluxcd.io/harvis-frontend created",
        "imagepolicy.image.toolkit.fluxcd.io/harvis-backend-staging created",
        "imagepolicy.image.toolkit.fluxcd.io/harvis-frontend-staging created",
        "imagepolicy.image.toolkit.fluxcd.io/harvis-backend-prod created",
        "imagepolicy.image.toolkit.fluxcd.io/harvis-frontend-prod created",
        "imageupdateautomation.image.toolkit.fluxcd.io/harvis-staging-auto-update created",
        "imageupdateautomation.image.toolkit.fluxcd.io/harvis-prod-auto-update created",
    ]
    told = done.err.splitlines()
    assert done.code == 0
    assert len(told) == 2
    assert ["template uses '.Updated' field" in one for one in told] == [True, True]


def test_other_kinds_of_the_sample_are_passed_over_with_a_note() -> None:
    done = command("apply", "-R", "-f", HARVIS / "flux-config", ports=MemoryPorts())
    told = [line.partition(": ")[2].partition(" passed over") for line in done.err.splitlines()]
    noted = [what for what, passed_over, _ in told if passed_over]
    assert done.code == 0
    assert noted == [
        "HelmRelease/ai-agents/harvis-prod",
        "Kustomization without a name",
        "HelmRepository/flux-system/harvis-helm",
    ]


def test_an_object_applied_again_is_unchanged_and_then_configured() -> None:
    ports = MemoryPorts()
    outs = [apply(text, ports).out for text in (REPOSITORY, REPOSITORY, REPOSITORY.replace("1m", "2m"))]
    assert [out.split()[-1] for out in outs] == ["created", "unchanged", "configured"]
    assert len(ports.objects.writes) == 2


def test_one_wrong_object_keeps_all_from_being_written() -> None:
    ports = MemoryPorts()
    done = apply(f"{REPOSITORY}---\n{REPOSITORY.replace('app', 'other').replace('1m', 'soon')}", ports)
    assert done.code == 1
    assert done.out == ""
    assert ports.objects.writes == []
    assert 'stdin:11: ImageRepository/flux-system/other spec.interval: Invalid value: "soon"' in done.err


def test_all_problems_of_all_documents_are_told() -> None:
    text = """
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: p}
spec:
  imageRepositoryRef: {name: r}
  interval: 5x
  policy: {semver: {range: ">= banana"}}
  filterTags: {pattern: '(?=x)'}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: r}
spec: {image: "https://a/b", interval: 1m, exclusionList: ["("]}
"""
    done = apply(text, MemoryPorts())
    told = [line.split(" ", 3)[3].partition(": ")[0] for line in done.err.splitlines()[:-1]]
    assert told == [
        "spec.interval",
        "spec",
        "spec.policy.semver.range",
        "spec.filterTags.pattern",
        "spec.image",
        "spec.exclusionList[0]",
    ]


def test_malformed_yaml_names_file_and_line_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(REPOSITORY)
    (tmp_path / "b.yaml").write_text("a: 1\nb: [\n")
    ports = MemoryPorts()
    done = command("apply", "-f", tmp_path, ports=ports)
    assert done.code == 1
    assert ports.objects.writes == []
    assert f"{tmp_path}/b.yaml:3: not valid YAML" in done.err


def automation(template: str) -> str:
    return f"""
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: source}}
spec: {{url: "https://git.example.com/a", interval: 1m}}
---
apiVersion: image.toolkit.fluxcd.io/v1beta1
kind: ImageUpdateAutomation
metadata: {{name: app}}
spec:
  interval: 1m
  sourceRef: {{kind: GitRepository, name: source}}
  git: {{checkout: {{ref: {{branch: main}}}}, commit: {{author: {{email: a@b}}, messageTemplate: '{template}'}}}}
"""


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ range .Updated.Images }}{{ . }}{{ end }}", "template uses"),
        (
            "{{ .Nope }}",
            "with an example of a change it failed to run template from spec: template: commit message:1:3",
        ),
    ],
)
def test_a_template_that_may_fail_or_is_old_is_a_warning_with_its_line(template: str, words: str) -> None:
    done = apply(automation(template), MemoryPorts())
    where = "Warning: stdin:13: ImageUpdateAutomation/flux-system/app spec.git.commit.messageTemplate: "
    assert done.code == 0
    assert done.err.count("\n") == 1
    assert done.err.startswith(where + words)


def test_apply_refuses_a_template_that_calls_a_key_function_and_names_the_function() -> None:
    ports = MemoryPorts()
    done = apply(automation('{{ genPrivateKey "rsa" }}'), ports)
    where = "stdin:13: ImageUpdateAutomation/flux-system/app spec.git.commit.messageTemplate: Invalid value: "
    assert where + r'"{{ genPrivateKey \"rsa\" }}": ' in done.err
    assert 'function "genPrivateKey" is refused: it makes a private key or a certificate' in done.err
    assert done.code == 1
    assert ports.objects.writes == []


def test_a_missing_reference_is_a_warning() -> None:
    policy = """
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: p}
spec: {imageRepositoryRef: {name: gone}, policy: {semver: {range: "*"}}}
"""
    done = apply(policy, MemoryPorts())
    assert done.code == 0
    assert done.err.strip() == (
        "Warning: stdin:5: ImagePolicy/flux-system/p spec.imageRepositoryRef:"
        " ImageRepository/flux-system/gone does not exist (yet)"
    )


@pytest.mark.parametrize("pattern", ["(a)" * 20_000, "(" * 20_000 + "a" + ")" * 20_000], ids=["groups", "nested"])
def test_a_huge_pattern_is_refused_with_object_field_and_value(pattern: str) -> None:
    policy = (
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: app}\nspec:\n"
        "  imageRepositoryRef: {name: app}\n  policy: {alphabetical: {}}\n"
        f"  filterTags: {{pattern: '{pattern}'}}\n"
    )
    repository = REPOSITORY.replace("interval: 1m", f"interval: 1m, exclusionList: ['{pattern}']")
    ports = MemoryPorts()
    done = apply(f"{policy}---{repository}", ports)
    assert done.code == 1
    shown = f'"{pattern[:200]}… ({len(pattern)} characters)"'
    assert f"ImagePolicy/flux-system/app spec.filterTags.pattern: Invalid value: {shown}: " in done.err
    assert f"ImageRepository/flux-system/app spec.exclusionList[0]: Invalid value: {shown}: " in done.err
    assert len(done.err) < 3_000
    assert ports.objects.list("ImagePolicy") == ()


FOREIGN = {
    "ImagePolicy": (
        "{imageRepositoryRef: {name: app, namespace: other}, policy: {alphabetical: {}}}",
        "spec.imageRepositoryRef.namespace",
        "cannot access 'ImageRepository/other/app'",
    ),
    "ImageUpdateAutomation": (
        "{interval: 1m, sourceRef: {kind: GitRepository, name: app, namespace: other},"
        " git: {commit: {author: {email: a@b}}}}",
        "spec.sourceRef.namespace",
        "can't access 'GitRepository/other/app'",
    ),
    "Receiver": (
        "{type: generic, secretRef: {name: token}, resources: [{kind: ImageRepository, name: '*', namespace: other}]}",
        "spec.resources[0].namespace",
        "can't access 'ImageRepository/other/*'",
    ),
    "Alert": (
        "{providerRef: {name: chat}, eventSources: [{kind: ImagePolicy, name: '*', namespace: other}]}",
        "spec.eventSources[0].namespace",
        "can't access 'ImagePolicy/other/*'",
    ),
    "Kustomization": (
        "{interval: 1m, sourceRef: {kind: GitRepository, name: app}, targetNamespace: other}",
        "spec.targetNamespace",
        "can't apply objects of namespace 'other'",
    ),
}


@pytest.mark.parametrize("kind", sorted(FOREIGN))
def test_a_reference_to_another_namespace_is_refused_where_such_references_are_blocked(kind: str) -> None:
    spec, path, refused = FOREIGN[kind]
    notification = {"Receiver": "notification.toolkit.fluxcd.io/v1", "Alert": "notification.toolkit.fluxcd.io/v1beta3"}
    group = (notification | {"Kustomization": "kustomize.toolkit.fluxcd.io/v1"}).get(kind, "image.toolkit.fluxcd.io/v1")
    text = f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: app}}\nspec: {spec}\n"
    blocked = apply(text, MemoryPorts(no_cross_namespace_refs=True))
    assert blocked.code == 1
    message = f'{path}: Invalid value: "other": {refused}, cross-namespace references have been blocked'
    assert f"{kind}/flux-system/app {message}" in blocked.err
    assert apply(text, MemoryPorts()).code == 0
    assert apply(text.replace("other", "flux-system"), MemoryPorts(no_cross_namespace_refs=True)).code == 0


def test_a_secret_goes_to_the_secrets_and_never_to_the_table_or_the_terminal() -> None:
    ports = MemoryPorts()
    done = apply(TOKEN, ports)
    assert done.out == "secret/token created\n"
    assert ports.secrets.data == {NamespacedName("flux-system", "token"): {"token": b"s3cret"}}
    assert ports.objects.stored == {}
    assert "s3cret" not in done.out + done.err


def test_a_secret_with_bad_base64_does_not_print_its_value() -> None:
    done = apply("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {a: 'hun ter2!'}\n", MemoryPorts())
    assert done.code == 1
    assert "hun" not in done.err
    assert "data.a" in done.err


@pytest.mark.parametrize("members", ["stringData: {a: 4711}", "stringData: 4711", "data: {a: 4711}", "data: '4711'"])
def test_a_secret_whose_values_are_no_texts_does_not_print_them(members: str) -> None:
    done = apply(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\n{members}\n", MemoryPorts())
    assert done.code == 1
    assert "4711" not in done.err
    assert "Invalid value: must be of type" in done.err


def test_a_misspelt_member_of_a_secret_is_a_warning() -> None:
    done = apply("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringdata: {a: b}\n", MemoryPorts())
    assert done.code == 0
    assert done.err == 'Warning: stdin:4: Secret/flux-system/x stringdata: unknown field "stringdata"\n'


@pytest.mark.parametrize("texts", [(RECEIVER + "---" + TOKEN,), (TOKEN, RECEIVER), (RECEIVER, TOKEN)])
def test_a_receiver_gets_its_path_whichever_comes_first(texts: tuple[str, ...]) -> None:
    ports = MemoryPorts()
    for text in texts:
        apply(text, ports)
    path = hook_path("s3cret", "push", "flux-system")
    status = ports.objects.stored["Receiver", RECEIVER_KEY].status
    assert ports.deliveries.published[RECEIVER_KEY] == (path,)
    assert status["webhookPath"] == path


def test_a_receiver_without_its_secret_is_not_ready() -> None:
    ports = MemoryPorts()
    done = apply(RECEIVER, ports)
    shown = command("get", "receivers", ports=ports).out.splitlines()[1]
    assert done.code == 0
    assert "has no webhook path" in done.err
    assert shown.split("\t")[2:4] == ["False", 'unable to read token: secrets "token" not found']


def test_a_dry_run_says_what_would_happen_and_writes_nothing() -> None:
    ports = MemoryPorts()
    done = apply(REPOSITORY + "---" + TOKEN, ports, "--dry-run")
    assert done.out.splitlines() == [
        "secret/token created (server dry run)",
        "imagerepository.image.toolkit.fluxcd.io/app created (server dry run)",
    ]
    assert ports.objects.stored == {}
    assert ports.secrets.data == {}


def test_a_client_dry_run_needs_no_stack() -> None:
    done = command("apply", "--dry-run=client", "-f", HARVIS / "k8s-manifests/flux-system/image-registry.yaml")
    assert done.code == 0
    assert len(done.out.splitlines()) == 6


def test_a_suspension_by_hand_survives_an_apply_that_does_not_speak_of_it() -> None:
    ports = MemoryPorts()
    apply(REPOSITORY, ports)
    command("suspend", "image", "repository", "app", ports=ports)
    apply(REPOSITORY.replace("1m", "2m"), ports)
    kept = ports.objects.list("ImageRepository")[0].document["spec"]
    apply(REPOSITORY.replace("1m}", "1m, suspend: false}"), ports)
    ended = ports.objects.list("ImageRepository")[0].document["spec"]
    assert kept == {"image": "ghcr.io/org/app", "interval": "2m", "suspend": True}
    assert ended == {"image": "ghcr.io/org/app", "interval": "1m", "suspend": False}


def test_items_of_a_list_are_applied_one_by_one() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- " + REPOSITORY.strip().replace("\n", "\n  ")
    assert apply(text, MemoryPorts()).out == "imagerepository.image.toolkit.fluxcd.io/app created\n"


GET_OUTPUT = """
apiVersion: v1
items:
- apiVersion: image.toolkit.fluxcd.io/v1
  kind: ImageRepository
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {}
    creationTimestamp: "2025-03-01T10:00:00Z"
    finalizers: [finalizers.fluxcd.io]
    generation: 3
    labels: {kustomize.toolkit.fluxcd.io/name: flux-system}
    managedFields:
    - apiVersion: image.toolkit.fluxcd.io/v1
      fieldsType: FieldsV1
      fieldsV1: {"f:spec": {}}
      manager: kustomize-controller
      operation: Apply
      time: "2025-03-01T10:00:00Z"
    name: app
    namespace: apps
    ownerReferences: []
    resourceVersion: "1234"
    uid: 11111111-2222-3333-4444-555555555555
  spec: {exclusionList: ['^.*\\.sig$'], image: registry.example.com/app, interval: 1m0s, provider: generic}
  status:
    conditions: [{type: Ready, status: "True", observedGeneration: 3}]
    observedGeneration: 3
kind: List
metadata: {resourceVersion: "", selfLink: ""}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicyList
items:
- apiVersion: image.toolkit.fluxcd.io/v1
  kind: ImagePolicy
  metadata: {name: one, namespace: apps, creationTimestamp: null}
  spec: {imageRepositoryRef: {name: app}, policy: {numerical: {order: asc}}}
  status: {latestRef: {name: x, tag: 1.0.0}}
- metadata: {name: two, namespace: apps}
  spec: {imageRepositoryRef: {name: app}, policy: {numerical: {order: asc}}}
"""


def test_what_kubectl_get_prints_is_applied_without_what_a_server_added() -> None:
    ports = MemoryPorts()
    done = apply(GET_OUTPUT, ports)
    assert done.err == ""
    assert done.out.splitlines() == [
        "imagerepository.image.toolkit.fluxcd.io/app created",
        "imagepolicy.image.toolkit.fluxcd.io/one created",
        "imagepolicy.image.toolkit.fluxcd.io/two created",
    ]
    stored = ports.objects.list("ImageRepository")[0]
    assert stored.status == {}
    assert stored.document["metadata"] == {
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}\n"},
        "finalizers": ["finalizers.fluxcd.io"],
        "generation": 1,
        "labels": {"kustomize.toolkit.fluxcd.io/name": "flux-system"},
        "name": "app",
        "namespace": "apps",
        "ownerReferences": [],
    }
    assert {line.split()[-1] for line in apply(GET_OUTPUT, ports).out.splitlines()} == {"unchanged"}


def test_a_path_that_does_not_exist_is_an_error() -> None:
    done = command("apply", "-f", "nowhere.yaml", ports=MemoryPorts())
    assert done.code == 1
    assert done.err == '✗ the path "nowhere.yaml" does not exist\n'


def test_an_object_given_twice_counts_once_with_a_warning() -> None:
    ports = MemoryPorts()
    done = apply(REPOSITORY + "---" + REPOSITORY.replace("1m", "3m"), ports)
    assert done.out.count("\n") == 1
    assert "is given again at stdin:7" in done.err
    assert ports.objects.list("ImageRepository")[0].document["spec"] == {"image": "ghcr.io/org/app", "interval": "3m"}


def test_a_service_account_is_kept_as_its_pull_secrets() -> None:
    ports = MemoryPorts()
    account = (
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: puller}\nimagePullSecrets: [{name: a}, {name: b}]\n"
    )
    used = REPOSITORY.replace("1m}", "1m, serviceAccountName: puller}")
    done = apply(account + "---" + used, ports)
    later = apply(used.replace("1m,", "2m,"), ports)
    where = NamespacedName("flux-system", SERVICE_ACCOUNT + "puller")
    assert done.out.split()[:2] == ["serviceaccount/puller", "created"]
    assert done.err == ""
    assert later.err == ""
    assert ports.secrets.data == {where: {"imagePullSecrets": b"a\nb"}}
    assert SERVICE_ACCOUNT == credentials.SERVICE_ACCOUNT


def test_a_problem_inside_a_list_has_its_own_line() -> None:
    item = REPOSITORY.strip().replace("\n", "\n  ").replace("1m", "soon")
    done = apply(f"apiVersion: v1\nkind: List\nitems:\n- x\n- {item}", MemoryPorts())
    assert [line.split(" ")[1] for line in done.err.splitlines()[:2]] == ["stdin:4:", "stdin:8:"]


@pytest.mark.parametrize(
    ("object_", "told"),
    [
        ("kind: GitRepository, spec: {url: 'https://g/a', interval: 1m, ref: {semver: banana}}", "spec.ref.semver"),
        ("kind: GitRepository, spec: {url: 'https://g/a', interval: 1m, ref: {branch: a b}}", "spec.ref.branch"),
        (AUTOMATION.format('push: {branch: "a..b"}'), "spec.git.push.branch"),
        (AUTOMATION.format('push: {refspec: "a b"}'), "spec.git.push.refspec"),
        (AUTOMATION.format('push: {refspec: "main:x.lock"}'), "spec.git.push.refspec"),
        (AUTOMATION.format("checkout: {ref: {tag: v1~2}}"), "spec.git.checkout.ref.tag"),
    ],
)
def test_a_ref_that_no_server_could_have_is_an_error(object_: str, told: str) -> None:
    group = "source" if "GitRepository, spec" in object_ else "image"
    text = f"{{apiVersion: {group}.toolkit.fluxcd.io/v1, metadata: {{name: one}}, {object_}}}"
    done = apply(text, MemoryPorts())
    assert done.code == 1, done.err
    assert f" {told}: Invalid value: " in done.err, done.err


def test_a_ref_may_be_the_commit_of_a_tag_as_ls_remote_names_it() -> None:
    source = "kind: GitRepository, spec: {url: 'https://g/a', interval: 1m, ref: {name: 'refs/tags/v1^{}'}}"
    done = apply(f"{{apiVersion: source.toolkit.fluxcd.io/v1, metadata: {{name: one}}, {source}}}", MemoryPorts())
    assert done.code == 0, done.err
    assert done.err == "", done.err


def test_an_annotation_that_is_none_of_ours_is_a_warning() -> None:
    notes = "metadata: {name: app, annotations: {tagstream.dev/debonce: 5s, tagstream.dev/suspended: x, a.b/c: d}}"
    done = apply(REPOSITORY.replace("metadata: {name: app}", notes), MemoryPorts())
    warned = [line for line in done.err.splitlines() if "annotation" in line]
    where = "Warning: stdin:4: ImageRepository/flux-system/app metadata.annotations[tagstream.dev/debonce]: "
    assert done.code == 0
    assert warned == [f"{where}unknown annotation: it does nothing"]


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (
            "tagstream.dev/minimun-age: 3d",
            "unknown annotation: it does nothing; did you mean tagstream.dev/minimum-age?",
        ),
        ("tagstream.dev/windows: x", "unknown annotation: it does nothing"),
        (
            "tagstream.dev/window: x",
            "it does nothing on ImagePolicy: it is for ImageUpdateAutomation and Namespace",
        ),
    ],
)
def test_an_annotation_without_effect_is_told_with_what_may_have_been_meant(note: str, words: str) -> None:
    text = f"""
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {{name: app, annotations: {{{note}}}}}
spec: {{imageRepositoryRef: {{name: app}}, policy: {{semver: {{range: 1.x}}}}}}
"""
    done = apply(text, MemoryPorts())
    assert done.code == 0
    assert f"metadata.annotations[{note.partition(':')[0]}]: {words}\n" in done.err


SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: git-auth}
"""
CIPHER = "ENC[AES256_GCM,data:3mJt0A==,iv:bb,tag:cc,type:str]"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (f"data: {{username: '{CIPHER}', password: '{CIPHER}'}}\nsops: {{mac: x}}\n", "sops"),
        (
            f"stringData: {{identity: '{CIPHER}', known_hosts: git.example ssh-ed25519 AAAA}}\nsops: {{mac: x}}\n",
            "sops",
        ),
        (f"stringData: {{identity: '{CIPHER}', known_hosts: git.example}}\n", "stringData.identity"),
        (f"data: {{.dockerconfigjson: {b64encode(CIPHER.encode()).decode()}}}\n", "data..dockerconfigjson"),
        ("stringData: {a: plain}\nsops: null\n", "sops"),
    ],
)
def test_a_secret_that_sops_has_encrypted_is_refused_with_the_way_that_works(body: str, where: str) -> None:
    ports = MemoryPorts()
    key = NamespacedName("flux-system", "git-auth")
    ports.secrets.put(key, {"password": b"old"})
    done = apply(SECRET + body, ports)
    assert done.code == 1
    assert f"Secret/flux-system/git-auth {where}: encrypted with SOPS" in done.err
    assert "sops --decrypt FILE | tagstream apply -f -" in done.err
    assert done.err.count("\n") == 2
    assert ports.secrets.data == {key: {"password": b"old"}}


def test_a_document_that_is_encrypted_as_a_whole_is_refused() -> None:
    text = f"apiVersion: {CIPHER}\nkind: {CIPHER}\nmetadata: {{name: '{CIPHER}'}}\nsops: {{mac: x}}\n"
    done = apply(text, MemoryPorts())
    assert done.code == 1
    assert "stdin:2: (encrypted)/flux-system/(encrypted) kind: encrypted with SOPS" in done.err
    assert CIPHER not in done.err


def test_an_object_that_sops_has_encrypted_is_refused() -> None:
    done = apply(REPOSITORY.replace("ghcr.io/org/app", f'"{CIPHER}"') + "sops: {mac: x}\n", MemoryPorts())
    assert done.code == 1
    assert "ImageRepository/flux-system/app sops: encrypted with SOPS" in done.err


def test_a_service_account_without_pull_secrets_stores_nothing() -> None:
    ports = MemoryPorts()
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: apps}\n"
    done = apply(account + "---" + REPOSITORY, ports)
    assert done.code == 0
    assert (
        done.err
        == "► stdin:1: ServiceAccount/apps/web passed over: it has no imagePullSecrets, and no object names it\n"
    )
    assert ports.secrets.data == {}


def test_a_service_account_that_a_repository_names_is_kept_without_pull_secrets() -> None:
    ports = MemoryPorts()
    where = NamespacedName("flux-system", SERVICE_ACCOUNT + "puller")
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: puller}\n"
    secrets = "imagePullSecrets: [{name: a}]\n"
    assert apply(account + "---" + REPOSITORY.replace("1m}", "1m, serviceAccountName: puller}"), ports).err == ""
    assert ports.secrets.data == {where: {"imagePullSecrets": b""}}
    apply(account + secrets, ports)
    apply(account, ports)
    assert ports.secrets.data == {where: {"imagePullSecrets": b""}}


@pytest.mark.parametrize(
    ("group", "kind"),
    [("bitnami.com/v1alpha1", "SealedSecret"), ("external-secrets.io/v1", "ExternalSecret")],
)
def test_what_makes_a_secret_in_a_cluster_is_passed_over_with_what_to_do(group: str, kind: str) -> None:
    done = apply(f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: s}}\nspec: {{}}\n", MemoryPorts())
    assert done.code == 0
    assert f"► stdin:1: {kind}/flux-system/s passed over: " in done.err
    assert done.err.endswith("; apply the Secret itself, or make it with tagstream create secret\n")


def test_an_object_with_an_error_is_no_missing_reference() -> None:
    policy = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: p}\n"
    spec = "spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.x}}}\n"
    done = apply(REPOSITORY.replace("1m}", "soon}") + "---\n" + policy + spec, MemoryPorts())
    assert "spec.interval: Invalid value" in done.err
    assert "does not exist" not in done.err
