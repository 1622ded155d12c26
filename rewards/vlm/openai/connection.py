"""Send requests to a server: concurrently, with a deadline each, again where that may help."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast, final

import openai

from kibble.rewards.errors import ConfigError, ModelError
from kibble.rewards.vlm.openai.errors import UnreachableError, UnusableError
from kibble.rewards.vlm.openai.messages import Body

__all__ = ["Connection"]

Result = TypeVar("Result")

_FIRST_PAUSE = 0.05  # seconds; doubled at each trial, at random within its upper half
_LONGEST_PAUSE = 5.0
_TRIALS = 6  # of requests that failed; those that the server has no room for go on to the deadline
_BUSY = (408, 425, 429, 503)


@final
class Connection:
    """A server of OpenAI's protocol.

    Requests run in an event loop of its own thread, so that callers in any thread share the
    limit of concurrency and the kept-alive sockets. Where a server is busy (429, 503) a request is
    tried again until its deadline, not before the time that it names in ``Retry-After``; where it
    fails (5xx) or the connection breaks, six times.

    Args:
        url: Address of the server, such as http://127.0.0.1:8000/v1.
        api_key_env: Environment variable of the key; no key is sent if it is unset.
        timeout: Seconds for one request, all trials together.
        concurrency: Requests at once.

    Raises:
        ConfigError: If the address is none.
    """

    def __init__(self, url: str, *, api_key_env: str, timeout: float, concurrency: int) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(
                f"`url` must begin with http:// or https://, got {url!r}; write "
                "url=http://127.0.0.1:8000/v1."
            )
        self.url = url
        self._timeout = timeout
        key = os.environ.get(api_key_env, "")
        self._headers: dict[str, str] = {}
        if not key:
            self._headers = cast("Any", {"Authorization": openai.Omit()})
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="openai")
        thread.start()
        self._client = openai.AsyncOpenAI(
            base_url=url,
            api_key=key or "none",
            timeout=timeout,
            max_retries=0,
        )
        self._room = asyncio.Semaphore(concurrency)
        self._finalizer = weakref.finalize(self, _close, self._loop, thread, self._client)

    def close(self) -> None:
        """Close the sockets and end the thread; requests are not possible afterwards."""
        self._finalizer()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the loop and return its result."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def models(self) -> str:
        """Return the body of ``/v1/models``; raises as :meth:`complete` does."""
        return await self._tried(self._list)

    async def complete(self, body: Body) -> str:
        """Return the body that answers a chat completion.

        Raises:
            TimeoutError: If it took longer than ``timeout``.
            UnreachableError: If the server took no connection or broke it, at every trial.
            UnusableError: If it answered with an error that another trial does not mend.
            ModelError: If it does not know the model or the key.
        """

        async def create() -> str:
            # The protocol's own fields and those of dialects alike: what is sent is the body.
            response = await self._client.chat.completions.with_raw_response.create(
                model=str(body["model"]), messages=[], extra_body=body, extra_headers=self._headers
            )
            return response.text

        async with self._room:
            return await self._tried(create)

    async def _list(self) -> str:
        response = await self._client.models.with_raw_response.list(extra_headers=self._headers)
        return response.text

    async def _tried(self, request: Callable[[], Awaitable[str]]) -> str:
        trouble = [""]
        try:
            return await asyncio.wait_for(self._until_answered(request, trouble), self._timeout)
        except (asyncio.TimeoutError, openai.APITimeoutError) as error:
            raise TimeoutError(
                f"The server at {self.url} must answer within {self._timeout:g} s, got "
                f"{trouble[-1] or 'nothing'}; allow a longer `timeout` or ask less at once."
            ) from error

    async def _until_answered(
        self, request: Callable[[], Awaitable[str]], trouble: list[str]
    ) -> str:
        """Try a request until it is answered; note what has gone wrong meanwhile."""
        pause, failures = _FIRST_PAUSE, 0
        while True:
            asked_for = 0.0
            try:
                return await request()
            except openai.APITimeoutError:
                raise
            except openai.APIConnectionError as error:
                trouble.append(str(error))
                failures += 1
                if failures == _TRIALS:
                    raise UnreachableError(
                        f"The server at {self.url} must be there, got {error} {error.__cause__}"
                    ) from error
            except openai.APIStatusError as error:
                self._check(error)
                trouble.append(_said(error))
                if error.status_code in _BUSY:
                    asked_for = _retry_after(error)
                else:
                    failures += 1
                    if failures == _TRIALS:
                        raise UnusableError(_said(error)) from error
            await asyncio.sleep(max(asked_for, pause * random.uniform(0.5, 1.0)))
            pause = min(2.0 * pause, _LONGEST_PAUSE)

    def _check(self, error: openai.APIStatusError) -> None:
        """Raise where another trial would not help."""
        if error.status_code in (401, 403, 404):
            raise ModelError(
                f"The server at {self.url} must know the key, the model and the path, got "
                f"{_said(error)}; check `url`, the key's variable and the name it serves."
            ) from error
        if error.status_code < 500 and error.status_code not in _BUSY:
            raise UnusableError(_said(error)) from error


def _said(error: openai.APIStatusError) -> str:
    return f"status {error.status_code}: {str(error.message)[:300]}"


def _retry_after(error: openai.APIStatusError) -> float:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "0")))
    except ValueError:  # the form with a date
        return 0.0


def _close(
    loop: asyncio.AbstractEventLoop, thread: threading.Thread, client: openai.AsyncOpenAI
) -> None:
    asyncio.run_coroutine_threadsafe(client.close(), loop).result(5.0)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5.0)
    if not loop.is_running():
        loop.close()
