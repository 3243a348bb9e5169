"""A tiny HTTP server that answers as it is told: what the client is tried on."""

import asyncio
import contextlib
import json
import threading

ROW = {"size": 1.5, "colour": "red"}
SCHEMA = {"columns": [{"name": "size", "type": "number", "role": "feature", "range": [0, 10]},
                      {"name": "colour", "type": "category", "role": "feature", "categories": ["red", "blue"]},
                      {"name": "answer", "type": "category", "role": "target", "categories": ["no", "yes"]}]}
OPENAPI = {"paths": {"/predict": {"post": {"requestBody": {"content": {"application/json": {"example": ROW}}}}}}}
ENDS = (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError)
FACTS = {"/schema": SCHEMA, "/openapi.json": OPENAPI}


def answer(status=200, body=b"{}", more=""):
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


class Toy:
    """`reply(number, path, head, body)` gives bytes, None (silence), or an exception (the connection is cut); `facts`
    are the documents that it has."""

    def __init__(self, reply, facts):
        self.reply, self.facts = reply, facts
        self.seen, self.heads, self.connections, self.url = [], [], 0, ""

    async def handle(self, reader, writer):
        self.connections += 1
        with contextlib.closing(writer), contextlib.suppress(*ENDS):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(line[15:]) for line in head.lower().split("\r\n")
                               if line.startswith("content-length:")), 0)
                body = await reader.readexactly(length)
                if not await self.answer(head, body, writer):
                    break

    async def answer(self, head, body, writer):
        path = head.split(" ")[1]
        if path in self.facts:
            told = answer(body=json.dumps(self.facts[path]).encode())
        else:
            self.seen.append(body)
            self.heads.append(head)
            told = self.reply(len(self.seen), path, head, body)
        if told is None:
            await asyncio.sleep(60)
        if isinstance(told, Exception):
            return False
        pieces = told if isinstance(told, list) else [told]
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0.01)
        return b"connection: close" not in pieces[0]


@contextlib.contextmanager
def toy(reply=lambda number, path, head, body: answer(), facts=FACTS, tls=None):
    """It listens at `.url`."""
    made, loop, ready = Toy(reply, facts), asyncio.new_event_loop(), threading.Event()

    async def serve():
        server = await asyncio.start_server(made.handle, "127.0.0.1", 0, ssl=tls)
        made.url = f"http{'s' * bool(tls)}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        async with server:
            await over.wait()

    async def main():
        await serve()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    over = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
