"""The least that a service can do, on the server that ours runs on: `python tests/bench/empty.py PORT`."""

import sys

import uvicorn

HEAD = {"type": "http.response.start", "status": 200,
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")]}
BODY = {"type": "http.response.body", "body": b"{}"}


async def app(scope, receive, send):
    await receive()
    await send(HEAD)
    await send(BODY)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), http="httptools", loop="uvloop", ws="none", lifespan="off",
                interface="asgi3", access_log=False, log_level="error", server_header=False)
