"""`make fuzz-parsers`: coverage-guided fuzzing of each parser by atheris, from real stacks and logs."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
_FOLDER = ROOT / ".local/fuzz"
_SEEDS = (ROOT / "tests/unit/stacks",)
_SLOW_SECONDS = 5
_MOST_MEGABYTES = 2_048
_MOST_BYTES = 65_536
_SMALL = (
    b'{"project_key": "a", "message": "m", "extra": {"password": "x"}, "status_code": 500}',
    b'{"logGroup": "g", "logEvents": [{"id": "1", "timestamp": 1, "message": "ERROR x"}]}',
    b'{"version": "2.0", "rawPath": "/", "requestContext": {"http": {"method": "GET", "path": "/"}}}',
    b"[ERROR] E: x\nAuthorization: Bearer abcdefgh12345678\npassword='x'&token=%22y%22 eyJabcdefgh.abcd",
    b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
)


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print("atheris has wheels for Linux on x86_64 only; `make fuzz` runs everywhere")
        return 0
    corpus = _seeds(_FOLDER / "seeds")
    names = arguments.targets or list(TARGETS)
    bad = [name for name in names if not _fuzz(name, corpus, seconds=arguments.seconds, seed=arguments.seed)]
    print(f"{len(names) - len(bad)} of {len(names)} targets held; bad: {', '.join(bad) or 'none'}")
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make fuzz-parsers", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="all, unless said")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def _seeds(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    real = [path.read_bytes() for source in _SEEDS for path in sorted(source.glob("*.txt"))]
    for number, content in enumerate((*real, *_SMALL)):
        (folder / f"{number:03}").write_bytes(content)
    return folder


def _fuzz(name: str, seeds: Path, *, seconds: int, seed: int) -> bool:
    """What was found interesting is kept for the next time; what broke the target is named by libFuzzer."""
    found = _FOLDER / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    print(f"{name}: {seconds} s", flush=True)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={_SLOW_SECONDS}",
        f"-rss_limit_mb={_MOST_MEGABYTES}",
        f"-max_len={_MOST_BYTES}",
        f"-seed={seed}",
        f"-artifact_prefix={_FOLDER}/{name}-",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    command = [sys.executable, "-m", "tests.fuzz.harness", name, *options, str(found), str(seeds)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
