"""Events as services send them: about 1.5 kB, with a stack."""

from __future__ import annotations

import json
from datetime import UTC, datetime

PROJECT = "capacity"
_FRAMES = ("views", "services", "orders", "payments", "gateways", "retries", "pools", "sockets")


def event(number: int, *, groups: int) -> dict[str, object]:
    """One of so many groups, by its `number`, from which all else in it follows."""
    group = number % groups
    name = _letters(group)
    frames = "\n".join(
        f'  File "/srv/shop/{module}/{name}_{module}.py", line {40 + index * 7}, in {name}_{module}\n'
        f"    return self.{module}.{name}(order, amount=amount, currency=currency)"
        for index, module in enumerate(_FRAMES)
    )
    return {
        "project_key": PROJECT,
        "message": f"Payment of order {number} failed in {name}",
        "stack": f"Traceback (most recent call last):\n{frames}\nTimeoutError: {name} did not answer in time",
        "method": "POST",
        "path": f"/api/orders/{number}/{name}",
        "status_code": 500,
        "timestamp": datetime.now(UTC).isoformat(),
        "environment": "production",
        "release": "shop@4.12.0",
        "extra": {"order": number, "customer_type": "returning", "region": "eu-central-1"},
    }


def one(number: int, *, groups: int) -> bytes:
    return json.dumps(event(number, groups=groups)).encode()


def batch(first: int, count: int, *, groups: int) -> bytes:
    events = [event(number, groups=groups) for number in range(first, first + count)]
    return json.dumps({"events": events}).encode()


def _letters(number: int) -> str:
    """Fingerprints leave numbers out."""
    return "".join(chr(ord("a") + digit) for digit in (number // 676 % 26, number // 26 % 26, number % 26))
