"""Settings of the test process: one thread, headless graphics, property tests without a clock."""

from __future__ import annotations

import importlib.util
import os
import sys

import hypothesis

from kibble.agents.graphics import choose_backend
from kibble.rewards.errors import MissingDependencyError

# Two threads on two busy cores are slower by an order of magnitude than one. Set before NumPy and
# torch are imported, because they read it then.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

try:
    choose_backend(os.environ)
except MissingDependencyError as error:  # tests that need no pictures can still run
    print(f"tests: {error}", file=sys.stderr)

hypothesis.settings.register_profile("kibble", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("kibble")


def _import_torchvision() -> object | None:
    """Import torchvision even where its build does not match a CPU build of torch.

    It then lacks two operators, and CLIP models that only want its image transforms cannot be
    imported either. Declaring the operators is enough for those.

    Returns:
        What has to be kept alive, or None where nothing had to be done.
    """
    if importlib.util.find_spec("torchvision") is None:
        return None
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    else:
        return None
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    importlib.import_module("torchvision")
    return library


_TORCHVISION_OPERATORS = _import_torchvision()
