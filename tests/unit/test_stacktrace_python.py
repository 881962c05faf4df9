from __future__ import annotations

from core.domain.stacktrace import Language, parse
from tests.unit.stacks import read_stack


def test_a_chain_runs_from_what_the_caller_saw_to_the_root_cause() -> None:
    trace = parse(read_stack("python_chained.txt"))

    assert trace.language is Language.PYTHON
    assert [(link.type, link.message) for link in trace.exceptions] == [
        ("RuntimeError", "payment failed"),
        ("checkout.errors.CartMissing", "no cart for this user\n  it was emptied at 10:05"),
        ("KeyError", "'user_id'"),
    ]


def test_frames_carry_place_source_and_origin() -> None:
    _, missing, root = parse(read_stack("python_chained.txt")).exceptions

    assert [(frame.function, frame.line, frame.in_app) for frame in missing.frames] == [
        ("inner", 55, False),
        ("pay", 88, True),
        ("load_cart", 43, True),
    ]
    assert missing.frames[-1].source == 'raise CartMissing(\n"no cart",\n) from None'
    [frame] = root.frames
    assert frame.file == "/srv/shop/checkout/store.py"
    assert frame.source == "return self.carts[user_id]"
    assert frame.raw == (
        'File "/srv/shop/checkout/store.py", line 41, in load_cart\n    return self.carts[user_id]'
    )


def test_windows_line_endings_stay_in_the_quote() -> None:
    text = read_stack("python_chained.txt").replace("\n", "\r\n")
    root = parse(text).root

    assert root is not None
    assert root.message == "'user_id'"
    assert "\r\n    return self.carts" in root.frames[0].raw
    assert root.frames[0].raw in text


def test_a_group_leads_to_its_first_member() -> None:
    trace = parse(read_stack("python_group.txt"))

    assert [link.type for link in trace.exceptions] == ["ExceptionGroup", "ValueError"]
    assert [[frame.function for frame in link.frames] for link in trace.exceptions] == [
        ["<module>", "run"],
        ["fetch"],
    ]


def test_a_member_that_was_never_raised_has_no_frames() -> None:
    text = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "/app/a.py", line 3, in <module>\n'
        '  |     raise ExceptionGroup("two", [KeyError("a")])\n'
        "  | ExceptionGroup: two (1 sub-exception)\n"
        "  +-+---------------- 1 ----------------\n"
        "    | KeyError: 'a'\n"
        "    +------------------------------------\n"
    )
    assert [(link.type, len(link.frames)) for link in parse(text).exceptions] == [
        ("ExceptionGroup", 1),
        ("KeyError", 0),
    ]


def test_a_syntax_error_ends_in_the_broken_file() -> None:
    root = parse(read_stack("python_syntax.txt")).root

    assert root is not None
    assert (root.type, root.message) == ("SyntaxError", "'(' was never closed")
    assert (root.frames[-1].file, root.frames[-1].line, root.frames[-1].function) == (
        "/var/task/billing.py",
        7,
        None,
    )


def test_a_traceback_cut_short_has_frames_and_no_name() -> None:
    root = parse('Traceback (most recent call last):\n  File "/app/a.py", line 3, in run\n    go()\n').root

    assert root is not None
    assert (root.type, root.message, root.header, len(root.frames)) == ("", "", "", 1)


def test_a_runaway_recursion_keeps_both_ends() -> None:
    frame = '  File "/app/deep.py", line 3, in dig\n    return dig(n + 1)\n'
    text = (
        'Traceback (most recent call last):\n  File "/app/main.py", line 1, in <module>\n    dig(0)\n'
        + frame * 3
        + "  [Previous line repeated 993 more times]\n"
        + frame * 9_000
        + "RecursionError: maximum recursion depth exceeded\n"
    )
    root = parse(text).root

    assert root is not None
    assert root.type == "RecursionError"
    assert (root.frames[0].function, root.frames[-1].function) == ("<module>", "dig")


def test_of_two_unrelated_tracebacks_the_last_counts() -> None:
    text = (
        read_stack("python_syntax.txt")
        + "2024-05-02 10:00:00 retrying\n"
        + ('Traceback (most recent call last):\n  File "/app/a.py", line 3, in run\n    a()\nOSError: gone\n')
    )
    assert [link.type for link in parse(text).exceptions] == ["OSError"]


def test_the_standard_library_is_not_the_application() -> None:
    files = {
        "/usr/lib/python3.11/json/decoder.py": False,
        "/usr/local/lib/python3/dist-packages/apt.py": False,
        "C:\\Python311\\Lib\\json\\decoder.py": False,
        "C:\\work\\shop\\.venv\\Lib\\site-packages\\flask\\app.py": False,
        "<frozen importlib._bootstrap>": False,
        "/var/runtime/bootstrap.py": False,
        "/home/ann/shop/lib/pay.py": True,
        "<stdin>": True,
    }
    for file, in_app in files.items():
        text = f'Traceback (most recent call last):\n  File "{file}", line 1, in f\nE: x'
        assert parse(text).exceptions[0].frames[0].in_app is in_app, file
