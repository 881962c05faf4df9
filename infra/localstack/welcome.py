"""What `make localstack` prints when all is ready."""

from __future__ import annotations

import shlex
from pathlib import Path

from infra.local.welcome import EVENT
from infra.localstack.deploy import Note
from infra.localstack.server import VENV

UNTRUSTED = (
    "Lambda functions are processes of this machine, without isolation: run no code that you do not trust."
)
_LOG_GROUP = "/rootnote/local/api"


def welcome(note: Note, *, root: Path, folder: Path, url: str, key: str) -> str:
    api, authorised = note.api_url, f"-H 'Authorization: Bearer {key}'"
    aws = shlex.quote(str(VENV / "bin" / "aws"))
    look = f"logs filter-log-events --log-group-name {_LOG_GROUP} --query 'events[].message' --output text"
    lines = [
        "",
        "Rootnote runs on LocalStack, deployed from template.yaml. Ctrl-C stops it: what is in LocalStack is",
        "gone then, the database stays.",
        f"  API         {api}",
        f"  API key     {key} (admin)",
        f"  AWS         AWS_ENDPOINT_URL={url}",
        f"  logs        workers: here; LocalStack: {folder / 'log'}; servers: {root / '.local' / 'log'}",
        "",
        "Send an error:",
        f"  curl -X POST {api}/api/v1/events {authorised} -H 'Content-Type: application/json' -d '{EVENT}'",
        "",
        "Read what was made of it:",
        f"  curl {authorised} {api}/api/v1/events",
        "",
        "Use AWS's command line or boto3 there, in another terminal; such as for the log of a function:",
        f"  {load(folder / 'env')}",
        f"  {aws} {look}",
        "",
        *_not_real(note),
        "",
        UNTRUSTED,
        "",
    ]
    return "\n".join(lines)


def empty_welcome(url: str, env_file: Path) -> str:
    return f"""
LocalStack is ready. Ctrl-C stops it, and all that is in it is gone.
  URL      {url}
  use it   {load(env_file)}
           then boto3 and AWS's command line go there: AWS_ENDPOINT_URL={url}

{UNTRUSTED}
"""


def load(env_file: Path) -> str:
    return f"set -a; . {shlex.quote(str(env_file))}; set +a"


def _not_real(note: Note) -> list[str]:
    kinds = [f"  {kind}{f' ({count})' if count > 1 else ''}" for kind, count in note.faked.items()]
    return [
        "Not as on AWS:",
        "  RDS and ElastiCache: PostgreSQL and Valkey of this machine, without TLS, stand in",
        "  ECS: worker, maintenance and beat run as `make run` starts them, with keys of models from .env",
        "  network, security groups, roles, throttling: made, and nothing is enforced",
        "  metrics in the functions' logs: nobody reads them, so alarms on them stay silent",
        *(["LocalStack only says that it made these, and nothing runs them:", *kinds] if kinds else []),
    ]
