"""Of stacks that differ in what their first line says, the frames are read once: nothing else may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.event import EventContent
from core.domain.fingerprint import fingerprint
from core.domain.stack_heading import STAND_IN, headed
from tests.unit.stacks import NAMES, read_stack

_TYPES = ["TypeError", "shop.BankError", "java.lang.IllegalStateException", "Warning", "error", "Caused", "a"]
_PIECES = [
    "order 4711",
    "at pay (/srv/a.js:1:2)",
    "at a.B.c(B.java:3)",
    "Caused by: a.BError: x",
    "[cause]: BError: y",
    "[errors]: [",
    "Suppressed: ",
    "... 3 more",
    "pay code@https://a/b.js:1:2",
    "a.rb:12:in 'pay'",
    "goroutine 1 [running]:",
    "Traceback (most recent call last):",
    "[object] (",
    "PHP Fatal error: ",
    "12:00:01 ERROR",
    STAND_IN,
    "\t",
    "é",
    "x" * 450,
]
_BODIES = ["\n".join(read_stack(name).splitlines()[start:]) for name in NAMES for start in (0, 1, 2)] + [
    "    at pay (/srv/a.js:1:2)",
    "at a.B.c(B.java:3)\nCaused by: a.CError: no\nat a.D.e(D.java:4)",
]
_heads = st.builds(
    lambda type_, colon, pieces: f"{type_}{colon}{' '.join(pieces)}",
    st.sampled_from(_TYPES),
    st.sampled_from([": ", ":", ":  "]),
    st.lists(
        st.sampled_from(_PIECES) | st.text(max_size=20).filter(lambda text: "\n" not in text), max_size=4
    ),
)


def _content(stack: str) -> EventContent:
    return EventContent(message="no money", status_code=500, stack=stack, method="POST", path="/pay")


@given(heads=st.lists(_heads, min_size=1, max_size=3), body=st.sampled_from(_BODIES))
def test_whatever_the_first_line_says(heads: list[str], body: str) -> None:
    for head in heads:
        # A carriage return is no part of a line, and the shorter way is not open to it.
        assert fingerprint(_content(f"{head}\n{body}")) == fingerprint(_content(f"{head}\r\n{body}"))


def test_the_carriage_return_has_the_whole_stack_read() -> None:
    assert headed("BankError: no\r\n    at pay (/srv/a.js:1:2)") is None


@pytest.mark.parametrize(
    "frames",
    [
        "    at pay (/srv/shop/cart.js:3:7)\n    at run (/srv/shop/app.js:1:2)",
        "\tat shop.Cart.pay(Cart.java:3)",
    ],
)
def test_each_is_titled_by_what_it_says_itself(frames: str) -> None:
    found = [fingerprint(_content(f"BankError: order {number} failed\n{frames}")) for number in (1, 2, 1)]
    assert found[0].value == found[1].value
    assert found[0] == found[2]
    assert ["order 1 failed" in one.title for one in found] == [True, False, True]


def test_a_cause_below_titles_them_all() -> None:
    cause = "Caused by: shop.BankException: closed\n\tat shop.Bank.ask(Bank.java:9)"
    below = f"\tat shop.Cart.pay(Cart.java:3)\n{cause}"
    titles = {fingerprint(_content(f"shop.PayException: order {number}\n{below}")).title for number in (1, 2)}
    assert titles == {"shop.BankException: closed in Bank.ask"}
