"""Transforms of shaped rewards: pure functions of signals, to be composed.

Those of the *potential* map Phi(s) and Phi(s') by the same function of what is known at each
state, so under the mode ``potential`` the optimal policies stay as they are. Those of the *terms*
change or add named terms; each says what it does to the optimum.
"""

from __future__ import annotations

from kibble.rewards.transforms.clip import Clip
from kibble.rewards.transforms.composition import ComposedRule, PotentialTransform, TermTransform
from kibble.rewards.transforms.confidence import ConfidentPotential, ConfidentTerms
from kibble.rewards.transforms.delta import Delta
from kibble.rewards.transforms.gate import Gate
from kibble.rewards.transforms.gold import Gold
from kibble.rewards.transforms.lexicographic import Lexicographic
from kibble.rewards.transforms.log import Log
from kibble.rewards.transforms.potential import PotentialShaping
from kibble.rewards.transforms.preference import Preference
from kibble.rewards.transforms.soft_penalties import SoftPenalties
from kibble.rewards.transforms.success_bonus import SuccessBonus
from kibble.rewards.transforms.variance import SteadyPotential, SteadyTerms

__all__ = [
    "Clip",
    "ComposedRule",
    "ConfidentPotential",
    "ConfidentTerms",
    "Delta",
    "Gate",
    "Gold",
    "Lexicographic",
    "Log",
    "PotentialShaping",
    "PotentialTransform",
    "Preference",
    "SoftPenalties",
    "SteadyPotential",
    "SteadyTerms",
    "SuccessBonus",
    "TermTransform",
]
