from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.event import EventContent
from core.domain.fingerprint import FINGERPRINT_VERSION, MAX_TITLE, fingerprint
from core.domain.templates import normalise_message, path_template
from tests.unit.stacks import NAMES, read_stack

GUIDE = EventContent(
    message="Database connection failed",
    status_code=500,
    stack="Error: Connection timeout",
    method="GET",
    path="/api/users/123",
)


def _with_stack(stack: str, *, message: str = "Internal Server Error") -> EventContent:
    return EventContent(message=message, status_code=500, stack=stack, method="POST", path="/pay")


def _value(stack: str) -> str:
    return fingerprint(_with_stack(stack)).value


def _python(*functions: str, file: str = "/srv/shop/checkout/views.py", type_: str = "KeyError") -> str:
    frames = "".join(f'  File "{file}", line 7, in {name}\n    go()\n' for name in functions)
    return f"Traceback (most recent call last):\n{frames}{type_}: 'user_id'\n"


def test_the_guides_event() -> None:
    found = fingerprint(GUIDE)

    assert re.fullmatch("[0-9a-f]{32}", found.value)
    assert found.version == FINGERPRINT_VERSION == 1
    assert found.title == "GET /api/users/{id} 500: Database connection failed"


@pytest.mark.parametrize(
    "other",
    [
        replace(GUIDE, path="/api/users/77?page=2"),
        replace(GUIDE, path="/api/users/9f1c2d3e-0000-4000-8000-00000000abcd/"),
        replace(GUIDE, method="get", environment="staging", release="2.0", extra={"host": "b"}),
        replace(GUIDE, stack="Error: Connection timeout\n"),
        replace(GUIDE, message="Database  connection\nfailed"),
    ],
)
def test_the_same_request_error_elsewhere(other: EventContent) -> None:
    assert fingerprint(other).value == fingerprint(GUIDE).value


@pytest.mark.parametrize(
    "other",
    [
        replace(GUIDE, path="/api/orders/123"),
        replace(GUIDE, method="POST"),
        replace(GUIDE, status_code=503),
        replace(GUIDE, message="Database disk is full"),
        replace(GUIDE, stack="TypeError: Connection timeout"),
        replace(GUIDE, stack="Error: Access denied"),
        replace(GUIDE, stack=None),
    ],
)
def test_other_request_errors(other: EventContent) -> None:
    assert fingerprint(other).value != fingerprint(GUIDE).value


def test_a_stack_with_frames_decides_alone() -> None:
    content = _with_stack(_python("main", "pay"))
    other = replace(content, message="user 8 failed", status_code=502, method="GET", path="/other")

    assert fingerprint(content).value == fingerprint(other).value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_python("main", "pay"), _python("main", "pay", file="/var/task/checkout/views.py")),
        (_python("main", "pay"), _python("main", "pay", file="/home/ann/shop/checkout/views.py")),
        (_python("main", "pay"), _python("main", "pay", file="C:\\shop\\checkout\\views.py")),
        (_python("main", "dig"), _python("main", "dig", "dig", "dig")),
        (_python("main", "a", "b"), _python("main", "a", "b", "a", "b", "a")),
        (
            "TypeError: x\n    at go (/app/src/cart.js:1:2)",
            "TypeError: y\n    at go (/home/ann/shop/src/cart.js:40:9)",
        ),
        (
            "TypeError: x\n    at go (https://a.example/static/js/main.3f2a1b9c.js:1:2)",
            "TypeError: x\n    at go (https://b.example/static/js/main.77aa01ff.js?v=3:1:900)",
        ),
        (
            "TypeError: x\n    at go (https://a.example/assets/index-DiwrgTda.js:1:2)",
            "TypeError: x\n    at go (https://a.example/assets/index-B2xk_90Q.js:1:2)",
        ),
        (
            "a.B: x\n\tat com.acme.Cart.lambda$add$3(Cart.java:1)\n\tat com.acme.Cart$1.run(Cart.java:5)",
            "a.B: y\n\tat com.acme.Cart.lambda$add$14(Cart.java:9)\n\tat com.acme.Cart$2.run(Cart.java:6)",
        ),
        (
            "panic: x\n\ngoroutine 1 [running]:\nmain.run.func1(0xc00001)\n\t/app/main.go:3 +0x1\n",
            "panic: x\n\ngoroutine 9 [running]:\nmain.run.func2.1(0xc0ffee)\n\t/ci/main.go:8 +0x2\n",
        ),
        (
            "/var/www/shop/releases/20240101120000/app/pay.rb:3:in `block (2 levels) in pay': x (KeyError)",
            "/var/www/shop/releases/20240202130000/app/pay.rb:9:in `block in pay': y (KeyError)",
        ),
        (
            "A.BError: x\n   at Shop.Cart.<AddAsync>d__5.MoveNext() in C:\\src\\Cart.cs:line 42",
            "A.BError: y\n   at Shop.Cart.<AddAsync>d__7.MoveNext() in /src/Cart.cs:line 43",
        ),
        (
            "PHP Fatal error:  Uncaught E: x in /var/www/html/src/A.php:3\nStack trace:\n#0 {main}",
            "PHP Fatal error:  Uncaught E: y in /srv/shop/src/A.php:5\nStack trace:\n#0 {main}",
        ),
    ],
)
def test_the_same_stack_from_another_host_or_build(one: str, other: str) -> None:
    assert _value(one) == _value(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_python("main", "pay"), _python("main", "refund")),
        (_python("main", "pay"), _python("main", "pay", type_="TypeError")),
        (_python("get", file="/app/orders/views.py"), _python("get", file="/app/users/views.py")),
        (_python("step1"), _python("step2")),
        (
            "panic: closed channel\n\ngoroutine 1 [running]:\nmain.run()\n\t/app/main.go:3 +0x1\n",
            "panic: nil map\n\ngoroutine 1 [running]:\nmain.run()\n\t/app/main.go:9 +0x1\n",
        ),
        (
            "PHP Warning:  Undefined variable $a in /a.php on line 1",
            "PHP Warning:  Division by zero in /a.php on line 1",
        ),
        ("E: x\n\tat com.acme.A.b(A.java:1)", "E: x\n\tat com.acme.B.b(B.java:1)"),
        (
            "a.E: x\n\tat com.acme.A.b(A.java:1)\nCaused by: a.F: y\n\t... 3 more",
            "a.E: x\n\tat com.acme.A.b(A.java:1)\nCaused by: a.G: y\n\t... 3 more",
        ),
    ],
)
def test_other_stacks(one: str, other: str) -> None:
    assert _value(one) != _value(other)


