"""The audit: what a source of advisories says is passed on, and what it does not say is no all-clear."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from infra.local.process import free_port
from infra.security.advisories import Vulnerability, find_advisories
from infra.security.audit import audit
from infra.security.errors import SecurityError
from infra.security.locks import Pin
from infra.security.tools import AUDIT_PROGRAMS
from infra.security.withdrawn import find_withdrawn
from tests.fakes.advisories import running_advisory_server

PIP_AUDIT = AUDIT_PROGRAMS / "pip-audit"

real_pip_audit = pytest.mark.skipif(
    not PIP_AUDIT.exists(), reason="pip-audit is not installed: `make .venv-audit/.ready` does it"
)


def pin(name: str, version: str) -> Pin:
    return Pin(name=canonicalize_name(name), version=version, marker=None, hashes=(), wanted_by=())


def program(folder: Path, script: str) -> Path:
    file = folder / "program"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


@real_pip_audit
def test_a_vulnerable_pin_is_named_with_what_mends_it() -> None:
    with running_advisory_server({"jinja2==3.1.2": ("GHSA-0000", "3.1.3")}) as source:
        # Two versions of one package, as where a lock has one for each Python.
        pins = [pin("jinja2", "3.1.2"), pin("jinja2", "3.1.6"), pin("celery", "5.7.0")]
        findings = find_advisories(pins, program=PIP_AUDIT, osv_url=source.url)
    assert sorted(source.asked) == ["celery==5.7.0", "jinja2==3.1.2", "jinja2==3.1.6"]
    assert findings.vulnerabilities == (
        Vulnerability(package="jinja2==3.1.2", id="GHSA-0000", fixed_in=("3.1.3",)),
    )
    assert findings.unknown == {}


@real_pip_audit
def test_a_source_that_fails_or_is_away_leaves_everything_unknown() -> None:
    with running_advisory_server({}, status=500) as source:
        findings = find_advisories([pin("celery", "5.7.0")], program=PIP_AUDIT, osv_url=source.url)
    assert set(findings.unknown) == {"celery==5.7.0"}
    away = f"http://127.0.0.1:{free_port()}/v1/query"
    findings = find_advisories([pin("celery", "5.7.0")], program=PIP_AUDIT, osv_url=away)
    assert set(findings.unknown) == {"celery==5.7.0"}
    assert findings.vulnerabilities == ()


def test_what_pip_audit_skips_is_asked_of_the_next_source_and_else_unknown(tmp_path: Path) -> None:
    skipped = '{"name": "celery", "version": "5.7.0", "skip_reason": "not found on PyPI"}'
    known = '{"name": "kombu", "version": "5.7.0", "vulns": []}'
    script = f'echo "$*" >> {tmp_path}/calls; echo \'{{"dependencies": [{skipped}, {known}]}}\''
    findings = find_advisories(
        [pin("celery", "5.7.0"), pin("kombu", "5.7.0")], program=program(tmp_path, script)
    )
    assert dict(findings.unknown) == {"celery==5.7.0": "not found on PyPI"}
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.partition("--vulnerability-service ")[2].split()[0] for call in calls] == ["pypi", "osv"]


def test_a_withdrawn_version_is_named(tmp_path: Path) -> None:
    said = 'warning: `requests==2.32.0` is yanked (reason: "broken")\nwarning: `six==1.0` is yanked'
    (tmp_path / "said").write_text(said)
    file = tmp_path / "requirements.txt"
    uv = program(tmp_path, f"cat {tmp_path}/said >&2")
    assert find_withdrawn([file], program=uv) == {"requests==2.32.0": "broken", "six==1.0": "no reason given"}
    with pytest.raises(SecurityError, match=r"the index does not tell of requirements\.txt: no route"):
        find_withdrawn([file], program=program(tmp_path, "echo no route >&2; exit 2"))


def test_a_program_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SecurityError, match=r"make \.venv-audit/\.ready"):
        find_withdrawn([tmp_path / "requirements.txt"], program=tmp_path / "uv")


@real_pip_audit
@pytest.mark.parametrize(("is_fine", "code"), [(False, 2), (True, 0)])
def test_no_source_is_a_failure_unless_it_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], is_fine: bool, code: int
) -> None:
    away = f"http://127.0.0.1:{free_port()}/v1/query"
    assert (
        audit([lock(tmp_path)], osv_url=away, unreachable_is_fine=is_fine, programs=programs(tmp_path))
        == code
    )
    said = capsys.readouterr()
    assert "NOT AUDITED: 1 pins" in said.err
    assert "0 known vulnerabilities in the 0 that advisories tell of" in said.out


@real_pip_audit
def test_a_vulnerability_fails_even_where_much_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_advisory_server({"celery==5.7.0": ("GHSA-1111", "5.7.1")}) as source:
        code = audit(
            [lock(tmp_path)], osv_url=source.url, unreachable_is_fine=True, programs=programs(tmp_path)
        )
    assert code == 1
    assert "vulnerable: celery==5.7.0: GHSA-1111, fixed in 5.7.1" in capsys.readouterr().out


def lock(folder: Path) -> Path:
    """With one pin."""
    file = folder / "requirements.txt"
    file.write_text(f"celery==5.7.0 --hash=sha256:{'0' * 64}\n")
    return file


def programs(folder: Path) -> Path:
    """The real pip-audit, and a uv that finds nothing withdrawn."""
    bins = folder / "bin"
    bins.mkdir()
    (bins / "pip-audit").symlink_to(PIP_AUDIT)
    program(bins, "exit 0").rename(bins / "uv")
    return bins
