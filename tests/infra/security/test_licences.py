"""Everything that is deployed may be used as it is used here."""

from __future__ import annotations

from email.message import Message
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from infra.security.licences import Licence, licence_of
from infra.security.locks import ROOT, read_lock

PERMISSIVE = {
    "0BSD",
    "Apache-2.0", "Apache 2.0", "Apache License 2.0", "Apache License, Version 2.0",
    "BSD", "New BSD", "BSD-2-Clause", "BSD-3-Clause", "3-Clause BSD License", "BSD 3-Clause", "BSD License",
    "CC0-1.0", "ISC", "MIT", "MIT License", "MIT-0", "PSF-2.0", "Zlib",
}  # fmt: skip
BY_THE_FILE = {"MPL-2.0"}
"""Asks for the source of its own files where they are changed, and none is."""
OTHERS = {
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
    "psycopg-pool": "LGPL-3.0-only",
    "python-dateutil": "Dual License",
}
"""psycopg is a library of its own, unchanged and replaceable. dateutil is under Apache-2.0 or BSD."""


def is_allowed(text: str) -> bool:
    """One of what OR joins is enough; of what AND joins each is needed."""
    return any(
        {part.strip() for part in choice.split(" AND ")} <= PERMISSIVE | BY_THE_FILE
        for choice in text.split(" OR ")
    )


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements/lambda.txt", "requirements/migrate.txt"])
def test_every_deployed_package_has_a_licence_that_is_allowed(lock: str) -> None:
    found = {
        pin.name: licence_of(distribution(pin.name)).text
        for pin in read_lock(ROOT / lock)
        if pin.holds_in({})
    }
    assert {name: text for name, text in found.items() if not is_allowed(text)}.items() <= OTHERS.items()


@pytest.mark.parametrize("text", ["", "GPL-3.0-only", "MIT AND AGPL-3.0-only", "Proprietary"])
def test_what_is_not_on_the_list_is_not_allowed(text: str) -> None:
    assert not is_allowed(text)


class Package(Distribution):
    def __init__(self, **fields: str) -> None:
        self.fields = fields

    def read_text(self, filename: str) -> str | None:
        message = Message()
        for name, value in self.fields.items():
            message[name.replace("_", "-")] = value
        return message.as_string() if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        raise FileNotFoundError(path)


@pytest.mark.parametrize(
    ("fields", "text", "is_spdx"),
    [
        ({"License_Expression": "MIT", "License": "BSD"}, "MIT", True),
        ({"License": "BSD"}, "BSD", False),
        (
            {"License": "x" * 100, "Classifier": "License :: OSI Approved :: MIT License"},
            "MIT License",
            False,
        ),
        ({"Classifier": "Topic :: Software"}, "", False),
    ],
)
def test_the_newest_field_is_read_first(fields: dict[str, str], text: str, is_spdx: bool) -> None:
    assert licence_of(Package(**fields)) == Licence(text=text, is_spdx=is_spdx)