def test_library_frames_count_only_where_nothing_else_does() -> None:
    library = '  File "/usr/lib/python3.11/json/decoder.py", line 3, in {}\n    go()\n'
    own = '  File "/app/src/a.py", line 3, in run\n    go()\n'
    text = "Traceback (most recent call last):\n{}ValueError: x\n"

    assert _value(text.format(own + library.format("decode"))) == _value(
        text.format(own + library.format("scan"))
    )
    assert _value(text.format(library.format("decode"))) != _value(text.format(library.format("scan")))


def test_frames_without_a_type_are_told_apart_by_the_message() -> None:
    stack = "go@https://a.example/a.js:1:2\nmain@https://a.example/a.js:9:2"

    assert (
        fingerprint(_with_stack(stack, message="TypeError: x is undefined")).value
        != fingerprint(_with_stack(stack, message="RangeError: too much")).value
    )


@settings(max_examples=50, deadline=None)
@given(lines=st.lists(st.integers(1, 99_999), min_size=12, max_size=12))
def test_line_numbers_change_nothing(lines: list[int]) -> None:
    text = read_stack("python_chained.txt")
    numbers = iter(lines)
    moved = re.sub(r"line \d+", lambda _: f"line {next(numbers)}", text)

    assert _value(moved) == _value(text)


@settings(max_examples=200, deadline=None)
@given(
    message=st.text(max_size=300),
    path=st.none() | st.text(max_size=50),
    stack=st.none() | st.text(max_size=100) | st.sampled_from(NAMES).map(read_stack),
)
def test_any_event_has_one_fingerprint_and_a_title_of_one_line(
    message: str, path: str | None, stack: str | None
) -> None:
    content = EventContent(message=message, status_code=500, path=path, stack=stack)
    found = fingerprint(content)

    assert found == fingerprint(content)
    assert 0 < len(found.title) <= MAX_TITLE
    assert found.title.isprintable()


def test_lone_surrogates_do_no_harm() -> None:
    assert fingerprint(replace(GUIDE, message="\ud800 failed")).value != fingerprint(GUIDE).value


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("python_chained.txt", "KeyError: 'user_id' in checkout.store.load_cart"),
        ("node_cause.txt", "TypeError: Invalid URL in fetchUser (src/users.js)"),
        (
            "java_spring.txt",
            "org.postgresql.util.PSQLException: FATAL: too many clients already in Pool.borrow",
        ),
        (
            "go_panic.txt",
            "panic: runtime error: invalid memory address or nil pointer dereference in cart.(*Cart).Total",
        ),
        ("ruby34.txt", "NoMethodError: undefined method 'strip' for nil in User#full_name (models/user.rb)"),
        (
            "php_fatal.txt",
            "PDOException: SQLSTATE[HY000] [2002] Connection refused in App\\Db->connect (src/Db.php)",
        ),
        (
            "csharp_inner.txt",
            "System.ComponentModel.Win32Exception: The network path was not found. in Orders.LoadAsync",
        ),
    ],
)
def test_titles_name_the_root_cause_and_where_it_struck(name: str, title: str) -> None:
    assert fingerprint(_with_stack(read_stack(name))).title == title


