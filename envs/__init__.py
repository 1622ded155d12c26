"""Gymnasium environments, cameras and wrappers."""

from kibble.envs.frames import CaptureFrames, FrameSource, RenderedFrames, frame_source
from kibble.envs.hard_termination import HardTermination
from kibble.envs.mujoco_frames import MujocoFrames
from kibble.envs.registration import register
from kibble.envs.shaped_reward import ShapedReward
from kibble.envs.vector_shaped_reward import VectorShapedReward

__all__ = [
    "CaptureFrames",
    "FrameSource",
    "HardTermination",
    "MujocoFrames",
    "RenderedFrames",
    "ShapedReward",
    "VectorShapedReward",
    "frame_source",
    "register",
]

register()
