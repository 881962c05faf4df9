"""`python -m tests.fuzz.harness TARGET [libFuzzer's options and folders]`: one target under atheris."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def main() -> None:
    # In an environment of its own, which the type checker does not see.
    atheris: Any = importlib.import_module("atheris")
    name, arguments = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=["core", "handlers"]):
        target = importlib.import_module("tests.fuzz.targets").TARGETS[name]
    atheris.enabled_hooks.add("RegEx")
    atheris.Setup([sys.argv[0], *arguments], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
