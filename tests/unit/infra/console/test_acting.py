"""Nothing is done without a login, its token and this page's own origin; and what is done is on record."""

from pathlib import Path
from typing import Any

import pytest

from infra.console.acting import COOKIE
from infra.console.guarding import HEADERS
from infra.console.sessions import IDLE_SECONDS, LONGEST_SECONDS, MOST_SESSIONS, Sessions, Throttle
from tests.support.console import PASSWORD, USER
from tests.unit.infra.console.asking import Asked, ask

ACTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/acknowledge", {"identity": "PartitionStuck/x"}),
    ("/api/retry", {"position": "check-ins/2/118210"}),
    ("/api/hand-over", {}),
    ("/api/logout", {}),
)
STUCK = "PartitionStuck/checkline-risk temperatures/3/1582203540000"


@pytest.mark.parametrize(("path", "body"), ACTIONS)
def test_no_action_without_login_token_and_origin(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    async def questions(asked: Asked) -> None:
        assert (await asked.post(path, body)).status == 401
        token = await asked.log_in()
        header = {"Checkline-Action": token}
        client = asked.client
        refused = [
            (await asked.post(path, body)).status,
            (await asked.act(path, body, token="x" * 43)).status,
            (await client.post(path, json=body, headers=header)).status,
            (await client.post(path, json=body, headers=header | {"Origin": "http://evil.example"})).status,
            (await client.post(path, json=body, headers=header | {"Origin": "null"})).status,
            (await asked.post(path, body, Checkline_Action=token, Sec_Fetch_Site="cross-site")).status,
        ]
        assert refused == [403] * 6
        form = await client.post(path, data={"a": "b"}, headers=header | {"Origin": asked.origin})
        assert form.status == 415
        assert (await client.get(path)).status == 405
        assert not asked.desk.notes
        assert not asked.pipeline.retried

    ask(tmp_path, questions)


def test_an_alarm_is_acknowledged_in_the_name_of_who_is_logged_in(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        token = await asked.log_in()
        before = await (await asked.client.get("/api/state")).json()
        assert before["alarms"]["alarms"]["rows"][0]["acknowledged_by"] is None
        answer = await asked.act("/api/acknowledge", {"identity": STUCK}, token)
        assert (await answer.json())["acknowledged_by"] == USER
        after = await (await asked.client.get("/api/state")).json()
        assert after["alarms"]["alarms"]["rows"][0]["acknowledged_by"] == USER
        assert asked.desk.notes == [(USER, f"acknowledges {STUCK}")]
        gone = await asked.act("/api/acknowledge", {"identity": "nothing"}, token)
        assert (gone.status, (await gone.json())["problem"]) == (409, "refused")

    ask(tmp_path, questions, look_seconds=60)


def test_a_retry_is_on_record_before_and_after(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        token = await asked.log_in()
        answer = await asked.act("/api/retry", {"position": "check-ins/2/118210"}, token)
        assert "published again" in (await answer.json())["outcome"]
        assert asked.pipeline.retried == [("check-ins/2/118210", USER)]
        assert [what.split()[0] for _, what in asked.desk.notes] == ["retries", "retried"]
        gone = await asked.act("/api/retry", {"position": "check-ins/0/1"}, token)
        assert (gone.status, asked.desk.notes[-1]) == (409, (USER, "retries the dead letter check-ins/0/1"))

    ask(tmp_path, questions)


def test_a_hand_over_is_text_and_on_record(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        answer = await asked.act("/api/hand-over", {}, await asked.log_in())
        assert (await answer.json())["markdown"].startswith("# Hand-over")
        assert asked.desk.notes == [(USER, "takes the hand-over")]

    ask(tmp_path, questions)


def test_the_cookie_is_for_the_server_alone(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        credentials = {"user": USER, "password": PASSWORD}
        cookie = (await asked.post("/api/login", credentials)).cookies[COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert len(cookie.value) >= 43
        assert not cookie["secure"]
        secure = (await asked.post("/api/login", credentials, X_Forwarded_Proto="https")).cookies[COOKIE]
        assert secure["secure"]
        assert secure.value != cookie.value

    ask(tmp_path, questions)


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        wrong = await asked.post("/api/login", {"user": USER, "password": "not this one"})
        nobody = await asked.post("/api/login", {"user": "nobody", "password": "not this one"})
        assert wrong.status == nobody.status == 401
        assert await wrong.read() == await nobody.read()
        assert set(wrong.headers) == set(nobody.headers)

    ask(tmp_path, questions)


def test_who_fails_too_often_waits_even_with_the_right_password(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        for _ in range(5):
            assert (await asked.post("/api/login", {"user": USER, "password": "wrong"})).status == 401
        answer = await asked.post("/api/login", {"user": USER, "password": PASSWORD})
        assert (answer.status, answer.headers["Retry-After"]) == (429, "2")

    ask(tmp_path, questions)


def test_logout_removal_and_a_new_password_each_end_the_session(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        async def user() -> Any:
            return (await (await asked.client.get("/api/session")).json())["user"]

        token = await asked.log_in()
        assert await user() == USER
        stolen = asked.client.session.cookie_jar.filter_cookies(asked.client.make_url("/"))[COOKIE].value
        assert (await asked.act("/api/logout", {}, token)).status == 200
        asked.client.session.cookie_jar.update_cookies({COOKIE: stolen})
        assert await user() is None

        await asked.log_in()
        asked.users.add(USER, "another password of mine")
        assert await user() is None

        asked.users.add(USER, PASSWORD)
        token = await asked.log_in()
        asked.users.remove(USER)
        assert (await asked.act("/api/hand-over", {}, token)).status == 401

    ask(tmp_path, questions)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::1", "a b"]
)
def test_a_host_that_is_not_ours_is_refused(tmp_path: Path, host: str) -> None:
    async def questions(asked: Asked) -> None:
        for path in ("/", "/api/state", "/metrics"):
            assert (await asked.client.get(path, headers={"Host": host})).status == 421

    ask(tmp_path, questions)


@pytest.mark.parametrize("host", ["localhost:8420", "127.0.0.1", "[::1]:8420", "10.0.3.7:80", "OPS.example.org"])
def test_addresses_localhost_and_configured_names_are_ours(tmp_path: Path, host: str) -> None:
    async def questions(asked: Asked) -> None:
        assert (await asked.client.get("/healthz", headers={"Host": host})).status == 200

    ask(tmp_path, questions)


def test_every_answer_carries_the_headers_that_keep_others_out(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        for path in ("/", "/page/main.js", "/api/state", "/api/nothing", "/metrics", "/api/session"):
            answer = await asked.client.get(path)
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
        refused = await asked.client.get("/", headers={"Host": "evil.example"})
        assert refused.headers["X-Content-Type-Options"] == "nosniff"
        async with asked.client.get("/api/changes") as stream:
            assert stream.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
        assert "unsafe" not in HEADERS["Content-Security-Policy"]
        assert (await asked.client.get("/api/session")).headers["Cache-Control"] == "no-store"

    ask(tmp_path, questions)


BAD_BODIES: tuple[Any, ...] = (
    [],
    {},
    {"user": "a"},
    {"user": 1, "password": "b"},
    {"user": "", "password": "b"},
    {"user": "a" * 2_000, "password": "b"},
)


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_body_that_is_not_what_it_should_be_is_a_bad_request(tmp_path: Path, body: Any) -> None:
    async def questions(asked: Asked) -> None:
        assert (await asked.post("/api/login", body)).status == 400

    ask(tmp_path, questions)


def test_a_body_that_is_too_long_is_refused(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        assert (await asked.post("/api/login", {"user": "a" * 20_000, "password": "b"})).status == 413

    ask(tmp_path, questions)


def test_nobody_gets_in_when_others_may_read_the_users(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        token = await asked.log_in()
        (tmp_path / "users.json").chmod(0o644)
        assert (await asked.act("/api/hand-over", {}, token)).status == 401
        answer = await asked.post("/api/login", {"user": USER, "password": PASSWORD})
        assert (answer.status, (await answer.json())["problem"]) == (503, "no_users")

    ask(tmp_path, questions)


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_when_idle_and_in_any_case_after_a_shift() -> None:
    clock = _Clock()
    sessions = Sessions(clock)
    token, _ = sessions.begin("a", "hash")
    while clock.now < LONGEST_SECONDS:
        assert sessions.find(token)
        clock.now += IDLE_SECONDS
    clock.now += 1
    assert sessions.find(token) is None

    token, _ = sessions.begin("a", "hash")
    clock.now += IDLE_SECONDS + 1
    assert sessions.find(token) is None


def test_of_too_many_sessions_the_one_unused_for_longest_ends() -> None:
    sessions = Sessions(_Clock())
    first, second = (sessions.begin("a", "hash")[0] for _ in range(2))
    assert sessions.find(first)
    for _ in range(MOST_SESSIONS - 1):
        sessions.begin("b", "hash")
    assert sessions.find(first)
    assert sessions.find(second) is None


def test_the_wait_doubles_with_each_failure_and_is_forgotten_after_a_success() -> None:
    clock = _Clock()
    throttle = Throttle(clock)
    waits = []
    for _ in range(8):
        throttle.failed("user a", "address b")
        waits.append(throttle.wait_seconds("user a"))
    assert waits == [0, 0, 0, 0, 2, 4, 8, 16]
    assert throttle.wait_seconds("user c", "address b") == 16
    clock.now += 16
    assert throttle.wait_seconds("user a") == 0
    throttle.succeeded("user a")
    throttle.failed("user a")
    assert throttle.wait_seconds("user a") == 0
