"""Find a model behind a service, waiting for one that is still loading."""

from __future__ import annotations

import difflib
import time

from kibble.rewards.adapters.remote import Options
from kibble.rewards.errors import ConfigError, ServiceAwayError, WeightsError
from kibble.rewards.remote.address import Address
from kibble.rewards.remote.connection import Connection, NoServiceError, NotReadyError
from kibble.rewards.remote.model import RemoteModel
from kibble.rewards.service.answers import Served, decode_served
from kibble.rewards.service.failures import Code, ServiceError

__all__ = ["open_remote"]

_PAUSE = 0.5  # s


def open_remote(address: Address, options: Options) -> RemoteModel:
    """Open the model behind an address.

    A service that is there and says that it is not ready is waited for, ``max_outage`` seconds at
    most; one that is not there for ``wait`` seconds.

    Args:
        address: Where it is.
        options: How it is asked.

    Raises:
        ConfigError: If the token is missing or wrong, or certificates cannot be read.
        ServiceAwayError: If no service answers there.
        TimeoutError: If it does not answer in time.
        WeightsError: If the service does not offer that model.
    """
    connection = Connection(address, options)
    try:
        name, served = _find(connection, address, options)
    except BaseException:
        connection.close()
        raise
    return RemoteModel(connection, name, served, options)


def _find(connection: Connection, address: Address, options: Options) -> tuple[str, Served]:
    deadline = time.monotonic() + options.max_outage
    while True:
        try:
            served = _served(connection, address, options)
        except NotReadyError as error:
            if time.monotonic() > deadline:
                raise _nobody(address, error) from error
            continue
        offered = list(served.models)
        name = offered[0] if not address.model and len(offered) == 1 else address.model
        if name in served.models:
            return name, served
        if connection.healthy() or time.monotonic() > deadline:
            near = difflib.get_close_matches(name, offered, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else "name one of these."
            raise WeightsError(
                f"The service at {address.url} must offer the model {name!r}, got "
                f"{', '.join(offered) or 'none'}; {hint}"
            )
        time.sleep(_PAUSE)


def _served(connection: Connection, address: Address, options: Options) -> Served:
    try:
        return decode_served(connection.greet("/v1/models"))
    except NotReadyError:
        raise
    except NoServiceError as error:
        raise _nobody(address, error) from error
    except ServiceError as error:
        if error.code is not Code.UNAUTHORISED:
            raise
        raise ConfigError(
            f"The service at {address.url} wants a token: {error} Put it into the environment "
            f"variable {options.token_env}."
        ) from error


def _nobody(address: Address, error: NoServiceError) -> ServiceAwayError:
    return ServiceAwayError(
        f"A reward service must answer at {address.url}, got {error}; start one with `kibble "
        "serve`, or mend the address."
    )
