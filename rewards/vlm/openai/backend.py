"""Open the back end that is a server: any that speaks OpenAI's protocol and takes pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kibble.rewards.errors import ModelError, ServiceAwayError
from kibble.rewards.vlm.backend import Backend
from kibble.rewards.vlm.openai.completion import completion
from kibble.rewards.vlm.openai.connection import Connection
from kibble.rewards.vlm.openai.dialect import PLAIN, Dialect, dialect_of
from kibble.rewards.vlm.openai.errors import UnusableError
from kibble.rewards.vlm.openai.messages import Body
from kibble.rewards.vlm.openai.pictures import EncodedPictures
from kibble.rewards.vlm.openai.server import ServerBackend

if TYPE_CHECKING:
    from kibble.rewards.vlm.opening import BackendOptions

__all__ = ["open_server"]


def open_server(
    weights: str, options: BackendOptions, *, adapters: Mapping[str, str] | None = None
) -> Backend:
    """Open a model behind a server.

    One token is asked of it, to learn whether it serves the model and gives log-probabilities.

    Args:
        weights: Name that the server serves the model under.
        options: Its ``url``, ``api_key_env``, ``timeout``, ``concurrency``, ``max_outage``,
            ``image_format`` and ``cache_mb`` count.
        adapters: Name to the name that the server serves the adapter under; SGLang's form is
            ``model:adapter``.

    Returns:
        The back end.

    Raises:
        ConfigError: If the address is none.
        ServiceAwayError: If the server cannot be reached, or does not answer in time.
        ModelError: If it does not serve the model or an adapter, or the key is wrong.
    """
    connection = Connection(
        options.url,
        api_key_env=options.api_key_env,
        timeout=options.timeout,
        concurrency=options.concurrency,
    )
    served: dict[str, dict[str, object]] = {}
    try:
        served = connection.run(_served(connection))
        names = {"": weights, **(adapters or {})}
        dialect = next(
            (
                dialect_of(served[name].get("owned_by"))
                for name in names.values()
                if name in served
            ),
            PLAIN,
        )
        gives_logprobs = all(
            connection.run(_gives_logprobs(connection, name, dialect)) for name in names.values()
        )
    except UnusableError as error:
        connection.close()
        raise ModelError(
            f"The server at {options.url} must answer for the model {weights!r}, got {error}; "
            f"it serves {sorted(served)}."
        ) from error
    except TimeoutError as error:
        connection.close()
        raise ServiceAwayError(str(error)) from error
    except BaseException:
        connection.close()
        raise
    roots = [f"{name}={served.get(name, {}).get('root')}" for name in names.values()]
    return ServerBackend(
        connection,
        weights,
        adapters=adapters or {},
        dialect=replace(dialect, gives_logprobs=gives_logprobs),
        pictures=EncodedPictures(
            options.cache_mb, "jpeg" if options.image_format == "jpeg" else "png"
        ),
        remembers=options.cache_mb > 0,
        max_outage=options.max_outage,
        identity="/".join([dialect.name, *roots]),
    )


async def _served(connection: Connection) -> dict[str, dict[str, object]]:
    """Return what ``/v1/models`` lists, by name.

    Servers that load on demand list what they have loaded, or nothing, or fail at it: what is
    not listed is tried all the same.
    """
    try:
        entries = json.loads(await connection.models())["data"]
        return {str(entry["id"]): dict(entry) for entry in entries}
    except (ModelError, KeyError, TypeError, ValueError):
        return {}


async def _gives_logprobs(connection: Connection, model: str, dialect: Dialect) -> bool:
    """Ask for one token; some servers refuse log-probabilities, some leave them out."""
    body: Body = {
        **dialect.fields,
        "model": model,
        "messages": [{"role": "user", "content": "yes"}],
        "max_tokens": 1,
        "temperature": 0.0,
    }
    asked = {"logprobs": True, "top_logprobs": 1}
    try:
        return bool(completion(await connection.complete({**body, **asked})).tokens)
    except UnusableError:
        completion(await connection.complete(body))
        return False
