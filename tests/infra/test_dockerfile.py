"""Dockerfile.worker and .dockerignore, read as text: what the image must and must not have."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.infra.commands import check_command

TEXT = (ROOT / "Dockerfile.worker").read_text()
INSTRUCTIONS = [
    tuple(line.split(maxsplit=1))
    for line in re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", TEXT)).splitlines()
    if line.strip()
]
STAGES = [number for number, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM"]
BUILD, FINAL = INSTRUCTIONS[: STAGES[1]], INSTRUCTIONS[STAGES[1] :]


def values(stage: list[tuple[str, ...]], word: str) -> list[str]:
    return [value for instruction, value in stage if instruction == word]


def test_both_stages_stand_on_the_same_slim_python() -> None:
    assert values(BUILD, "ARG") == ["BASE=python:3.11-slim"]
    assert [value.split()[0] for value in values(INSTRUCTIONS, "FROM")] == ["${BASE}"] * 2


def test_nothing_is_of_one_processor() -> None:
    assert not re.search(r"x86_64|amd64|aarch64|arm64|--platform", " ".join(map(" ".join, INSTRUCTIONS)))


def test_packages_are_the_locked_ones_by_hash() -> None:
    (install,) = [run for run in values(BUILD, "RUN") if " install " in run]
    assert "--require-hashes -r /build/requirements.txt" in install
    assert "--no-cache-dir" in install
    # What a network wants of pip is mounted for this step: not copied, not an argument, not a variable.
    assert set(re.findall(r"--mount=(\S+)", install)) == {
        "type=secret,id=pip.conf,target=/etc/pip.conf",
        "type=secret,id=ca.pem",
    }
    assert "requirements.txt" in values(BUILD, "COPY")[0]


def test_the_final_stage_installs_nothing_and_takes_the_installers_away() -> None:
    (run,) = values(FINAL, "RUN")
    assert not re.search(r"(?<![/\w])(apt|apt-get|gcc|build-essential|install)\b", run)
    removed = {path for found in re.findall(r"rm -rf ([^&]+)", run) for path in found.split()}
    assert removed >= {
        "/usr/local/bin/pip*",
        "/usr/local/lib/python3.*/site-packages/*",
        "/usr/local/lib/python3.*/ensurepip",
        "/usr/lib/apt",
        "/usr/lib/dpkg",
    }
    assert "-perm /6000 -exec chmod a-s" in run
    # The last step: nothing could run after it.
    deletion = run.split("&&")[-1].split()
    assert deletion[0] == "find"
    assert deletion[-1] == "-delete"
    assert {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"} <= set(deletion)


@pytest.mark.parametrize(("name", "stays"), [("python3.11", True), ("python", True), ("sh", False)])
def test_of_the_programs_python_alone_stays(tmp_path: Path, name: str, stays: bool) -> None:
    (tmp_path / name).touch()
    (run,) = values(FINAL, "RUN")
    deletion = [word.strip("'") for word in run.split("&&")[-1].split() if not word.startswith("/usr")]
    subprocess.run(["find", tmp_path, *deletion[1:]], check=True)
    assert (tmp_path / name).exists() is stays
    assert [copy.split()[0] for copy in values(FINAL, "COPY")] == ["--from=build"] * 2


def test_only_what_runs_is_copied() -> None:
    copied = {copy.split()[0].rstrip("/") for copy in values(BUILD, "COPY")}
    wanted = {"requirements.txt", "alembic.ini", "core", "handlers", "worker"}
    assert copied == wanted
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert ignore[0] == "*"
    assert {line[1:] for line in ignore if line.startswith("!")} == wanted


def test_it_runs_as_a_user_whose_number_is_fixed() -> None:
    assert values(FINAL, "USER") == ["10001:10001"]
    later = FINAL[[word for word, _ in FINAL].index("USER") :]
    assert not values(later, "RUN")
    assert not values(later, "COPY")


def test_fargates_volume_for_tmp_gets_the_users_owner() -> None:
    assert values(FINAL, "VOLUME") == ["/tmp"]
    assert "chown 10001:10001 /tmp" in values(FINAL, "RUN")[0]
    assert "VOLUME" in [word for word, _ in FINAL[[word for word, _ in FINAL].index("USER") :]]


def test_bytecode_is_made_at_build_and_never_at_run_time() -> None:
    assert any("compileall" in run and "unchecked-hash" in run for run in values(BUILD, "RUN"))
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(values(FINAL, "ENV"))


def test_metrics_files_are_the_workers_own_to_place() -> None:
    assert "PROMETHEUS_MULTIPROC_DIR" not in " ".join(values(FINAL, "ENV"))
    assert "TMPDIR=/tmp" in " ".join(values(FINAL, "ENV"))


def test_sigterm_reaches_the_worker_itself() -> None:
    (command,) = values(FINAL, "CMD")
    check_command(json.loads(command))
    assert values(FINAL, "STOPSIGNAL") == ["SIGTERM"]
    assert not values(FINAL, "ENTRYPOINT")


def test_health_is_asked_of_the_worker() -> None:
    (check,) = values(FINAL, "HEALTHCHECK")
    argv = json.loads(check.partition("CMD ")[2])
    assert argv == ["python", "-I", "/app/worker/healthcheck.py"]
    check_command(argv)