def test_long_titles_keep_the_place() -> None:
    title = fingerprint(_with_stack(_python("pay", type_="KeyError: " + "long " * 100 + "end"))).title

    assert len(title) <= MAX_TITLE
    assert title.endswith("… in checkout.views.pay")


@pytest.mark.parametrize(
    ("path", "template"),
    [
        (None, ""),
        ("", ""),
        ("/", "/"),
        ("/users/123", "/users/{id}"),
        ("//users/123/?q=1#top", "/users/{id}"),
        ("/users/9f1c2d3e-0000-4000-8000-00000000abcd/orders", "/users/{id}/orders"),
        ("/files/3f2a9c81d0", "/files/{id}"),
        ("/files/3f2a9c81d0.json", "/files/{id}.json"),
        ("/reports/2024-05-02", "/reports/{date}"),
        ("/by-mail/ann%40shop.example", "/by-mail/{email}"),
        ("/customers/cus_NffrFeUfNV2Hib", "/customers/{id}"),
        ("/orders/order-88123/pay", "/orders/order-{id}/pay"),
        ("/tokens/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "/tokens/{id}"),
        ("https://shop.example/api/v2/users/5", "/api/v2/users/{id}"),
        ("/api/v1/feedback;jsessionid=4711", "/api/v1/feedback"),
        ("/decade/facade", "/decade/facade"),
    ],
)
def test_path_templates(path: str | None, template: str) -> None:
    assert path_template(path) == template


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("User 42 not found", "User <n> not found"),
        ("order_981 is gone, 1,024.5 EUR", "order_<n> is gone, <n> EUR"),
        ("no 9f1c2d3e-0000-4000-8000-00000000abcd here", "no <uuid> here"),
        ("at 2024-05-02T10:11:12.123Z and 10:11:12", "at <time> and <time>"),
        ("connect ECONNREFUSED 10.0.0.7:5432", "connect ECONNREFUSED <ip>"),
        ("no route to fe80:0:0:1::7", "no route to <ip>"),
        ("no constant A::B::C", "no constant A::B::C"),
        ("GET https://api.example/users/1?x=2 failed", "GET <url> failed"),
        ("mail to ann.b+c@shop.example bounced", "mail to <email> bounced"),
        ("segfault at 0x7ffee3 in deadbeef42", "segfault at <hex> in <hex>"),
        ("timed out after 30001ms", "timed out after <duration>"),
        ("timed out after 1.5 seconds", "timed out after <duration>"),
        ("session AbC123dEf456GhI789jKl0 expired", "session <token> expired"),
        ("Key (email)=(bob) already exists", "Key (email)=(<value>) already exists"),
        ("Duplicate entry 'bob' for key 'users.name'", "Duplicate entry '<value>' for key 'users.name'"),
        ('column "name" of utf8 table', 'column "name" of utf8 table'),
        ("a\n\t b  c", "a b c"),
    ],
)
def test_messages(message: str, normal: str) -> None:
    assert normalise_message(message) == normal


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["a", "1", "1.", "a@", "a:", "0x", "=(", "entry '", "http://", "/a.b", "a-b_"]
)
def test_a_mebibyte_in_every_field_is_read_in_good_time(piece: str) -> None:
    text = (piece * (1 << 20))[: 1 << 20]
    fingerprint(EventContent(message=text, status_code=500, stack=text, method=text, path=text))


def test_a_stack_seen_before_brings_nothing_of_its_first_event() -> None:
    """Frames alone name no type: then the message of each event parts them, and is its title."""
    frames = "pay@https://shop.example/static/cart.js:3:7\nonclick@https://shop.example/index.js:1:2\n"
    first, other = "card was declined", "cart is empty"
    declined = fingerprint(_with_stack(frames, message=first))
    empty = fingerprint(_with_stack(frames, message=other))
    assert declined.value != empty.value
    assert first in declined.title
    assert other in empty.title
    assert fingerprint(_with_stack(frames, message=first)) == declined


def test_a_header_seen_before_brings_nothing_of_its_first_request() -> None:
    users = fingerprint(GUIDE)
    assert fingerprint(replace(GUIDE, path="/api/orders/9")).value != users.value
    assert fingerprint(GUIDE) == users
