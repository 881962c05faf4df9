from __future__ import annotations

from core.domain.stacktrace import Language, parse
from tests.unit.stacks import read_stack


def test_inner_exceptions_get_their_own_frames() -> None:
    trace = parse(read_stack("csharp_inner.txt"))

    assert trace.language is Language.CSHARP
    assert [(link.type, link.message) for link in trace.exceptions] == [
        ("Shop.CheckoutException", "Checkout failed\nfor order 77"),
        ("System.Data.SqlClient.SqlException", "A network-related error occurred"),
        ("System.ComponentModel.Win32Exception", "The network path was not found."),
    ]
    assert [
        [(frame.module, frame.function, frame.line, frame.in_app) for frame in link.frames]
        for link in trace.exceptions
    ] == [
        [
            ("Microsoft.AspNetCore.Builder", "Run", None, False),
            ("Shop.Program", "Main", 9, True),
            ("Shop.Checkout", ".ctor", None, True),
        ],
        [
            ("Shop.Data.Orders", "Find", 17, True),
            ("Shop.Data.Orders", "LoadAsync", 42, True),
            ("System.Data.SqlClient.SqlConnection", "Open", None, False),
        ],
        [],
    ]


def test_the_members_of_an_aggregate_are_not_read_twice() -> None:
    trace = parse(read_stack("csharp_aggregate.txt"))

    assert [link.type for link in trace.exceptions] == [
        "System.AggregateException",
        "System.NullReferenceException",
    ]


def test_the_old_framework_names_the_chain_on_one_line() -> None:
    text = (
        "System.Exception: outer ---> System.IO.IOException: inner\r\n"
        "   at Shop.Disk.Read() in C:\\src\\Disk.cs:line 3\r\n"
        "   --- End of inner exception stack trace ---\r\n"
        "   at Shop.Main.Run()\r\n"
    )
    assert [
        (link.type, link.message, [frame.function for frame in link.frames])
        for link in parse(text).exceptions
    ] == [("System.Exception", "outer", ["Run"]), ("System.IO.IOException", "inner", ["Read"])]


def test_mono_and_unity() -> None:
    text = (
        "System.DivideByZeroException: Attempted to divide by zero.\n"
        "  at Shop.Calc.Div (System.Int32 a, System.Int32 b) [0x00000] in /src/Calc.cs:7 \n"
        "  at Shop.Main.Run () [0x00000] in <filename unknown>:0 \n"
    )
    assert [(frame.function, frame.file, frame.line) for frame in parse(text).exceptions[0].frames] == [
        ("Run", None, None),
        ("Div", "/src/Calc.cs", 7),
    ]
