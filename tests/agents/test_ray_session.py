"""A cluster that is not there is said at once, before Ray tries for minutes."""

from __future__ import annotations

import socket
from importlib.util import find_spec

import pytest

from kibble.agents.ray_session import ray_session
from kibble.rewards.errors import ConfigError


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")
def test_an_address_where_no_cluster_answers_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with (
            pytest.raises(ConfigError, match=rf"got {address} where none answers \(.*refused"),
            ray_session(address),
        ):
            pass
