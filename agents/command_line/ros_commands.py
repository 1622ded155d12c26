"""The commands about robots on ROS 2: `kibble ros …`."""

from __future__ import annotations

from kibble.agents.command_line.command import Command

__all__ = ["ROS_COMMANDS"]

ROS_COMMANDS: tuple[Command, ...] = (
    Command(
        name="ros simulate",
        summary="run a simulated robot behind ROS 2 topics, to rehearse or to learn on",
        examples=(
            ("kibble ros simulate", "the Reach task, two cameras at 30 Hz, in real time"),
            (
                "kibble ros simulate task=push 'views=[front,side]' image_size=[480,640] domain=7",
                "another task, larger pictures, a ROS domain of its own",
            ),
        ),
        schema="kibble.agents.ros.simulate_config:SimulateConfig",
        function="kibble.agents.ros.simulate:simulate",
        notes=(
            "It listens to /command/twist (m/s in the base frame; a command holds for "
            "command_timeout), /command/gripper, /emergency_stop and /robot/reset, and publishes "
            "/camera/<view>/image_raw and camera_info, /joint_states, /hand_pose, "
            "/objects/<role>, /task/observation, /task/success, /task/instruction, /robot/ready "
            "and /clock. The hand moves at up to 0.4 m/s along each axis.",
            "To rehearse failures, publish words on /simulator/fault (std_msgs/msg/String): "
            "`front off`, `front half`, `front encoding bayer_rggb16`, `front 4k`, `front twice`, "
            "`front swap`, `front frozen`, `front second`, `clock back 5`, and `all ok` to end "
            "them.",
        ),
    ),
    Command(
        name="ros node",
        summary="turn camera topics of ROS 2 into a reward topic, without ROS installed",
        examples=(
            (
                "kibble ros node reward=grm_tiny 'cameras={front: /camera/image_raw}' "
                "instruction='open the drawer' auto_start=true",
                "one camera, the shipped reward model in this process; rewards on "
                "/reward_node/reward",
            ),
            (
                "kibble ros node params=two_cameras.yaml rate=5 domain=7",
                "a ROS parameter file, one of its values overridden, a ROS domain of its own",
            ),
            (
                "kibble ros node reward=remote@http://127.0.0.1:8300/grm_tiny 'cameras={front: "
                "{topic: /camera/image_raw/compressed, transport: compressed, rate: 15}}'",
                "the model of `kibble serve`, JPEG images; an episode starts by ~/start_episode",
            ),
        ),
        schema="kibble.agents.ros.node_config:NodeConfig",
        function="kibble.agents.ros.node:run_node",
        notes=(
            "Below the node's name lie the topics ~/reward, ~/keypoints and ~/command and the "
            "services ~/set_task, ~/start_episode, ~/end_episode and ~/confirm_outcome; health is "
            "on /diagnostics. A reward that is not OK holds the potential and says why in "
            "status_text. A camera that is silent, a service that has gone, images that cannot "
            "be read: the node says so and goes on.",
        ),
    ),
    Command(
        name="ros camera",
        summary="publish a USB camera or a video as a ROS 2 image topic, without ROS",
        examples=(
            ("kibble ros camera", "/dev/video0 at 640x480 on /camera/front/image_raw"),
            (
                "kibble ros camera input=/dev/video2 view=wrist compressed=true rate=15",
                "a second camera, JPEG on /camera/wrist/image_raw/compressed",
            ),
            (
                "kibble ros camera input=push.mp4 loop=false",
                "a recording in real time, to rehearse without a camera",
            ),
        ),
        schema="kibble.agents.ros.camera_config:CameraConfig",
        function="kibble.agents.ros.camera:camera",
        graphics="never",
    ),
    Command(
        name="ros say",
        summary="say what a human has to: ready, success, failure, stop or release",
        examples=(
            ("kibble ros say ready", "the scene is reset, the robot may move"),
            ("kibble ros say success domain=7", "the task is done; the episode ends"),
            ("kibble ros say failure", "the episode ends as failed"),
            ("kibble ros say stop", "press the emergency stop of the topic /emergency_stop"),
            ("kibble ros say release", "release it; the next reset lets the robot go"),
        ),
        schema="kibble.agents.ros.say_config:SayConfig",
        function="kibble.agents.ros.say:say",
        graphics="never",
        first_word="word",
        notes=(
            "It waits until somebody listens, and fails if nobody does. A stop by software is no "
            "substitute for the robot's own emergency stop.",
        ),
    ),
    Command(
        name="ros record",
        summary="record topics into a bag, MCAP or SQLite, without ROS",
        examples=(
            ("kibble ros record output=bags/run.mcap", "every topic of the domain, until Ctrl-C"),
            (
                "kibble ros record 'topics=[/camera/*,/task/*,/kibble/*]' output=run.db3 "
                "duration=60",
                "some topics, for a minute, into SQLite",
            ),
        ),
        schema="kibble.agents.ros.record_config:RecordConfig",
        function="kibble.agents.ros.record:record",
        graphics="never",
        notes=(
            "Messages are written as they come, byte for byte, so memory does not grow. A file "
            "gets its name when it is complete; one whose recorder was killed is left in "
            "<name>.part, and `kibble score` reads that of an MCAP bag too.",
        ),
    ),
    Command(
        name="ros convert",
        summary="turn a ROS 2 bag into a LeRobot dataset, or a dataset into a bag",
        examples=(
            (
                "kibble ros convert input=run.mcap output=data/run",
                "an episode for each in the bag",
            ),
            (
                "kibble ros convert input=run.mcap output=data/run "
                "'views={front: /camera/front/image_raw}' 'state=[/joint_states.position]' "
                "'action=[/command/twist.twist.linear,/command/gripper.data]' fps=10 "
                "image_size=[96,96]",
                "chosen topics and fields, at 10 rows a second",
            ),
            ("kibble ros convert input=data/push output=push.mcap", "the other way round"),
        ),
        schema="kibble.agents.ros.convert_config:ConvertConfig",
        function="kibble.agents.ros.convert:convert",
        graphics="never",
        notes=(
            "Episodes of a bag are told by kibble_msgs/Reward, else by EpisodeCommand, else by "
            "/robot/reset; a bag with none of these is one. The task is what they say, or "
            "/task/instruction.",
        ),
    ),
    Command(
        name="ros demo",
        summary="run all of this on a simulated robot: node, training, recording, scored bag",
        examples=(
            ("kibble ros demo", "some minutes; says where table, curve, bag and page are"),
            ("kibble ros demo steps=4000 helped=0", "nobody helps: it takes longer to learn"),
        ),
        schema="kibble.agents.ros.demo_config:RosDemoConfig",
        function="kibble.agents.ros.demo:ros_demo",
        graphics="always",
        notes=(
            "It starts `kibble serve`, `kibble ros simulate`, `kibble ros node`, `kibble train "
            "task=robot`, `kibble ros record`, `kibble evaluate` and `kibble score` in processes "
            "of their own, whose logs lie in out/logs. They speak over DDS within this machine.",
        ),
    ),
)
"""In the order in which help lists them."""
