"""Four clients that work until they are killed; every request and answer leaves a line in a log.

Run by ``benchmarks/serve.py``. SIGTERM ends it once what was sent is answered, with status 0.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import uuid

from service_clients import Frames, answer, estimate, opening

from kibble.rewards.service.answers import decode_estimates


async def client(port: int, log: int, stop: asyncio.Event) -> None:
    frames = Frames("raw")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    def note(*words: object) -> None:
        os.write(log, (" ".join(map(str, words)) + "\n").encode())  # whole lines, even if killed

    while not stop.is_set():
        name = uuid.uuid4().hex
        writer.write(opening(name, frames))
        status, _ = await answer(reader)
        assert status == 200
        for step in range(1, random.randint(5, 60)):
            if stop.is_set():
                break
            request = estimate(name, step, frames)
            note("sent", name, step)
            writer.write(request)
            status, body = await answer(reader)
            good = status == 200 and decode_estimates(body, 1).outcomes[0].status == 0
            note("ok" if good else "bad", name, step)
    writer.close()


async def main(port: int, path: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    await asyncio.gather(*(client(port, log, stop) for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
