"""Compares the parsing of image names with go-containerregistry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tagstream.domain.objects.image_name import InvalidImage, parse_repository_image

FILES = ("registry/image_reference.json",)


def cases(data: Path, file: str) -> Iterator[tuple[str, Callable[[], tuple[object, object]]]]:
    """Yield one case for each image."""
    for number, row in enumerate(json.loads((data / file).read_text())["cases"]):
        yield f"{number}:{row['name'][:60]}", partial(_run, row)


def _run(row: dict[str, Any]) -> tuple[object, object]:
    try:
        image = parse_repository_image(row["image"])
    except InvalidImage as error:
        return {"error": str(error)}, row["expected"]
    scheme = image.scheme(row["insecure"])
    return {
        "canonical": image.canonical,
        "registry": image.registry,
        "repository": image.repository,
        "scheme": scheme,
        "first_url": f"{scheme}://{image.registry}/v2/{image.repository}/tags/list?n=1000",
        "scope": f"repository:{image.repository}:pull",
    }, row["expected"]
