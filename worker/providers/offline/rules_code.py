"""Failures of the code itself, by the words of each language's runtime."""

from __future__ import annotations

from core.domain.analysis import Category
from worker.providers.offline.rule import Rule

CODE_RULES = (
    Rule(
        category=Category.NULL_ACCESS,
        patterns=(
            r"'NoneType' object has no attribute '(?P<attribute>\w+)'",
            (
                r"Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null) \((?:reading|setting) "
                r"'(?P<attribute>[^']+)'\)"
            ),
            r"Cannot (?:read|set) property '(?P<attribute>[^']+)' of (?:undefined|null)",
            r"(?:Cannot destructure property '(?P<attribute>[^']+)' of '(?P<variable>[^']+)')",
            (
                r"Cannot (?:invoke|read|store|load|assign|enter|throw).{0,160}? because "
                r"\"(?P<variable>[^\"]+)\" is null"
            ),
            r"undefined method [`'](?P<attribute>[^`']+)' for nil",
            r"Call to a member function (?P<attribute>\w+)\(\) on null",
            r"Attempt to read property \"(?P<attribute>\w+)\" on null",
            r"TypeError: (?P<variable>[\w.$]{1,100}) is (?:undefined|null)\b",
            r"(?:undefined|null) is not an object \(evaluating '(?P<variable>[^']+)'\)",
            r"'NoneType' object is not (?P<operation>subscriptable|iterable|callable)",
            r"Cannot convert undefined or null to object|(?:undefined|null) is not iterable",
            (
                r"nil pointer dereference|assignment to entry in nil map|NullPointerException"
                r"|NullReferenceException|Object reference not set|Value cannot be null"
                r"|ArgumentNullException|unwrap\(\) on a `None` value"
                r"|Trying to access array offset on value of type null"
                r"|unsupported operand.{0,40}'NoneType'"
            ),
        ),
        cause=(
            "A value was null where the code expected an object[: {attribute} was asked of it][ (it "
            "was used as {operation})][: {variable} held nothing]."
        ),
        fix=(
            (
                "[At {place}, ]find where the value comes from: a lookup that found nothing, an optional "
                "field, or an answer without the part that was expected."
            ),
            (
                "Decide what an absent value means there: answer 404 or 422, use a default, or refuse it "
                "where it enters."
            ),
            (
                "Add a test with the value absent; a type checker that knows optional types finds the "
                "other places."
            ),
        ),
        unknown="Why the value was absent in this request.",
    ),
    Rule(
        category=Category.MISSING_KEY,
        patterns=(
            r"^(?:[\w.]*\.)?KeyError: key not found: (?P<key>.{1,100})",
            r"^(?:[\w.]*\.)?KeyError: ['\"]?(?P<key>.{1,100}?)['\"]?$",
            r"KeyNotFoundException.{0,60}?key '(?P<key>[^']+)'",
            r"Undefined (?:array key|index:?) \"?(?P<key>[\w.-]+)",
            r"NoSuchElementException: (?:Key )?(?P<key>.{1,80}?) (?:is missing|not found)",
            r"MultiValueDictKeyError: ['\"](?P<key>[^'\"]+)",
            r"ParameterMissing: param is missing or the value is empty: (?P<key>\w+)",
            r"KeyNotFoundException|key not found",
        ),
        cause="The key[ {key}] was asked of a mapping that does not hold it.",
        fix=(
            (
                "[At {place}, ]look at where the mapping is filled: a field that the client may leave "
                "out, a renamed key, or a cache without the entry."
            ),
            (
                "If the key[ {key}] may be absent, read it with a default; if it must be there, check the "
                "input where it enters and answer 422."
            ),
        ),
        unknown="Which keys the mapping did hold.",
    ),
    Rule(
        category=Category.MISSING_KEY,
        patterns=(
            (
                r"\b(?P<record>\w{1,100}) matching query does not exist|Couldn't find (?P<model>\w+)"
                r"|No query results for model \[(?P<class>[\w\\]+)\]|RecordNotFound|NoResultFound"
                r"|EntityNotFound|ObjectNotFound|EmptyResultDataAccess|DoesNotExist\b"
                r"|sql: no rows in result set|record not found|Http404"
            ),
        ),
        cause="A record[ of {record}][ of {model}][ of {class}] was asked for that does not exist.",
        fix=(
            "[At {place}, ]catch this and answer 404: an id that does not exist is no server error.",
            (
                "If the record should exist, check whether it was deleted, or is read before its "
                "transaction commits, or from a replica that lags behind."
            ),
        ),
        unknown="Which id was asked for, if the request does not show it.",
    ),
    Rule(
        category=Category.INDEX_OUT_OF_RANGE,
        patterns=(
            r"Index (?P<index>-?\d+) out of bounds for length (?P<size>\d+)",
            r"index out of range \[(?P<index>-?\d+)\](?: with length (?P<size>\d+))?",
            r"slice bounds out of range \[:?(?P<index>-?\d+)",
            r"Index: (?P<index>\d+), Size: (?P<size>\d+)",
            r"Undefined (?:array key|offset:?) (?P<index>\d+)",
            (
                r"IndexError|IndexOutOfBounds|IndexOutOfRange|ArgumentOutOfRangeException"
                r"|index out of range|Index was outside the bounds|pop from (?:an )?empty"
                r"|Sequence contains no elements|NoSuchElementException"
            ),
        ),
        cause="A list or array was read outside its bounds[: position {index}][ of {size} elements].",
        fix=(
            "[At {place}, ]check the length before reading; an empty list is the most frequent case.",
            (
                "If the position comes from input or from splitting a text, check that as many parts came "
                "as expected."
            ),
        ),
        unknown="What the list held.",
    ),
    Rule(
        category=Category.STACK_OVERFLOW,
        patterns=(
            (
                r"maximum recursion depth exceeded|RecursionError|Maximum call stack size exceeded"
                r"|StackOverflow|stack level too deep|goroutine stack exceeds"
                r"|Maximum function nesting level"
            ),
        ),
        cause=(
            "Calls were nested so deep that the stack was full; most often a function calls itself "
            "without an end."
        ),
        fix=(
            "[Start at {place}: ]find the frames that repeat in the stack; they are the loop.",
            (
                "Look for data that points back at itself (parent and child, a serializer that follows "
                "both ways) or a property that reads itself."
            ),
            ("For data that may really be that deep, walk it with a loop and a list instead of recursion."),
        ),
    ),
    Rule(
        category=Category.CONCURRENCY,
        patterns=(
            (
                r"concurrent map (?:writes|read and map write|iteration and map write)"
                r"|ConcurrentModificationException|dictionary changed size during iteration"
                r"|Set changed size during iteration|Collection was modified|DbUpdateConcurrencyException"
                r"|StaleObjectState|StaleObjectError|OptimisticLock|StaleDataError|send on closed channel"
                r"|VersionConflict|DATA RACE|attached to a different loop"
                r"|event loop is (?:closed|already running)|can't add a new key into hash during iteration"
            ),
        ),
        cause=(
            "Two pieces of code used the same data at the same time, or data was changed while it was "
            "being read."
        ),
        fix=(
            (
                "[At {place}, ]find who else changes this data: another request, another thread, or the "
                "loop itself."
            ),
            "Guard it with a lock, give each worker its own copy, or loop over a copy.",
            ("For rows with a version, read them again and repeat the change when someone else was faster."),
        ),
        unknown="Which other piece of code touched the data.",
    ),
    Rule(
        category=Category.MISSING_CODE,
        patterns=(
            r"No module named '?(?P<module>[\w.-]+)",
            r"Cannot find (?:module|package) '(?P<module>[^']+)'",
            r"cannot import name '(?P<attribute>\w+)' from '(?P<module>[\w.]+)'",
            r"(?:ClassNotFoundException|NoClassDefFoundError): (?P<module>[\w./$]+)",
            r"cannot load such file -- (?P<module>\S+)",
            r"uninitialized constant (?P<module>[\w:]+)",
            r"Class \"?'?(?P<module>[\w\\]+)\"?'? not found",
            r"Call to undefined (?:function|method) (?P<attribute>[\w\\:]+)",
            r"Could not load (?:file or assembly '(?P<module>[^',]+)|type '(?P<attribute>[^']+)')",
            r"\b(?P<attribute>\w{1,100}) is not defined|name '(?P<module>\w+)' is not defined",
            (
                r"NoSuchMethodError|NoSuchFieldError|AbstractMethodError|UnsupportedClassVersionError"
                r"|MissingMethodException|\bLoadError|ERR_REQUIRE_ESM|\bNameError|ReferenceError"
            ),
        ),
        cause="The program asks for code that is not there[: {module}][: {attribute}].",
        fix=(
            (
                "Check that the package or file[ {module}] is part of what was deployed: listed in the "
                "dependency file, in the lock file, and copied into the image."
            ),
            "If it is there, compare versions: the name may have moved or gone in another release.",
            (
                "Check the spelling, upper and lower case included: Linux tells them apart, other systems "
                "may not."
            ),
        ),
        unknown="What is installed where this ran.",
    ),
)
