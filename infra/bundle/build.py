"""Bundles, made once and kept until something in them changes.

Packages are kept apart from Rootnote's own code, which changes a hundred times as often.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from infra.bundle.bytecode import precompile
from infra.bundle.errors import BundleError
from infra.bundle.interpreter import interpreter_for
from infra.bundle.packages import install, prune
from infra.bundle.recipe import BUNDLES, ROOT, Recipe
from infra.bundle.target import Target
from infra.local.process import locked

Say = Callable[[str], None]

_BUSY_SECONDS = 900.0
_MODIFIED = 1_577_836_800
"""2020-01-01: a zip holds times, and an unchanged bundle must give an unchanged zip."""


def build(
    recipe: Recipe, target: Target, *, say: Say, copy_to: Path | None = None, home: Path = BUNDLES
) -> Path:
    """The folder of a bundle that is up to date, in `home`; `sam build` wants a copy of its own.

    Many processes may call this at the same time. Raises BundleError.
    """
    folder = home / f"{recipe.name}-{target}"
    home.mkdir(exist_ok=True)
    with locked(home / f"{folder.name}.lock", busy="another build hangs", patience=_BUSY_SECONDS):
        code = _digest(Path(__file__).parent.glob("*.py"))
        packages_key = _key(code, recipe.lock.read_bytes(), interpreter_for(target).version)
        own_key = _key(packages_key, _digest(ROOT / path for path in recipe.own_files()))
        if not _is_fresh(folder, own_key):
            title = f"bundle {recipe.name} ({target.runtime}, {target.architecture})"
            packages = home / f"packages-{folder.name}"
            if not _is_fresh(packages, packages_key):
                say(f"{title}: installing and compiling {recipe.lock.relative_to(ROOT)}")
                _install(recipe, target, packages, packages_key)
            _assemble(recipe, target, packages, folder, own_key)
            say(f"{title}: {size_of(folder) / 1e6:.1f} MB in {folder}")
        if copy_to is not None:
            shutil.copytree(folder, copy_to, dirs_exist_ok=True)
    return folder


def size_of(folder: Path) -> int:
    """Bytes of all files, as Lambda counts them."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _install(recipe: Recipe, target: Target, folder: Path, key: str) -> None:
    with _replacing(folder, key) as new:
        install(target, recipe.lock, new)
        prune(new)
        precompile(interpreter_for(target).path, new, ["."])
        _settle(new)


def _assemble(recipe: Recipe, target: Target, packages: Path, folder: Path, key: str) -> None:
    with _replacing(folder, key) as new:
        shutil.copytree(packages, new, copy_function=os.link)
        for path in recipe.own_files():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, new / path)
        precompile(interpreter_for(target).path, new, ["core", "handlers"])
        _settle(new)
        _check(recipe, new)


def _check(recipe: Recipe, folder: Path) -> None:
    tops = {path.name.partition(".")[0].partition("-")[0] for path in folder.iterdir()}
    if wrong := sorted(tops & recipe.never):
        raise BundleError(f"{', '.join(wrong)} must not be in the bundle {recipe.name}")
    if (size := size_of(folder)) > recipe.most_bytes:
        raise BundleError(f"the bundle {recipe.name} has {size:,} bytes, over {recipe.most_bytes:,}")


def _settle(folder: Path) -> None:
    """The same modes and times for the same content."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (_MODIFIED, _MODIFIED))


@contextlib.contextmanager
def _replacing(folder: Path, key: str) -> Iterator[Path]:
    """A place to make the folder anew; it is put in place, with its key, when all went well."""
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        yield new
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    _key_file(folder).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    _key_file(folder).write_text(key)


def _is_fresh(folder: Path, key: str) -> bool:
    try:
        return folder.is_dir() and _key_file(folder).read_text() == key
    except FileNotFoundError:
        return False


def _key_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.key")


def _key(*parts: bytes | str) -> str:
    return hashlib.sha256(b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)).hexdigest()


def _digest(paths: Iterable[Path]) -> str:
    """Of the files' names and contents."""
    files = ((str(path).encode(), path.read_bytes()) for path in sorted(paths))
    return _key(*(part for file in files for part in file))
