"""The event loop of a thread that talks to a kernel."""

import asyncio


def close_loop() -> None:
    """Give it back, with what still waits on it: a dead kernel's messages will not come."""
    from jupyter_core.utils import ensure_event_loop

    loop = ensure_event_loop()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
