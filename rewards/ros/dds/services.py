"""Services of ROS over DDS, as Cyclone DDS's middleware for ROS does them.

A service is two topics, ``rq/<name>Request`` and ``rr/<name>Reply``. Each sample begins with the
client's id (uint64) and the request's number (int64), which the reply repeats. Who belongs
together is said in the user data (``clientid=…;``, ``serviceid=…;``), so that a reply is not sent
before the client can hear it.

Other middlewares of ROS write this header otherwise; services of theirs do not answer.
"""

from __future__ import annotations

import itertools
import logging
import struct
import time
from collections.abc import Callable
from typing import Any, final

from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.util import duration

from kibble.rewards.errors import ServiceAwayError
from kibble.rewards.ros.dds.listening import Listening
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.participant import Participant
from kibble.rewards.ros.dds.quality import dds_qos, user_data_of
from kibble.rewards.ros.dds.raw_types import service_type
from kibble.rewards.ros.qos import STATE
from kibble.rewards.ros.transport import Fields

__all__ = ["DdsService", "call_service"]

_logger = logging.getLogger(__name__)
_HEADER = struct.Struct("<Qq")
_ENCAPSULATION = 4  # bytes of CDR before what it says
_POLL = 0.005  # s between looks whether the other side is there
_PATIENCE = 1.0  # s that a reply waits for its client's reader
_sequence = itertools.count(1)


def _endpoints(
    participant: Participant, service: str, type_name: str, *, own_id: str, serving: bool
) -> tuple[DataReader[Any], DataWriter[Any]]:
    types = message_types()
    request = (f"rq{service}Request", types.check(f"{type_name}_Request"))
    reply = (f"rr{service}Reply", types.check(f"{type_name}_Response"))
    read, written = (request, reply) if serving else (reply, request)

    def topic_and_qos(side: tuple[str, str]) -> tuple[Any, Any]:
        qos = dds_qos(STATE, type_hash=types.hash_of(side[1]), extra=own_id)
        return participant.topic(side[0], service_type(side[1])), qos

    writer: DataWriter[Any] = DataWriter(participant.entity, *topic_and_qos(written))
    reader: DataReader[Any] = DataReader(participant.entity, *topic_and_qos(read))
    participant.enter(reader=reader, writer=writer)
    return reader, writer


def _own_id(participant: Participant, key: str) -> str:
    """Return the user data that marks endpoints which belong together."""
    guid = participant.entity.guid.bytes[:12] + next(_sequence).to_bytes(4, "big")
    return f"{key}={'.'.join(f'{byte:x}' for byte in guid)};"


def _pack(raw: bytes, client: int, sequence: int) -> bytes:
    return raw[:_ENCAPSULATION] + _HEADER.pack(client, sequence) + raw[_ENCAPSULATION:]


def _unpack(raw: bytes) -> tuple[bytes, int, int]:
    little = raw[1] & 1
    client, sequence = struct.unpack_from("<Qq" if little else ">Qq", raw, _ENCAPSULATION)
    return raw[:_ENCAPSULATION] + raw[_ENCAPSULATION + _HEADER.size :], client, sequence


