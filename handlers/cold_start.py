"""What makes a function start sooner."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """For the imports of a whole process: hundreds of thousands of objects that stay, of which the garbage
    collector would look at all again and again. Afterwards it looks at what is new only."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
