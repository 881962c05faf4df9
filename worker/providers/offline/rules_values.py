"""Values that are not what the code expected: their format, type, range or encoding."""

from __future__ import annotations

from core.domain.analysis import Category
from worker.providers.offline.rule import Rule

VALUE_RULES = (
    Rule(
        category=Category.PARSE_ERROR,
        patterns=(
            r"Unexpected token '?(?P<near><)",
            r"Unexpected token (?P<near>.{1,20}?),? .{0,80}JSON",
            (
                r"JSONDecodeError|Expecting value: line|Unexpected end of (?:JSON input|input|file|data)"
                r"|Unexpected non-whitespace character after JSON|JSON::ParserError|JsonParseException"
                r"|JsonReaderException|JsonException|MismatchedInputException"
                r"|invalid character .{1,10} (?:looking for|after|in)|unexpected end of JSON"
                r"|cannot unmarshal|is not valid JSON|JsonSyntaxException"
            ),
            (
                r"(?:xml|SAX|yaml|toml|csv|Psych|lxml)[\w.:]*(?:Parse|Syntax|Scanner|Decode|Malformed)\w*"
                r"|XMLSyntaxError|ParserError|DateTimeParseException|ParseException"
                r"|time data .{1,60} does not match format|parsing time|not well-formed"
            ),
        ),
        cause="A text could not be read in the format that the code expected[; it stopped at {near}].",
        fix=(
            (
                "Log the first hundred characters of what was received, with its status and content type: "
                "an HTML error page or an empty body where JSON was expected is the usual find."
            ),
            "Check the status of the answer before parsing its body.",
            "[At {place}, ]catch the parse error and say which source sent the text.",
        ),
        unknown="The text that could not be read.",
    ),
    Rule(
        category=Category.ENCODING,
        patterns=(
            r"codec can't (?:de|en)code (?:byte|characters?|bytes) (?:in \w+ )?(?P<near>'?[\\\w]+'?)",
            (
                r"UnicodeDecodeError|UnicodeEncodeError|invalid byte sequence"
                r"|incompatible character encodings|Encoding::\w+Error|MalformedInputException"
                r"|UnmappableCharacter|Incorrect string value|malformed UTF-8|URI malformed|invalid UTF-?8"
                r"|surrogates not allowed"
            ),
        ),
        cause=(
            "Bytes and characters were converted with an encoding that does not fit them[; it stopped "
            "at {near}]."
        ),
        fix=(
            (
                "Find out which encoding the source really uses, and name it where the data is read or "
                "written; do not rely on the machine's default."
            ),
            "For a database column or connection, check that all of it is utf8mb4 or UTF-8.",
            (
                "Decide what happens to a byte that does not fit: refuse it with a clear answer, or "
                "replace it on purpose."
            ),
        ),
        unknown="Where the bytes came from and which encoding they were written in.",
    ),
    Rule(
        category=Category.ARITHMETIC,
        patterns=(
            (
                r"ZeroDivisionError|division by zero|divided by 0|integer divide by zero|/ by zero"
                r"|DivideByZero"
            ),
            (
                r"ArithmeticException|OverflowError|OverflowException|integer overflow|FloatDomainError"
                r"|numeric field overflow|out of range for type|math domain error|Invalid array length"
                r"|NumericValueOutOfRange"
            ),
        ),
        cause=("A calculation had no valid result: a division by zero, or a number too large for its type."),
        fix=(
            (
                "[At {place}, ]check the divisor or the range before calculating; an empty list or a "
                "period without data is the usual source of a zero."
            ),
            "Decide what the result should be then (0, null, no average) and add a test for it.",
        ),
        unknown="The numbers of the calculation.",
    ),
    Rule(
        category=Category.ASSERTION,
        patterns=(
            r"AssertionError|AssertionFailed|ERR_ASSERTION|Assertion failed|assert\.\w+|Debug\.Assert",
            r"InvariantViolation|Invariant failed",
        ),
        cause="A condition that the code takes for granted did not hold.",
        fix=(
            "[At {place}, ]read which condition was checked, and log the values that it compares.",
            (
                "If the condition depends on input, check the input where it enters instead; if it cannot "
                "happen, find the state that led here and test for it."
            ),
        ),
        unknown="The values that broke the condition.",
    ),
    Rule(
        category=Category.TYPE_MISMATCH,
        patterns=(
            r"'(?P<type>\w+)' object has no attribute '(?P<attribute>\w+)'",
            r"undefined method [`'](?P<attribute>[^`']+)' for (?:an instance of )?(?P<type>[\w:#<>]+)",
            r"(?<![\w.$])(?P<attribute>[\w.$]{1,100}) is not a (?:function|constructor)",
            r"ClassCastException: (?:class )?(?P<type>[\w.$]+) cannot be cast",
            r"interface conversion: .{0,80}? is (?P<type>[\w.*{}]+), not",
            r"missing \d+ required [\w-]+ arguments?: '(?P<argument>\w+)'",
            r"got an unexpected keyword argument '(?P<argument>\w+)'|takes .{0,40}? arguments? but \d",
            r"Unable to cast object of type '(?P<type>[^']+)'",
            r"must be of type [\w|?\\]+, (?P<type>\w+) given",
            (
                r"unsupported operand|can only concatenate|not supported between"
                r"|no implicit conversion of (?P<type>\w+)|is not JSON serializable"
                r"|object is not (?:callable|iterable|subscriptable)|wrong number of arguments"
                r"|not iterable|InvalidCastException"
            ),
        ),
        cause=(
            "A value was not of the kind that the code expected[: it was of type {type}][, and has no "
            "{attribute}][: argument {argument}]."
        ),
        fix=(
            (
                "[At {place}, ]log the type of the value and follow it back to where it is made: a text "
                "instead of a number, a list instead of one item, a promise that was not awaited."
            ),
            ("Check and convert input where it enters, so that the rest of the code can rely on the type."),
            "If a library was updated, compare its signature: a method may be renamed or gone.",
        ),
        unknown="The value itself.",
    ),
    Rule(
        category=Category.INVALID_VALUE,
        patterns=(
            r"invalid literal for int\(\) with base \d+: (?P<value>.{1,80})",
            r"could not convert string to float: (?P<value>.{1,80})",
            r"NumberFormatException: For input string: \"(?P<value>[^\"]*)\"",
            r"strconv\.\w+: parsing \"(?P<value>[^\"]*)\"",
            r"invalid value for (?:Integer|Float)\(\): \"(?P<value>[^\"]*)\"",
            r"invalid input syntax for (?:type )?(?P<type>\w+): \"(?P<value>[^\"]*)\"",
            (
                r"Input string was not in a correct format|badly formed hexadecimal UUID"
                r"|Invalid time value"
                r"|Invalid URL|No enum constant (?P<value>[\w.]+)|is not a valid (?P<type>\w+)"
                r"|BSONError|CastError|FormatException"
            ),
            (
                r"validation errors? for (?P<type>\w+)|ValidationError|RecordInvalid|Validation failed"
                r"|ConstraintViolationException|UnprocessableEntity"
            ),
        ),
        cause="A value was not acceptable where it was used[: {value}][ as {type}].",
        fix=(
            ("Find where the value[ {value}] enters: a form, a query parameter, a file or another service."),
            (
                "Check it there and answer 422 with the field's name, so that bad input is never a server "
                "error."
            ),
            "If the value is right, widen what the code[ at {place}] accepts.",
        ),
        unknown="Which client or source sent the value.",
    ),
    Rule(
        category=Category.PARSE_ERROR,
        patterns=(r"SyntaxError|IndentationError|ParseError",),
        cause="A text or a piece of source code could not be read.",
        fix=(
            (
                "Read the position that the message names; if it is source code, run the linter on the "
                "deployed version."
            ),
            ("[At {place}, ]log the first hundred characters of what was parsed, and where it came from."),
        ),
        unknown="The text that could not be read.",
        vague=True,
    ),
    Rule(
        category=Category.ASSERTION,
        patterns=(r"IllegalStateException|InvalidOperationException|IllegalMonitorState|InvalidStateError",),
        cause="An object was used in a state that does not allow it.",
        fix=(
            (
                "[At {place}, ]look for what has to happen first (open, start, load) and whether it did, "
                "or for what was used again after it was closed."
            ),
            "Log the state when the check fails, so that the next event tells more.",
        ),
        unknown="The state of the object.",
        vague=True,
    ),
    Rule(
        category=Category.TYPE_MISMATCH,
        patterns=(
            r"^(?:[\w.]*\.)?TypeError\b",
            r"^(?:[\w.]*\.)?(?:AttributeError|NoMethodError)\b",
        ),
        cause="A value was not of the kind that the code expected.",
        fix=(
            (
                "[At {place}, ]log the type of each value involved, and follow the wrong one back to "
                "where it is made."
            ),
            "Check and convert input where it enters the program.",
        ),
        unknown="Which value was of the wrong kind.",
        vague=True,
    ),
    Rule(
        category=Category.INVALID_VALUE,
        patterns=(
            (
                r"^(?:[\w.]*\.)?(?:ValueError|ArgumentError|IllegalArgumentException"
                r"|InvalidArgumentException|RangeError|ArgumentException|DomainError|InvalidArgument)\b"
            ),
        ),
        cause="A function was given a value that it does not accept.",
        fix=(
            "[At {place}, ]log the value that was passed, and find where it comes from.",
            "Check it where it enters the program and answer 422 with the field's name.",
        ),
        unknown="Which value was refused.",
        vague=True,
    ),
)
