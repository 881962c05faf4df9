"""Stack texts as runtimes print them, read into records. `parse` is the only way in."""

from core.domain.stacktrace.parse import parse
from core.domain.stacktrace.records import ExceptionInfo, Frame, Language, StackTrace

__all__ = ["ExceptionInfo", "Frame", "Language", "StackTrace", "parse"]
