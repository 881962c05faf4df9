"""Who answers when: OpenAI, then Gemini, then the rules, and what follows when nobody does."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tests.e2e.program import wait_until
from tests.e2e.stack import DEV_TOKEN, Row, Stack, new_event
from tests.fakes.running import ModelServer

PRICED_MODEL = "gpt-4.1-mini"


def test_openai_answers_first(modelled: Stack, models: ModelServer) -> None:
    models.says_model("openai", PRICED_MODEL)
    answer = modelled.post(new_event())
    analysis = modelled.wait_for_analysis(answer["id"])
    assert analysis["model"] == PRICED_MODEL
    assert analysis["detail"]["provider"] == "openai"
    [call] = modelled.calls_of(answer["group_id"])
    assert (call["provider"], call["model"], call["outcome"]) == ("openai", PRICED_MODEL, "ok")
    assert call["prompt_tokens"] > call["cached_tokens"] > 0
    assert call["completion_tokens"] > 0
    assert call["cost_usd"] > 0
    assert models.calls("gemini") == []


def test_an_answer_that_is_none_goes_to_the_next_provider(modelled: Stack, models: ModelServer) -> None:
    models.script("openai", "invalid_json_answer", "wrong_schema")
    check_gemini_answers(modelled, ["invalid_answer", "invalid_answer"])


def test_openai_in_trouble_is_gemini_at_work(modelled: Stack, models: ModelServer) -> None:
    models.script("openai", "500")
    check_gemini_answers(modelled, ["retryable"])
    models.script("openai", {"fault": "hang", "seconds": 20})
    check_gemini_answers(modelled, ["retryable"])
    # Last, since a Retry-After opens the circuit: OpenAI is then left alone for that long.
    models.script("openai", {"fault": "429", "retry_after": 3})
    check_gemini_answers(modelled, ["retryable"])


def check_gemini_answers(stack: Stack, openai_outcomes: Sequence[str]) -> None:
    answer = stack.post(new_event())
    analysis = stack.wait_for_analysis(answer["id"])
    assert analysis["detail"]["provider"] == "gemini"
    calls = outcomes(stack, answer["group_id"])
    assert calls == [*(("openai", outcome) for outcome in openai_outcomes), ("gemini", "ok")]


def outcomes(stack: Stack, group_id: str) -> list[tuple[str, str]]:
    return [(call["provider"], call["outcome"]) for call in stack.calls_of(group_id)]


def test_an_analysis_is_asked_for_again(
    running_stack: Stack, models: ModelServer, model_settings: dict[str, str]
) -> None:
    running_stack.use_worker(model_settings, fresh=True)
    event = new_event()
    first, *others = [running_stack.post(event) for _ in range(3)]
    group_id = first["group_id"]
    running_stack.wait_for_job(group_id, "done")
    before = analyses(running_stack, group_id)
    models.answer("openai", better_answer())
    path = f"/api/v1/groups/{group_id}/analyse/?force=true"
    assert running_stack.http.post(path).status_code == 401
    accepted = running_stack.http.post(path, headers={"Authorization": f"Bearer {DEV_TOKEN}"})
    assert accepted.status_code == 202
    assert accepted.json()["job_id"] == str(running_stack.job_of(group_id)["id"])
    running_stack.wait_for_job(group_id, "done")
    after = analyses(running_stack, group_id)
    assert after.keys() == before.keys() == {UUID(answer["id"]) for answer in (first, *others)}
    for id_, row in after.items():
        assert "The pool is too small." in row["analysis_text"]
        assert row["reused_from"] == before[id_]["reused_from"]
        assert row["created_at"] > before[id_]["created_at"]
    assert outcomes(running_stack, group_id) == [("openai", "ok")] * 2


def better_answer() -> dict[str, object]:
    return {
        "root_cause": "The pool is too small.",
        "category": "resource_exhausted",
        "evidence": ["Server error"],
        "suggested_fix": "Allow more connections.",
        "unknowns": [],
        "confidence": 0.9,
        "inconclusive": False,
    }


def analyses(stack: Stack, group_id: str) -> dict[UUID, Row]:
    rows = stack.query("SELECT * FROM error_analysis WHERE group_id = %s", UUID(group_id))
    return {row["error_event_id"]: row for row in rows}


def test_with_nobody_there_a_job_backs_off_and_waits(
    running_stack: Stack, models: ModelServer, model_settings: dict[str, str]
) -> None:
    running_stack.use_worker(model_settings, fresh=True)
    for provider in ("openai", "gemini"):
        models.script(provider, then="503")
    group_id = running_stack.post(new_event())["group_id"]
    first, second = (wait_after_attempt(running_stack, group_id, attempt) for attempt in (1, 2))
    assert 0 < first < second
    models.reset()
    job = running_stack.wait_for_job(group_id, "done")
    assert job["attempts"] == 3
    down = [("openai", "retryable"), ("gemini", "retryable")]
    assert outcomes(running_stack, group_id) == [*down, *down, ("openai", "ok")]


def wait_after_attempt(stack: Stack, group_id: str, attempt: int) -> float:
    """Seconds from the end of a failed attempt to when the job is due again."""

    def failed() -> bool:
        job = stack.job_of(group_id)
        return bool(job["state"] == "queued" and job["attempts"] == attempt)

    wait_until(failed, 20, f"attempt {attempt} has failed")
    # One transaction writes both, so its time is the end of the attempt.
    [row] = stack.query(
        "SELECT extract(epoch FROM j.due_at - max(c.created_at))::float8 AS seconds"
        " FROM jobs j JOIN llm_calls c ON c.job_id = j.id WHERE j.subject_id = %s GROUP BY j.id",
        UUID(group_id),
    )
    return float(row["seconds"])


def test_a_wrong_key_is_not_tried_again(
    running_stack: Stack, models: ModelServer, model_settings: dict[str, str]
) -> None:
    running_stack.use_worker(model_settings | {"OPENAI_API_KEY": "bad-key", "GEMINI_API_KEY": ""})
    group_id = running_stack.post(new_event())["group_id"]
    job = running_stack.wait_for_job(group_id, "failed")
    assert (job["reason"], job["attempts"]) == ("auth", 1)
    assert "401" in job["last_error"]
    running_stack.wait_for_sweeps(3)
    assert outcomes(running_stack, group_id) == [("openai", "auth")]
    assert len(models.calls()) == 1


def test_with_nobody_there_the_rules_answer(
    running_stack: Stack, models: ModelServer, model_settings: dict[str, str]
) -> None:
    running_stack.use_worker(model_settings | {"OFFLINE_ANALYSER": "true"})
    for provider in ("openai", "gemini"):
        models.script(provider, then="503")
    answer = running_stack.post(new_event())
    assert running_stack.wait_for_analysis(answer["id"])["model"] == "heuristic-1"
    assert outcomes(running_stack, answer["group_id"]) == [
        ("openai", "retryable"),
        ("gemini", "retryable"),
        ("heuristic", "ok"),
    ]
