"""Training by a reward service: what it costs, and what killing it three times does.

    python benchmarks/remote_training.py            # some minutes on two cores

Three runs of one seed: the reward model in process, behind `kibble serve` on this machine, and
behind one that is killed (SIGKILL) when a quarter, a half and three quarters of the budget are
spent, and started again 3 s later. All else is equal; `wait=0` holds potentials at once.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from environment import write_results

from kibble.agents.checkpoints import load_newest
from kibble.agents.episode_log import read_episodes
from kibble.agents.outage_log import read_outages

DOWN = 3.0  # s between a kill and the next start
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Service:
    """`kibble serve` on one port, as often as it is started."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["serve", "model=grm_tiny", f"port={self.port}", "quiet=true", "device=cpu"]
        self.process = subprocess.Popen([sys.executable, "-m", "kibble", *words], env=ENVIRONMENT)

    def wait(self) -> None:
        """Wait until it is ready."""
        deadline = time.monotonic() + 120.0
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise TimeoutError("the service did not become ready")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None


def train(run: Path, weights: str, given: argparse.Namespace) -> subprocess.Popen[bytes]:
    words = [
        *("train", f"task={given.task}", "reward=path", f"reward.weights='{weights}'"),
        *("reward.name=compared", f"steps={given.steps}", "n_envs=4", "seed=0", "device=cpu"),
        *("quiet=true", f"run={run}", "checkpoint_every=100000"),
    ]
    return subprocess.Popen([sys.executable, "-m", "kibble", *words], env=ENVIRONMENT)


def spent(run: Path) -> int:
    records = list(read_episodes(run / "episodes.jsonl"))
    return records[-1].steps if records else 0


def steps_of(run: Path) -> int:
    """Steps that the newest checkpoint has taken; the last is written when a run ends."""
    state = load_newest(run / "checkpoints")
    return int(state["agent"]["counters"]["num_timesteps"])  # type: ignore[index]


def report(run: Path, process: subprocess.Popen[bytes]) -> dict[str, object]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    records = list(read_episodes(run / "episodes.jsonl"))
    events = EventAccumulator(str(run / "metrics"))
    events.Reload()
    failed = events.Scalars("reward_model/failed_readings")[-1].value
    return {
        "exit_status": process.wait(),
        "steps": steps_of(run),
        "episodes": len(records),
        "steps_per_second": round(records[-1].steps / records[-1].seconds, 1),
        "failed_readings": failed,
        "outages": list(read_outages(run / "outages.jsonl")),
        "finished": (run / "model.zip").exists(),
    }


def main() -> None:
    """Run the three and write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="drawer_open")
    parser.add_argument("--steps", type=int, default=4_000)
    given = parser.parse_args()
    rows: dict[str, object] = {}
    service = Service()
    with tempfile.TemporaryDirectory() as folder:
        try:
            plain = train(Path(folder) / "plain", "grm_tiny", given)
            plain.wait()
            rows["in_process"] = report(Path(folder) / "plain", plain)
            print(json.dumps(rows), flush=True)
            service.start()
            service.wait()
            weights = f"remote@http://127.0.0.1:{service.port}/grm_tiny?wait=0"
            calm = train(Path(folder) / "calm", weights, given)
            calm.wait()
            rows["service"] = report(Path(folder) / "calm", calm)
            print(json.dumps(rows["service"]), flush=True)
            run = Path(folder) / "killed"
            killed = train(run, weights, given)
            for quarter in (1, 2, 3):
                while killed.poll() is None and spent(run) < quarter * given.steps // 4:
                    time.sleep(0.2)
                service.kill()
                time.sleep(DOWN)
                service.start()
                service.wait()
            killed.wait()
            rows["service_killed_three_times"] = report(run, killed)
        finally:
            service.kill()
    path = write_results("remote_training", {"task": given.task, "budget": given.steps, **rows})
    print(path.read_text())


if __name__ == "__main__":
    main()
