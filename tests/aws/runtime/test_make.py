"""The make targets, as `sam build` calls them."""

from __future__ import annotations

import filecmp
import subprocess
from pathlib import Path

import pytest

from infra.bundle.target import Target

ROOT = Path(__file__).resolve().parents[3]
_SECONDS = 90


@pytest.mark.parametrize(
    ("function", "bundle"), [("BacklogMetricFunction", "light"), ("MigrateFunction", "migrate")]
)
def test_a_function_is_put_where_sam_wants_it(
    function: str, bundle: str, target: Target, light: Path, migrate_bundle: Path, tmp_path: Path
) -> None:
    built = {"light": light, "migrate": migrate_bundle}[bundle]
    subprocess.run(
        ["make", f"build-{function}", f"ARTIFACTS_DIR={tmp_path}"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "ARCH": str(target.architecture)},
        check=True,
        timeout=_SECONDS,
    )
    compared = filecmp.dircmp(built / "handlers", tmp_path / "handlers")
    assert not compared.left_only + compared.right_only + compared.diff_files
    assert (tmp_path / "alembic.ini").exists() is (bundle == "migrate")
    assert (tmp_path / "handlers/api.py").stat().st_mtime == (built / "handlers/api.py").stat().st_mtime
