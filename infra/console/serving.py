"""Serves the page from a thread of its own, so that whoever does so stays free to wait for its end."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

SHUTDOWN_SECONDS = 2.0


@contextmanager
def serving(app: web.Application, host: str, port: int) -> Iterator[str]:
    """Serves while entered; gives the address, such as ``http://127.0.0.1:8420``. Port 0: any free one.

    Raises OSError when the port is taken.
    """
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)

    async def begin() -> int:
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound: int = runner.addresses[0][1]
        return bound

    async def end() -> None:
        await runner.cleanup()
        # Whoever still waited for an answer gets none.
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    thread = threading.Thread(target=loop.run_forever, name="console", daemon=True)
    thread.start()
    try:
        bound = asyncio.run_coroutine_threadsafe(begin(), loop).result()
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}"
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
