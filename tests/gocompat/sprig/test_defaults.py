"""sprig's functions for defaults, types and JSON give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        '{{ mustFromJson "[1e400,]" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "[1e400,]">: error calling mustFromJson: i'
            "nvalid character ']' looking for beginning of value"
        ),
    ),
    (
        '{{ mustFromJson "[1e400]" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "[1e400]">: error calling mustFromJson: js'
            "on: cannot unmarshal number 1e400 into Go value of type float64"
        ),
    ),
    (
        '{{ fromJson "{\\"a\\":1e400,\\"b\\":2}" | toJson }}',
        '{"a":null,"b":2}',
    ),
    (
        '{{ deepCopy (dict "a" (list 1)) }}',
        "map[a:[1]]",
    ),
    (
        "{{ deepEqual (list 1) (list 1) }}",
        "true",
    ),
    (
        '{{ deepEqual 1 "1" }}',
        "false",
    ),
    (
        "{{ typeOf 1 }}",
        "int",
    ),
    (
        "{{ typeOf nil }}",
        "<nil>",
    ),
    (
        "{{ typeOf (list) }}",
        "[]interface {}",
    ),
    (
        "{{ typeOf .Changed }}",
        "update.Result",
    ),
    (
        "{{ typeOf .Values }}",
        "map[string]string",
    ),
    (
        "{{ kindOf .Changed }}",
        "struct",
    ),
    (
        "{{ kindOf nil }}",
        "invalid",
    ),
    (
        '{{ kindIs "map" .Values }}',
        "true",
    ),
    (
        '{{ typeIs "string" "a" }}',
        "true",
    ),
    (
        '{{ typeIsLike "semver.Version" (semver "1.2.3") }}',
        "true",
    ),
    (
        '{{ typeOf (semver "1.2.3") }}',
        "*semver.Version",
    ),
    (
        "{{ typeOf 1.5 }}",
        "float64",
    ),
    (
        "{{ typeOf (add 1 2) }}",
        "int64",
    ),
    (
        "{{ typeOf .AutomationObject }}",
        "types.NamespacedName",
    ),
    (
        '{{ kindOf (index "abc" 0) }}',
        "uint8",
    ),
    (
        "{{ deepCopy nil }}",
        (
            'exec 1:3: executing "commit message" at <deepCopy nil>: error calling deepCopy: reflect: call '
            "of reflect.Value.Type on zero Value"
        ),
    ),
    (
        '{{ default "a" }}',
        "a",
    ),
    (
        '{{ default "a" 0 }}',
        "a",
    ),
    (
        '{{ default "a" "b" }}',
        "b",
    ),
    (
        '{{ default "a" (list) }}',
        "a",
    ),
    (
        "{{ empty .Changed }}",
        "false",
    ),
    (
        "{{ empty 0.0 }}",
        "true",
    ),
    (
        '{{ coalesce 0 "" "x" }}',
        "x",
    ),
    (
        "{{ coalesce nil }}",
        "<no value>",
    ),
    (
        "{{ all }}",
        "true",
    ),
    (
        "{{ any }}",
        "false",
    ),
    (
        "{{ ternary 1 2 false }}",
        "2",
    ),
    (
        '{{ fromJson "{\\"a\\":[1,2.5,null,true,\\"x\\"],\\"b\\":{\\"c\\":1e30}}" }}',
        "map[a:[1 2.5 <nil> true x] b:map[c:1e+30]]",
    ),
    (
        '{{ (fromJson "{\\"a\\":{\\"b\\":1}}").a.b }}',
        "1",
    ),
    (
        '{{ fromJson "nope" }}',
        "<no value>",
    ),
    (
        '{{ mustFromJson "nope" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "nope">: error calling mustFromJson: inv'
            "alid character 'o' in literal null (expecting 'u')"
        ),
    ),
    (
        '{{ mustFromJson "[1,]" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "[1,]">: error calling mustFromJson: inv'
            "alid character ']' looking for beginning of value"
        ),
    ),
    (
        '{{ mustFromJson "{\\"a\\" 1}" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "{\\"a\\" 1}">: error calling mustFromJs'
            "on: invalid character '1' after object key"
        ),
    ),
    (
        '{{ mustFromJson "1 2" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "1 2">: error calling mustFromJson: inva'
            "lid character '2' after top-level value"
        ),
    ),
    (
        '{{ mustFromJson "{a:1}" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "{a:1}">: error calling mustFromJson: in'
            "valid character 'a' looking for beginning of object key string"
        ),
    ),
    (
        '{{ toJson (list 1 "a<b>" nil 1.5 1e21 1e-7 true (dict "k" "v")) }}',
        '[1,"a\\u003cb\\u003e",null,1.5,1e+21,1e-7,true,{"k":"v"}]',
    ),
    (
        '{{ toRawJson "a<b>&" }}',
        '"a<b>&"',
    ),
    (
        '{{ toPrettyJson (dict "a" (list 1 2) "b" (dict) "c" (list)) }}',
        '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {},\n  "c": []\n}',
    ),
    (
        "{{ toJson .AutomationObject }}",
        '{"Namespace":"flux-system","Name":"flux-system"}',
    ),
    (
        '{{ toJson "\\u2028 \\x01 \\t" }}',
        '"\\u2028 \\u0001 \\t"',
    ),
    (
        "{{ toJson 1e6 }}",
        "1000000",
    ),
    (
        '{{ toJson (semver "1.2.3") }}',
        '"1.2.3"',
    ),
    (
        "{{ mustToJson .Changed }}",
        (
            'exec 1:3: executing "commit message" at <mustToJson .Changed>: error calling mustToJson: json:'
            " unsupported type: update.ObjectChanges"
        ),
    ),
    (
        "{{ toRawJson .Changed }}",
        (
            'exec 1:3: executing "commit message" at <toRawJson .Changed>: error calling toRawJson: json: u'
            "nsupported type: update.ObjectChanges"
        ),
    ),
    (
        '{{ fail "boom" }}',
        'exec 1:3: executing "commit message" at <fail "boom">: error calling fail: boom',
    ),
    (
        '{{ ternary "a" "b" true }}',
        "a",
    ),
    (
        '{{ true | ternary "a" "b" }}',
        "a",
    ),
    (
        "{{ .Values | toJson | fromJson | keys | sortAlpha }}",
        "[cluster empty env html json list multi num uni]",
    ),
    (
        "{{ mustDeepCopy (list 1) }}",
        "[1]",
    ),
    (
        "{{ mustToPrettyJson (list 1) }}",
        "[\n  1\n]",
    ),
    (
        '{{ mustToRawJson "<" }}',
        '"<"',
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_for_defaults_types_and_json_answers_as_in_sprig(template: str, answer: str) -> None:
    assert rendered(template) == answer
