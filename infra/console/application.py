"""The page and what it asks for, as one aiohttp application.

Reading, for everybody who reaches the port:
    GET /                  the page                    GET /page/{name}     its files
    GET /api/state         all that is known           GET /api/changes     server-sent events: when to ask again
    GET /api/letters       dead letters that wait      GET /api/behind      the query or command behind each section
    GET /api/session       who is logged in            GET /metrics, /healthz
Acting, for who is logged in (`infra.console.acting`):
    POST /api/login  /api/logout  /api/acknowledge  /api/retry  /api/hand-over

Whatever blocks runs in a thread: a slow source never holds up the page.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from aiohttp import web

from infra.alarms.alarm import Alarm
from infra.console.acting import Acting
from infra.console.behind import behind
from infra.console.document import document
from infra.console.files import PAGE, PageFile, page_files
from infra.console.guarding import HEADERS, Problem, guard
from infra.console.looks import Look, Looks
from infra.console.plain import plain
from infra.console.ports import AlarmDesk, OpenLetter, Pipeline
from infra.console.users import Users
from infra.settings import OperationsSettings
from schemas.topics import BY_NAME

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
LETTERS_SECONDS = 5.0
PATIENCE_SECONDS = 5.0
OLD_SECONDS = 15.0
MOST_WATCHERS = 64
MOST_LETTERS = 20
MOST_SCRAPES = 2
LARGEST_BODY = 16 * 1024
THREADS = 8
RETRY_SECONDS = 5.0


def application(
    pipeline: Pipeline,
    desk: AlarmDesk,
    users: Users,
    settings: OperationsSettings | None = None,
    *,
    look_seconds: float = LOOK_SECONDS,
    most_watchers: int = MOST_WATCHERS,
) -> web.Application:
    """The application. A look is at most ``look_seconds`` old when somebody asks; ``most_watchers`` are told of new
    ones, the others ask by themselves."""
    settings = settings or OperationsSettings()
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="console")
    acting = Acting(pipeline, desk, users, threads, lambda: page.expire())
    page = _Page(pipeline, desk, settings, threads, look_seconds, most_watchers, acting.is_logged_in)
    app = web.Application(middlewares=[guard(settings.names)], client_max_size=LARGEST_BODY)
    app.add_routes(
        [
            web.get("/", page.index),
            web.get("/page/{name}", page.file),
            web.get("/api/state", page.state),
            web.get("/api/changes", page.changes),
            web.get("/api/letters", page.letters),
            web.get("/api/behind", page.behind),
            web.get("/metrics", page.metrics),
            web.get("/healthz", page.health),
            *acting.routes(),
        ]
    )

    async def running(_: web.Application) -> AsyncIterator[None]:
        yield
        threads.shutdown(wait=False, cancel_futures=True)

    async def stopping(_: web.Application) -> None:
        page.stop.set()

    app.cleanup_ctx.append(running)
    app.on_shutdown.append(stopping)
    return app


class _Page:
    """Everything that is only read."""

    def __init__(
        self,
        pipeline: Pipeline,
        desk: AlarmDesk,
        settings: OperationsSettings,
        threads: ThreadPoolExecutor,
        look_seconds: float,
        most_watchers: int,
        logged_in: Callable[[web.Request], Awaitable[bool]],
    ) -> None:
        self._pipeline = pipeline
        self._desk = desk
        self._settings = settings
        self._threads = threads
        self._every = look_seconds
        self._most_watchers = most_watchers
        self._watchers = 0
        self._scrapes = asyncio.Semaphore(MOST_SCRAPES)
        self._files = page_files()
        self._behind = json.dumps(plain(behind()), ensure_ascii=False).encode()
        self._looks = Looks(self._document, threads, look_seconds, PATIENCE_SECONDS)
        self._letters = Looks(self._open_letters, threads, LETTERS_SECONDS, PATIENCE_SECONDS)
        self._letters_in_full = Looks(self._open_letters_in_full, threads, LETTERS_SECONDS, PATIENCE_SECONDS)
        self._logged_in = logged_in
        self.stop = asyncio.Event()

    def expire(self) -> None:
        """Something was done: the next look is a new one."""
        for looks in (self._looks, self._letters, self._letters_in_full):
            looks.expire()

    async def index(self, request: web.Request) -> web.StreamResponse:
        return _send_file(request, self._files[PAGE])

    async def file(self, request: web.Request) -> web.StreamResponse:
        found = self._files.get(request.match_info["name"])
        if found is None:
            raise Problem(404, "no_such_thing", "the page has no such file")
        return _send_file(request, found)

    async def state(self, request: web.Request) -> web.StreamResponse:
        look = await self._looks.newest()
        if look is None:
            raise Problem(503, "no_look", f"no look at the pipeline yet: {self._looks.failure}", RETRY_SECONDS)
        response = _send(request, look, "application/json", "private, no-cache")
        response.headers["Checkline-Look"] = json.dumps(self._about())
        return response

    async def letters(self, request: web.Request) -> web.StreamResponse:
        looks = self._letters_in_full if await self._logged_in(request) else self._letters
        look = await looks.newest()
        if look is None or looks.failure:
            raise Problem(503, "no_look", f"the dead letters cannot be listed: {looks.failure}", RETRY_SECONDS)
        response = _send(request, look, "application/json", "private, no-cache")
        response.headers["Vary"] = "Accept-Encoding, Cookie"
        return response

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """Tells of each look: its tag, its age, and why there is no newer one. It is told again when nothing changed:
        who hears nothing has lost us."""
        if self._watchers >= self._most_watchers:
            raise Problem(503, "too_many", "too many watch already; ask for the state instead", RETRY_SECONDS)
        self._watchers += 1
        try:
            response = web.StreamResponse(
                headers=HEADERS | {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
            )
            await response.prepare(request)
            while not self.stop.is_set():
                look = await self._looks.newest()
                told = json.dumps({"tag": look.tag if look else None, **self._about()}, ensure_ascii=False)
                await asyncio.wait_for(response.write(f"event: look\ndata: {told}\n\n".encode()), OLD_SECONDS)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), self._every)
        except (ConnectionError, TimeoutError):  # has gone, or does not take what it is sent
            pass
        finally:
            self._watchers -= 1
        return response

    async def behind(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._behind, content_type="application/json", headers={"Cache-Control": "no-cache"})

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        async with self._scrapes:
            loop = asyncio.get_running_loop()
            body, content_type = await loop.run_in_executor(self._threads, self._pipeline.exposition)
        return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    async def health(self, request: web.Request) -> web.StreamResponse:
        await self._looks.newest()
        about = self._about()
        well = about["failure"] is None and about["age_seconds"] is not None and about["age_seconds"] < OLD_SECONDS
        return web.json_response(
            {"status": "ok" if well else "no news", **about}, status=200 if well else 503, headers=_NOT_KEPT
        )

    def _about(self) -> dict[str, Any]:
        return {"age_seconds": self._looks.age_seconds, "failure": self._looks.failure}

    def _document(self) -> dict[str, Any]:
        return document(self._pipeline.snapshot(), self._alarms(), self._desk.rules(), self._settings)

    def _alarms(self) -> list[Alarm] | None:
        try:
            return list(self._desk.alarms())
        except Exception:  # the rest of the page is still to be seen
            log.warning("the alarms do not answer", exc_info=True)
            return None

    def _open_letters_in_full(self) -> dict[str, Any]:
        letters = [_without_contents(letter) if _restricted(letter) else letter for letter in self._found_letters()]
        return {"letters": plain(letters)}

    def _open_letters(self) -> dict[str, Any]:
        """A refused record may hold what should not be there, and its detail may quote it: not for everybody."""
        return {"letters": plain([_without_contents(letter) for letter in self._found_letters()])}

    def _found_letters(self) -> list[OpenLetter]:
        return list(self._pipeline.open_letters(MOST_LETTERS))


_NOT_KEPT = {"Cache-Control": "no-store"}


def _restricted(letter: OpenLetter) -> bool:
    topic = BY_NAME.get(letter.position.partition("/")[0])
    return topic is None or topic.restricted


def _without_contents(letter: OpenLetter) -> OpenLetter:
    return letter._replace(detail="", source="")


def _send_file(request: web.Request, file: PageFile) -> web.Response:
    return _send(request, Look(file.body, file.compressed, file.tag, 0.0), file.content_type, "no-cache")


def _send(request: web.Request, look: Look, content_type: str, keeping: str) -> web.Response:
    """The body if the browser has another one, compressed if it can read that."""
    tag = f'"{look.tag}"'
    headers = {"ETag": tag, "Cache-Control": keeping, "Vary": "Accept-Encoding"}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    body = look.body
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = look.compressed, "gzip"
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)
