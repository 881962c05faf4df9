"""Failures that databases and their drivers report."""

from __future__ import annotations

from core.domain.analysis import Category
from worker.providers.offline.rule import Rule

DATA_RULES = (
    Rule(
        category=Category.CONSTRAINT_VIOLATION,
        patterns=(
            (
                r"duplicate key value violates unique constraint \"(?P<constraint>[^\"]+)\"(?:.{0,80}?Key "
                r"\((?P<column>[^)]+)\))?"
            ),
            r"Duplicate entry '(?P<value>.{0,100}?)' for key '(?P<constraint>[^']+)'",
            r"UNIQUE constraint failed: (?P<column>[\w.]+)",
            r"E11000 duplicate key error.{0,80}? index: (?P<constraint>\w+)",
            r"Violation of (?:UNIQUE|PRIMARY) KEY constraint '(?P<constraint>[^']+)'",
            r"Unique constraint failed on the (?:fields|constraint): ?\(?`?(?P<column>[^`)]+)",
            r"ORA-00001: unique constraint \((?P<constraint>[^)]+)\)",
            (
                r"UniqueViolation|RecordNotUnique|DuplicateKeyException|UniqueConstraintError"
                r"|SQLSTATE\[?:? ?23505|(?:error|errno|code|\()[ :=]{0,2}1062\b|duplicate key"
                r"|unique constraint"
            ),
        ),
        cause=(
            "A row was written whose value must be unique and is there already[ (constraint "
            "{constraint})][ (column {column})][, value {value}]."
        ),
        fix=(
            (
                "Find out why the row is written twice: a retried request, two requests at the same time, "
                "or a re-run import."
            ),
            (
                "If writing it again is harmless, use an insert that tolerates the row (ON CONFLICT, "
                "INSERT IGNORE, upsert) instead of a check before the insert, which two requests can pass "
                "together."
            ),
            (
                "Otherwise catch the violation[ of {constraint}] where the row is written and answer 409, "
                "not 500."
            ),
        ),
        unknown="Whether the same request ran twice or two requests met.",
    ),
    Rule(
        category=Category.CONSTRAINT_VIOLATION,
        patterns=(
            (
                r"on table \"(?P<table>[^\"]+)\" violates foreign key constraint "
                r"\"(?P<constraint>[^\"]+)\""
            ),
            r"a foreign key constraint fails \(.{0,80}?CONSTRAINT `(?P<constraint>[^`]+)`",
            r"FOREIGN KEY constraint \"(?P<constraint>[^\"]+)\"",
            (
                r"foreign key constraint|ForeignKeyViolation|InvalidForeignKey|SQLSTATE\[?:? ?23503"
                r"|(?:error|errno|code|\()[ :=]{0,2}145[12]\b|ORA-0229[12]"
            ),
        ),
        cause=(
            "A row points at another row that does not exist, or a row that others point at was "
            "deleted[ (constraint {constraint})][ (table {table})]."
        ),
        fix=(
            ("Check the order of writes: the row that is pointed at has to be there, and committed, first."),
            (
                "When deleting, decide what happens to the rows that point here: delete them too, set "
                "them to null, or refuse with a clear answer."
            ),
            (
                "Check the id that came in with the request before it is stored, and answer 404 or 422 "
                "for one that does not exist."
            ),
        ),
    ),
    Rule(
        category=Category.CONSTRAINT_VIOLATION,
        patterns=(
            r"null value in column \"(?P<column>[^\"]+)\"(?: of relation \"(?P<table>[^\"]+)\")?",
            (
                r"Column '(?P<column>[^']+)' cannot be null"
                r"|Field '(?P<field>[^']+)' doesn't have a default value"
            ),
            r"NOT NULL constraint failed: (?P<column>[\w.]+)",
            r"Cannot insert the value NULL into column '(?P<column>[^']+)'",
            r"not-null property references a null.{0,60}?: (?P<column>[\w.]+)",
            r"NotNullViolation|SQLSTATE\[?:? ?23502|not-null constraint",
        ),
        cause=(
            "A row was written without a value for a column that must have one[: {column}][: "
            "{field}][ in table {table}]."
        ),
        fix=(
            (
                "Find out where the value[ for {column}] should come from, and why it was not set: a "
                "field that the client did not send, or a new column that the code does not fill yet."
            ),
            "Check the input before it reaches the database and answer 422 with the field's name.",
            ("If the column may really be empty, say so in a migration (drop NOT NULL, or add a default)."),
        ),
    ),
    Rule(
        category=Category.CONSTRAINT_VIOLATION,
        patterns=(
            r"violates check constraint \"(?P<constraint>[^\"]+)\"",
            r"Check constraint '(?P<constraint>[^']+)' is violated",
            r"CHECK constraint failed: (?P<constraint>\w+)",
            r"(?P<reason>value too long for type [\w ()]{3,40}|Data too long for column '[^']{1,60}')",
            r"violates exclusion constraint \"(?P<constraint>[^\"]+)\"",
            (
                r"CheckViolation|IntegrityError|ConstraintViolation|DbUpdateException|integrity constraint"
                r"|SQLSTATE\[?:? ?23"
            ),
        ),
        cause=(
            "The database refused a row because it breaks a rule of the table[ (constraint "
            "{constraint})][: {reason}]."
        ),
        fix=(
            (
                "Look at what the rule[ {constraint}] demands and at the values that were written in this "
                "request."
            ),
            "Check the same rule before the database does, and answer 422 with the field's name.",
            "If the rule is out of date, change it in a migration.",
        ),
    ),
    Rule(
        category=Category.DEADLOCK,
        patterns=(
            (
                r"deadlock (?:detected|found)|DeadlockDetected|Deadlocked|deadlock victim"
                r"|SQLSTATE\[?:? ?40P01|(?:error|errno|code|\()[ :=]{0,2}1213\b|LockWaitTimeout"
                r"|Lock wait timeout|(?:error|errno|code|\()[ :=]{0,2}1205\b|lock timeout"
                r"|could not obtain lock|LockNotAvailable|SQLITE_BUSY|database is locked"
                r"|could not serialize access|SerializationFailure|ORA-00060|all goroutines are asleep"
            ),
        ),
        cause=(
            "Two pieces of work waited for each other's locks[ in {subject}], or one waited too long, "
            "and this one was stopped."
        ),
        fix=(
            (
                "Run the whole transaction again after a short random pause: for the one that was stopped "
                "that is safe and expected."
            ),
            (
                "Make transactions touch rows in the same order, and keep them short: no network call "
                "while one is open."
            ),
            "Look in the database's log for the other statement of the pair.",
        ),
        unknown="Which other piece of work held the lock.",
    ),
    Rule(
        category=Category.RESOURCE_EXHAUSTED,
        patterns=(
            r"QueuePool limit of size (?P<size>\d+)",
            (
                r"remaining connection slots are reserved|too many (?:clients|connections)"
                r"|TooManyConnections|(?:error|errno|code|\()[ :=]{0,2}1040\b"
                r"|Connection is not available, request timed out after (?P<limit>\d+ ?ms)"
            ),
            (
                r"pool (?:is )?(?:exhausted|timeout|timed out)|PoolTimeout|ConnectionPoolTimeout"
                r"|PoolExhausted|could not obtain a (?:database )?connection"
                r"|ConnectionTimeoutError: could not obtain|Knex: Timeout acquiring"
                r"|ResourceRequest timed out|max pool size was reached|ORA-00018"
                r"|Timed out fetching a new connection|sorry, too many clients"
            ),
        ),
        cause=(
            "All connections[ to {subject}] were in use[ (the pool holds {size})], and none came free "
            "in time[ ({limit})]."
        ),
        fix=(
            (
                "Look for code that keeps a connection: a transaction open during a network call, a "
                "result that is never closed, a session that is not given back after an error."
            ),
            "Compare pool size times number of processes with the server's own limit on connections.",
            "Only then enlarge the pool, or put a pooler such as PgBouncer in between.",
        ),
        unknown="What held the connections.",
    ),
    Rule(
        category=Category.MISSING_CODE,
        patterns=(
            r"relation \"(?P<table>[^\"]+)\" does not exist",
            r"column \"?(?P<column>[\w.]+)\"?(?: of relation \"(?P<table>[^\"]+)\")? does not exist",
            r"Table '(?P<table>[^']+)' doesn't exist|Unknown column '(?P<column>[^']+)'",
            r"no such (?:table: (?P<table>[\w.]+)|column: (?P<column>[\w.]+))",
            r"Invalid (?:object name '(?P<table>[^']+)'|column name '(?P<column>[^']+)')",
            r"The (?:table|column) `(?P<table>[^`]+)` does not exist in the current database",
            (
                r"UndefinedTable|UndefinedColumn|PendingMigrationError|Migrations are pending|ORA-00942"
                r"|SQLSTATE\[42S02\]"
            ),
        ),
        cause=(
            "The code asks the database for something that its schema does not have[: table "
            "{table}][: column {column}]. Most often the code is newer than the schema."
        ),
        fix=(
            (
                "Compare the migrations that this database has run with those in the release; run the "
                "missing ones."
            ),
            (
                "Run migrations before the new code takes traffic, and keep the old columns until the old "
                "code is gone."
            ),
            (
                "If the migrations are all there, check that the connection points at the right database "
                "and schema (search_path), and the spelling of the name."
            ),
        ),
        unknown="Which migrations this database has run.",
    ),
    Rule(
        category=Category.DATABASE,
        patterns=(
            r"syntax error at or near \"(?P<near>[^\"]{1,80})\"",
            r"You have an error in your SQL syntax.{0,120}? near '(?P<near>.{1,80}?)' at",
            r"(?:sqlite3?|SQLITE_ERROR).{0,40}?near \"(?P<near>[^\"]+)\": syntax error",
            r"SQLSTATE\[?:? ?42601|ORA-009\d\d",
        ),
        cause="The database could not read an SQL statement[ near {near}].",
        fix=(
            "Log the statement as it was sent and run it by hand.",
            (
                "If it is put together from strings, use bound parameters instead: a quote in a value "
                "breaks it, and an attacker can do so on purpose."
            ),
        ),
        unknown="The statement as it was sent.",
    ),
    Rule(
        category=Category.DATABASE,
        patterns=(
            (
                r"current transaction is aborted|InFailedSqlTransaction|PendingRollbackError"
                r"|read-only transaction|cannot execute \w+ in a read-only"
            ),
            (
                r"(?:database|db|sql) (?:connection|query|error|failure)|OperationalError|ProgrammingError"
                r"|DatabaseError|SQLException|SqlException|PDOException|QueryFailedError|PrismaClient"
                r"|SequelizeDatabaseError|StatementInvalid|MongoServerError|DataAccessException|SQLSTATE"
                r"|ORA-\d{5}|psycopg|sqlite3\."
            ),
        ),
        cause="A call to {database} failed; the text does not say more about the kind of failure.",
        fix=(
            "Look at the database's own log at this moment for the statement and the error code.",
            (
                "Check that it was reachable and not in a failover, and that the connection settings are "
                "those of this environment."
            ),
            (
                "Log the driver's error code with the message: it tells a lost connection from a bad "
                "statement."
            ),
        ),
        unknown="The database's own error code and the statement that failed.",
        vague=True,
    ),
)
