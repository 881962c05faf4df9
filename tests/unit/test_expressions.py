"""Expressions are compiled when they are first wanted: so it is here that a wrong one is found."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from functools import _lru_cache_wrapper
from typing import Any

import pytest

import core.domain
from core.domain import expressions
from tests.conftest import ROOT

_HARMLESS = """
from core.domain.event import EventContent
from core.domain.fingerprint import fingerprint
from core.domain.scrub import scrub_event
from tests.unit.test_expressions import found

stack = 'Traceback (most recent call last):\\n  File "/srv/shop.py", line 1, in pay\\nTimeoutError: no answer'
content = EventContent(message="Payment failed", status_code=500, stack=stack, extra={"host": "web"})
fingerprint(scrub_event(content))
print(*(name for name, one in found().items() if one.cache_info().currsize))
"""


def found() -> dict[str, _lru_cache_wrapper[Any]]:
    """By module and name."""
    names = [name for _, name, _ in pkgutil.walk_packages(core.domain.__path__, "core.domain.")]
    return {
        f"{module}.{name}": value
        for module in names
        for name, value in vars(importlib.import_module(module)).items()
        if isinstance(value, _lru_cache_wrapper) and value.__module__ == expressions.__name__
    }


@pytest.mark.parametrize("name", found())
def test_each_compiles(name: str) -> None:
    found()[name]()


def test_all_are_looked_at() -> None:
    assert {"core.domain.secret_pairs.VALUE", "core.domain.stacktrace.php._CALL"} <= set(found())


def test_an_event_without_a_sign_of_a_secret_compiles_none_that_look_for_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HARMLESS], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    compiled = done.stdout.split()
    assert [name for name in compiled if ".stacktrace." not in name] == []
    assert "core.domain.stacktrace.names._URL_HOST" in compiled
