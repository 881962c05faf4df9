"""A steady load of events and metadata requests, and what was answered to each.

What is sent follows from the seed; when it arrives, and what is sent again, is the system's doing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import httpx2

from tests.e2e.projects import AUTH
from tests.faults.words import marked, words

Row = dict[str, Any]

SENDERS = 4
_TIMEOUT_SECONDS = 15
_AGAIN_SECONDS = 1.0
_BATCH = 5
_KNOWN = 30
"""Groups that errors of the load come back to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptedEvent:
    """An event that was answered with 200 or 202: from here on it is the system's."""

    id: UUID
    group_id: UUID
    word: str
    must_be_analysed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What the load has done so far. `refused` counts answers, each of which may have been tried again;
    `failed` those that never came."""

    events: int = 0
    metadata: int = 0
    refused: int = 0
    failed: int = 0
    accepted: Sequence[AcceptedEvent] = ()
    projects: Sequence[UUID] = ()
    """Whose metadata was promised."""
    confused: Sequence[str] = ()
    """Events whose second answer named another event than the first."""
    rude: Sequence[str] = ()
    """Answers that no client can be expected to understand: what `rudeness` says of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """`project` None: `events` are sent, alone or as a batch; otherwise the project's metadata is asked for.

    Of those that are refused, an `is_patient` sender's are sent again.
    """

    events: Sequence[Row] = ()
    project: UUID | None = None
    word: str = ""
    is_patient: bool = True


@dataclass(kw_only=True, slots=True)
class _Log:
    """What the threads share."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    events: set[str] = field(default_factory=set)
    asked: set[UUID] = field(default_factory=set)
    refused: int = 0
    failed: int = 0
    accepted: dict[str, AcceptedEvent] = field(default_factory=dict)
    projects: list[UUID] = field(default_factory=list)
    confused: list[str] = field(default_factory=list)
    rude: list[str] = field(default_factory=list)


def rudeness(answer: httpx2.Response) -> str | None:
    """None: accepted, refused for a reason of the client's, or refused with a time to try again."""
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    if answer.status_code < 500 or (
        answer.status_code == 503 and is_problem and answer.headers.get("retry-after", "").isdigit()
    ):
        return None
    # It goes into a table's cell.
    return f"{answer.status_code} {' '.join(answer.text[:200].replace('|', '/').split())}"


def requests(random: Random, project_key: str) -> Iterator[Request]:
    """For ever: new groups, known ones, events below 500, batches, events sent twice, and projects.

    About a quarter of them make a job: a load that fills the pool by itself would hide recovery.
    """
    fresh = words()
    known: deque[str] = deque(maxlen=_KNOWN)
    last: deque[Row] = deque(maxlen=_KNOWN)

    def event(word: str, status: int = 500) -> Row:
        made = {
            # A few projects, since each has its own turn.
            "project_key": f"{project_key}-{word[-1]}",
            "event_id": f"load-{random.getrandbits(64):016x}",
            "message": f"The {marked(word)} is flooded",
            "method": "GET",
            "path": "/quays",
            "status_code": status,
            "timestamp": "2026-01-15T12:00:00Z",
        }
        last.append(made)
        return made

    def new_or_known() -> str:
        if not known or random.random() < 0.1:
            known.append(next(fresh))
            return known[-1]
        return random.choice(known)

    while True:
        dice, is_patient = random.random(), random.random() < 0.8
        if dice < 0.1:
            known.append(next(fresh))
            yield Request(events=[event(known[-1])], is_patient=is_patient)
        elif dice < 0.55:
            yield Request(events=[event(new_or_known())], is_patient=is_patient)
        elif dice < 0.7:
            yield Request(events=[event(next(fresh), 404)], is_patient=is_patient)
        elif dice < 0.8:
            yield Request(events=[event(new_or_known()) for _ in range(_BATCH)], is_patient=is_patient)
        elif dice < 0.92 and last:
            yield Request(events=[random.choice(last)], is_patient=is_patient)
        else:
            project = UUID(int=random.getrandbits(128), version=4)
            yield Request(project=project, word=next(fresh), is_patient=is_patient)


