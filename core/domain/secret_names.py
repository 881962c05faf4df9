"""Which names (JSON keys, variables, headers, parameters) hold secrets, and which words are none."""

from __future__ import annotations

import re
from functools import lru_cache

from core.domain.expressions import expression

_LONGEST_NAME = 200
_WORD = expression(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MAYBE = re.compile(
    r"pass|pwd|secret|key|auth|cred|token|bearer|cookie|sess|jwt|csrf|xsrf|cvv|cvc|otp|amzsig|amz-sig",
    re.IGNORECASE,
)

_ANYWHERE = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "apikey",
    "authorization",
    "credential",
    "privatekey",
    "accesskey",
    "accountkey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "sessionkey",
    "sessionid",
    "sessid",
    "bearer",
    "setcookie",
    "amzsignature",
    "authtoken",
    "accesstoken",
    "refreshtoken",
)
"""Secret wherever they stand in a name once its case, `-` and `_` are gone."""

_AT_THE_END = expression(
    r"(?:(?:^|_)(?:pwd|auth|pass|cookies?|jwt|cvv|cvc|otp)|(?:basic|proxy|http|x)auth|\wpwd|token|cookie|[cx]srf"
    r"|(?:access|refresh|auth|api|bearer|session|id)_?tokens)"
    r"(?:_(?:key|value|header|headers|data|string|hash|secret))?$"
)
"""Words that are innocent as part of others (author, tokens, token_count, compass)."""

_INNOCENT = expression(r"secretar|secrets?manager|tokeniz|tokenis")

_ABOUT = frozenset(
    [
        "error",
        "errors",
        "exception",
        "failure",
        "failed",
        "warning",
        "fault",
        "required",
        "missing",
        "invalid",
        "expired",
        "expires",
        "expiry",
        "expiration",
        "count",
        "length",
        "len",
        "size",
        "min",
        "max",
        "limit",
        "policy",
        "type",
        "types",
        "kind",
        "url",
        "uri",
        "endpoint",
        "path",
        "file",
        "dir",
        "ttl",
        "age",
        "lifetime",
        "at",
        "enabled",
        "disabled",
        "valid",
        "validator",
        "verified",
        "strength",
        "manager",
        "provider",
        "service",
        "controller",
        "middleware",
        "handler",
        "helper",
        "view",
        "form",
        "field",
        "fields",
        "factory",
        "strategy",
        "filter",
        "guard",
        "interceptor",
        "repository",
        "resolver",
        "rules",
        "status",
        "version",
        "algorithm",
        "alg",
        "issuer",
        "audience",
        "scope",
        "scopes",
        "name",
        "test",
        "tests",
        "spec",
    ]
)
"""Last words of names that speak about a secret and do not hold it: `password_policy`, `TokenError`."""

_TELLING = frozenset(
    [
        "none",
        "null",
        "nil",
        "undefined",
        "true",
        "false",
        "yes",
        "no",
        "nan",
        "str",
        "string",
        "bytes",
        "bool",
        "int",
        "any",
        "optional",
        "must",
        "should",
        "may",
        "is",
        "was",
        "are",
        "has",
        "not",
        "invalid",
        "missing",
        "expired",
        "required",
        "expected",
        "unexpected",
        "failed",
        "cannot",
        "could",
        "does",
        "did",
        "the",
        "a",
        "an",
        "too",
        "empty",
        "blank",
        "unknown",
        "unset",
        "ok",
        "denied",
        "rejected",
        "malformed",
        "revoked",
        "unauthorized",
        "incorrect",
        "wrong",
        "error",
        "exception",
    ]
)
"""Bare values that are no secrets but say what is wrong with one, as in `password: None`."""

_IN_BRACKETS = _TELLING | {"", "scrubbed", "list", "dict", "object", "secretstr"}


def is_secret_name(name: str) -> bool:
    """Whether a value under this name must not be kept. Case, `-`, `_` and camelCase do not matter."""
    return _is_secret(name[-_LONGEST_NAME:])


@lru_cache(maxsize=2_048)
def _is_secret(name: str) -> bool:
    if not _MAYBE.search(name):
        return False
    words = [word.lower() for word in _WORD().findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    joined = "".join(words)
    if _INNOCENT().search(joined):
        return False
    return any(stem in joined for stem in _ANYWHERE) or bool(_AT_THE_END().search("_".join(words)))


def is_working_directory(name: str, value: object) -> bool:
    """The shell's PWD, which only shares its name with the PWD of an ODBC connection string."""
    return name in {"PWD", "OLDPWD"} and isinstance(value, str) and value.startswith("/")


def is_telling(value: str) -> bool:
    """Whether a bare value says no more than a state or a type: `None`, `expired`, `Optional[str]`."""
    word, *in_brackets = value.strip(".,;:!?").lower().split("[")
    return word in _TELLING and all(inner.rstrip("]") in _IN_BRACKETS for inner in in_brackets)
