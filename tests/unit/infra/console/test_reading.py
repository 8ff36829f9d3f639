"""What everybody may read: looks shared by all, told as they come, and honest about their age."""

import asyncio
import json
from pathlib import Path
from typing import Any

from infra.console.looks import Look, Looks
from tests.support.snapshots import silent
from tests.unit.infra.console.asking import Asked, ask


def test_the_state_is_compressed_tagged_and_not_sent_twice(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        first = await asked.client.get("/api/state")
        assert first.headers["Content-Encoding"] == "gzip"
        assert (await first.json())["alarms"]["critical"] == 3
        again = await asked.client.get("/api/state", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, await again.read()) == (304, b"")
        assert json.loads(again.headers["Checkline-Look"])["failure"] is None
        plain = await asked.client.get("/api/state", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers

    ask(tmp_path, questions, look_seconds=60)


def test_many_who_ask_at_once_share_one_look(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        answers = await asyncio.gather(*(asked.client.get("/api/state") for _ in range(40)))
        assert {answer.status for answer in answers} == {200}
        assert asked.pipeline.looks == 1

    ask(tmp_path, questions, look_seconds=60)


def test_changes_are_told_again_and_again_and_the_watchers_are_bounded(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        async with asked.client.get("/api/changes") as stream:
            assert stream.content_type == "text/event-stream"
            told: list[dict[str, Any]] = []
            while len(told) < 2:
                line = (await stream.content.readline()).decode()
                if line.startswith("data: "):
                    told.append(json.loads(line.removeprefix("data: ")))
            assert all(one["tag"] and one["failure"] is None for one in told)
            too_many = await asked.client.get("/api/changes")
            assert too_many.status == 503
            assert too_many.headers["Retry-After"] == "5"

    ask(tmp_path, questions, look_seconds=0.01, most_watchers=1)


def test_a_look_that_fails_leaves_the_last_one_with_its_age_and_the_reason(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        before = await (await asked.client.get("/api/state")).json()
        asked.pipeline.fails = RuntimeError("the watcher has ended")
        after = await asked.client.get("/api/state")
        assert await after.json() == before
        about = json.loads(after.headers["Checkline-Look"])
        assert about["failure"] == "the watcher has ended"
        assert about["age_seconds"] >= 0
        health = await asked.client.get("/healthz")
        assert health.status == 503

    ask(tmp_path, questions, look_seconds=0)


def test_without_any_look_there_is_a_reason_and_no_empty_state(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        asked.pipeline.fails = RuntimeError("not yet")
        answer = await asked.client.get("/api/state")
        assert answer.status == 503
        assert "not yet" in (await answer.json())["text"]

    ask(tmp_path, questions)


def test_alarms_that_do_not_answer_do_not_take_the_page_with_them(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        asked.desk.fails = RuntimeError("journal")
        state = await (await asked.client.get("/api/state")).json()
        assert state["alarms"]["failure"]
        assert state["sections"]["clocks"]["follow_ups"]["overdue"] == 18

    ask(tmp_path, questions)


def test_a_hanging_look_is_waited_for_by_nobody_for_long_and_made_once() -> None:
    async def run() -> None:
        from concurrent.futures import ThreadPoolExecutor
        from threading import Event

        goes_on, made = Event(), []

        def make() -> dict[str, int]:
            made.append(1)
            if len(made) > 1:
                goes_on.wait(10)
            return {"look": len(made)}

        with ThreadPoolExecutor(2) as threads:
            looks = Looks(make, threads, every_seconds=0.0, patience_seconds=0.05)
            first = await looks.newest()
            answers = await asyncio.gather(*(looks.newest() for _ in range(20)))
            assert isinstance(first, Look)
            assert answers == [first] * 20
            assert looks.failure == "no answer for 0.05 s"
            assert len(made) == 2
            goes_on.set()
            while (found := await looks.newest()) is first:
                pass
            assert found is not None
            assert found.body == b'{"look":%d}' % len(made)
            assert await looks.newest()
            assert not looks.failure

    asyncio.run(run())


def test_the_scrape_and_the_health_answer(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        scrape = await asked.client.get("/metrics")
        assert (await scrape.text(), scrape.headers["Content-Type"]) == (
            "checkline_up 1\n",
            "text/plain; version=0.0.4; charset=utf-8",
        )
        health = await asked.client.get("/healthz")
        assert (health.status, (await health.json())["status"]) == (200, "ok")

    ask(tmp_path, questions)


def test_the_page_and_its_files_are_served_and_nothing_else(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        for path, kind in (("/", "text/html"), ("/page/main.js", "text/javascript"), ("/page/style.css", "text/css")):
            answer = await asked.client.get(path)
            assert (answer.status, answer.content_type) == (200, kind)
        for path in ("/page/../ports.py", "/page/%2e%2e%2fports.py", "/page/nothing.js", "/users.json"):
            assert (await asked.client.get(path)).status == 404

    ask(tmp_path, questions)


def test_what_is_behind_each_section_can_be_read(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        found = await (await asked.client.get("/api/behind")).json()
        assert found["clocks"][0]["kind"] == "sql"
        assert "open_clocks" in found["clocks"][0]["text"]

    ask(tmp_path, questions)


def test_details_of_dead_letters_are_for_who_is_logged_in_and_restricted_ones_for_nobody(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        public = (await (await asked.client.get("/api/letters")).json())["letters"]
        assert [letter["detail"] for letter in public] == ["", "", ""]
        assert [letter["reason"] for letter in public] == ["UNDECODABLE", "OUT_OF_RANGE", "MISSING_FIELD"]
        await asked.log_in()
        full = (await (await asked.client.get("/api/letters")).json())["letters"]
        assert [letter["detail"] for letter in full] == ["byte 14: no text follows", "tenths is 9999", ""]

    ask(tmp_path, questions)


def test_a_new_snapshot_is_a_new_look(tmp_path: Path) -> None:
    async def questions(asked: Asked) -> None:
        first = await asked.client.get("/api/state")
        asked.pipeline.found = silent()
        second = await asked.client.get("/api/state")
        assert first.headers["ETag"] != second.headers["ETag"]
        assert (await second.json())["sources"]["store"]["known"] is False

    ask(tmp_path, questions, look_seconds=0)
