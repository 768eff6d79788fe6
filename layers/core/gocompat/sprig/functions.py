"""The functions that a template may call: Go's own and sprig's, loaded only as far as a template names them.

Functions that depend on the time or on chance get both from the caller.

Source: sprig functions.go (HermeticTxtFuncMap) of v3.3.0; vectors templates.json ``functions``.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Mapping
from datetime import datetime

from gocompat.entropy import Entropy
from gocompat.sprig.function_table import MODULES
from gocompat.template.builtins import BUILTIN_FUNCTIONS
from gocompat.template.values import Function

_WORD = re.compile(r"\w+")
_MAKES_KEYS = "it makes a private key or a certificate, which does not belong in a commit message"
_HANDLES_PASSWORDS = "it works on a password, which does not belong in a commit message"
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("buildCustomCert", "genCA", "genCAWithKey", "genPrivateKey"), _MAKES_KEYS),
    **dict.fromkeys(("genSelfSignedCert", "genSelfSignedCertWithKey"), _MAKES_KEYS),
    **dict.fromkeys(("genSignedCert", "genSignedCertWithKey"), _MAKES_KEYS),
    **dict.fromkeys(("bcrypt", "decryptAES", "derivePassword", "encryptAES", "htpasswd"), _HANDLES_PASSWORDS),
}
"""Functions of sprig that are left out on purpose, with the reason that a template's author is told."""


@functools.cache
def names() -> frozenset[str]:
    """The names of all functions that templates may call."""
    return frozenset(BUILTIN_FUNCTIONS) | {name for module in MODULES.values() for name in module}


def load(text: str, *, now: datetime, entropy: Entropy) -> Mapping[str, Function]:
    """The functions that a template may call, by name; sprig's ``slice`` replaces Go's.

    Args:
        text: the template's text. Modules of which it names no function are not imported.
        now: the aware time that counts as the present for ``ago`` and ``durationRound``.
        entropy: what ``shuffle`` and ``randInt`` draw from.
    """
    words = set(_WORD.findall(text))
    found = dict(BUILTIN_FUNCTIONS)
    for module, there in MODULES.items():
        if words.isdisjoint(there):
            continue
        loaded = importlib.import_module(f"gocompat.sprig.{module}")
        if module == "lots":
            found |= loaded.functions(entropy)
        elif module == "times_since":
            found |= loaded.functions(now)
        else:
            found |= loaded.FUNCTIONS
    return found
