"""The page's server in a test's own event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from infra.console.acting import TOKEN_HEADER
from infra.console.application import application
from infra.console.users import Users
from infra.settings import OperationsSettings
from tests.support import console, snapshots


class Asked(NamedTuple):
    """A server, who asks it, and the stand-ins behind it."""

    client: "TestClient[Any, Any]"
    pipeline: console.GivenPipeline
    desk: console.GivenDesk
    users: Users

    @property
    def origin(self) -> str:
        """That of the page itself."""
        return str(self.client.make_url("")).rstrip("/")

    async def post(self, path: str, body: Any = None, **headers: str) -> ClientResponse:
        """As the page's own script would."""
        sent = {"Origin": self.origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.client.post(path, json={} if body is None else body, headers=sent)

    async def log_in(self) -> str:
        """The token that actions must carry."""
        answer = await self.post("/api/login", {"user": console.USER, "password": console.PASSWORD})
        assert answer.status == 200
        token: str = (await answer.json())["action_token"]
        return token

    async def act(self, path: str, body: Any = None, token: str = "") -> ClientResponse:
        """An action that carries its token."""
        return await self.post(path, body, **{TOKEN_HEADER: token})


def ask(directory: Path, questions: Callable[[Asked], Awaitable[None]], **options: Any) -> None:
    """Asks a server that ends with the test."""

    async def run() -> None:
        pipeline = console.GivenPipeline(snapshots.rich(), console.letters())
        desk = console.GivenDesk(snapshots.alarms())
        users = console.users(directory)
        app = application(pipeline, desk, users, OperationsSettings(names=("ops.example.org",)), **options)
        async with TestClient(TestServer(app)) as client:
            await questions(Asked(client, pipeline, desk, users))

    asyncio.run(run())
