"""Say what is wrong where the libraries that CLIP comes from cannot be imported."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kibble.rewards.errors import MissingDependencyError

__all__ = ["explained_imports"]


@contextlib.contextmanager
def explained_imports() -> Iterator[None]:
    """Import open_clip or transformers within this.

    Both need a torchvision that was built for the torch beside it; one that was not raises
    ``RuntimeError`` deep within, or leaves names of transformers undefined.

    Raises:
        MissingDependencyError: If a package is missing or does not fit.
    """
    try:
        yield
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MissingDependencyError(
            "CLIP needs open_clip, transformers, and a torchvision that was built for the torch "
            f"beside it, got: {reason} Run `pip install 'kibble[vlm]'`, or install torch and "
            "torchvision from one index (both for CPU or both for one CUDA version); `kibble "
            "doctor` checks it."
        ) from error
