"""The commands of ``kibble``: one row each, imported only when run."""

from __future__ import annotations

from collections.abc import Sequence

from kibble.agents.command_line.command import Command
from kibble.agents.command_line.model_commands import MODEL_COMMANDS
from kibble.agents.command_line.ros_commands import ROS_COMMANDS

__all__ = ["COMMANDS", "split_command"]

_ROWS = (
    Command(
        name="train",
        summary="train an agent on a task, guided by a reward model",
        examples=(
            (
                "kibble train task=drawer_open steps=10000",
                "open a drawer with the shipped reward model, SAC and seed 0",
            ),
            (
                "kibble train task=drawer_open steps=10000 reward=sparse",
                "the same budget without a reward model, to compare with",
            ),
            (
                "kibble train task=push demonstrations=data/push shaping=difference",
                "a task that chance does not solve: learn from `kibble demos task=push` too",
            ),
            (
                "kibble train task=drawer_open agent=ppo shaping=none run=runs/drawer",
                "another algorithm, no shaping, a run directory of your own",
            ),
            (
                "kibble train task=push demonstrations=data/push agent=ppo "
                "agent.warm_start_steps=1000 agent.critic_warmup_steps=2000 rollouts=150",
                "begin as the demonstrations act, judge before changing, end after 150 episodes",
            ),
            (
                "kibble train task=drawer_open agent=ppo scoring.kind=deferred "
                "scoring.store_mb=200",
                "read frames late in large batches; keep them for a model that is adapted later",
            ),
            (
                "kibble train task=push 'shaping.transforms="
                "[{name: variance},{name: gold, votes: 3, of: 5}]'",
                "trust steady readings more, and pay success that three of five readings agree on",
            ),
            (
                "kibble train task=drawer_open agent=ppo shaping=absolute blend.learn=true",
                "learn how much the model's reward may count, by what it does for success",
            ),
            (
                "kibble train task=robot task.options.file=my_arm.yaml observation=relative "
                "rollouts=150",
                "a robot behind ROS 2 topics; rehearse with `kibble ros simulate`",
            ),
            (
                "kibble train task=push 'reward.also=[models/mine]' reward.combine=product",
                "two reward models that must agree",
            ),
            (
                "kibble train task=push reward=keypoints 'reward.also=[grm_tiny]' "
                "reward.combine=weighted 'reward.shares=[3,1]'",
                "keypoints that the sentence names, and a process reward that weighs a quarter",
            ),
            (
                "kibble train task=drawer_open 'reward=clip@openai/clip-vit-base-patch32?"
                "goal=an open drawer&baseline=a drawer&low=null' shaping.scale=10",
                "a published reward model with weights and options (kibble models lists them)",
            ),
            (
                "kibble train task=drawer_open reward=remote "
                "'reward.weights=remote@http://127.0.0.1:8300/grm_tiny?wait=60'",
                "a model that `kibble serve` offers; the run survives its restarts",
            ),
            (
                "kibble train task=drawer_open reward=grm reward.goal=open.png",
                "one that needs a picture of the finished scene",
            ),
            ("kibble train run=runs/drawer resume=true", "go on with a run that was stopped"),
        ),
        schema="kibble.agents.config:TrainConfig",
        function="kibble.agents.train:train",
        graphics="maybe",
    ),
    Command(
        name="evaluate",
        summary="measure the success rate of trained runs",
        examples=(
            (
                "kibble evaluate run=runs/push-grm_tiny-sac-seed0",
                "100 episodes of each seed, table, plots, films and evaluation.json",
            ),
            (
                "kibble evaluate 'run=[runs/drawer,runs/sparse]' episodes=20 'seeds=[0,1,2]'",
                "two runs side by side, three seeds each",
            ),
            (
                "kibble evaluate run=runs/sparse 'judge=clip?baseline=a drawer'",
                "let any reward model judge, beside the truth",
            ),
        ),
        schema="kibble.agents.config:EvaluateConfig",
        function="kibble.agents.evaluate:evaluate",
        graphics="maybe",
    ),
    Command(
        name="sweep",
        summary="train a grid of tasks, rewards and seeds, several at once, and report on it",
        examples=(
            (
                "kibble sweep task=reach,drawer_open reward=grm_tiny,sparse seed=0,1,2 "
                "rollouts=150 out=runs/first",
                "12 runs, as many at once as fit; report.md with table and pictures",
            ),
            (
                "kibble sweep out=runs/first",
                "go on where it stopped: nothing that is finished is done again",
            ),
            (
                "kibble sweep out=runs/first task=reach,drawer_open reward=grm_tiny "
                "shaping=difference,absolute 'seed=range(3)' rollouts=150",
                "add six pairs of settings to the same report",
            ),
            (
                "kibble sweep task=push,stack seed=0,1 'demonstrations=data/${task.name}' "
                "agent.gamma=0.8,0.9 jobs=2",
                "any key of `kibble train` may take several values; others depend on them",
            ),
            (
                "kibble sweep out=runs/first hydra/launcher=submitit_slurm "
                "hydra.launcher.partition=cpu",
                "on a cluster, by a launcher plugin of Hydra",
            ),
            ("kibble sweep report=runs/first window=50", "write the report anew, smoother curves"),
        ),
        schema="kibble.agents.sweep.config:SweepConfig",
        function="kibble.agents.sweep.run:sweep",
        graphics="maybe",
        hands_on_to="train",
        notes=(
            "All groups and keys of `kibble train` may stand in a sweep, with one value or with "
            "several: key=a,b,c or key=range(5) or group=glob(*), as in Hydra's multirun. Every "
            "combination is trained in a process of its own and then evaluated. A run that fails "
            "is named with its reason, the others go on, and the exit status is 1; the same line "
            "again, or out= alone, tries what is missing and goes on from checkpoints. A sparse "
            "reward is trained once, whatever modes of shaping the grid has.",
            "Launchers of Hydra take the runs where hydra/launcher= names one: `pip install "
            "hydra-submitit-launcher` for submitit_slurm and submitit_local, "
            "hydra-joblib-launcher for joblib. Settings are hydra.launcher.NAME=…; out must be on "
            "a file system that the jobs see, and jobs= has no meaning then.",
        ),
    ),
    Command(
        name="demo",
        summary="train shaped and sparse agents at one budget and compare them",
        examples=(("kibble demo", "about ten minutes on two cores; says where the pictures are"),),
        schema="kibble.agents.config:DemoConfig",
        function="kibble.agents.demo:demo",
    ),
    Command(
        name="demos",
        summary="record demonstrations of a task by its scripted expert",
        examples=(
            ("kibble demos task=push episodes=20", "20 episodes in data/push"),
            (
                "kibble demos task=stack episodes=50 'task.views=[front]' out=data/stack_front",
                "one view only; the same line again goes on where it stopped",
            ),
            (
                "kibble demos task=push episodes=100 video=true out=data/push_video",
                "frames as video: smaller, not lossless; a LeRobot dataset (v3.0) either way",
            ),
        ),
        schema="kibble.agents.demonstrations.config:DemosConfig",
        function="kibble.agents.demonstrations.recorder:record",
    ),
    Command(
        name="render",
        summary="draw a contact sheet of what the cameras see in a task",
        examples=(
            ("kibble render task=push", "three seeds, every view, five moments each"),
            (
                "kibble render task=peg_insert episodes=1 moments=8 'task.image_size=[192,192]'",
                "one episode, larger, more moments",
            ),
        ),
        schema="kibble.agents.contact_sheet.config:RenderConfig",
        function="kibble.agents.contact_sheet.render:render",
    ),
    Command(
        name="keypoints",
        summary="click keypoints on a picture, or look at those that a proposer marks",
        examples=(
            (
                "kibble keypoints input=start.png instruction='push the red cube onto the pad'",
                "open a page on this machine, click, save; keypoints-start.yaml is the reward's",
            ),
            (
                "kibble keypoints 'input={front: a.mp4, side: b.mp4}' out=marks.yaml",
                "the first frames of two cameras, so that points can be placed in space",
            ),
            (
                "kibble keypoints task=push seed=3 proposer=marks.yaml browser=false",
                "a simulated scene, beginning with points that exist; prints the address alone",
            ),
            (
                "kibble keypoints task=push show=proposals scenes=12 appearance=heldout",
                "a contact sheet of what the embedded network marks, with its errors",
            ),
        ),
        schema="kibble.agents.keypoints.config:KeypointsConfig",
        function="kibble.agents.keypoints.run:keypoints",
        graphics="maybe",
        notes=(
            "Train with what was clicked by `kibble train reward=keypoints@marks.yaml`. Points "
            "that are marked in two calibrated views are placed in metres; docs/keypoints.md says "
            "how to calibrate.",
        ),
    ),
    Command(
        name="calibrate",
        summary="find where a camera stands from points clicked in its picture, and look at it",
        examples=(
            (
                "kibble calibrate camera=usb_cam.yaml points=points.yaml picture=front.png "
                "view=front",
                "writes calibration/front.yaml, and a picture with a grid on the table",
            ),
            (
                "kibble calibrate camera=calibration/front.yaml picture=today.png",
                "draw a calibration that exists: does the grid still lie on the table?",
            ),
        ),
        schema="kibble.agents.calibrate.config:CalibrateConfig",
        function="kibble.agents.calibrate.run:calibrate",
        graphics="never",
        notes=(
            "The folder, with a file for every view, is what `kibble train "
            "'reward=keypoints?calibration=calibration'` takes.",
        ),
    ),
    Command(
        name="score",
        summary="read a recording with reward models: figures, film and an interactive page",
        examples=(
            (
                "kibble score input=push.mp4 instruction='push the red cube onto the green pad'",
                "progress, hop, success and confidence per frame; a page to look at in a browser",
            ),
            (
                "kibble score 'input=[a.mp4,b.mp4]' 'views=[front,wrist]' instruction='open the "
                "drawer' reward=[grm_tiny,random]",
                "two cameras of one episode, two reward models in one picture",
            ),
            (
                "kibble score input=push.mp4 instruction='push the red cube' "
                "'reward=[grm_tiny,topreward@Qwen/Qwen3-VL-4B-Instruct?frame_rate=10]'",
                "a published reward model beside the shipped one (kibble models lists them)",
            ),
            (
                "kibble score input=data/push episode=3 'views={front: cam_high}'",
                "an episode of a LeRobot dataset, which brings its instruction",
            ),
            (
                "kibble score input=runs/push-grm_tiny-sac-seed0",
                "let the run's agent play an episode, with the simulator's progress beside",
            ),
            (
                "kibble score 'collection=videos/*.mp4' instruction='push the red cube' "
                "out=scores/pushes",
                "many recordings side by side, by Ray, into one table; again goes on",
            ),
        ),
        schema="kibble.agents.score.config:ScoreConfig",
        function="kibble.agents.score.run:score",
        graphics="maybe",
    ),
    *MODEL_COMMANDS,
    *ROS_COMMANDS,
    Command(
        name="doctor",
        summary="check graphics, torch, versions and disk, and say what to mend",
        examples=(
            ("kibble doctor", "a table; exit status 1 if something needed is broken"),
            ("kibble doctor format=json", "the same for a machine to read"),
        ),
        schema="kibble.agents.doctor.config:DoctorConfig",
        function="kibble.agents.doctor.report:doctor",
        graphics="never",
    ),
)

COMMANDS: dict[str, Command] = {row.name: row for row in _ROWS}
"""Name to command, in the order in which help lists them."""


def split_command(words: Sequence[str]) -> tuple[Command | None, Sequence[str]]:
    """Part the words after ``kibble`` into a command, of one word or two, and the rest.

    Returns:
        The command, or None where the words name none, and the words that follow it.

    >>> split_command(["doctor", "format=json"])[1]
    ['format=json']
    """
    for count in (2, 1):
        name = " ".join(words[:count])
        if len(words) >= count and name in COMMANDS:
            return COMMANDS[name], words[count:]
    return None, words
