"""Run by the Python of .venv-audit: are these files what CycloneDX's own schema asks for?"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(files: list[str]) -> int:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    faults = 0
    for file in files:
        if fault := validator.validate_str(Path(file).read_text(encoding="utf-8")):
            print(f"{file}: {str(fault.data)[:500]}", file=sys.stderr)
            faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
