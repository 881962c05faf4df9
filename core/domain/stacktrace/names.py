"""What stays of a frame's name when the host, the build and the line number change."""

from __future__ import annotations

import re
from functools import lru_cache

from core.domain.expressions import expression
from core.domain.stacktrace.records import Frame, Language

# How many leading directories belong to the machine rather than to the code, by the first of them.
_ROOT_DEPTHS = {
    "home": 3,
    "Users": 3,
    "root": 2,
    "app": 1,
    "code": 1,
    "workspace": 1,
    "workspaces": 2,
    "srv": 2,
    "opt": 2,
    "tmp": 2,
    "builds": 3,
}
_DEEP_ROOT_DEPTHS = {
    "var/task": 2,
    "var/www": 3,
    "usr/src": 3,
    "var/app": 3,
    "var/lib": 4,
    "private/var": 3,
}
_URL_HOST = expression(r"(?:https?|file|app|webpack|webpack-internal|capacitor)://[^/]*/", re.IGNORECASE)
_VERSION = expression(r"[@-]v?\d+(?:\.\w+)+$")
# `releases/20240131120000`, `v1.2.3`, a commit's hash.
_VERSION_DIRECTORY = expression(r"v?\d[\d.]*$|(?=[a-f]*\d)[0-9a-f]{7,64}$")
_HASH_IN_FILE = expression(r"[.-](?=[a-f]*\d)[0-9a-f]{6,64}(?=\.)")
_VITE_HASH = expression(r"-(?=[\w-]*[A-Z0-9])[\w-]{8}(?=\.m?js$)")
_FUNCTION_NOISE = expression(
    r"0x[0-9a-fA-F]+"
    r"|(?<=\$\$Lambda)[$/\w]*|(?<=\$Proxy)\d+|(?<=MethodAccessor)\d+|(?<=CGLIB\$\$)[0-9a-f]+"
    r"|(?<=\$)\d+"
    r"|(?<=\bfunc)\d+(?:\.\d+)*|(?<=\.gowrap)\d+|\[\.\.\.\]"
    r"|\(\d+ levels\) |(?<=_)_\d{4,}(?:_\d{4,})*"
    r"|(?<=\{closure):[^}]*"
)
_NOISE_SIGN = re.compile(r"\$|0x|Accessor\d|func\d|gowrap\d|\[\.\.\.\]|\(\d|__\d|\{closure")
"""In whatever `_FUNCTION_NOISE` matches, or right before it."""
_ANONYMOUS = frozenset({"<anonymous>", "anonymous", "?", "(anonymous)", "Object.<anonymous>", "eval"})


def frame_key(language: Language, frame: Frame) -> str:
    """`module:function`, or `path:function` where the runtime prints no module."""
    place = _without_noise(frame.module) if frame.module else short_path(frame.file or "", language)
    return f"{place}:{stable_function(frame.function or '')}"


def frame_name(language: Language, frame: Frame) -> str:
    """The frame's place for a person: `checkout.views.pay`, `PaymentService.charge`, `pay (src/cart.js)`."""
    function = stable_function(frame.function or "")
    if frame.module:
        module = frame.module.rpartition("/" if language is Language.GO else ".")[2]
        return f"{module}.{function}"
    path = short_path(frame.file or "", language)
    if language is Language.PYTHON:
        module = path.removesuffix(".py").replace("/", ".")
        return f"{module}.{function}" if function and not function.startswith("<") else module
    return f"{function} ({path})" if function else path


@lru_cache(maxsize=1_024)
def short_path(file: str, language: Language) -> str:
    """The file and the directory it lies in, as far as that directory belongs to the code."""
    path = file.partition("?")[0].replace("\\", "/")
    host = _URL_HOST().match(path)
    absolute = path.startswith("/") or path[1:3] == ":/"
    parts = [part for part in path[host.end() if host else 0 :].split("/") if part not in {"", "."}]
    if absolute and not host:
        parts = _without_root(parts[1:] if parts and parts[0].endswith(":") else parts)
    if not parts:
        return ""
    name = parts.pop()
    directories = (
        _VERSION().sub("", part) for part in reversed(parts) if not _VERSION_DIRECTORY().match(part)
    )
    directory = next(directories, None)
    if language is Language.JAVASCRIPT:
        name = _HASH_IN_FILE().sub("", name)
        if directory == "assets" or "assets" in directories:
            name = _VITE_HASH().sub("", name)
    return name if directory is None else f"{directory}/{name}"


def stable_function(function: str) -> str:
    return "" if function in _ANONYMOUS else _without_noise(function)


def _without_noise(name: str) -> str:
    return _FUNCTION_NOISE().sub("", name) if _NOISE_SIGN.search(name) else name


def _without_root(parts: list[str]) -> list[str]:
    depth = _DEEP_ROOT_DEPTHS.get("/".join(parts[:2])) or _ROOT_DEPTHS.get("/".join(parts[:1]), 0)
    return parts[min(depth, max(0, len(parts) - 1)) :]
