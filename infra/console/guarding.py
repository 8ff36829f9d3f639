"""What is asked of every request before anything is done, and the headers that every answer carries.

A page of another site may send requests to this one from the browser of somebody who is logged in here, and a name of
its own may come to mean our address (DNS rebinding). So: the Host must be an address, localhost or a name of ours; an
action needs an Origin that is this very page, and a token that only this page's scripts can read.
"""

import ipaddress
import json
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
READING = ("GET", "HEAD")


class Problem(Exception):
    """An answer that is no: its status, a word that the page has a message for, and what to say to whoever reads it."""

    def __init__(self, status: int, word: str, text: str, wait_seconds: float = 0.0) -> None:
        super().__init__(text)
        self.status, self.word, self.text, self.wait_seconds = status, word, text, wait_seconds

    def response(self) -> web.Response:
        """The answer as JSON."""
        body = json.dumps({"problem": self.word, "text": self.text}, ensure_ascii=False)
        headers = {"Cache-Control": "no-store"}
        if self.wait_seconds:
            headers["Retry-After"] = str(max(1, round(self.wait_seconds)))
        return web.Response(text=body, status=self.status, content_type="application/json", headers=headers)


def guard(names: Collection[str]) -> Middleware:
    """Refuses requests to hosts of other names, and actions from other pages; gives every answer its headers."""
    ours = frozenset(name.lower() for name in names)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not _is_ours(request.headers.get("Host", ""), ours):
                raise Problem(421, "wrong_host", "this page is not served under that name")
            if request.method not in READING:
                _require_same_origin(request)
            response = await handler(request)
        except Problem as problem:
            response = problem.response()
        except web.HTTPException as refusal:  # no such path or method, too long a body
            response = Problem(refusal.status, "no_such_thing", refusal.reason).response()
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return guarded


def _is_ours(host: str, names: Collection[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)  # nobody can give a name of theirs this form
    except ValueError:
        return False
    return True


def _require_same_origin(request: web.Request) -> None:
    try:
        origin = urlsplit(request.headers.get("Origin", ""))
    except ValueError:
        origin = urlsplit("")
    same = origin.scheme in ("http", "https") and origin.netloc == request.headers.get("Host")
    if not same or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Problem(403, "wrong_origin", "actions are taken from this page only")
    if request.content_type != "application/json":
        raise Problem(415, "not_json", "send application/json")
