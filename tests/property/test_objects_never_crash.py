"""Whatever is applied, the answer is a value or a list of problems."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tagstream.domain.objects.checks import check_object
from tagstream.domain.objects.kinds import GROUPS, parse_object
from tagstream.domain.objects.manifest import InvalidDocument, read_documents

WORDS = (
    *("spec", "metadata", "name", "namespace", "labels", "annotations", "image", "interval", "timeout", "suspend"),
    *("exclusionList", "secretRef", "policy", "semver", "range", "alphabetical", "numerical", "order", "filterTags"),
    *("pattern", "extract", "imageRepositoryRef", "digestReflectionPolicy", "accessFrom", "namespaceSelectors"),
    *("matchLabels", "sourceRef", "kind", "git", "checkout", "ref", "branch", "commit", "author", "email", "push"),
    *("messageTemplate", "options", "policySelector", "matchExpressions", "key", "operator", "values", "update"),
    *("path", "strategy", "url", "provider", "type", "resources", "events", "oidcProviders", "variables"),
    *("validations", "gitRepositoryRef", "signingKey", "data", "stringData"),
)
KEYS = st.one_of(st.sampled_from(WORDS), st.text())
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8),
    st.sampled_from(
        ["1m", "0s", "9" * 400 + "h", "alpine", "a/b:c", "(", "^v", ">=1.0", "asc", "Always", "GitRepository", "=="]
    )
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=25,
)
HEADS = st.sampled_from(
    [(f"{group}/{version}", kind) for kind, (group, versions) in GROUPS.items() for version in versions]
    + [("v1", "Secret"), ("v1", "Namespace"), ("v1", "List"), ("", "")]
)


@given(HEADS, VALUES, VALUES, VALUES)
@settings(max_examples=400, deadline=None)
def test_any_document_is_a_value_or_problems(
    head: tuple[str, str], metadata: object, spec: object, data: object
) -> None:
    document = {"apiVersion": head[0], "kind": head[1], "metadata": metadata, "spec": spec, "data": data}
    parsed = parse_object(document, "default")
    assert (parsed.value is None) == bool(parsed.errors or parsed.note)
    assert all(isinstance(str(problem), str) for problem in check_object(parsed.draft))


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_json_is_read_as_json(value: object) -> None:
    text = json.dumps(value)
    try:
        documents = read_documents(text.encode(), "f")
    except InvalidDocument as error:
        # JSON admits what YAML does not: control characters behind escapes, surrogates.
        assert str(error).startswith("f:")
        return
    assert [one.value for one in documents] == ([] if value is None else [json.loads(text)])


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_documents_or_an_error_with_a_line(source: bytes) -> None:
    try:
        read_documents(source, "f")
    except InvalidDocument as error:
        assert str(error).startswith("f:")


@given(st.text(alphabet="ab:-[]{}&*!<>?|'\"#%@, \n\t0.~", max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_punctuation_is_documents_or_an_error_with_a_line(source: str) -> None:
    try:
        read_documents(source.encode(), "f")
    except InvalidDocument as error:
        assert str(error).startswith("f:")
