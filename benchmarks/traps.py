"""Every shaping mode where the reward model is wrong; also draws the picture of the README.

python benchmarks/traps.py      # about four minutes on two idle cores
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from environment import write_results

from kibble.agents.traps.config import TrapsConfig
from kibble.agents.traps.picture import draw_traps
from kibble.agents.traps.results import as_json
from kibble.agents.traps.run import run_traps, settings_of

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "traps.png"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=0)
    config = TrapsConfig(jobs=parser.parse_args().jobs)
    began = time.perf_counter()
    results = run_traps(config)
    seconds = round(time.perf_counter() - began, 1)
    figures = as_json(results, settings_of(config))
    print(write_results("traps", {"seconds": seconds, **figures}))
    draw_traps(results, PICTURE)


if __name__ == "__main__":
    main()
