"""Run inside of the image by its own Python: what it is made of, as its own user sees it, as JSON."""

from __future__ import annotations

import importlib.util
import json
import os
import stat
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

_NOT_OF_THE_IMAGE = {"/proc", "/sys", "/dev", "/run", "/tmp"}
_NAMES = {"pip.conf", ".env", ".git", ".netrc", ".pypirc", "ca.pem"}
_PLACES = ("/", "/app", "/opt/venv", "/etc", "/var", "/home")


def main() -> None:
    programs, runnable, setuid, named, loose = [], [], [], [], []
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if str(Path(folder, name)) not in _NOT_OF_THE_IMAGE]
        for path in (Path(folder, name) for name in (*files, *folders)):
            mode = path.lstat().st_mode
            if path.name in _NAMES:
                named.append(str(path))
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                setuid.append(str(path))
            if not stat.S_ISDIR(mode) and os.access(path, os.X_OK):
                programs.append(path.name)
                if can_be_started(path):
                    runnable.append(str(path))
            if not stat.S_ISLNK(mode) and (path.lstat().st_uid or mode & (stat.S_IWGRP | stat.S_IWOTH)):
                loose.append(str(path))
    tmp = Path("/tmp").stat()
    seen = {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "groups": os.getgroups(),
        "python": sys.version.split()[0],
        "app": [str(path.relative_to("/app")) for path in Path("/app").rglob("*") if path.is_file()],
        "programs": programs,
        "runnable": runnable,
        "loose": loose,
        "setuid": setuid,
        "named": named,
        "secrets": Path("/run/secrets").exists(),
        "modules": [
            name for name in ("pip", "ensurepip", "pytest", "mypy") if importlib.util.find_spec(name)
        ],
        "packages": [f"{package.name}=={package.version}" for package in distributions()],
        "modules_of_base": modules_of_base("pip", "ensurepip"),
        "tmp": [tmp.st_uid, tmp.st_gid],
        "writable": [place for place in _PLACES if os.access(place, os.W_OK)],
        "status": Path("/proc/self/status").read_text(),
    }
    sys.stdout.write(json.dumps(seen))


def can_be_started(path: Path) -> bool:
    """A program, or a script whose interpreter is there. No library, and no Python script."""
    try:
        start = path.read_bytes()[:256]
    except OSError:
        return False
    if start.startswith(b"#!"):
        interpreter = Path(start[2:].split()[0].decode())
        return interpreter.exists() and "python" not in interpreter.name
    return start.startswith(b"\x7fELF") and ".so" not in path.name


def modules_of_base(*names: str) -> list[str]:
    """Those that a Python beside the virtual environment can import."""
    pythons = {os.path.realpath(sys.executable), "/usr/local/bin/python"}
    tried = {
        f"{python}: {name}": subprocess.run(
            [python, "-Ic", f"import {name}"], capture_output=True, check=False
        )
        for python in pythons
        for name in names
    }
    return [what for what, done in tried.items() if done.returncode == 0]


main()
