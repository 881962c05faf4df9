"""The offline analyser on messages alone: the kind of failure, and the name that tells."""

from __future__ import annotations

import pytest

from core.domain.analysis import Category
from core.domain.event import EventContent
from worker.providers.heuristic import analyse

MESSAGES = [
    ("'NoneType' object has no attribute 'email'", Category.NULL_ACCESS, "email"),
    ("Cannot read properties of undefined (reading 'id')", Category.NULL_ACCESS, "id"),
    ("Cannot read property 'map' of null", Category.NULL_ACCESS, "map"),
    ('Cannot invoke "String.length()" because "name" is null', Category.NULL_ACCESS, "name"),
    ("runtime error: invalid memory address or nil pointer dereference", Category.NULL_ACCESS, "null"),
    ("TypeError: user is undefined", Category.NULL_ACCESS, "user"),
    ("undefined method `total' for nil:NilClass", Category.NULL_ACCESS, "total"),
    ("undefined method 'total' for nil", Category.NULL_ACCESS, "total"),
    ("System.NullReferenceException: Object reference not set to an instance", Category.NULL_ACCESS, "null"),
    ("Call to a member function getName() on null", Category.NULL_ACCESS, "getName"),
    ("KeyError: 'user_id'", Category.MISSING_KEY, "user_id"),
    ("KeyError: 'timeout'", Category.MISSING_KEY, "timeout"),
    ('Undefined array key "email"', Category.MISSING_KEY, "email"),
    ("User matching query does not exist.", Category.MISSING_KEY, "User"),
    ("Couldn't find Order with 'id'=12", Category.MISSING_KEY, "Order"),
    ("KeyError: 'DATABASE_URL'", Category.CONFIGURATION, "DATABASE_URL"),
    ("environment variable STRIPE_KEY is not set", Category.CONFIGURATION, "STRIPE_KEY"),
    ("IndexError: list index out of range", Category.INDEX_OUT_OF_RANGE, "bounds"),
    ("Index 5 out of bounds for length 3", Category.INDEX_OUT_OF_RANGE, "position 5 of 3"),
    ("runtime error: index out of range [5] with length 3", Category.INDEX_OUT_OF_RANGE, "position 5 of 3"),
    ("RecursionError: maximum recursion depth exceeded", Category.STACK_OVERFLOW, "nested"),
    ("RangeError: Maximum call stack size exceeded", Category.STACK_OVERFLOW, "nested"),
    ("fatal error: concurrent map writes", Category.CONCURRENCY, "same time"),
    ("java.util.ConcurrentModificationException", Category.CONCURRENCY, "same time"),
    ("ModuleNotFoundError: No module named 'pandas'", Category.MISSING_CODE, "pandas"),
    ("Cannot find module 'express'", Category.MISSING_CODE, "express"),
    ("java.lang.ClassNotFoundException: com.acme.Tax", Category.MISSING_CODE, "com.acme.Tax"),
    ('relation "orders" does not exist', Category.MISSING_CODE, "orders"),
    ("no such table: users", Category.MISSING_CODE, "users"),
    ("Unexpected token < in JSON at position 0", Category.PARSE_ERROR, "<"),
    ("JSONDecodeError: Expecting value: line 1 column 1 (char 0)", Category.PARSE_ERROR, "format"),
    ("'utf-8' codec can't decode byte 0xff in position 0", Category.ENCODING, "0xff"),
    ("ZeroDivisionError: division by zero", Category.ARITHMETIC, "division"),
    ("java.lang.ArithmeticException: / by zero", Category.ARITHMETIC, "division"),
    ("TypeError: load() missing 1 required positional argument: 'user'", Category.TYPE_MISMATCH, "user"),
    ("TypeError: user.save is not a function", Category.TYPE_MISMATCH, "user.save"),
    ("'str' object has no attribute 'items'", Category.TYPE_MISMATCH, "items"),
    ("invalid literal for int() with base 10: 'abc'", Category.INVALID_VALUE, "abc"),
    ('java.lang.NumberFormatException: For input string: "x1"', Category.INVALID_VALUE, "x1"),
    ('strconv.Atoi: parsing "x1": invalid syntax', Category.INVALID_VALUE, "x1"),
    ("TypeError: Invalid URL", Category.INVALID_VALUE, "not acceptable"),
    ("record not found", Category.MISSING_KEY, "does not exist"),
    ("ValueError: nope", Category.INVALID_VALUE, "does not accept"),
    ("AssertionError: total must be positive", Category.ASSERTION, "condition"),
    (
        'duplicate key value violates unique constraint "users_email_key"\nDETAIL:  Key (email)=(a@b)',
        Category.CONSTRAINT_VIOLATION,
        "users_email_key",
    ),
    ("Duplicate entry 'bob' for key 'users.name'", Category.CONSTRAINT_VIOLATION, "users.name"),
    ("(1062, 'x')", Category.CONSTRAINT_VIOLATION, "unique"),
    ("UNIQUE constraint failed: users.email", Category.CONSTRAINT_VIOLATION, "users.email"),
    ('null value in column "total" of relation "orders" violates', Category.CONSTRAINT_VIOLATION, "total"),
    (
        'insert or update on table "orders" violates foreign key constraint "orders_user_fk"',
        Category.CONSTRAINT_VIOLATION,
        "orders_user_fk",
    ),
    ('new row violates check constraint "positive"', Category.CONSTRAINT_VIOLATION, "positive"),
    ("deadlock detected", Category.DEADLOCK, "locks"),
    ("Lock wait timeout exceeded; try restarting transaction", Category.DEADLOCK, "locks"),
    ("QueuePool limit of size 5 overflow 10 reached", Category.RESOURCE_EXHAUSTED, "5"),
    ("FATAL: sorry, too many clients already", Category.RESOURCE_EXHAUSTED, "connections"),
    (
        "HikariPool-1 - Connection is not available, request timed out after 30000ms.",
        Category.RESOURCE_EXHAUSTED,
        "30000ms",
    ),
    ("ENOSPC: no space left on device, write", Category.RESOURCE_EXHAUSTED, "ENOSPC"),
    ('syntax error at or near "FORM"', Category.DATABASE, "FORM"),
    ("psycopg.OperationalError: something odd", Category.DATABASE, "PostgreSQL"),
    ("FATAL ERROR: Reached heap limit - JavaScript heap out of memory", Category.OUT_OF_MEMORY, "memory"),
    ("Allowed memory size of 134217728 bytes exhausted", Category.OUT_OF_MEMORY, "134217728 bytes"),
    ("java.lang.OutOfMemoryError: Java heap space", Category.OUT_OF_MEMORY, "memory"),
    ("connect ECONNREFUSED 10.0.0.5:6379", Category.CONNECTION_REFUSED, "10.0.0.5:6379"),
    (
        'connection to server at "db" (10.1.1.1), port 5432 failed: Connection refused',
        Category.CONNECTION_REFUSED,
        "db:5432",
    ),
    ("dial tcp 10.0.0.5:5432: connect: connection refused", Category.CONNECTION_REFUSED, "10.0.0.5:5432"),
    ("read ECONNRESET", Category.CONNECTION_LOST, "cut"),
    ("BrokenPipeError: [Errno 32] Broken pipe", Category.CONNECTION_LOST, "cut"),
    ("getaddrinfo ENOTFOUND api.example.internal", Category.DNS, "api.example.internal"),
    ("dial tcp: lookup db.local on 10.0.0.2:53: no such host", Category.DNS, "db.local"),
    (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired",
        Category.TLS,
        "expired",
    ),
    ("x509: certificate signed by unknown authority", Category.TLS, "unknown authority"),
    ("timeout of 5000ms exceeded", Category.TIMEOUT, "5000ms"),
    ("context deadline exceeded", Category.TIMEOUT, "time limit"),
    ("Connection timed out", Category.TIMEOUT, "could not be opened"),
    ("Request failed with status code 503", Category.DEPENDENCY, "503"),
    ("502 Bad Gateway", Category.DEPENDENCY, "502"),
    ("429 Too Many Requests", Category.RATE_LIMIT, "too many"),
    ("EACCES: permission denied, open '/var/data/x'", Category.PERMISSION, "/var/data/x"),
    ("permission denied for table orders", Category.PERMISSION, "orders"),
    ('password authentication failed for user "app"', Category.AUTHENTICATION, "app"),
    ("ENOENT: no such file or directory, open '/app/cfg.json'", Category.MISSING_FILE, "/app/cfg.json"),
    ("[Errno 2] No such file or directory: 'data.csv'", Category.MISSING_FILE, "data.csv"),
]


@pytest.mark.parametrize(("message", "category", "named"), MESSAGES)
def test_a_message_alone_tells_its_kind_and_names(message: str, category: Category, named: str) -> None:
    analysis = analyse(EventContent(message=message, status_code=500))
    assert analysis.category is category
    assert named in analysis.root_cause
    assert 0.2 <= analysis.confidence <= 0.45
    assert not analysis.inconclusive
    assert any("no stack was sent" in unknown for unknown in analysis.unknowns)


@pytest.mark.parametrize(("message", "category", "named"), MESSAGES)
def test_no_text_of_a_rule_is_left_unfilled(message: str, category: Category, named: str) -> None:
    analysis = analyse(EventContent(message=message, status_code=500))
    for text in (analysis.root_cause, analysis.suggested_fix, *analysis.unknowns):
        assert not set(text.replace(message.splitlines()[0], "")) & set("{}")
        assert "  " not in text
