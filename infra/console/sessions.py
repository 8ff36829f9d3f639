"""Who is logged in, and who tries too often. In memory: a restart of the page ends all sessions."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

IDLE_SECONDS = 30 * 60.0
LONGEST_SECONDS = 12 * 3600.0
MOST_SESSIONS = 256
TOKEN_BYTES = 32

FREE_FAILURES = 5
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 300.0
FORGOTTEN_SECONDS = 15 * 60.0
MOST_REMEMBERED = 4096


@dataclass
class Session:
    """Somebody who is logged in. ``action_token``: what each action must carry besides the cookie, so that no other
    page can act in their name; ``password_hash``: of the password they used, a new one ends the session."""

    user: str
    password_hash: str
    action_token: str
    since: float
    used: float


class Sessions:
    """Sessions by their token, of which only the digest is kept. ``clock``: seconds that only go forward."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, user: str, password_hash: str) -> tuple[str, Session]:
        """A new session and its token, for the cookie. Of too many the one unused for longest ends."""
        now = self._clock()
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(user, password_hash, secrets.token_urlsafe(TOKEN_BYTES), now, now)
        self._sessions[_digest(token)] = session
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return token, session

    def find(self, token: str | None) -> Session | None:
        """The session of a token, which is in use from now on; None when it has ended."""
        if not token:
            return None
        key, now = _digest(token), self._clock()
        session = self._sessions.get(key)
        if session is None:
            return None
        if now - session.used > IDLE_SECONDS or now - session.since > LONGEST_SECONDS:
            del self._sessions[key]
            return None
        session.used = now
        self._sessions.move_to_end(key)
        return session

    def end(self, token: str | None) -> None:
        """Ends the session of a token, if there is one."""
        if token:
            self._sessions.pop(_digest(token), None)


class Throttle:
    """How long somebody who failed must wait before the next try: twice as long after each failure."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_seconds(self, *who: str) -> float:
        """Until the next try is let through, 0 if it is now. The same for names that exist and names that do not."""
        return max(map(self._wait, who), default=0.0)

    def failed(self, *who: str) -> None:
        """A try has failed."""
        now = self._clock()
        for one in who:
            count, last = self._failures.pop(one, (0, now))
            self._failures[one] = (1 if now - last > FORGOTTEN_SECONDS else count + 1, now)
        while len(self._failures) > MOST_REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, *who: str) -> None:
        """A try has succeeded: what failed before is forgotten."""
        for one in who:
            self._failures.pop(one, None)

    def _wait(self, one: str) -> float:
        count, last = self._failures.get(one, (0, 0.0))
        if count < FREE_FAILURES:
            return 0.0
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(count - FREE_FAILURES, 20))
        return max(0.0, last + wait - self._clock())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
