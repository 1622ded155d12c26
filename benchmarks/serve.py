"""`kibble serve` beside the same model behind a single-lock server, and with clients that die.

    python benchmarks/serve.py                       # both parts
    python benchmarks/serve.py --part throughput --repeats 7

``throughput``: 16 clients, each of which sends its next frame (two views of 96 pixels, raw) once
it has the answer to the last; no frame comes twice, so that no cache helps. The servers run side
by side with the same model and take turns within a repeat; processor seconds of the server stand
beside wall seconds, and the share of all cores that other programs took. With ``--patience`` a
run waits that many seconds at most until others leave the cores alone.
``kills``: processes of four clients each are killed at random and replaced until 10,000 requests
were answered; what is counted is said beside each figure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from environment import RESULTS, write_results

HERE = Path(__file__).parent
KIBBLE = [sys.executable, "-m", "kibble", "serve", "port=0"]
LOCK = [sys.executable, str(HERE / "single_lock_server.py")]
PARTS = ("throughput", "kills")
CLIENTS = 16


@dataclass(frozen=True, slots=True)
class Running:
    """A server process."""

    pid: int
    port: int

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())

    def figure(self, line: str) -> float:
        """Return the sum of the figures of /metrics whose lines begin so."""
        lines = self.get("/metrics").splitlines()
        return sum(float(text.rpartition(" ")[2]) for text in lines if text.startswith(line))


@contextlib.contextmanager
def server(command: Sequence[str]) -> Iterator[Running]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = 0
        for line in process.stdout:
            if "Listening at" in line:
                port = int(line.split()[2].rstrip(",").rpartition(":")[2])
            if "is ready" in line:
                break
        else:
            raise SystemExit(f"{command} did not start")
        yield Running(process.pid, port)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def busy_seconds() -> float:
    """Processor seconds that anything has used on this machine."""
    user, nice, system, _, _, *interrupts = (
        Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    used = sum(map(int, (user, nice, system, *interrupts)))
    return used / os.sysconf("SC_CLK_TCK")


def wait_for_quiet(patience: float) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        before = busy_seconds()
        time.sleep(0.5)
        if busy_seconds() - before < 0.1:
            return


def one_run(running: Running, steps: int, patience: float = 0.0) -> dict[str, object]:
    words = [str(running.port), "--clients", str(CLIENTS), "--steps", str(steps)]
    wait_for_quiet(patience)
    begin, all_before = time.monotonic(), busy_seconds()
    before, children = running.processor_seconds(), os.times().children_user
    children += os.times().children_system
    done = subprocess.run(
        [sys.executable, str(HERE / "service_clients.py"), *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    figures = json.loads(done.stdout)
    spent = running.processor_seconds() - before
    own = spent + os.times().children_user + os.times().children_system - children
    cores = len(os.sched_getaffinity(0))
    others = (busy_seconds() - all_before - own) / (cores * (time.monotonic() - begin))
    return {
        **figures,
        "server_processor_ms_per_frame": 1000.0 * spent / figures["frames"],
        "share_of_cores_taken_by_others": max(0.0, others),
    }


def throughput(repeats: int, steps: int, threads: int, patience: float) -> dict[str, object]:
    kinds = {
        "single_lock": [*LOCK, f"--threads={threads}"],
        "kibble_serve": [*KIBBLE, f"threads={threads}"],
        "kibble_serve_10_ms": [*KIBBLE, f"threads={threads}", "batch_wait=0.01"],
    }
    runs: dict[str, list[dict[str, object]]] = {kind: [] for kind in kinds}
    with contextlib.ExitStack() as stack:
        servers = {kind: stack.enter_context(server(words)) for kind, words in kinds.items()}
        for running in servers.values():
            one_run(running, 5)  # warm
        for _ in range(repeats):
            for kind, running in servers.items():
                runs[kind].append(one_run(running, steps, patience))
                print(kind, json.dumps(runs[kind][-1]), flush=True)
        batches = {
            kind: running.figure("kibble_batch_frames_sum")
            / running.figure("kibble_batch_frames_count")
            for kind, running in servers.items()
            if kind != "single_lock"
        }
    rates = {kind: [float(run["frames_per_second"]) for run in of] for kind, of in runs.items()}  # type: ignore[arg-type]
    ratios = {
        kind: [ours / theirs for ours, theirs in zip(of, rates["single_lock"], strict=True)]
        for kind, of in rates.items()
        if kind != "single_lock"
    }
    return {
        "clients": CLIENTS,
        "frames_of_a_run": CLIENTS * steps,
        "torch_threads": threads,
        "median": {kind: medians(of) for kind, of in runs.items()},
        "frames_in_a_batch": batches,
        "times_the_throughput": {
            kind: {"median": median(each), "each": each} for kind, each in ratios.items()
        },
        "runs": runs,
    }


def medians(runs: Sequence[dict[str, object]]) -> dict[str, float]:
    def of(values: Sequence[object]) -> float:
        return median(float(value) for value in values)  # type: ignore[arg-type]

    names = (
        "frames_per_second",
        "server_processor_ms_per_frame",
        "share_of_cores_taken_by_others",
    )
    latency = [run["latency_ms"] for run in runs]
    return {name: of([run[name] for run in runs]) for name in names} | {
        f"{q}_ms": of([each[q] for each in latency])  # type: ignore[index]
        for q in ("p50", "p95", "p99")
    }


def kills(requests: int, processes: int) -> dict[str, object]:
    """Kill clients at random; count what those that lived got."""
    rng = random.Random(0)
    with (
        tempfile.TemporaryDirectory() as folder,
        server([*KIBBLE, "expiry=4", "cache_mb=0"]) as running,
    ):
        logs: list[Path] = []
        alive: list[tuple[subprocess.Popen[bytes], Path]] = []
        killed = 0
        begin = time.perf_counter()

        def start() -> None:
            logs.append(Path(folder) / f"{len(logs)}.log")
            words = [str(HERE / "dying_clients.py"), str(running.port), str(logs[-1])]
            alive.append((subprocess.Popen([sys.executable, *words]), logs[-1]))

        for _ in range(processes):
            start()
        while answered(logs) < requests:
            time.sleep(rng.uniform(0.5, 2.5))
            chosen = rng.randrange(len(alive))
            if answered(alive[chosen][1:]) == 0:
                continue  # it has not begun
            victim, _ = alive.pop(chosen)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            killed += 1
            start()
        for process, log in alive:
            while not log.exists():
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)  # ends once all it has sent is answered
        lost = sum(process.wait(60) != 0 for process, _ in alive)
        seconds = time.perf_counter() - begin
        time.sleep(6.0)  # until what the killed ones left is closed as stale
        lines = [line.split() for log in logs for line in log.read_text().splitlines()]
        return {
            "requests_sent": sum(line[0] == "sent" for line in lines),
            "requests_answered": sum(line[0] == "ok" for line in lines),
            "answered_otherwise_than_ok": sum(line[0] == "bad" for line in lines),
            "clients_killed": 4 * killed,
            "processes_that_ended_with_a_request_unanswered": lost,
            "seconds": seconds,
            "service": {
                "healthy": json.loads(running.get("/health"))["ready"],
                "frames_ok": running.figure('kibble_frames_total{model="grm_tiny",outcome="OK"'),
                "frames_otherwise": running.figure("kibble_frames_total")
                - running.figure('kibble_frames_total{model="grm_tiny",outcome="OK"'),
                "waiting_frames": running.figure("kibble_waiting_frames"),
                "open_episodes": running.figure("kibble_open_episodes"),
                "expired_episodes": running.figure("kibble_expired_episodes_total"),
            },
        }


def answered(logs: Sequence[Path]) -> int:
    return sum(log.read_text().count("ok ") for log in logs if log.exists())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1, help="that torch may use")
    parser.add_argument("--patience", type=float, default=0.0, help="seconds")
    parser.add_argument("--requests", type=int, default=10_000)
    words = parser.parse_args()
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # for all servers, as `kibble serve` sets it
    path = RESULTS / "serve.json"
    figures = json.loads(path.read_text()) if path.is_file() else {}
    figures.pop("environment", None)
    for part in words.part or PARTS:
        if part == "throughput":
            figures[part] = throughput(words.repeats, words.steps, words.threads, words.patience)
            shown = {name: figures[part][name] for name in ("median", "times_the_throughput")}
        else:
            figures[part] = shown = kills(words.requests, processes=4)
        print(json.dumps(shown, indent=2))
    print(write_results("serve", figures))


if __name__ == "__main__":
    main()
