"""Many projects: imported, described by night, at the allowed rate, and once each whatever happens."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import psycopg
import pytest

from infra.local.postgres import PostgresServer
from infra.local.process import free_port, kill_group
from infra.local.valkey import ValkeyServer
from tests.conftest import migrated_database
from tests.e2e.conftest import OPENAI_KEY
from tests.e2e.program import Program, wait_until
from tests.e2e.projects import ANSWER, AUTH, generated, new_project
from tests.e2e.stack import Row, Stack
from tests.fakes.running import ModelServer

PROJECTS = 200
CALLS, SECONDS = 60, 3
"""The rate: so many calls in so many seconds."""
TOLERANCE = 0.3
"""A turn is taken shortly before its call comes in, so calls may lie closer than their turns: by a round trip
to Redis, and by what the other jobs of the process do meanwhile."""

FIRST = 16
"""As many as all processes of two workers work at once. A process's first calls come in late, by 1.1 s on a
busy machine, since it and the others open their connections."""

_TITLE = re.compile(r"Harbour \d+\b")

CAP_USD = 0.01
PRICES = {"gpt-6-luna": {"input": 1.0, "output": 1.0}}


@pytest.fixture(scope="module")
def batch_stack(
    postgres: PostgresServer,
    valkey: ValkeyServer,
    running_models: ModelServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A stack whose database and queue nobody else uses: budgets and rates count everything."""
    stack = Stack(
        tmp_path_factory.mktemp("batch-stack"),
        database_url=migrated_database(postgres, "e2e_batch"),
        redis_url=f"{valkey.url.rsplit('/', 1)[0]}/1",
        OPENAI_API_KEY=OPENAI_KEY,
        OPENAI_BASE_URL=running_models.openai_base_url,
        OFFLINE_ANALYSER="false",
        METADATA_RATE=f"{CALLS}/{SECONDS} second",
        JOBS_PER_PROCESS="4",
    )
    with stack:
        yield stack


@pytest.fixture
def batch(batch_stack: Stack, describing: ModelServer) -> Stack:
    """With no project and no call yet."""
    forget(batch_stack)
    return batch_stack


def forget(stack: Stack) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE projects, llm_calls, budget_windows, budget_holds CASCADE")


def test_an_import_names_what_it_refuses(batch: Stack) -> None:
    file = batch.folder / "projects.csv"
    file.write_text(
        "key,title,description,tags\n"
        "tides,Tidebook,A tide calendar,tide;harbour\n"
        "bad key,No such key,It has a blank,\n"
        "ferries,Ferrybook,A timetable of ferries,\n"
    )
    done = batch.call("core.cli", "projects", "import", str(file))
    assert done.returncode == 1
    assert "2 created, 0 updated, 1 refused" in done.stdout
    assert [line for line in done.stderr.splitlines() if line.startswith("line 3: key: ")]
    stored = {row["key"]: row["tags"] for row in batch.query("SELECT key, tags FROM projects")}
    assert stored == {"tides": ["tide", "harbour"], "ferries": []}
    again = batch.call("core.cli", "projects", "import", str(file))
    assert "0 created, 2 updated, 1 refused" in again.stdout


def test_a_night_describes_all_at_the_allowed_rate(batch: Stack, models: ModelServer) -> None:
    workers = [batch.programs["worker"], start_second_worker(batch)]
    import_projects(batch, FIRST)
    start_the_night(batch)
    wait_until(lambda: described(batch) == FIRST, 20, "every process has worked")
    forget(batch)
    import_projects(batch, PROJECTS)
    start_the_night(batch)
    queued = f"queued metadata of {PROJECTS} projects in {PROJECTS // 10} batches"
    wait_until(lambda: sum(said([batch.programs["maintenance"]], queued)) == 1, 15, queued)
    wait_until(lambda: described(batch) == PROJECTS, 40, "every project has its metadata")
    check_each_is_paid_once(batch, PROJECTS)
    came_in = [float(str(call["at"])) for call in models.calls()[FIRST:]]
    assert len(came_in) == PROJECTS
    assert min(later - first for first, later in zip(came_in, came_in[CALLS:], strict=False)) > (
        SECONDS - TOLERANCE
    )
    assert min(said(workers, "job done")) > 0


def import_projects(stack: Stack, count: int) -> None:
    file = stack.folder / "projects.jsonl"
    file.write_text("".join(f"{json.dumps(project(number))}\n" for number in range(count)))
    done = stack.call("core.cli", "projects", "import", str(file))
    assert done.returncode == 0, done.stderr
    assert f"{count} created, 0 updated, 0 refused" in done.stdout


def project(number: int) -> Row:
    return {
        "key": f"harbour-{number}",
        "title": f"Harbour {number}",
        "content": f"Harbour {number} has {number} berths and a tide calendar for each berth.",
    }


def start_second_worker(stack: Stack) -> Program:
    log = stack.folder / "second.log"
    ready_before = log.read_text().count(" ready.") if log.exists() else 0
    second = stack.launch("second", WORKER_METRICS_PORT=str(free_port()))
    wait_until(lambda: second.text().count(" ready.") > ready_before, 30, "a second worker is ready")
    return second


def start_the_night(stack: Stack) -> None:
    """As an operator would who does not want to wait for two o'clock."""
    called = stack.call("celery", "-A", "worker", "call", "generate_missing_metadata_nightly")
    assert called.returncode == 0, called.stderr


