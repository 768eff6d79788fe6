"""sprig's functions for paths and URLs give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        '{{ urlParse "http://::1/p" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://::1/p">: error calling urlParse: unabl'
            'e to parse url: parse "http://::1/p": invalid port "::1" after host'
        ),
    ),
    (
        '{{ urlParse "http://a:1:2/" }} ',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://a:1:2/">: error calling urlParse: unab'
            'le to parse url: parse "http://a:1:2/": invalid port ":1:2" after host'
        ),
    ),
    (
        '{{ urlParse "ftp://a:b:2/" }}',
        "map[fragment: host:a:b:2 hostname:a:b opaque: path:/ query: scheme:ftp userinfo:]",
    ),
    (
        '{{ urlParse "http://a%20b/" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://a%20b/">: error calling urlParse: unab'
            'le to parse url: parse "http://a%20b/": invalid URL escape "%20"'
        ),
    ),
    (
        '{{ urlParse "http://u[:p@h/" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://u[:p@h/">: error calling urlParse: una'
            'ble to parse url: parse "http://u[:p@h/": net/url: invalid userinfo'
        ),
    ),
    (
        '{{ urlParse "http://[fe80::1]x" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://[fe80::1]x">: error calling urlParse: '
            'unable to parse url: parse "http://[fe80::1]x": invalid port "x" after host'
        ),
    ),
    (
        '{{ urlParse "http://[1.2.3.4]/" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://[1.2.3.4]/">: error calling urlParse: '
            'unable to parse url: parse "http://[1.2.3.4]/": invalid IP-literal'
        ),
    ),
    (
        '{{ urlParse "http://[x]/" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://[x]/">: error calling urlParse: unable'
            ' to parse url: parse "http://[x]/": invalid host: ParseAddr("x"): unable to parse IP'
        ),
    ),
    (
        '{{ urlParse "http://a[b]/" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://a[b]/">: error calling urlParse: unabl'
            'e to parse url: parse "http://a[b]/": invalid IP-literal'
        ),
    ),
    (
        '{{ urlParse "http://[::1%25e%20n]:80/" }}',
        "map[fragment: host:[::1%e n]:80 hostname:::1%e n opaque: path:/ query: scheme:http userinfo:]",
    ),
    (
        '{{ urlParse "/%2é" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "/%2é">: error calling urlParse: unable to par'
            'se url: parse "/%2é": invalid URL escape "%2\\xc3"'
        ),
    ),
    (
        '{{ urlJoin (dict "scheme" "http" "host" "h i") }}',
        "http://h%20i",
    ),
    (
        '{{ urlJoin (dict "host" "[::1%en0]:80") }}',
        "//[::1%25en0]:80",
    ),
    (
        '{{ urlJoin (dict "userinfo" "%zz" "host" "h") }}',
        (
            'exec 1:3: executing "commit message" at <urlJoin (dict "userinfo" "%zz" "host" "h")>: error call'
            'ing urlJoin: unable to parse userinfo in dict: parse "proto://%zz@host": invalid URL escape "%zz'
            '"'
        ),
    ),
    (
        '{{ urlJoin (dict "userinfo" "a/b" "host" "h") }}',
        "//h",
    ),
    (
        '{{ urlJoin (dict "scheme" "http" "path" "x") }}',
        "http://x",
    ),
    (
        '{{ urlJoin (dict "host" nil) }}',
        (
            'exec 1:3: executing "commit message" at <urlJoin (dict "host" nil)>: error calling urlJoin: runt'
            "ime error: invalid memory address or nil pointer dereference"
        ),
    ),
    (
        '{{ base "a/b.c" }}',
        "b.c",
    ),
    (
        '{{ base "/" }}',
        "/",
    ),
    (
        '{{ base "" }}',
        ".",
    ),
    (
        '{{ dir "a/b/c" }}',
        "a/b",
    ),
    (
        '{{ dir "a" }}',
        ".",
    ),
    (
        '{{ dir "/a" }}',
        "/",
    ),
    (
        '{{ clean "a/../b/./c//d" }}',
        "b/c/d",
    ),
    (
        '{{ clean "/../a" }}',
        "/a",
    ),
    (
        '{{ clean "../a/../.." }}',
        "../..",
    ),
    (
        '{{ ext "a.tar.gz" }}',
        ".gz",
    ),
    (
        '{{ ext "a" }}',
        "",
    ),
    (
        '{{ isAbs "/a" }}',
        "true",
    ),
    (
        '{{ osBase "/x/y" }}',
        "y",
    ),
    (
        '{{ osDir "/x/y" }}',
        "/x",
    ),
    (
        '{{ osExt "a.b" }}',
        ".b",
    ),
    (
        '{{ osClean "a//b" }}',
        "a/b",
    ),
    (
        '{{ osIsAbs "a" }}',
        "false",
    ),
    (
        '{{ urlParse "https://user:p%40ss@example.com:8080/a%20b/c?x=1&y=2#frag" }}',
        (
            "map[fragment:frag host:example.com:8080 hostname:example.com opaque: path:/a b/c query:x=1&y=2"
            " scheme:https userinfo:user:p%40ss]"
        ),
    ),
    (
        '{{ urlParse "mailto:joe@x.com" }}',
        "map[fragment: host: hostname: opaque:joe@x.com path: query: scheme:mailto userinfo:]",
    ),
    (
        '{{ urlParse "/just/path?q" }}',
        "map[fragment: host: hostname: opaque: path:/just/path query:q scheme: userinfo:]",
    ),
    (
        '{{ urlParse "" }}',
        "map[fragment: host: hostname: opaque: path: query: scheme: userinfo:]",
    ),
    (
        '{{ urlParse "//host/path" }}',
        "map[fragment: host:host hostname:host opaque: path:/path query: scheme: userinfo:]",
    ),
    (
        '{{ urlParse "http://[::1]:80/" }}',
        "map[fragment: host:[::1]:80 hostname:::1 opaque: path:/ query: scheme:http userinfo:]",
    ),
    (
        '{{ urlParse "http://a b/" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://a b/">: error calling urlParse: unab'
            'le to parse url: parse "http://a b/": invalid character " " in host name'
        ),
    ),
    (
        '{{ urlParse ":foo" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse ":foo">: error calling urlParse: unable to p'
            'arse url: parse ":foo": missing protocol scheme'
        ),
    ),
    (
        '{{ urlParse "http://x/%zz" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://x/%zz">: error calling urlParse: una'
            'ble to parse url: parse "http://x/%zz": invalid URL escape "%zz"'
        ),
    ),
    (
        '{{ urlParse "http://x:ab/" }}',
        (
            'exec 1:3: executing "commit message" at <urlParse "http://x:ab/">: error calling urlParse: una'
            'ble to parse url: parse "http://x:ab/": invalid port ":ab" after host'
        ),
    ),
    (
        (
            '{{ urlJoin (dict "scheme" "http" "host" "h:80" "path" "/p a" "query" "q=1" "fragment" "f" "use'
            'rinfo" "u:p") }}'
        ),
        "http://u:p@h:80/p%20a?q=1#f",
    ),
    (
        '{{ urlJoin (dict "path" "a:b") }}',
        "./a:b",
    ),
    (
        '{{ urlJoin (dict "host" "x" "path" "y") }}',
        "//x/y",
    ),
    (
        '{{ urlJoin (dict "scheme" "mailto" "opaque" "a@b") }}',
        "mailto:a@b",
    ),
    (
        "{{ urlJoin (dict) }}",
        "",
    ),
    (
        '{{ urlJoin (dict "path" 1) }}',
        (
            'exec 1:3: executing "commit message" at <urlJoin (dict "path" 1)>: error calling urlJoin: unab'
            "le to parse path key, must be of type string, but int found"
        ),
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_for_paths_answers_as_in_sprig(template: str, answer: str) -> None:
    assert rendered(template) == answer
