"""Looks of episodes: what they change, and what they must leave alone."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from kibble.envs.registration import ENVIRONMENTS
from kibble.envs.tabletop import Appearance, TabletopEnv
from kibble.envs.tabletop.appearance import TEXTURES
from kibble.envs.tabletop.palette import PALETTE
from kibble.rewards.errors import ConfigError

BARE = Appearance(band=(0.0, 0.0), textures=("plain",), most_distractors=0)


def made(task="pick_place", appearance=None, **arguments):
    return TabletopEnv(task, image_size=(48, 48), appearance=appearance, **arguments)


def pictures(env, seed=3):
    env.reset(seed=seed)
    return env.frames(["front", "wrist", "side", "top"])


@pytest.mark.parametrize("task", sorted({task for task, _ in ENVIRONMENTS.values()}))
def test_a_look_without_offsets_is_the_plain_scene(task):
    plain, dressed = made(task), made(task, BARE)
    for _ in range(2):
        first, second = pictures(plain), pictures(dressed)
        for view, frames in first.items():
            np.testing.assert_array_equal(frames, second[view])
    plain.close()
    dressed.close()


@pytest.mark.parametrize("task", ["reach", "stack"])
def test_a_look_changes_the_pictures_and_nothing_that_happens(task):
    plain, dressed = made(task), made(task, Appearance.training())
    rng = np.random.default_rng(0)
    for seed in (0, None, None):
        observation, info = plain.reset(seed=seed)
        same, same_info = dressed.reset(seed=seed)
        np.testing.assert_array_equal(observation, same)
        assert info == same_info
        for _ in range(5):
            action = rng.uniform(-1, 1, 4).astype(np.float32)
            np.testing.assert_array_equal(plain.step(action)[0], dressed.step(action)[0])
        for view in ("front", "wrist"):
            assert not np.array_equal(plain.frames()[view], dressed.frames()[view])
    assert plain.look is None
    plain.close()
    dressed.close()


def test_the_seed_decides_the_look():
    env = made(appearance=Appearance.training())
    first, again, other = pictures(env), pictures(env), pictures(env, seed=4)
    for view, frames in first.items():
        np.testing.assert_array_equal(frames, again[view])
        assert not np.array_equal(frames, other[view])
    env.close()


@pytest.mark.parametrize("seed", range(20))
def test_heldout_looks_lie_outside_of_the_training_looks(seed):
    views = ("front", "wrist")
    seen = Appearance.training().draw(np.random.default_rng(seed), views)
    unseen = Appearance.heldout().draw(np.random.default_rng(seed), views)
    assert set(seen.offsets) == set(unseen.offsets)
    for name, offsets in seen.offsets.items():
        assert (np.abs(offsets) <= 1.0).all()
        assert (np.abs(unseen.offsets[name]) > 1.0).all()
    assert not set(seen.textures.values()) & set(unseen.textures.values())
    assert not {thing.shape for thing in seen.distractors} & {
        thing.shape for thing in unseen.distractors
    }


def test_the_camera_reports_where_it_was_moved():
    plain, dressed = made(), made(appearance=Appearance.training())
    plain.reset(seed=0)
    dressed.reset(seed=0)
    for view in ("front", "wrist"):
        a, b = plain.camera(view), dressed.camera(view)
        moved = np.linalg.inv(a.extrinsics)[:3, 3] - np.linalg.inv(b.extrinsics)[:3, 3]
        assert 0.0 < np.abs(moved).max() <= (0.025 if view == "front" else 0.003) + 1e-9
        assert a.intrinsics[0, 0] != b.intrinsics[0, 0]


@pytest.mark.parametrize("appearance", [Appearance.training(), Appearance.heldout()])
def test_a_shade_stays_nearest_to_its_own_name(appearance):
    env = made("pick_place", appearance)
    names = list(PALETTE)
    palette = np.array([PALETTE[name] for name in names])  # (C, 3)
    for seed in range(30):
        env.reset(seed=seed)
        for slot, colour in env.colours.items():
            rgb = env.world.model.geom(env.task.geoms(slot)[0]).rgba[:3]
            assert names[int(np.linalg.norm(palette - rgb, axis=1).argmin())] == colour


def test_distractors_stand_beside_the_workspace():
    env = made(appearance=Appearance(most_distractors=4))
    shown = 0
    for seed in range(20):
        env.reset(seed=seed)
        for i in range(4):
            geom = env.world.model.geom(f"distractor_{i}")
            if geom.rgba[3] > 0.0:
                shown += 1
                assert abs(geom.pos[1]) >= 0.29 or geom.pos[0] >= 0.69
                assert geom.contype == geom.conaffinity == 0
    assert shown > 20


def test_every_texture_can_be_worn():
    env = made("reach", Appearance(textures=("plain",), band=(0, 0), most_distractors=0))
    plain = pictures(env)["front"]
    env.close()
    seen = [plain]
    for texture in TEXTURES:
        env = made("reach", Appearance(textures=(texture,), band=(0, 0), most_distractors=0))
        seen.append(pictures(env)["front"])
        env.close()
    assert len({frames.tobytes() for frames in seen}) == len(TEXTURES) + 1


def test_a_state_is_shown_in_the_look_that_is_there():
    env = made(appearance=Appearance.training())
    env.reset(seed=0)
    before, state = env.frames()["front"], env.get_state()
    env.step(np.ones(4, np.float32))
    env.set_state(state)
    np.testing.assert_array_equal(env.frames()["front"], before)
    env.close()


def test_gymnasium_makes_it():
    env = gym.make("kibble/Reach-v0", appearance=Appearance.training())
    env.reset(seed=0)
    assert env.unwrapped.look is not None
    env.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"band": (0.5, 0.2)}, r"`band` must be two rising numbers in \[0, 2\]"),
        ({"textures": ("velvet",)}, "`textures` must be some of plain, checker"),
        ({"shapes": ()}, "`shapes` must be some of box"),
        ({"most_distractors": 5}, r"`most_distractors` must lie in \[0, 4\], got 5"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Appearance(**arguments)
