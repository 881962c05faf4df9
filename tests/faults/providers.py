"""Models that are silent, refuse, or talk nonsense."""

from __future__ import annotations

import time
from collections.abc import Mapping

from tests.faults.fault import Fault
from tests.faults.scene import THINKING, Scene

_SILENT_SECONDS = 12.0
_STEP_SECONDS = 6.0
_BOUND_SECONDS = 90.0
"""The last retry comes up to 43 s after the third attempt, and a circuit may be open for 30 s more."""
_TROUBLE: tuple[Mapping[str, object], ...] = (
    {"fault": "429", "retry_after": 2},
    {"fault": "garbage"},
    {"fault": "cut"},
)


def _both(scene: Scene, answer: Mapping[str, object]) -> None:
    for provider in ("openai", "gemini"):
        scene.models.script(provider, then=answer)


def _silence(scene: Scene) -> None:
    _both(scene, {"fault": "hang", "seconds": 60})
    time.sleep(_SILENT_SECONDS)
    _both(scene, THINKING)


def _trouble(scene: Scene) -> None:
    for answer in _TROUBLE:
        _both(scene, answer)
        time.sleep(_STEP_SECONDS)
    _both(scene, THINKING)


FAULTS = (
    Fault(
        name="models-silent",
        does=f"both models take the question and never answer, for {_SILENT_SECONDS:.0f} s",
        strike=_silence,
        bound=_BOUND_SECONDS,
    ),
    Fault(
        name="models-refuse-and-babble",
        does="both models answer 429 with Retry-After, then garbage, then half a body, "
        f"{_STEP_SECONDS:.0f} s each (minutes, compressed like the retries)",
        strike=_trouble,
        bound=_BOUND_SECONDS,
    ),
)
