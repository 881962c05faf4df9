"""PostgreSQL: the truth. One module a noun; queries never commit, `database` alone opens transactions.

Queries are SQL on psycopg: the HTTP side runs in Lambda, where importing SQLAlchemy would cost more
than the whole request. `tables` is the schema in SQLAlchemy, for alembic and for reading.
"""
