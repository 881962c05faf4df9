"""What is known against the locks, as lines for people and an exit code for programs."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from infra.security.advisories import Findings, find_advisories
from infra.security.locks import read_lock
from infra.security.tools import AUDIT_PROGRAMS
from infra.security.withdrawn import find_withdrawn

_MOST_REASONS = 5
_WIDTH = 200


def audit(
    locks: Sequence[Path], *, osv_url: str, unreachable_is_fine: bool, programs: Path = AUDIT_PROGRAMS
) -> int:
    """0 for nothing known, 1 with what was found, 2 where no source knows of some pins.

    Raises SecurityError.
    """
    pins = {str(pin): pin for lock in locks for pin in read_lock(lock)}
    withdrawn = find_withdrawn(locks, program=programs / "uv")
    for name, reason in sorted(withdrawn.items()):
        print(f"withdrawn: {name}: {reason}")
    findings = find_advisories(pins.values(), osv_url=osv_url, program=programs / "pip-audit")
    for each in findings.vulnerabilities:
        print(
            f"vulnerable: {each.package}: {each.id}, fixed in {', '.join(each.fixed_in) or 'no version yet'}"
        )
    _say_what_is_unknown(findings)
    told = len(pins) - len(findings.unknown)
    print(
        f"{len(pins)} pins in {len(locks)} locks: {len(withdrawn)} withdrawn; "
        f"{len(findings.vulnerabilities)} known vulnerabilities in the {told} that advisories tell of"
    )
    if withdrawn or findings.vulnerabilities:
        return 1
    return 2 if findings.unknown and not unreachable_is_fine else 0


def _say_what_is_unknown(findings: Findings) -> None:
    for reason, number in Counter(findings.unknown.values()).most_common(_MOST_REASONS):
        print(f"NOT AUDITED: {number} pins: {textwrap.shorten(reason, _WIDTH)}", file=sys.stderr)
