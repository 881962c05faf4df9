"""What browsers are told with every answer, whatever it is: errors, HEAD and preflights too."""

from __future__ import annotations

from starlette.types import Scope

from handlers import docs_page

Headers = tuple[tuple[bytes, bytes], ...]

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def _made(policy: str) -> Headers:
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "cross-origin-resource-policy": "same-origin",
        # Answers depend on the key, and hold what is nobody else's.
        "cache-control": "no-store",
    }
    return tuple((name.encode(), value.encode()) for name, value in headers.items())


_USUAL = _made(_NOTHING)
_OF_DOCS = _made(docs_page.POLICY)
# Of this host only: what else its owner has below that name is not ours to bind.
_TLS_ONLY: Headers = ((b"strict-transport-security", b"max-age=63072000"),)


def headers_for(scope: Scope) -> Headers:
    """Of an HTTP request whose path has no final slash. By TLS where this server or API Gateway says so."""
    headers = _OF_DOCS if scope["path"] == docs_page.PATH else _USUAL
    return headers + _TLS_ONLY if scope["scheme"] == "https" else headers
