"""The example system of the guide, with its registry and its Git repository on loopback."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "harvis"
OBJECTS = ("k8s-manifests/flux-system", "flux-config/harvis/base")
FRONTEND = "k8s-manifests/overlays/prod/frontend.yaml"
NAMESPACE = "flux-system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The sample on one registry and one Git server.

    Args:
        registry: ``host:port`` of the registry that has its images.
        git_url: the URL of its Git repository.
    """

    registry: str
    git_url: str

    @property
    def frontend_image(self) -> str:
        """The image whose tag the production setter sets."""
        return f"{self.registry}/dulc3/jarvis-frontend"

    @property
    def backend_image(self) -> str:
        """The other image that is scanned."""
        return f"{self.registry}/dulc3/jarvis-backend"

    def files(self) -> dict[str, bytes]:
        """Return every file of the Git repository by its path."""
        found = {}
        for path in sorted(DATA.rglob("*")):
            if path.is_file() and path.name != ".gitattributes":
                found[str(path.relative_to(DATA))] = self._pointed(path.read_bytes())
        return found

    def write_objects(self, folder: Path) -> tuple[Path, ...]:
        """Write the folders of objects to apply below ``folder``, and return them."""
        for name, content in self.files().items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return tuple(folder / name for name in OBJECTS)

    def _pointed(self, content: bytes) -> bytes:
        registry = self.registry.encode()
        for host in (b"localhost:5000/jarvis-", b"dulc3/jarvis-", b"dulc3/harvis-"):
            name = host.rsplit(b"/", 1)[1]
            content = content.replace(host, b"\0" + name)
        content = content.replace(b"\0", registry + b"/dulc3/")
        for url in (b"https://github.com/YOUR_USERNAME/YOUR_REPO.git", b"https://github.com/brandoz2255/aidev.git"):
            content = content.replace(url, self.git_url.encode())
        return content
