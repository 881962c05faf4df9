"""Lines of other programs' logs, read into errors. `join`, `read` and `source_of` are all there is to it.

What a line says of its level decides: INFO and WARN are none of ours, whatever words or stacks they hold.
A line without a level is an error only if it shows a crash: a stack under an exception's name, a panic.
"""

from core.domain.log_lines.joining import join
from core.domain.log_lines.read import read
from core.domain.log_lines.records import LoggedError, LogLine
from core.domain.log_lines.source import source_of

__all__ = ["LogLine", "LoggedError", "join", "read", "source_of"]
