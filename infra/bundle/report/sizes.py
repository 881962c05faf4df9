"""Bytes of a bundle, by what is at its top."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import Path

from infra.bundle.build import size_of
from infra.bundle.report.table import table

_SHOWN = 12


def sizes(folder: Path) -> str:
    """As a table: the whole, unzipped and zipped, and its heaviest parts."""
    parts: Counter[str] = Counter()
    for path in folder.iterdir():
        name = "(metadata)" if path.suffix == ".dist-info" else path.name
        parts[name] += size_of(path) if path.is_dir() else path.stat().st_size
    rows = [[name, _megabytes(size)] for name, size in parts.most_common(_SHOWN)]
    files = sum(path.is_file() for path in folder.rglob("*"))
    head = (
        f"{folder.name}: {_megabytes(size_of(folder))} MB in {files} files, "
        f"{_megabytes(zipped_size(folder))} MB zipped"
    )
    return f"{head}\n\n{table(['part', 'MB'], rows)}"


def zipped_size(folder: Path) -> int:
    """As `sam deploy` packs it."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(folder))
    return whole.tell()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"
