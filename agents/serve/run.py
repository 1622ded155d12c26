"""``kibble serve``: what has to be settled before torch is imported."""

from __future__ import annotations

import os

from kibble.agents.serve.config import ServeConfig

__all__ = ["serve"]


def serve(config: ServeConfig) -> None:
    """Serve until SIGINT or SIGTERM: the command ``kibble serve``.

    Raises:
        ConfigError: If a setting is not usable.
        WeightsError: If no model could be opened.
    """
    # Threads of torch that wait in a loop take the cores from those that receive requests: two on
    # two busy cores were six times slower. OpenMP reads this when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from kibble.agents.serve.serving import run_service

    run_service(config)
