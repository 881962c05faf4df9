from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.errors import LocalError
from infra.localstack.data_stand_in import data_stand_in
from infra.localstack.packaging import read_template
from tests.conftest import ROOT

DATABASE_URL = "postgresql://me:p%40ss@127.0.0.1:5433/rootnote?sslmode=disable"


def stand_in(real: dict[str, Any], database_url: str = DATABASE_URL) -> dict[str, Any]:
    return data_stand_in(real, database_url=database_url, redis_url="redis://127.0.0.1:6380/0")


def test_it_fits_where_the_real_data_stack_does() -> None:
    real = read_template(ROOT / "infra" / "data.yaml")
    template = stand_in(real)
    assert template["Parameters"] == real["Parameters"]
    assert template["Outputs"].keys() == real["Outputs"].keys()


def test_credentials_are_in_the_secret_and_not_in_the_url() -> None:
    template = stand_in(read_template(ROOT / "infra" / "data.yaml"))
    secret = template["Resources"]["DatabaseSecret"]["Properties"]["SecretString"]
    assert json.loads(secret) == {"username": "me", "password": "p@ss"}
    url = template["Outputs"]["DatabaseUrl"]["Value"]
    assert url == "postgresql://127.0.0.1:5433/rootnote?sslmode=disable"


def test_another_output_of_the_real_one_is_not_passed_over() -> None:
    real = read_template(ROOT / "infra" / "data.yaml")
    real["Outputs"]["ReaderUrl"] = {"Value": "another"}
    with pytest.raises(LocalError, match="differ in outputs: ReaderUrl"):
        stand_in(real)
