"""What a call of DynamoDB's JSON protocol would be billed: read and write units."""

from __future__ import annotations

import base64
import re
from typing import Any

from tests.contract.counted_calls import COSTS


def units_of(action: str, options: Any, answer: Any) -> tuple[float, float]:
    """Read and write units of a call that has succeeded.

    Args:
        action: as DynamoDB spells it, ``PutItem``.
        options: the request's JSON.
        answer: the answer's JSON.
    """
    cost = COSTS.get(re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower())
    if cost is None:
        return 0.0, 0.0
    read, written = cost(_with_bytes(options), _with_bytes(answer))
    return float(read), float(written)


def _with_bytes(value: Any) -> Any:
    """The same with binary attributes decoded, whose size counts."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("B"), str):
            return {"B": base64.b64decode(value["B"])}
        return {name: _with_bytes(one) for name, one in value.items()}
    return [_with_bytes(one) for one in value] if isinstance(value, list) else value
