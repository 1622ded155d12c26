"""One run of ``ros_soak.py``: cameras, service and node as processes, looked at from outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ros_reward_watch import RewardWatch
from ros_soak_figures import figures_of

from kibble.agents.progress_bar import bar
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.qos import STATE, Qos

__all__ = ["DEADLINE", "VIEWS", "Run", "soak"]

HERE = Path(__file__).parent
VIEWS = ("front", "wrist")
CAMERA_RATE = 30.0  # Hz
DEADLINE, GAMMA, EPISODE = 0.5, 0.99, 20.0  # s, -, s
ALL = Qos(reliable=True, depth=1000)  # every reward is heard, however late
_START = 1  # of EpisodeCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of the runs."""

    name: str
    seconds: float
    rate: float  # Hz of rewards
    served: bool


@contextlib.contextmanager
def child(command: Sequence[str], by: int, log: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that ends by a signal; what it says goes to a file."""
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.send_signal(by)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(log: Path, words: str, process: subprocess.Popen[str]) -> str:
    """Return the line of a log that has some words, as soon as it is there."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text().splitlines():
            if words in line:
                return line
        time.sleep(0.1)
    raise SystemExit(f"{log.stem} did not say {words!r}:\n{log.read_text()}")


def memory_mb(pid: int) -> float:
    """Resident memory, MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kept_mb(url: str) -> float:
    """Megabytes of answers that the service keeps, up to its `cache_mb` (64)."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(x.rpartition(" ")[2]) for x in lines if x.startswith("kibble_cache_b")) / 1e6


def busy_seconds() -> float:
    """Processor seconds that anything has used on this machine."""
    user, nice, system, _, _, *more = Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    return sum(map(int, (user, nice, system, *more))) / os.sysconf("SC_CLK_TCK")


def soak(run: Run, files: dict[str, Path], domain: int) -> dict[str, object]:
    """Do one run and return its figures."""
    kibble = [sys.executable, "-m", "kibble"]
    folder = files[VIEWS[0]].parent
    logs = {name: folder / f"{run.name}_{name}.log" for name in ("serve", "node", *VIEWS)}
    with contextlib.ExitStack() as stack:

        def start(name: str, command: Sequence[str], by: int) -> subprocess.Popen[str]:
            return stack.enter_context(child(command, by, logs[name]))

        processes: dict[str, subprocess.Popen[str]] = {}
        reward, url = "grm_tiny", ""
        if run.served:
            serve = [*kibble, "serve", "model=grm_tiny", "port=0", "threads=1", "device=cpu"]
            processes["service"] = start("serve", serve, signal.SIGTERM)
            line = wait_for(logs["serve"], "Listening at", processes["service"])
            wait_for(logs["serve"], "is ready", processes["service"])
            url = line.split()[2].rstrip(",")
            reward = f"remote@{url}/grm_tiny"
        observer = stack.enter_context(contextlib.closing(DdsTransport("observer", domain=domain)))
        command = observer.advertise(
            "/reward_node/command", "kibble_msgs/msg/EpisodeCommand", qos=STATE
        )
        watch = RewardWatch(
            deadline=DEADLINE, gamma=GAMMA, ended=lambda: command.publish({"command": _START})
        )
        health: list[Any] = []
        observer.subscribe(
            "/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", health.append, qos=STATE
        )
        heard = observer.subscribe(
            "/reward_node/reward", "kibble_msgs/msg/Reward", watch.take, qos=ALL
        )
        said = max(CAMERA_RATE, run.rate)  # a node may not publish faster than cameras deliver
        cameras = ", ".join(
            f"{view}: {{topic: /camera/{view}/image_raw, rate: {said}}}" for view in VIEWS
        )
        settings = {
            "domain": domain, "transport": "dds", "reward": reward, "rate": run.rate,
            "cameras": f"{{{cameras}}}", "instruction": "reach the red ball",
            "deadline": DEADLINE, "gamma": GAMMA, "episode_limit": EPISODE, "tolerance": 0.02,
        }  # fmt: skip
        words = [f"{key}={value}" for key, value in settings.items()]
        node = start("node", [*kibble, "ros", "node", *words], signal.SIGINT)
        processes["node"] = node
        wait_for(logs["node"], "Ctrl-C ends it", node)
        filming = {
            view: start(view, _camera(files[view], view, domain), signal.SIGTERM) for view in VIEWS
        }
        processes |= {f"camera {view}": process for view, process in filming.items()}
        until = time.monotonic() + 60
        while not (heard.publishers and command.subscribers) and time.monotonic() < until:
            time.sleep(0.1)
        command.publish({"command": _START})
        while not watch.ready:
            if node.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"no reward came:\n{logs['node'].read_text()}")
            time.sleep(0.1)
        samples, spent = _measure(run, processes, watch, url)
        for process in filming.values():
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        counted = _images(health)
        ended = {view: json.loads(logs[view].read_text().splitlines()[-1]) for view in VIEWS}
        figures = figures_of(watch, samples, spent, deadline=DEADLINE, rate=run.rate)
    return {
        **figures,
        "images": {view: {**ended[view], "arrived": counted[view]} for view in VIEWS},
        "lost_images": {view: ended[view]["sent"] - counted[view] for view in VIEWS},
        "node_said": logs["node"].read_text().replace("\r", "\n").strip().splitlines()[-1],
    }


def _camera(file: Path, view: str, domain: int) -> list[str]:
    return [
        sys.executable, str(HERE / "ros_camera.py"), str(file),
        "--topic", f"/camera/{view}/image_raw",
        "--rate", str(CAMERA_RATE), "--domain", str(domain),
    ]  # fmt: skip


def _measure(
    run: Run, processes: dict[str, subprocess.Popen[str]], watch: RewardWatch, url: str
) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Look at the processes once a second, and at what the service keeps every five."""
    watch.count(True)
    began, busy = time.monotonic(), busy_seconds()
    used = {name: processor_seconds(process.pid) for name, process in processes.items()}
    samples = []
    with bar(False, run.name) as show:
        for second in range(1, round(run.seconds) + 1):
            time.sleep(max(0.0, began + second - time.monotonic()))
            samples.append(
                {"at": time.monotonic() - watch.began}
                | {name: memory_mb(process.pid) for name, process in processes.items()}
            )
            if url and second % 5 == 0:
                samples[-1]["answers kept"] = kept_mb(url)
            show(second, round(run.seconds))
    watch.count(False)
    wall = time.monotonic() - began
    cores = {name: (processor_seconds(p.pid) - used[name]) / wall for name, p in processes.items()}
    all_cores = (busy_seconds() - busy) / wall
    return samples, {**cores, "others": all_cores - sum(cores.values()), "seconds": wall}


def _images(health: list[Any]) -> dict[str, int]:
    """Return how many images of each view the node says it got, once it says so twice."""
    seen, came = len(health), {}
    until = time.monotonic() + 30
    while len(health) < seen + 3 and time.monotonic() < until:
        time.sleep(0.1)
    for entry in health[-1].status:
        for view in VIEWS:
            if entry.name.endswith(f"camera {view}"):
                came[view] = int({pair.key: pair.value for pair in entry.values}["images"])
    return came
