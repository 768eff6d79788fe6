"""Values print as Go's fmt prints them."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        '{{ printf "%T" (semver "1.2.3").Major }}',
        "uint64",
    ),
    (
        '{{ .Values.cluster | printf "%s-%s" "a" }}',
        "a-prod",
    ),
    (
        '{{ printf "%v|%+v|%#v|%T" .Values.cluster .Changed.Changes .Changed.Changes .Changed }}',
        (
            "prod|[{OldValue:ghcr.io/stefanprodan/podinfo:5.0.0 NewValue:ghcr.io/stefanprodan/podinfo:5.0.3"
            ' Setter:flux-system:podinfo}]|[]update.Change{update.Change{OldValue:"ghcr.io/stefanprodan/pod'
            'info:5.0.0", NewValue:"ghcr.io/stefanprodan/podinfo:5.0.3", Setter:"flux-system:podinfo"}}|upd'
            "ate.Result"
        ),
    ),
    (
        '{{ printf "%#v" .Changed.FileChanges }}',
        (
            'map[string]update.ObjectChanges{"deploy.yaml":update.ObjectChanges{update.ObjectIdentifier{Res'
            'ourceIdentifier:yaml.ResourceIdentifier{TypeMeta:yaml.TypeMeta{APIVersion:"apps/v1", Kind:"Dep'
            'loyment"}, NameMeta:yaml.NameMeta{Name:"podinfo", Namespace:"default"}}}:[]update.Change{updat'
            'e.Change{OldValue:"ghcr.io/stefanprodan/podinfo:5.0.0", NewValue:"ghcr.io/stefanprodan/podinfo'
            ':5.0.3", Setter:"flux-system:podinfo"}}}}'
        ),
    ),
    (
        '{{ printf "%#v|%#v|%#v|%#v|%#v" (list 1 "a" nil 1.5 true) (dict "a" nil) "x" 1.0 (int64 5) }}',
        ('[]interface {}{1, "a", interface {}(nil), 1.5, true}|map[string]interface {}{"a":interface {}(nil)}|"x"|1|5'),
    ),
    (
        '{{ printf "%+v" .Changed }}',
        (
            "{FileChanges:map[deploy.yaml:map[{ResourceIdentifier:{TypeMeta:{APIVersion:apps/v1 Kind:Deploy"
            "ment} NameMeta:{Name:podinfo Namespace:default}}}:[{OldValue:ghcr.io/stefanprodan/podinfo:5.0."
            "0 NewValue:ghcr.io/stefanprodan/podinfo:5.0.3 Setter:flux-system:podinfo}]]]}"
        ),
    ),
    (
        '{{ printf "%s" .Changed.Changes }}',
        "[{ghcr.io/stefanprodan/podinfo:5.0.0 ghcr.io/stefanprodan/podinfo:5.0.3 flux-system:podinfo}]",
    ),
    (
        '{{ printf "%q" (list "a" 1) }}',
        "[\"a\" '\\x01']",
    ),
    (
        '{{ printf "%d" (list 1 "a" nil) }}',
        "[1 %!d(string=a) <nil>]",
    ),
    (
        '{{ printf "%x" "hi" }}',
        "6869",
    ),
    (
        '{{ printf "%X" (list "a" 10) }}',
        "[61 A]",
    ),
    (
        (
            '{{ printf "%6.2f|%-8s|%08.3f|%+d|% d|%e|%g|%G|%8.3e|%t|%v" 3.14159 "ab" 3.14159 5 5 12345.678 '
            "1e21 1e-7 0.00012 true 1e6 }}"
        ),
        "  3.14|ab      |0003.142|+5| 5|1.234568e+04|1e+21|1E-07|1.200e-04|true|1e+06",
    ),
    (
        (
            '{{ printf "%05s|%5t|%-5t|%c|%q|%U|%#U|%b|%o|%O|%#x|%#o|%#b|%x|%08b" "ab" true false 0x1F600 65'
            " 65 0x1F600 5 8 8 255 8 5 -255 5 }}"
        ),
        "000ab| true|false|😀|'A'|U+0041|U+1F600 '😀'|101|10|0o10|0xff|010|0b101|-ff|00000101",
    ),
    (
        '{{ printf "%*d|%-*d|%.*f|%[1]d|%[3]*.[2]*[1]f" 5 42 5 42 2 3.14159 }}',
        "   42|42   |3.14|5|%!f(int=000000000000000000000000000000000000000005)",
    ),
    (
        '{{ printf "%[1]d %[1]x %[2]q %[3]d" 10 "a" }}',
        '10 a "a" %!d(BADINDEX)',
    ),
    (
        '{{ printf "%d" }}',
        "%!d(MISSING)",
    ),
    (
        '{{ printf "%d" 1 2 "x" nil }}',
        "1%!(EXTRA int=2, string=x, <nil>)",
    ),
    (
        '{{ printf "%z" 1 }}',
        "%!z(int=1)",
    ),
    (
        '{{ printf "%" }}',
        "%!(NOVERB)",
    ),
    (
        '{{ printf "%5" 1 }}',
        "%!(NOVERB)%!(EXTRA int=1)",
    ),
    (
        '{{ printf "%s" nil }}',
        "%!s(<nil>)",
    ),
    (
        '{{ printf "%d" true }}',
        "%!d(bool=true)",
    ),
    (
        '{{ printf "%[x]d" 1 }}',
        "%!d(BADINDEX)",
    ),
    (
        '{{ printf "%[5]d" 1 }}',
        "%!d(BADINDEX)",
    ),
    (
        '{{ printf "%-" }}',
        "%!(NOVERB)",
    ),
    (
        '{{ printf "%.3s|%.0f|%5.1f|%x|%X|% x|%#x|%# x" "héllo" 2.5 -1.25 "hello" "hi" "abc" "abc" "abc" }}',
        "hél|2| -1.2|68656c6c6f|6869|61 62 63|0x616263|0x61 0x62 0x63",
    ),
    (
        '{{ printf "%v %v %v %v" 1i (list) (dict) nil }}',
        "(0+1i) [] map[] <nil>",
    ),
    (
        '{{ printf "%.2f" 1i }}',
        "(0.00+1.00i)",
    ),
    (
        '{{ printf "%6.1f" (list 1.25 2.5) }}',
        "[   1.2    2.5]",
    ),
    (
        '{{ printf "%q %+q %#q %x" "héllo\\n" "héllo" "a`b" 1.5 }}',
        '"héllo\\n" "h\\u00e9llo" "a`b" 0x1.8p+00',
    ),
    (
        "{{ printf \"%q\" 'x' }}",
        "'x'",
    ),
    (
        "{{ printf \"%c\" 'é' }}",
        "é",
    ),
    (
        '{{ printf "%p" 1 }}',
        "%!p(int=1)",
    ),
    (
        '{{ printf "%w" 1 }}',
        "%!w(int=1)",
    ),
    (
        '{{ printf "%v" .AutomationObject }}',
        "flux-system/flux-system",
    ),
    (
        '{{ printf "%s|%d|%x" .AutomationObject .AutomationObject .AutomationObject }}',
        (
            "flux-system/flux-system|{%!d(string=flux-system) %!d(string=flux-system)}|666c75782d7379737465"
            "6d2f666c75782d73797374656d"
        ),
    ),
    (
        '{{ printf "%t" 1 }}',
        "%!t(int=1)",
    ),
    (
        '{{ printf "%s" (add 1 2) }}',
        "%!s(int64=3)",
    ),
    (
        '{{ printf "%T %T %T %T %T" 1 1.5 "a" true (list) }}',
        "int float64 string bool []interface {}",
    ),
    (
        '{{ printf "%T" nil }}',
        "<nil>",
    ),
    (
        '{{ printf "%T" (index "a" 0) }}',
        "uint8",
    ),
    (
        '{{ printf "%v" (index "a" 0) }}',
        "97",
    ),
    (
        '{{ printf "%6d|%-6d|%06d|%+.3e|%10.3v|%-10v|" 42 -42 -42 12345.678 3.14159 "x" }}',
        "    42|-42   |-00042|+1.235e+04|      3.14|x         |",
    ),
    (
        '{{ printf "%!d" 1 }}',
        "%!!(int=1)d",
    ),
    (
        '{{ printf "%%" 1 }}',
        "%%!(EXTRA int=1)",
    ),
    (
        '{{ printf "100%" }}',
        "100%!(NOVERB)",
    ),
    (
        '{{ printf "%é" 1 }}',
        "%!é(int=1)",
    ),
    (
        '{{ printf "%s" }}',
        "%!s(MISSING)",
    ),
    (
        '{{ printf "%." }} {{ printf "%5.|%." 1 2 }}',
        "%!.(MISSING) %!|(int=    1)%!.(int=2)",
    ),
    (
        '{{ printf "%q" (printf "%\\xff") }} {{ printf "%[0]\\xff" }}',
        '"%!�(MISSING)" %!�(BADINDEX)',
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_value_prints_as_fmt_prints_it(template: str, answer: str) -> None:
    assert rendered(template) == answer
