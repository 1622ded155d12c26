"""Tell that memory ran out from other failures."""

from __future__ import annotations

import torch

__all__ = ["is_out_of_memory"]

_SIGNS = ("DefaultCPUAllocator", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that a smaller batch may succeed.

    Allocators of the CPU and of Apple's GPUs, and cuBLAS, raise a plain ``RuntimeError``.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)
