"""What makes a function start sooner."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

_NO_PLUGINS = ("PYDANTIC_DISABLE_PLUGINS", "__all__")
"""Pydantic would read the metadata of every package to find plug-ins. A bundle has none of them."""


@contextmanager
def quick_imports() -> Iterator[None]:
    """For the imports of a whole process: hundreds of thousands of objects that stay, of which the garbage
    collector would look at all again and again. Afterwards it looks at what is new only."""
    os.environ.setdefault(*_NO_PLUGINS)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
