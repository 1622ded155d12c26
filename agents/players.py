"""What acts in an evaluation: the trained agent of a run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv

from kibble.agents.action_chunks import in_chunks
from kibble.agents.agent_config import OffPolicyConfig
from kibble.agents.builders import build_agent
from kibble.agents.checkpoints import load_newest
from kibble.agents.config import VISUAL_OBSERVATIONS, TrainConfig
from kibble.agents.embedding_model import embedding_model
from kibble.agents.environments import make_environment, make_observed
from kibble.agents.observations import EmbeddedObservation, embed_observations
from kibble.agents.run_directory import RunDirectory
from kibble.rewards.errors import CheckpointError
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

__all__ = ["TrainedPlayer"]


@final
class TrainedPlayer:
    """The agent of a run, as its newest checkpoint has it.

    Args:
        config: The run.
        directory: Where its checkpoints are.
        model: The reward model whose embedding the agent observes, if it does.
        device: Where networks live.
        deterministic: Whether it acts by its mode instead of sampling.

    Raises:
        CheckpointError: If there is no whole checkpoint.
        ConfigError: If it sees an embedding and the model gives none.
    """

    def __init__(
        self,
        config: TrainConfig,
        directory: RunDirectory,
        model: RewardModel | None,
        *,
        device: torch.device,
        deterministic: bool = True,
    ) -> None:
        state = load_newest(directory.checkpoints)
        if state is None:
            raise CheckpointError(
                f"'{directory.path}' must hold a checkpoint, got none: the run was stopped before "
                f"its first; go on with kibble train run={directory.path} resume=true."
            )
        small = config.agent
        if isinstance(small, OffPolicyConfig):
            small = dataclasses.replace(small, buffer_size=1)
        self._embedder = embedding_model(model, config.observation)
        venv = _one_environment(config, model)
        agent = build_agent(
            small, venv, seed=config.seed, device=device, observation=config.observation
        )
        venv.close()
        saved = cast("dict[str, object]", state["agent"])
        agent.policy.load_state_dict(cast("dict[str, torch.Tensor]", saved["policy"]))
        self._policy = agent.policy
        self._deterministic = deterministic
        self.steps = int(cast("dict[str, int]", saved["counters"])["num_timesteps"])

    def act(self, observations: list[object]) -> NDArray[np.generic]:
        """Return one action for each observation."""
        if self._embedder is not None:
            rows = cast("list[dict[str, NDArray[np.generic]]]", observations)
            stacked = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
            batch: NDArray[np.generic] = embed_observations(stacked, self._embedder)
        else:
            batch = np.stack(cast("list[NDArray[np.generic]]", observations))
        actions, _ = self._policy.predict(batch, deterministic=self._deterministic)
        return cast("NDArray[np.generic]", actions)


def _one_environment(config: TrainConfig, model: RewardModel | None) -> VecEnv:
    """Build one environment, for its spaces."""
    spec = None if model is None else model.spec
    renders = config.observation in VISUAL_OBSERVATIONS
    venv: VecEnv = DummyVecEnv(
        [
            lambda: make_observed(
                in_chunks(make_environment(config.task, renders=renders), config.agent),
                config.observation,
                spec,
            )
        ]
    )
    embedder = embedding_model(model, config.observation)
    return venv if embedder is None else EmbeddedObservation(venv, embedder)
