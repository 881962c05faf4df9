"""What all routes have in common, though no app gives it to them."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from handlers.app import _NOUNS
from handlers.responses import InertJSONResponse

ROUTES = [route for noun in _NOUNS for route in noun.router.routes]


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_each_answers_in_json_that_is_safe_to_print(route: APIRoute) -> None:
    assert route.response_class is InertJSONResponse
