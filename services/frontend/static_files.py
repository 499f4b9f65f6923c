"""Scripts and styles, served from memory under URLs that change with their content.

- One hash stands for the whole tree, so that modules that import each other by relative paths never mix versions.
- A URL with the present hash may be kept for ever. One with an older hash (a page from before an update) gets the
  present file and may not be kept.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from services.shared.app import new_router
from services.shared.identity import public
from services.shared.problems import NotFound

FOLDER = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFile:
    """One file as it is sent."""

    content: bytes
    compressed: bytes
    media_type: str


class StaticFiles:
    """The tree of files under `folder`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix in TYPES)
        self.files = {path.relative_to(folder).as_posix(): _read(path) for path in paths}
        digest = hashlib.sha256()
        for name, file in self.files.items():
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.content).digest())
        self.version = digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """Where a page finds the file; raises KeyError when there is none, so that a test of the page fails."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(content, gzip.compress(content, 9, mtime=0), TYPES[path.suffix])


def routes(static: StaticFiles) -> APIRouter:
    """The route of these files."""
    router = new_router(tags=["static"])

    @router.get("/static/{version}/{name:path}", dependencies=[public()])
    async def read_static_file(request: Request, version: str, name: str) -> Response:
        """One file."""
        file = static.files.get(name)
        if file is None:
            raise NotFound("There is no such file.")
        caching = FOREVER if version == static.version else "no-store"
        headers = {"Cache-Control": caching, "Vary": "Accept-Encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(file.content, headers=headers, media_type=file.media_type)
        return Response(file.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.media_type)

    return router
