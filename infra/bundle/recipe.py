"""What each bundle holds. Packages come from its lock file, Rootnote's own code from the checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT / ".bundle"

_LAMBDA_HAS = ("boto3", "botocore", "s3transfer", "awslambdaric")
_OF_SERVERS = ("uvicorn", "uvloop", "httptools", "worker", "tests", "infra")
_OF_THE_WORKER = ("openai", "google", "celery", "kombu", "flower")
_OF_MIGRATIONS = ("sqlalchemy", "alembic", "mako")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """`leaves_out` are paths of ours that the bundle's packages could not import; `never` are names that
    must not be at its top; `most_bytes` is of the unzipped whole, and our own limit: Lambda's is 250 MB,
    but every cold start reads the bundle again."""

    name: str
    lock: Path
    extra_files: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()
    never: frozenset[str]
    most_bytes: int

    def own_files(self) -> list[Path]:
        """Files of the checkout, relative to it, in a stable order."""
        found = [
            path.relative_to(ROOT)
            for top in ("core", "handlers")
            for pattern in ("*.py", "*.mako")
            for path in (ROOT / top).rglob(pattern)
        ]
        kept = [path for path in found if not any(path.is_relative_to(out) for out in self.leaves_out)]
        return sorted([*kept, *map(Path, self.extra_files)])


_BY_HAND = ("core/cli.py", "core/cli_types.py")
_OF_UVICORN = ("handlers/bounded_http.py", "handlers/http_upgrade.py", "handlers/serve.py")

LIGHT = Recipe(
    name="light",
    lock=ROOT / "requirements/lambda.txt",
    leaves_out=(
        *_BY_HAND,
        *_OF_UVICORN,
        "core/store/migrations",
        "core/store/schema.py",
        "core/store/tables.py",
        "handlers/migrate.py",
    ),
    never=frozenset((*_LAMBDA_HAS, *_OF_SERVERS, *_OF_THE_WORKER, *_OF_MIGRATIONS)),
    most_bytes=60_000_000,
)
MIGRATE = Recipe(
    name="migrate",
    lock=ROOT / "requirements/migrate.txt",
    extra_files=("alembic.ini",),
    leaves_out=(*_BY_HAND, *_OF_UVICORN),
    never=frozenset((*_LAMBDA_HAS, *_OF_SERVERS, *_OF_THE_WORKER)),
    most_bytes=80_000_000,
)
RECIPES = {recipe.name: recipe for recipe in (LIGHT, MIGRATE)}
