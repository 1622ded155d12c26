"""The commands about reward models: how good they are, training, adapting and serving them."""

from __future__ import annotations

from kibble.agents.command_line.command import Command

__all__ = ["MODEL_COMMANDS"]

MODEL_COMMANDS = (
    Command(
        name="benchmark",
        summary="measure how good reward models are, beside baselines that understand nothing",
        examples=(
            (
                "kibble benchmark reward=grm_tiny,time_counter,pixel_goal,random",
                "on held-out simulated clips; table, pictures and benchmark.json",
            ),
            (
                "kibble benchmark reward=grm_tiny,models/mine appearance=heldout episodes=10",
                "two models in looks that training never draws, more clips",
            ),
            (
                "kibble benchmark reward=models/mine data=data/real 'views={front: laptop}'",
                "on a LeRobot dataset of your own: what it allows, with reasons for the rest",
            ),
        ),
        schema="kibble.agents.benchmark.config:BenchmarkConfig",
        function="kibble.agents.benchmark.run:benchmark",
        graphics="maybe",
    ),
    Command(
        name="models",
        summary="list the reward models, what each needs, and which are on this machine",
        examples=(
            ("kibble models", "every model: views, history, goal, online, licence, weights"),
            ("kibble models name=topreward", "its options, where it comes from, its weights"),
        ),
        schema="kibble.agents.models.config:ModelsConfig",
        function="kibble.agents.models.report:models",
        graphics="never",
    ),
    Command(
        name="pretrain",
        summary="train the embedded reward model from simulated episodes",
        examples=(
            (
                "kibble pretrain init=grm_tiny out=models/mine steps=1600 learning_rate=1.2e-3",
                "record clips and train further, as the last stage of the shipped weights did",
            ),
            (
                "kibble pretrain 'tasks=[reach,drawer_open]' episodes_per_task=100",
                "from nothing; with the default steps this is not enough for the cube tasks",
            ),
        ),
        schema="kibble.agents.pretrain.config:PretrainConfig",
        function="kibble.agents.pretrain.run:pretrain",
    ),
    Command(
        name="pretrain_keypoints",
        summary="train the embedded keypoint network from simulated scenes",
        examples=(
            (
                "kibble pretrain_keypoints",
                "record scenes of seven tasks and train on them, as the shipped weights were",
            ),
            (
                "kibble pretrain_keypoints stage=record episodes_per_task=800 data=data/more",
                "record only; the same line again goes on where it stopped",
            ),
            (
                "kibble pretrain_keypoints stage=train data=data/more out=models/mine",
                "train on what is recorded; then `kibble train reward=keypoints@models/mine …`",
            ),
        ),
        schema="kibble.agents.keypoint_training.config:PretrainKeypointsConfig",
        function="kibble.agents.keypoint_training.run:pretrain_keypoints",
    ),
    Command(
        name="adapt",
        summary="teach a reward model a new task from one demonstration",
        examples=(
            (
                "kibble adapt demo=close.mp4 instruction='close the red drawer' out=models/close",
                "from a video; then `kibble train reward=path reward.weights=models/close …`",
            ),
            (
                "kibble adapt demo=data/drawer_close out=models/close mirror=true",
                "from the first episode of a dataset, true with left and right exchanged too",
            ),
        ),
        schema="kibble.agents.adapt.config:AdaptConfig",
        function="kibble.agents.adapt.run:adapt",
        graphics="maybe",
    ),
    Command(
        name="traps",
        summary="train every shaping mode where the reward model is wrong, and see who farms it",
        examples=(
            (
                "kibble traps",
                "six small worlds, five modes, three seeds: table, picture and traps.json",
            ),
            (
                "kibble traps traps=poster,ditch modes=difference,potential 'seeds=[0]'",
                "where the difference of potentials goes astray, in a minute",
            ),
        ),
        schema="kibble.agents.traps.config:TrapsConfig",
        function="kibble.agents.traps.run:traps",
        graphics="never",
    ),
    Command(
        name="serve",
        summary="serve reward models to other processes and machines, batched across clients",
        examples=(
            ("kibble serve", "the shipped model on this machine, at port 8300"),
            (
                "kibble serve 'model={tiny: grm_tiny, mine: models/mine}' port=9000",
                "two models under names of your own",
            ),
            (
                "kibble serve model=grm_tiny host=0.0.0.0 certificate=cert.pem key=key.pem",
                "for other machines, by https; clients bring the token of KIBBLE_TOKEN",
            ),
            (
                "kibble serve replicas=4",
                "four processes by Ray; ray=auto gpus=1 takes a cluster (docs/scale_out.md)",
            ),
        ),
        schema="kibble.agents.serve.config:ServeConfig",
        function="kibble.agents.serve.run:serve",
        graphics="never",
        notes=(
            "Train against it with `kibble train reward=remote "
            "reward.weights=remote@http://127.0.0.1:8300/grm_tiny`, and name it so wherever a "
            "reward model is asked for. GET /health answers 200 once every model has read a real "
            "frame on its device, GET /metrics has figures for Prometheus.",
            "It listens to this machine alone unless host= says otherwise, and then only with a "
            "token: `export KIBBLE_TOKEN=$(python -c 'import secrets; "
            "print(secrets.token_urlsafe())')` on both ends. SIGTERM and Ctrl-C let requests that "
            "are under way end first.",
        ),
    ),
)
"""In the order in which help lists them."""