class Load:
    """Sends `rate` requests a second from a few threads until it is stopped. Use it as a context."""

    def __init__(self, url: str, *, project_key: str, seed: str, rate: float) -> None:
        """Keys of its projects begin with `project_key`. No other load has it, or groups would be known."""
        self._url, self._interval = url, 1 / rate
        self._requests = requests(Random(seed), project_key)
        self._again: deque[tuple[float, Request]] = deque()
        self._log = _Log()
        self._turn = threading.Lock()
        self._next_at = time.monotonic()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(SENDERS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """What is on its way is waited for; what would be sent again is not sent."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def sent(self) -> Sent:
        with self._log.lock:
            log = self._log
            return Sent(
                events=len(log.events),
                metadata=len(log.asked),
                refused=log.refused,
                failed=log.failed,
                accepted=tuple(log.accepted.values()),
                projects=tuple(log.projects),
                confused=tuple(log.confused),
                rude=tuple(log.rude),
            )

    def _send_all(self) -> None:
        with httpx2.Client(base_url=self._url, trust_env=False, timeout=_TIMEOUT_SECONDS) as http:
            while (request := self._next()) is not None:
                if not self._send(http, request) and request.is_patient:
                    self._again.append((time.monotonic() + _AGAIN_SECONDS, request))

    def _next(self) -> Request | None:
        """What is to be sent now, after waiting for its turn; None at the end."""
        with self._turn:
            self._next_at = max(self._next_at + self._interval, time.monotonic() - 1)
            if self._stopping.wait(max(0, self._next_at - time.monotonic())):
                return None
            if self._again and self._again[0][0] <= time.monotonic():
                return self._again.popleft()[1]
            return next(self._requests)

    def _send(self, http: httpx2.Client, request: Request) -> bool:
        """Whether it was accepted."""
        try:
            if request.project is None:
                is_accepted = self._send_events(http, request.events)
            else:
                is_accepted = self._ask_for_metadata(http, request.project, request.word)
        except httpx2.HTTPError as exc:
            with self._log.lock:
                self._log.failed += 1
                if isinstance(exc, httpx2.TimeoutException):
                    self._log.rude.append(f"no answer in {_TIMEOUT_SECONDS} s")
            return False
        if not is_accepted:
            with self._log.lock:
                self._log.refused += 1
        return is_accepted

    def _ask_for_metadata(self, http: httpx2.Client, project: UUID, word: str) -> bool:
        with self._log.lock:
            self._log.asked.add(project)
        fields = {
            "key": f"load-{project.hex[:12]}",
            "title": f"The {marked(word)}",
            "description": "A tide calendar for one quay.",
            "content": f"It reads the gauges of {marked(word)} every minute and prints a tide calendar.",
        }
        put = self._polite(http.put(f"/api/projects/{project}", json=fields, headers=AUTH))
        if put.status_code not in {200, 201}:
            return False
        answer = self._polite(http.post(f"/api/projects/{project}/generate_metadata/", headers=AUTH))
        if answer.status_code not in {200, 202}:
            return False
        with self._log.lock:
            self._log.projects.append(project)
        return True

    def _send_events(self, http: httpx2.Client, events: Sequence[Row]) -> bool:
        with self._log.lock:
            self._log.events |= {event["event_id"] for event in events}
        if len(events) == 1:
            answer = self._polite(http.post("/api/v1/events", json=events[0]))
            if answer.status_code not in {200, 202}:
                return False
            self._note(events[0], answer.json())
            return True
        answer = self._polite(http.post("/api/v1/events/batch", json={"events": list(events)}))
        if answer.status_code != 202:
            return False
        results = answer.json()["results"]
        for event, result in zip(events, results, strict=True):
            if result["status"] in {200, 202}:
                self._note(event, result)
        return all(result["status"] in {200, 202} for result in results)

    def _polite(self, answer: httpx2.Response) -> httpx2.Response:
        if (rude := rudeness(answer)) is not None:
            with self._log.lock:
                self._log.rude.append(rude)
        return answer

    def _note(self, event: Row, answer: Row) -> None:
        accepted = AcceptedEvent(
            id=UUID(answer["id"]),
            group_id=UUID(answer["group_id"]),
            word=event["message"].split()[1].removeprefix("quay-"),
            must_be_analysed=event["status_code"] >= 500,
        )
        with self._log.lock:
            if self._log.accepted.setdefault(event["event_id"], accepted).id != accepted.id:
                self._log.confused.append(event["event_id"])
