"""A reward model behind the usual server: a thread for each client, one lock around the model.

It takes the same requests as ``kibble serve``, so that nothing but the serving differs: no
base64, no pickle, one connection for each client kept alive.
"""

from __future__ import annotations

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import torch

from kibble.rewards.catalogue import open_model
from kibble.rewards.service.pictures import decode_picture
from kibble.rewards.service.wire import Limits, decode_estimate_request, decode_open_request
from kibble.rewards.types import Episode, Task


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    model = open_model("grm_tiny")
    lock = threading.Lock()
    episodes: dict[str, Episode] = {}  # noqa: RUF012

    def do_PUT(self) -> None:
        request = decode_open_request(self.body(), Limits())
        start = {view: decode_picture(column[0])[None] for view, column in request.start.items()}
        with self.lock:
            episode = self.model.begin(Task(instruction=request.instruction), start)
        self.episodes[self.path.rpartition("/")[2]] = episode
        self.answer({"instance": "", "version": "", "progress": episode.progress})

    def do_POST(self) -> None:
        rows = []
        for frame in decode_estimate_request(self.body(), Limits()).frames:
            newest = {view: decode_picture(p)[None] for view, p in frame.pictures.items()}
            with self.lock:
                estimate = self.model.estimate([self.episodes[frame.episode]], newest)
            rows.append(
                {
                    "status": "OK",
                    "progress": float(estimate.progress[0]),
                    "success": float(estimate.success[0]),
                    "confidence": float(estimate.confidence[0]),
                }
            )
        self.answer({"instance": "", "version": "", "estimates": rows})

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, values: object) -> None:
        body = json.dumps(values).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    blank = {view: np.zeros((1, 96, 96, 3), np.uint8) for view in ("front", "wrist")}
    Handler.model.estimate([Handler.model.begin(Task(instruction="warm up"), blank)], blank)
    ThreadingHTTPServer.request_queue_size = 128  # its own 5 turn clients away
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"Listening at http://127.0.0.1:{server.server_address[1]},", flush=True)
    print("grm_tiny is ready on cpu.", flush=True)
    server.serve_forever()
