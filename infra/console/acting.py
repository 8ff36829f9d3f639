"""The few things that may be done from the page: by somebody who is logged in, and on record before they are done."""

import asyncio
import hmac
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiohttp import web

from infra.console.guarding import Problem
from infra.console.ports import AlarmDesk, Pipeline, Refused
from infra.console.sessions import LONGEST_SECONDS, Session, Sessions, Throttle
from infra.console.users import LONGEST_PASSWORD, Users
from infra.errors import WrongSetting

log = logging.getLogger(__name__)
T = TypeVar("T")

COOKIE = "checkline_session"
TOKEN_HEADER = "Checkline-Action"
LONGEST_WORD = 512
MOST_CHECKS = 2
"""Passwords checked at a time: each check takes 64 MiB on purpose."""


class Acting:
    """Login and actions. ``done`` is called after each action: what the page shows is out of date then."""

    def __init__(
        self, pipeline: Pipeline, desk: AlarmDesk, users: Users, threads: ThreadPoolExecutor, done: Callable[[], None]
    ) -> None:
        self._pipeline = pipeline
        self._desk = desk
        self._users = users
        self._threads = threads
        self._done = done
        self._sessions = Sessions()
        self._throttle = Throttle()
        self._checks = asyncio.Semaphore(MOST_CHECKS)

    def routes(self) -> list[web.RouteDef]:
        """What is served here."""
        return [
            web.get("/api/session", self.session),
            web.post("/api/login", self.login),
            web.post("/api/logout", self.logout),
            web.post("/api/acknowledge", self.acknowledge),
            web.post("/api/retry", self.retry),
            web.post("/api/hand-over", self.hand_over),
        ]

    async def is_logged_in(self, request: web.Request) -> bool:
        """Whether a request comes from somebody who may act."""
        return await self._session(request) is not None

    async def session(self, request: web.Request) -> web.Response:
        """Who is logged in, and the token that their actions must carry."""
        return _answer(_told(await self._session(request)))

    async def login(self, request: web.Request) -> web.Response:
        """Begins a session. A wrong name and a wrong password get the same answer, after the same time."""
        words = await _words(request, "user", "password")
        name, password = words["user"], words["password"]
        who = f"user {name}", f"address {request.remote}"
        if wait := self._throttle.wait_seconds(*who):
            raise Problem(429, "too_often", f"too many failures; try again in {wait:.0f} s", wait)
        async with self._checks:
            try:
                user = await self._in_thread(lambda: self._users.check(name, password))
            except WrongSetting as error:
                log.warning("nobody can log in: %s", error)
                raise Problem(503, "no_users", "the users cannot be read; see the log of this part") from error
        if user is None:
            self._throttle.failed(*who)
            log.warning("login refused: %r from %s", name, request.remote)
            raise Problem(401, "wrong_login", "no user with this password")
        self._throttle.succeeded(*who)
        self._sessions.end(request.cookies.get(COOKIE))  # a new session has a new token
        token, session = self._sessions.begin(user.name, user.hash)
        log.info("login: %r from %s", user.name, request.remote)
        response = _answer(_told(session))
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(
            COOKIE, token, max_age=int(LONGEST_SECONDS), httponly=True, samesite="Strict", secure=secure, path="/"
        )
        return response

    async def logout(self, request: web.Request) -> web.Response:
        """Ends the session."""
        session = await self._acting(request)
        self._sessions.end(request.cookies.get(COOKIE))
        log.info("logout: %r", session.user)
        response = _answer(_told(None))
        response.del_cookie(COOKIE, path="/")
        return response

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Takes an alarm on."""
        session = await self._acting(request)
        identity = (await _words(request, "identity"))["identity"]
        alarm = await self._act(
            session, f"acknowledge {identity}", lambda: self._desk.acknowledge(identity, session.user)
        )
        return _answer({"acknowledged_at": alarm.acknowledged_at, "acknowledged_by": alarm.acknowledged_by})

    async def retry(self, request: web.Request) -> web.Response:
        """Publishes a dead letter again."""
        session = await self._acting(request)
        position = (await _words(request, "position"))["position"]

        def retried() -> str:
            self._desk.note(session.user, f"retries the dead letter {position}")
            outcome = self._pipeline.retry_letter(position, session.user)
            self._desk.note(session.user, f"retried the dead letter {position}: {outcome}")
            return outcome

        return _answer({"outcome": await self._act(session, f"retry {position}", retried)})

    async def hand_over(self, request: web.Request) -> web.Response:
        """The hand-over log of what is open now."""
        session = await self._acting(request)

        def taken() -> str:
            text = self._desk.hand_over()
            self._desk.note(session.user, "takes the hand-over")
            return text

        return _answer({"markdown": await self._act(session, "hand-over", taken)})

    async def _act(self, session: Session, what: str, action: Callable[[], T]) -> T:
        log.info("%r: %s", session.user, what)
        try:
            return await self._in_thread(action)
        except Refused as refusal:
            log.info("%r: %s: refused: %s", session.user, what, refusal)
            raise Problem(409, "refused", str(refusal)) from refusal
        finally:
            self._done()

    async def _acting(self, request: web.Request) -> Session:
        """The session of a request that carries both its cookie and its token. Raises Problem."""
        session = await self._session(request)
        if session is None:
            raise Problem(401, "login_needed", "log in first")
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), session.action_token.encode()):
            raise Problem(403, "wrong_token", "the action does not carry this session's token; load the page again")
        return session

    async def _session(self, request: web.Request) -> Session | None:
        """Of who was removed, or has a new password since, there is none."""
        token = request.cookies.get(COOKIE)
        session = self._sessions.find(token)
        if session is None:
            return None
        try:
            user = await self._in_thread(lambda: self._users.find(session.user))
        except WrongSetting as error:
            log.warning("sessions are not let through: %s", error)
            return None
        if user is None or user.hash != session.password_hash:
            self._sessions.end(token)
            return None
        return session

    async def _in_thread(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, action)


def _told(session: Session | None) -> dict[str, Any]:
    return {"user": session.user, "action_token": session.action_token} if session else {"user": None}


def _answer(document: dict[str, Any]) -> web.Response:
    return web.json_response(document, headers={"Cache-Control": "no-store"})


async def _words(request: web.Request, *names: str) -> dict[str, str]:
    """The texts of a body. Raises Problem where it has others, or none."""
    try:
        body = await request.json()
    except ValueError as error:
        raise Problem(400, "bad_request", "the body is no JSON") from error
    if not isinstance(body, dict) or set(body) != set(names):
        raise Problem(400, "bad_request", f"send {', '.join(names)}")
    longest = max(LONGEST_WORD, LONGEST_PASSWORD)
    if any(not isinstance(word, str) or not 0 < len(word) <= longest for word in body.values()):
        raise Problem(400, "bad_request", f"{', '.join(names)}: a text of up to {longest} characters each")
    return body
