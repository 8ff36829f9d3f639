"""The files of the page, read once and sent as they are: no build, nothing from elsewhere."""

import gzip
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

PAGE = "index.html"
CONTENT_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_COMPRESSION = 9


class PageFile(NamedTuple):
    """A file of the page. ``tag``: digest of its bytes."""

    body: bytes
    compressed: bytes
    tag: str
    content_type: str


def page_files() -> Mapping[str, PageFile]:
    """All of them, by name."""
    found: dict[str, PageFile] = {}
    for path in files("infra.console").joinpath("page").iterdir():
        kind = CONTENT_TYPES.get(path.name.rpartition(".")[2])
        if kind is None:
            continue
        body = path.read_bytes()
        tag = hashlib.sha256(body).hexdigest()[:32]
        found[path.name] = PageFile(body, gzip.compress(body, _COMPRESSION, mtime=0), tag, kind)
    return found
