"""The fake models as a real process, for any test that needs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.fakes.model_answers import Json

_ROOT = Path(__file__).resolve().parents[2]


class ModelServer:
    """A handle on a running fake. All methods are plain blocking HTTP calls."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def openai_base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def gemini_base_url(self) -> str:
        return self.url

    def script(
        self, provider: str, *steps: str | Mapping[str, Json], then: str | Mapping[str, Json] = "ok"
    ) -> None:
        """The provider's next answers, in order, then `then` for ever. Replaces the last script."""
        self._control({"provider": provider, "script": list(steps), "then": then})

    def answer(self, provider: str, answer: Json) -> None:
        """What the model says when all is well: a dict, a text as it is, or None for the schema's."""
        self._control({"provider": provider, "answer": answer})

    def says_model(self, provider: str, model: str | None) -> None:
        """The name by which the model calls itself; None for the one that it was asked by."""
        self._control({"provider": provider, "model": model})

    def poison(self, text: str, *, kills: str) -> None:
        """SIGKILL for every `process`, or process's `group`, that sends a prompt with this text."""
        self._control({"poison": {"text": text, "kills": kills}})

    def calls(self, provider: str | None = None) -> Sequence[Mapping[str, Json]]:
        """Every model call since the start or the last reset, oldest first; of one provider or all."""
        found: list[dict[str, Json]] = self._send("GET", "/_calls").json()
        return [call for call in found if provider in {None, call["provider"]}]

    def in_flight(self) -> int:
        """Calls that wait for their answer now."""
        return int(self._send("GET", "/_in_flight").json())

    def reset(self) -> None:
        self._send("DELETE", "/_control")

    def _control(self, told: Mapping[str, Json]) -> None:
        self._send("PUT", "/_control", told)

    def _send(self, method: str, path: str, told: Mapping[str, Json] | None = None) -> httpx2.Response:
        # A proxy of the developer's must not come between two processes on loopback.
        with httpx2.Client(base_url=self.url, trust_env=False, timeout=10) as client:
            response = client.request(method, path, json=told)
        response.raise_for_status()
        return response


@contextmanager
def running_model_server() -> Iterator[ModelServer]:
    """Start a fake on a free port, wait until it answers, and stop it at the end."""
    command = [sys.executable, "-m", "tests.fakes.model_server", "--port", "0", "--stop-with-stdin"]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise RuntimeError(f"the fake model server ended with {process.wait(10)}")
            yield ModelServer(url)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
