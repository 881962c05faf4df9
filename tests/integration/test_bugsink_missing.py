"""Where the peer cannot be installed, the benchmark says why and goes on."""

from __future__ import annotations

from tests.load.bugsink_programs import why_not_installed


def test_what_cannot_be_installed_says_so() -> None:
    assert "no-such-tool" in why_not_installed(".venv-no-such-tool")
