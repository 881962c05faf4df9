"""As whom PostgreSQL runs: it refuses uid 0, and a development container has little else."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.errors import LocalError


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How to start a program as somebody who is not root."""

    prefix: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    uid: int | None = None
    """Owner of the data where it is not whoever runs this."""
    gid: int | None = None

    def own(self, folder: Path) -> None:
        """Give the folder and all in it to this identity."""
        if self.uid is None or self.gid is None or folder.stat().st_uid == self.uid:
            return
        # The folder itself comes last, so that an interrupted run starts again.
        for parent, _, names in os.walk(folder, topdown=False):
            for name in names:
                os.lchown(Path(parent, name), self.uid, self.gid)
            os.lchown(parent, self.uid, self.gid)

    def can(self, test: str, path: Path) -> bool:
        """Whether `test -r PATH`, `test -x PATH`, … holds for this identity, by asking as it."""
        if self.uid is None:
            return True
        return self.runs(["/bin/sh", "-c", f'test {test} "$0"', str(path)])

    def runs(self, argv: list[str]) -> bool:
        try:
            done = subprocess.run(
                [*self.prefix, *argv], capture_output=True, cwd="/", timeout=20, check=False, **self.options
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0


def identity_for(data_dir: Path) -> Identity:
    """The current user; for root, the owner of existing data, or else `nobody`."""
    if os.geteuid() != 0:
        return Identity()
    owner = data_dir.stat().st_uid if data_dir.exists() else 0
    return _instead_of_root(owner)


@cache
def _instead_of_root(owner: int) -> Identity:
    # initdb looks its uid up by name, so a number without an account is no use.
    account = _account(pwd.getpwuid, owner) if owner else None
    account = account or _account(pwd.getpwnam, "nobody")
    if account is None:
        raise LocalError("PostgreSQL does not run as root and there is no user `nobody`; run as another user")
    uid, gid = account.pw_uid, account.pw_gid
    dropped = Identity(uid=uid, gid=gid, options={"user": uid, "group": gid, "extra_groups": []})
    if dropped.runs(["/bin/sh", "-c", ":"]):
        return dropped
    # Root of a container that maps one uid only can become nobody else, but can look as if.
    unshare = shutil.which("unshare")
    if unshare:
        looks = Identity(prefix=(unshare, "--user", f"--map-user={uid}", f"--map-group={gid}"))
        if looks.runs(["/bin/sh", "-c", ":"]):
            return looks
    raise LocalError("PostgreSQL does not run as root, who cannot become another user here; run as one")


def _account(look_up: Callable[[Any], pwd.struct_passwd], key: int | str) -> pwd.struct_passwd | None:
    try:
        return look_up(key)
    except KeyError:
        return None
