"""Which runtime printed a stack text, by telltale signs, and the way to its reader."""

from __future__ import annotations

import re
from collections.abc import Callable

from core.domain.stacktrace import csharp, go, java, javascript, php, python, ruby
from core.domain.stacktrace.headers import split_error_header
from core.domain.stacktrace.records import ExceptionInfo, Language, StackTrace
from core.domain.stacktrace.text import MAX_MESSAGE_LINES, MAX_QUOTE, StackText, split

_READERS: dict[Language, Callable[[StackText], tuple[ExceptionInfo, ...]]] = {
    Language.PYTHON: python.read,
    Language.JAVASCRIPT: javascript.read,
    Language.JAVA: java.read,
    Language.GO: go.read,
    Language.RUBY: ruby.read,
    Language.PHP: php.read,
    Language.CSHARP: csharp.read,
}
_SIGNS = {
    Language.PYTHON: r'[ |+]*(?:File "[^"]*", line \d|Exception Group Traceback \()',
    Language.GO: r"goroutine \d+ \[|panic: ",
    Language.PHP: r"#\d+ (?:\{main\}|\[internal function\]: |\S.*?\(\d+\): )|Stack trace:$|\[stacktrace\]"
    r"|(?:PHP )?(?:Fatal|Parse) error: |PHP (?:Warning|Notice|Deprecated): ",
    Language.JAVA: r'Caused by: |Exception in thread "|\.\.\. \d+ (?:more|common)',
    Language.CSHARP: r"--- End of |---> |Unhandled exception\. ",
    Language.JAVASCRIPT: r"\[cause\]: |Uncaught \(in promise\) ",
}
"""How telling lines begin."""
_SIGN = re.compile("|".join(f"(?P<{language.name}>{sign})" for language, sign in _SIGNS.items()))
_BY_SIGN: dict[str | None, Language] = {language.name: language for language in _SIGNS}
_PHP_WITHIN = ("PHP Fatal error: ", "[object] (")


def parse(text: str) -> StackTrace:
    """Never raises, whatever the text.

    An exception's type is "" where the text lists frames and no header. A header without frames
    (`Error: Connection timeout`) is an exception of Language.UNKNOWN: most runtimes print that same line.
    """
    lines = split(text)
    language = _language(lines)
    exceptions = _READERS[language](lines) if language else ()
    if language and exceptions:
        return StackTrace(language=language, exceptions=exceptions)
    return StackTrace(language=Language.UNKNOWN, exceptions=_read_header_alone(lines))


def _language(text: StackText) -> Language | None:
    """The one with the most telling lines; of equals, the first to show."""
    votes = [language for line in text.lines if (language := language_of_line(line))]
    if votes:
        return max(dict.fromkeys(votes), key=votes.count)
    return Language.PYTHON if python.TRACEBACK in text.text else None


def language_of_line(line: str) -> Language | None:
    """None: by this line nothing can be told."""
    body = line.strip()
    if not body:
        return None
    if body.startswith("at "):
        return _language_of_call(body)
    sign = _SIGN.match(body)
    if sign:
        return _BY_SIGN[sign.lastgroup]
    if ":" in body:
        if line[0].isspace() and go.read_place(line):
            return Language.GO
        if ruby.read_frame(body.partition("': ")[0] + "'" if "': " in body else body):
            return Language.RUBY
    if "@" in body and javascript.read_frame(body):
        return Language.JAVASCRIPT
    return Language.PHP if any(sign in body for sign in _PHP_WITHIN) else None


def _language_of_call(body: str) -> Language | None:
    """`at` starts a frame of three runtimes; what stands in its brackets tells them apart."""
    if javascript.read_frame(body):
        return Language.JAVASCRIPT
    inner = body.partition("(")[2].partition(")")[0]
    is_java_place = inner in {"Native Method", "Unknown Source", "<generated>"} or (
        "." in inner and " " not in inner and "," not in inner
    )
    if is_java_place and ":line " not in body and java.read_frame(body):
        return Language.JAVA
    return Language.CSHARP if "." in body and csharp.read_frame(body) else None


def _read_header_alone(text: StackText) -> tuple[ExceptionInfo, ...]:
    first = next((index for index, line in enumerate(text.lines) if line.strip()), None)
    if first is None:
        return ()
    header = text.lines[first].strip()
    named = split_error_header(header.removeprefix("Uncaught "))
    if named is None:
        return ()
    more = [line.strip() for line in text.lines[first + 1 : first + MAX_MESSAGE_LINES]]
    message = "\n".join([named[1], *more]).strip()[:MAX_QUOTE]
    return (ExceptionInfo(type=named[0], message=message, header=header),)
