"""sprig's cryptography."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# What Go 1.26 with sprig 3.3.0 answers to each template.
ANSWERS = [
    (
        '{{ htpasswd "a:b" "x" }}',
        "invalid username: a:b",
    ),
    (
        '{{ derivePassword 1 "maximum" "p" "u" "s" }}',
        "t4#xAFSyHw8MyJrJ7#ru",
    ),
    (
        '{{ derivePassword 1 "x" "p" "u" "s" }}',
        "cannot find password template x",
    ),
    (
        '{{ derivePassword 2 "pin" "p" "u" "s" }}',
        "8889",
    ),
    (
        '{{ decryptAES "k" "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=" }}',
        (
            'exec 1:3: executing "commit message" at <decryptAES "k" "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9z'
            'VUPeDQ=">: error calling decryptAES: runtime error: slice bounds out of range [:-148]'
        ),
    ),
    (
        '{{ decryptAES "k" "x" }}',
        (
            'exec 1:3: executing "commit message" at <decryptAES "k" "x">: error calling decryptAES: illega'
            "l base64 data at input byte 0"
        ),
    ),
    (
        '{{ genPrivateKey "foo" }}',
        "Unknown type foo",
    ),
    (
        '{{ encryptAES "k" "" }}',
        "",
    ),
    (
        '{{ buildCustomCert "x" "y" }}',
        (
            'exec 1:3: executing "commit message" at <buildCustomCert "x" "y">: error calling buildCustomCe'
            "rt: unable to decode base64 certificate"
        ),
    ),
    (
        '{{ buildCustomCert "aGk=" "aGk=" }}',
        (
            'exec 1:3: executing "commit message" at <buildCustomCert "aGk=" "aGk=">: error calling buildCu'
            "stomCert: unable to decode certificate"
        ),
    ),
    (
        '{{ genCAWithKey "x" 1 "nokey" }}',
        (
            'exec 1:3: executing "commit message" at <genCAWithKey "x" 1 "nokey">: error calling genCAWithK'
            "ey: parsing private key: no PEM data in input"
        ),
    ),
    (
        '{{ genSelfSignedCert "x" (list 1) (list) 1 }}',
        (
            'exec 1:3: executing "commit message" at <genSelfSignedCert "x" (list 1) (list) 1>: error calli'
            "ng genSelfSignedCert: error parsing ip: 1 is not a string"
        ),
    ),
    (
        '{{ genSelfSignedCert "x" (list "nope") (list) 1 }}',
        (
            'exec 1:3: executing "commit message" at <genSelfSignedCert "x" (list "nope") (list) 1>: error '
            "calling genSelfSignedCert: error parsing ip: nope"
        ),
    ),
    (
        '{{ genSelfSignedCert "x" (list) (list 1) 1 }}',
        (
            'exec 1:3: executing "commit message" at <genSelfSignedCert "x" (list) (list 1) 1>: error calli'
            "ng genSelfSignedCert: error processing alternate dns name: 1 is not a string"
        ),
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_cryptographic_function_answers_as_sprigs(template: str, answer: str) -> None:
    assert rendered(template) == answer
