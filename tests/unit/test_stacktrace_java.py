from __future__ import annotations

from core.domain.stacktrace import Language, parse
from tests.unit.stacks import read_stack


def test_causes_in_order_without_the_suppressed() -> None:
    trace = parse(read_stack("java_spring.txt"))

    assert trace.language is Language.JAVA
    assert [(link.type, link.message) for link in trace.exceptions] == [
        (
            "org.springframework.dao.DataAccessResourceFailureException",
            "Unable to acquire JDBC Connection",
        ),
        (
            "java.sql.SQLTransientConnectionException",
            "HikariPool-1 - Connection is not available,\nrequest timed out after 30001ms.",
        ),
        ("org.postgresql.util.PSQLException", "FATAL: too many clients already"),
    ]
    assert not trace.exceptions[-1].frames


def test_frames_without_loaders_and_jars() -> None:
    outermost = parse(read_stack("java_spring.txt")).outermost

    assert outermost is not None
    assert [
        (frame.module, frame.function, frame.file, frame.line, frame.in_app) for frame in outermost.frames
    ] == [
        ("com.acme.shop.Main", "main", "Main.java", 12, True),
        ("com.acme.shop.PaymentController", "pay", "PaymentController.kt", 33, True),
        ("java.util.Optional", "map", "Optional.java", 260, False),
        ("com.acme.shop.PaymentService$$Lambda$1423/0x0000000801b2c440", "apply", None, None, False),
        ("com.acme.shop.PaymentService", "lambda$charge$3", "PaymentService.java", 58, True),
        ("com.acme.shop.PaymentService$$SpringCGLIB$$0", "charge", None, None, False),
        (
            "org.springframework.orm.jpa.JpaTransactionManager",
            "doBegin",
            "JpaTransactionManager.java",
            467,
            False,
        ),
    ]


def test_the_thread_is_no_part_of_the_type() -> None:
    text = (
        'Exception in thread "pool-1 worker" java.lang.NullPointerException: Cannot invoke "Cart.id()"\n'
        "\tat com.acme.Cart.total(Cart.java:5)\n\tat java.base/jdk.internal.Foo.go(Native Method)\n"
    )
    root = parse(text).root

    assert root is not None
    assert (root.type, root.message) == ("java.lang.NullPointerException", 'Cannot invoke "Cart.id()"')
    assert [frame.in_app for frame in root.frames] == [False, True]


def test_the_root_first_order_of_logback_is_turned() -> None:
    text = (
        "java.io.IOException: disk\n\tat com.acme.Disk.read(Disk.java:1)\n"
        "Wrapped by: com.acme.LoadFailed: load\n\tat com.acme.Load.run(Load.java:2)\n"
    )
    assert [link.type for link in parse(text).exceptions] == ["com.acme.LoadFailed", "java.io.IOException"]


def test_a_type_behind_a_log_prefix_is_found() -> None:
    text = "09:00:00 ERROR [main] app - java.lang.IllegalStateException: twice\n\tat com.acme.A.b(A.java:1)\n"
    root = parse(text).root

    assert root is not None
    assert (root.type, root.message) == ("java.lang.IllegalStateException", "twice")
