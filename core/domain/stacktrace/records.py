"""What a parsed stack text holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    PYTHON = "python"
    JAVASCRIPT = "javascript"
    JAVA = "java"
    GO = "go"
    RUBY = "ruby"
    PHP = "php"
    CSHARP = "csharp"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One call. `raw` is the text as printed (one or more lines), fit for quoting verbatim.

    `in_app` is False for the standard library, the runtime and installed packages.
    """

    raw: str
    file: str | None = None
    function: str | None = None
    module: str | None = None
    line: int | None = None
    source: str | None = None
    in_app: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ExceptionInfo:
    """One link of the chain. `frames` run from the outermost call to the one that raised.

    `header` is the line that names it, as printed.
    """

    type: str
    message: str
    header: str
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StackTrace:
    """A whole stack text. `exceptions` run from the outermost (what the caller saw) to the root cause.

    Text that is no stack gives `Language.UNKNOWN` and no exceptions.
    """

    language: Language
    exceptions: tuple[ExceptionInfo, ...] = ()

    @property
    def outermost(self) -> ExceptionInfo | None:
        return self.exceptions[0] if self.exceptions else None

    @property
    def root(self) -> ExceptionInfo | None:
        return self.exceptions[-1] if self.exceptions else None
