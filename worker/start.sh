#!/usr/bin/env sh
# Start a worker on macOS or Linux. QUEUES and CONCURRENCY may be set; other arguments go to Celery.
# A second one with QUEUES=maintenance runs the sweeper and the nightly work.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv/bin/python ] && PATH="$PWD/.venv/bin:$PATH"
# exec: SIGTERM must reach Celery itself, not a shell in front of it.
exec python -m celery -A worker worker --loglevel=info \
  --queues="${QUEUES:-ai_analysis,metadata_generation}" --concurrency="${CONCURRENCY:-2}" "$@"
