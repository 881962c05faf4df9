"""podman as root on any machine: with or without systemd, whatever its cgroups, in folders of its own.

A workstation's own podman is left as it is: its images are not touched, and no file outside of the
folder is written.
"""

from __future__ import annotations

import hashlib
import resource
import shutil
import subprocess
from pathlib import Path

_OVERLAY_ON_OVERLAY = {"overlay", "overlayfs"}
_WANTED_FILES = 8_192


def own_settings(folder: Path, path: str) -> dict[str, str]:
    """Write podman's settings into `folder`; returns the variables that make podman read them."""
    folder.mkdir(parents=True, exist_ok=True)
    storage, containers = folder / "storage.conf", folder / "containers.conf"
    # A reboot must empty it, and /run is emptied.
    run_root = Path("/run/rootnote-containers") / hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    storage.write_text(
        "[storage]\n"
        f'driver = "{_storage_driver(folder)}"\n'
        f'graphroot = "{folder / "storage"}"\n'
        f'runroot = "{run_root}"\n'
    )
    files, processes = (_limit(kind) for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC))
    # podman's own defaults are higher than some machines allow, and then nothing starts at all. crun
    # of that age refuses hybrid cgroups, so runc where there is one.
    runtime = 'runtime = "runc"\n' if shutil.which("runc", path=f"{path}:/usr/sbin:/sbin") else ""
    containers.write_text(
        "[containers]\n"
        f'default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
        'log_driver = "k8s-file"\n'
        "[engine]\n"
        f"{runtime}"
        'cgroup_manager = "cgroupfs"\n'
        'events_logger = "file"\n'
    )
    return {"CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_CONF": str(containers)}


def _limit(kind: int) -> int:
    """Of files or processes: enough, and no more than this machine lets one have."""
    hard = resource.getrlimit(kind)[1]
    return _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)


def _storage_driver(folder: Path) -> str:
    """Overlays cannot be stacked, so inside of a container files are copied."""
    done = subprocess.run(
        ["stat", "-f", "-c", "%T", str(folder)],  # noqa: S607 - coreutils, wherever they are
        capture_output=True,
        text=True,
        check=False,
    )
    return "vfs" if done.stdout.strip() in _OVERLAY_ON_OVERLAY else "overlay"
