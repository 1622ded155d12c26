"""Everything that learning depends on, taken from a running agent and given back to a new one."""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from kibble.agents.replay import PotentialReplayBuffer
from kibble.agents.scoring.kept_signals import KeptSignals

if TYPE_CHECKING:
    from kibble.agents.builders import Algorithm

__all__ = ["get_agent_state", "give_generators", "set_agent_state", "take_generators"]

Tree = dict[str, object]
_COUNTERS = ("num_timesteps", "_n_updates", "_episode_num", "_current_progress_remaining")
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def get_agent_state(agent: Algorithm) -> Tree:
    """Return networks, optimisers, counters, running observations and replay buffer.

    To be called between rollouts, when no transition is half stored.
    """
    state: Tree = {
        "counters": {name: getattr(agent, name) for name in _COUNTERS if hasattr(agent, name)},
        "policy": dict(agent.policy.state_dict()),
        "optimizers": {
            name: optimizer.state_dict() for name, optimizer in _optimizers(agent).items()
        },
        "last_obs": cast("NDArray[np.generic]", agent._last_obs),
        "last_episode_starts": agent._last_episode_starts,
        "episode_infos": list(agent.ep_info_buffer or ()),
        "episode_successes": [bool(success) for success in agent.ep_success_buffer or ()],
        "action_generator": agent.action_space.np_random.bit_generator.state,
        "pending_metrics": dict(agent.logger.name_to_value),
        "pending_counts": dict(agent.logger.name_to_count),
        "pending_exclusions": dict(agent.logger.name_to_excluded),
    }
    if isinstance(agent, OffPolicyAlgorithm):
        if agent.log_ent_coef is not None:
            state["log_ent_coef"] = agent.log_ent_coef.detach()
        assert agent.replay_buffer is not None
        state["replay"] = _get_replay(agent.replay_buffer)
    return state


def set_agent_state(agent: Algorithm, state: Tree) -> None:
    """Give a freshly built agent of the same configuration the state of another."""
    for name, value in cast("Tree", state["counters"]).items():
        setattr(agent, name, value)
    agent.policy.load_state_dict(cast("dict[str, torch.Tensor]", state["policy"]))
    if isinstance(agent, OffPolicyAlgorithm) and agent.log_ent_coef is not None:
        with torch.no_grad():
            agent.log_ent_coef.copy_(cast("torch.Tensor", state["log_ent_coef"]))
    for name, optimizer in _optimizers(agent).items():
        optimizer.load_state_dict(cast("dict[str, dict[str, object]]", state["optimizers"])[name])
    agent._last_obs = cast("NDArray[np.float32]", state["last_obs"])
    agent._last_episode_starts = cast("NDArray[np.bool_]", state["last_episode_starts"])
    window = agent._stats_window_size
    agent.ep_info_buffer = deque(cast("list[Tree]", state["episode_infos"]), maxlen=window)
    agent.ep_success_buffer = deque(cast("list[bool]", state["episode_successes"]), maxlen=window)
    generator = cast("dict[str, object]", state["action_generator"])
    agent.action_space.np_random.bit_generator.state = generator
    agent.logger.name_to_value.update(cast("dict[str, float]", state["pending_metrics"]))
    agent.logger.name_to_count.update(cast("dict[str, int]", state["pending_counts"]))
    exclusions = cast("dict[str, tuple[str, ...]]", state["pending_exclusions"])
    agent.logger.name_to_excluded.update(exclusions)
    if isinstance(agent, OffPolicyAlgorithm):
        assert agent.replay_buffer is not None
        _set_replay(agent.replay_buffer, cast("Tree", state["replay"]))


def take_generators() -> Tree:
    """Return the state of the global generators, which Stable-Baselines3 draws from."""
    state: Tree = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002  (the generator that SB3 samples with)
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def give_generators(state: Tree) -> None:
    """Put the global generators back; to be called last, right before learning goes on."""
    random.setstate(cast("tuple[object, ...]", state["python"]))
    np.random.set_state(cast("tuple[str, NDArray[np.uint32], int, int, float]", state["numpy"]))  # noqa: NPY002
    torch.set_rng_state(cast("torch.Tensor", state["torch"]))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(cast("list[torch.Tensor]", state["cuda"]))


def _optimizers(agent: Algorithm) -> dict[str, torch.optim.Optimizer]:
    if isinstance(agent, PPO):
        return {"policy": agent.policy.optimizer}
    optimizers = {"actor": agent.actor.optimizer, "critic": agent.critic.optimizer}
    if agent.ent_coef_optimizer is not None:
        optimizers["ent_coef"] = agent.ent_coef_optimizer
    return optimizers


def _get_replay(buffer: ReplayBuffer) -> Tree:
    """Return the filled part of a replay buffer."""
    filled = buffer.buffer_size if buffer.full else buffer.pos
    arrays = {name: getattr(buffer, name)[:filled] for name in _REPLAY}
    state: Tree = {"position": buffer.pos, "full": buffer.full, **arrays}
    if isinstance(buffer, PotentialReplayBuffer):
        state["interventions"] = buffer.interventions[:filled]
    kept = getattr(buffer, "kept", None)
    if isinstance(kept, KeptSignals):
        state["kept"] = kept.get_state(filled)
    return state


def _set_replay(buffer: ReplayBuffer, state: Tree) -> None:
    for name in _REPLAY:
        stored = cast("NDArray[np.generic]", state[name])
        getattr(buffer, name)[: len(stored)] = stored
    buffer.pos = cast("int", state["position"])
    buffer.full = cast("bool", state["full"])
    if isinstance(buffer, PotentialReplayBuffer) and "interventions" in state:
        buffer.restore_interventions(cast("NDArray[np.bool_]", state["interventions"]))
    kept = getattr(buffer, "kept", None)
    if isinstance(kept, KeptSignals):
        kept.set_state(cast("Tree", state["kept"]))
