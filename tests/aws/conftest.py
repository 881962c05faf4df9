"""What all tests of functions need to know of this machine."""

from __future__ import annotations

import pytest

from infra.bundle.target import Target, native


@pytest.fixture(scope="session")
def native_target() -> Target:
    """What bundles are built for to run here."""
    found = native()
    if found is None:
        pytest.skip("Lambda has no runtime for this machine's Python")
    if found.runtime == "python3.11" and found.architecture == "arm64":
        pytest.skip("psycopg has no wheel for arm64 and Amazon Linux 2, which Lambda's Python 3.11 runs on")
    return found