@final
class DdsService:
    """A service that is offered.

    Args:
        participant: The node.
        service: Its absolute name.
        type_name: Its type, for example ``std_srvs/srv/Trigger``.
        answer: Makes the response's fields of a request.

    Raises:
        ConfigError: If the type is not known.
    """

    def __init__(
        self,
        participant: Participant,
        service: str,
        *,
        type_name: str,
        answer: Callable[[object], Fields],
    ) -> None:
        self._participant = participant
        self._type_name = type_name
        self._service = service
        self._answer = answer
        self._closed = False
        self._reader, self._writer = _endpoints(
            participant, service, type_name, own_id=_own_id(participant, "serviceid"), serving=True
        )
        self._listening = Listening(participant, self._reader, receive=self._take, name=service)

    def close(self) -> None:
        """Stop answering; doing so twice does nothing."""
        if self._closed:
            return
        self._closed = True
        self._listening.close()
        self._participant.leave(reader=self._reader, writer=self._writer)
        del self._reader, self._writer

    def _take(self, sample: Any) -> None:
        types = message_types()
        raw, client, sequence = _unpack(sample.raw)
        request = types.decode(raw, f"{self._type_name}_Request")
        response = build(types, f"{self._type_name}_Response", self._answer(request))
        reply = types.encode(response, f"{self._type_name}_Response")
        if self._is_heard(sample.sample_info.publication_handle):
            self._writer.write(self._writer.data_type(_pack(reply, client, sequence)))
        else:
            _logger.warning("%s: the caller went away before the answer", self._service)

    def _is_heard(self, handle: int) -> bool:
        """Wait until the caller's reader is known; say whether it came to be."""
        peer = self._reader.get_matched_publication_data(handle)
        if peer is None:
            return False
        client = user_data_of(peer.qos).get("clientid")
        if client is None:
            return True
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and not self._closed:
            for found in self._writer.get_matched_subscriptions():
                reader = self._writer.get_matched_subscription_data(found)
                if reader is not None and user_data_of(reader.qos).get("clientid") == client:
                    return True
            time.sleep(_POLL)
        return False


def call_service(
    participant: Participant, service: str, type_name: str, request: Fields, *, timeout: float
) -> object:
    """Call a service; see :meth:`kibble.rewards.ros.dds.dds_transport.DdsTransport.call`."""
    types = message_types()
    types.check(f"{type_name}_Request")
    raw = types.encode(build(types, f"{type_name}_Request", request), f"{type_name}_Request")
    end = time.monotonic() + timeout
    reader, writer = _endpoints(
        participant, service, type_name, own_id=_own_id(participant, "clientid"), serving=False
    )
    try:
        while not _is_served(reader, writer):
            if time.monotonic() > end:
                raise ServiceAwayError(
                    f"No service {service} of type {type_name} was found within {timeout:g} s in "
                    f"domain {participant.domain} ({participant.peers()} other participants); "
                    "check its name, its type and ROS_DOMAIN_ID, and that it runs on Cyclone DDS."
                )
            time.sleep(_POLL)
        client, sequence = writer.instance_handle % 2**64, next(_sequence)
        writer.write(writer.data_type(_pack(raw, client, sequence)))
        return _reply(participant, reader, (client, sequence), f"{type_name}_Response", end)
    except TimeoutError as error:
        raise ServiceAwayError(
            f"Service {service} did not answer within {timeout:g} s; wait longer or look at it."
        ) from error
    finally:
        participant.leave(reader=reader, writer=writer)


def _is_served(reader: DataReader[Any], writer: DataWriter[Any]) -> bool:
    """Say whether one server hears the writer and is heard by the reader."""
    hearing = [writer.get_matched_subscription_data(h) for h in writer.get_matched_subscriptions()]
    heard = [reader.get_matched_publication_data(h) for h in reader.get_matched_publications()]
    sides = [
        {user_data_of(peer.qos).get("serviceid") for peer in peers if peer is not None}
        for peers in (hearing, heard)
    ]
    return bool(sides[0] & sides[1])


def _reply(
    participant: Participant,
    reader: DataReader[Any],
    key: tuple[int, int],
    type_name: str,
    end: float,
) -> object:
    condition = ReadCondition(reader, ViewState.Any | SampleState.NotRead | InstanceState.Any)
    waits = WaitSet(participant.entity)
    waits.attach(condition)
    try:
        while (left := end - time.monotonic()) > 0:
            waits.wait(duration(seconds=left))
            for sample in reader.take(16, condition=condition):
                if sample.sample_info.valid_data:
                    raw, client, sequence = _unpack(sample.raw)
                    if (client, sequence) == key:
                        return message_types().decode(raw, type_name)
    finally:
        waits.detach(condition)
    raise TimeoutError
