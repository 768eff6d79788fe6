"""sprig's paths and URLs."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# What Go 1.26 with sprig 3.3.0 answers to each template.
ANSWERS = [
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
def test_a_function_of_paths_answers_as_sprigs(template: str, answer: str) -> None:
    assert rendered(template) == answer
