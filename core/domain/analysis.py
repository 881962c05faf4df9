"""An analysis: what a model, or the offline analyser, says of an error."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What kind of failure it is. The values are part of the answer schema: add, never rename."""

    NULL_ACCESS = "null_access"
    TIMEOUT = "timeout"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_LOST = "connection_lost"
    DNS = "dns"
    TLS = "tls"
    MISSING_KEY = "missing_key"
    INDEX_OUT_OF_RANGE = "index_out_of_range"
    TYPE_MISMATCH = "type_mismatch"
    INVALID_VALUE = "invalid_value"
    PARSE_ERROR = "parse_error"
    ENCODING = "encoding"
    ARITHMETIC = "arithmetic"
    CONSTRAINT_VIOLATION = "constraint_violation"
    DEADLOCK = "deadlock"
    DATABASE = "database"
    OUT_OF_MEMORY = "out_of_memory"
    STACK_OVERFLOW = "stack_overflow"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    PERMISSION = "permission"
    AUTHENTICATION = "authentication"
    MISSING_FILE = "missing_file"
    MISSING_CODE = "missing_code"
    CONFIGURATION = "configuration"
    CONCURRENCY = "concurrency"
    ASSERTION = "assertion"
    DEPENDENCY = "dependency"
    RATE_LIMIT = "rate_limit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """`evidence` holds quotes of the event, `evidence_sources` the field of each; all else are the words of
    whoever analysed it. `confidence` is from 0 to 1.
    """

    root_cause: str
    category: Category
    evidence: tuple[str, ...]
    suggested_fix: str
    unknowns: tuple[str, ...]
    confidence: float
    inconclusive: bool = False
    evidence_sources: tuple[str, ...] = ()