def said(workers: Sequence[Program], message: str) -> list[int]:
    """How often each did."""
    return [sum(line.get("message") == message for line in worker.lines()) for worker in workers]


def described(stack: Stack) -> int:
    [row] = stack.query("SELECT count(*) AS n FROM project_metadata WHERE summary = %s", ANSWER["summary"])
    return int(row["n"])


def check_each_is_paid_once(stack: Stack, count: int) -> None:
    rows = stack.query("SELECT project_id, count(*) AS n FROM llm_calls WHERE outcome = 'ok' GROUP BY 1")
    assert len(rows) == count
    assert {row["n"] for row in rows} == {1}


def test_killed_in_the_middle_none_is_lost_and_none_counts_twice(batch: Stack, models: ModelServer) -> None:
    models.script("openai", then={"fault": "latency", "seconds": 0.15})
    import_projects(batch, PROJECTS)
    if "second" not in batch.programs:
        start_second_worker(batch)
    start_the_night(batch)
    wait_until(lambda: described(batch) >= CALLS // 2, 30, "some are done")
    kill_at_once([batch.programs[name] for name in ("worker", "second")])
    wait_until_settled(batch, models)
    cut_off = asked_about(models) - Counter(described_ones(batch))
    assert described(batch) + cut_off.total() < PROJECTS
    batch.use_worker({}, fresh=True)
    start_second_worker(batch)
    wait_until(lambda: described(batch) == PROJECTS, 40, "every project has its metadata")
    check_each_is_paid_once(batch, PROJECTS)
    # A call whose worker is killed has been made and is made again; only the second is in the ledger.
    assert asked_about(models) == Counter(described_ones(batch)) + cut_off


def kill_at_once(programs: Sequence[Program]) -> None:
    """Before any of them is waited for: where that takes a second or two, as long as a lease has left, those
    that still live would take over from those that do not."""
    for program in programs:
        kill_group(program.pid)
    for program in programs:
        program.kill()


def wait_until_settled(stack: Stack, models: ModelServer) -> None:
    """What those who were killed had sent before has come in: calls to the models, and commits."""
    at_work = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state <> 'idle'"
    )
    wait_until(lambda: not models.in_flight() and not stack.query(at_work), 10, "all has come in")


def asked_about(models: ModelServer) -> Counter[str]:
    """Titles of projects, as often as a model was asked, whatever became of its answer."""
    prompts = [json.dumps(call["body"]) for call in models.calls()]
    return Counter(_TITLE.findall(prompt)[0] for prompt in prompts)


def described_ones(stack: Stack) -> list[str]:
    rows = stack.query("SELECT title FROM projects WHERE id IN (SELECT project_id FROM project_metadata)")
    return [row["title"] for row in rows]


def test_a_long_project_costs_no_more_than_one_that_just_fits(batch: Stack) -> None:
    sentence = "The harbour keeps a tide calendar for each berth and reads its gauges every minute. "
    tokens = []
    for size in (4_000, 100_000):
        project_id = new_project(batch, key=f"size-{size}", content=(sentence * size)[:size])
        assert generated(batch, project_id)["summary"] == ANSWER["summary"]
        [call] = batch.calls_of(project_id)
        tokens.append(call["prompt_tokens"])
    assert tokens[1] <= tokens[0]


def test_over_budget_work_waits_and_is_resumed(batch: Stack) -> None:
    if "second" in batch.programs:
        batch.programs.pop("second").kill()
    paid = {"METADATA_RATE": "", "MODEL_PRICES": json.dumps(PRICES)}
    batch.use_worker(paid | {"BUDGET_DAY_USD": str(CAP_USD)})
    import_projects(batch, 20)
    start_the_night(batch)
    wait_until(lambda: sum(states(batch).values()) == 20 and not unfinished(batch), 50, "all have ended")
    done = states(batch)["done"]
    assert states(batch) == {"done": done, "skipped": 20 - done}
    assert 0 < done < 20
    waiting = batch.query("SELECT reason, due_at FROM jobs WHERE state = 'skipped'")
    assert {row["reason"] for row in waiting} == {"budget"}
    # Until the next UTC day begins.
    assert {row["due_at"].timestamp() % 86_400 < 1 for row in waiting} == {True}
    assert 0 < spent(batch) <= CAP_USD

    batch.use_worker(paid | {"BUDGET_DAY_USD": "1"})
    batch.query("UPDATE jobs SET due_at = now() WHERE state = 'skipped' RETURNING id")
    wait_until(lambda: states(batch) == {"done": 20}, 20, "all are done")
    check_each_is_paid_once(batch, 20)
    assert spent(batch) > CAP_USD


def states(stack: Stack) -> dict[str, int]:
    """How many jobs are in each state."""
    return {row["state"]: row["n"] for row in stack.query("SELECT state, count(*) AS n FROM jobs GROUP BY 1")}


def unfinished(stack: Stack) -> bool:
    return not states(stack).keys().isdisjoint({"queued", "running"})


def spent(stack: Stack) -> float:
    """What the API says, which is what the ledger says."""
    usage = stack.http.get("/api/v1/usage", headers=AUTH).json()
    [ledger] = stack.query("SELECT sum(cost_usd)::float8 AS usd FROM llm_calls")
    assert abs(usage["total_usd"] - ledger["usd"]) < 1e-6
    return float(usage["total_usd"])
