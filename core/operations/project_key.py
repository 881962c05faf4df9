"""The name by which events say their project: what it may be."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from core.domain.scrub import scrub_text


@lru_cache(maxsize=1_000)
def _no_secret(key: str) -> str:
    """A key cannot be masked: two projects would be one. Those that hold a secret are not remembered."""
    if scrub_text(key) != key:
        raise ValueError("must not look like a secret")
    return key


ProjectKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"), AfterValidator(_no_secret)]
