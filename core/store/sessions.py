"""Sessions whose process fell silent in the middle of a transaction, with its locks.

A process that hangs (stopped, starved, or its machine paused) between two statements keeps the rows that it
locked: a group's, say, and then every error of that group is refused for as long as it hangs. PostgreSQL's
idle_in_transaction_session_timeout does not see it, since statements are sent in a pipeline: until
its end, the session counts as active. transaction_timeout does, but came with version 17.
"""

from __future__ import annotations

from datetime import timedelta

from core.store.database import APPLICATION_NAME, Connection


async def end_silent(connection: Connection, *, silent_for: timedelta) -> int:
    """End sessions of ours in a transaction that waits for its client for so long. Gives how many.

    Nothing is lost by one too many: work is run again when its connection goes.
    """
    cursor = await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = %s AND usename = current_user AND datname = current_database()"
        "   AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND wait_event = 'ClientRead'"
        "   AND greatest(query_start, state_change) < now() - %s",
        (APPLICATION_NAME, silent_for),
    )
    return len(await cursor.fetchall())
