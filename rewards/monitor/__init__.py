"""Watches whether a learned reward is farmed instead of earned."""

from kibble.rewards.monitor.finding import Finding, Severity
from kibble.rewards.monitor.hacking_monitor import DETECTORS, HackingMonitor
from kibble.rewards.monitor.over_episodes import WatchedEpisode
from kibble.rewards.monitor.thresholds import Thresholds

__all__ = ["DETECTORS", "Finding", "HackingMonitor", "Severity", "Thresholds", "WatchedEpisode"]
