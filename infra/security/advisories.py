"""Known vulnerabilities of what the locks pin, by pip-audit.

pip-audit says "no known vulnerabilities found" of a package that its source does not know, and a mirror of
the index without advisories knows none. So what it skipped is told apart: of it nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import canonicalize_name

from infra.security.locks import Pin
from infra.security.tools import last_line, run_tool

_ANSWER_SECONDS = 10
_SOURCES = ("pypi", "osv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Vulnerability:
    package: str
    id: str
    fixed_in: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """`unknown` has those that no source answered for, as name==version, with what was said."""

    vulnerabilities: tuple[Vulnerability, ...]
    unknown: Mapping[str, str]


def find_advisories(pins: Iterable[Pin], *, program: Path, osv_url: str = "") -> Findings:
    """Of each pin once, whatever its marker says. `osv_url` is a source of one's own that speaks OSV's wire,
    and the only one asked then. Raises SecurityError."""
    names = {str(pin) for pin in pins}
    sources = [("osv", "--osv-url", osv_url)] if osv_url else [(source,) for source in _SOURCES]
    found: list[Vulnerability] = []
    unknown = dict.fromkeys(names, "not asked")
    for source in sources:
        if not unknown:
            break
        for batch in _batches(sorted(unknown)):
            vulnerabilities, still_unknown = _ask(program, source, batch)
            found += vulnerabilities
            unknown = {name: why for name, why in unknown.items() if name not in batch} | still_unknown
    return Findings(
        vulnerabilities=tuple(sorted(set(found), key=lambda each: (each.package, each.id))), unknown=unknown
    )


def _batches(names: Sequence[str]) -> list[list[str]]:
    """In each a package once, as pip-audit wants it: a lock may have another version for another Python."""
    batches: list[dict[str, str]] = []
    for name in names:
        package = name.partition("==")[0]
        batch = next((each for each in batches if package not in each), None)
        if batch is None:
            batches.append(batch := {})
        batch[package] = name
    return [list(batch.values()) for batch in batches]


def _ask(
    program: Path, source: Sequence[str], names: Sequence[str]
) -> tuple[list[Vulnerability], dict[str, str]]:
    with TemporaryDirectory(prefix="rootnote-audit-") as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text("\n".join(names))
        options = ("--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json", "--desc=off")
        done = run_tool(
            program,
            [*options, f"--timeout={_ANSWER_SECONDS}", "--vulnerability-service", *source, "-r", str(file)],
        )
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return [], dict.fromkeys(names, last_line(done.stderr))
    by_package = {canonicalize_name(answer["name"]): answer for answer in answers}
    vulnerabilities, unknown = [], {}
    for name in names:
        answer = by_package.get(canonicalize_name(name.partition("==")[0]), {"skip_reason": "no answer"})
        if reason := answer.get("skip_reason"):
            unknown[name] = reason.partition(":")[0]
        for each in answer.get("vulns", ()):
            fixed_in = tuple(each["fix_versions"])
            vulnerabilities.append(Vulnerability(package=name, id=each["id"], fixed_in=fixed_in))
    return vulnerabilities, unknown
