from __future__ import annotations

from core.domain.stacktrace import Language, parse
from tests.unit.stacks import read_stack


def test_the_raising_line_is_the_innermost_frame() -> None:
    trace = parse(read_stack("ruby_cause.txt"))

    assert trace.language is Language.RUBY
    assert [(link.type, link.message) for link in trace.exceptions] == [
        ("Billing::Failed", "could not charge\nafter 3 tries"),
        ("Errno::ECONNREFUSED", "Failed to open TCP connection"),
    ]
    assert [(frame.function, frame.line, frame.in_app) for frame in trace.exceptions[0].frames] == [
        ("<main>", 3, True),
        ("loop", 187, False),
        ("execute_job", 222, False),
        ("charge", 8, True),
        ("rescue in charge", 12, True),
    ]


def test_the_quotes_of_ruby_3_4() -> None:
    root = parse(read_stack("ruby34.txt")).root

    assert root is not None
    assert root.type == "NoMethodError"
    assert root.message.startswith("undefined method 'strip' for nil")
    assert [(frame.function, frame.in_app) for frame in root.frames] == [
        ("<main>", True),
        ("Hash#each_key", False),
        ("block (2 levels) in User.report", True),
        ("User#full_name", True),
    ]


def test_what_rails_logs() -> None:
    root = parse(read_stack("ruby_rails.txt")).root

    assert root is not None
    assert (root.type, root.message) == (
        "ActionView::Template::Error",
        "undefined method `name' for nil:NilClass",
    )
    assert [(frame.file, frame.in_app) for frame in root.frames] == [
        ("app/controllers/users_controller.rb", True),
        ("activesupport (7.0.4) lib/active_support/notifications.rb", False),
        ("app/views/users/show.html.erb", True),
    ]


def test_causes_listed_by_rails() -> None:
    text = (
        "ActionView::Template::Error (no route):\n\napp/views/a.html.erb:2:in `show'\n\n"
        "Causes:\nKeyError (key not found: :id)\n\nlib/urls.rb:9:in `fetch'\n"
    )
    assert [(link.type, link.message) for link in parse(text).exceptions] == [
        ("ActionView::Template::Error", "no route"),
        ("KeyError", "key not found: :id"),
    ]


def test_the_turned_order_of_ruby_2_5() -> None:
    text = (
        "Traceback (most recent call last):\n\t2: from run.rb:9:in `<main>'\n\t1: from run.rb:6:in `outer'\n"
        "run.rb:2:in `inner': divided by 0 (ZeroDivisionError)\n"
    )
    trace = parse(text)

    assert trace.language is Language.RUBY
    assert [frame.function for frame in trace.exceptions[0].frames] == ["<main>", "outer", "inner"]


def test_frames_alone_have_no_type() -> None:
    root = parse("app/models/user.rb:3:in `name'\napp/jobs/mail.rb:9:in `perform'").root

    assert root is not None
    assert (root.type, root.message) == ("", "")
    assert [frame.function for frame in root.frames] == ["perform", "name"]
