"""`python -m core.cli`, as an operator types it."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from core.domain.access import hash_key, new_key
from core.domain.ids import new_id
from tests.conftest import ROOT
from tests.integration.conftest import Query


@pytest.fixture
def cli(database_url: str, redis_url: str) -> object:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "core.cli", *words],
            cwd=ROOT,
            env={"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_help_everywhere(cli: object) -> None:
    assert callable(cli)
    for words in (
        [],
        ["keys"],
        ["keys", "create"],
        ["keys", "add-hash"],
        ["keys", "list"],
        ["keys", "rotate"],
        ["keys", "revoke"],
        ["projects"],
        ["projects", "import"],
        ["projects", "list"],
        ["regenerate"],
        ["usage"],
        ["redrive"],
    ):
        done = cli(*words, "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout


def test_keys(cli: object, query: Query) -> None:
    assert callable(cli)
    made = cli("keys", "create", "--scope", "write", "--name", "ci")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("rn_")
    limited = cli("keys", "create", "--scope", "ingest", "--rate", "90")
    assert limited.returncode == 0, limited.stderr
    assert cli("keys", "create", "--scope", "ingest", "--rate", "0").returncode == 2
    listed = cli("keys", "list").stdout
    assert listed.count("(90 events a minute)") == 1
    assert "write" in listed
    assert made.stdout.strip() not in listed
    key_id = made.stderr.split()[-1]
    assert cli("keys", "revoke", key_id).stdout == "revoked\n"
    assert cli("keys", "revoke", key_id).returncode == 1
    assert "revoked" in cli("keys", "list").stdout
    assert cli("keys", "create", "--scope", "read", "--project", "no").returncode == 1


def test_a_key_is_rotated(cli: object, query: Query) -> None:
    assert callable(cli)
    old = cli("keys", "create", "--scope", "ingest", "--name", "shop", "--expires", "90d")
    rotated = cli("keys", "rotate", old.stderr.split()[-1], "--keep-old", "12h")
    assert rotated.returncode == 0, rotated.stderr
    assert rotated.stdout.startswith("rn_")
    assert rotated.stdout != old.stdout
    new_id = rotated.stderr.split()[1]
    [row] = query(
        "SELECT scope, name, expires_at > now() + interval '89 d' AS lasts FROM api_keys WHERE id = %s",
        new_id,
    )
    assert row == {"scope": "ingest", "name": "shop", "lasts": True}
    [row] = query(
        "SELECT expires_at - now() < interval '12 h' AS ends FROM api_keys WHERE replaced_by = %s", new_id
    )
    assert row == {"ends": True}
    assert f"replaced by {new_id}" in cli("keys", "list").stdout
    again = cli("keys", "rotate", old.stderr.split()[-1])
    assert (again.returncode, "was rotated before" in again.stderr) == (1, True)
    query("UPDATE api_keys SET expires_at = now()")
    assert cli("keys", "list").stdout.count("  expired ") == 2
    for wrong in ("90", "d", "-1d", "1w", "9999999d", "5000d"):
        refused = cli("keys", "create", "--scope", "read", "--expires", wrong)
        assert refused.returncode != 0
        assert "Traceback" not in refused.stderr


def test_a_key_made_elsewhere_comes_as_its_hash(cli: object, query: Query) -> None:
    assert callable(cli)
    key, key_id = new_key(), str(new_id())
    words = ["keys", "add-hash", "--sha256", hash_key(key), "--id", key_id, "--scope", "admin"]
    for _ in range(2):
        added = cli(*words, "--name", "first")
        assert (added.returncode, added.stdout) == (0, f"id {key_id}\n"), added.stderr
    [row] = query("SELECT id, scope, project_id, name FROM api_keys WHERE hash = %s", hash_key(key))
    assert (str(row["id"]), row["scope"], row["project_id"], row["name"]) == (key_id, "admin", None, "first")
    assert cli("keys", "revoke", key_id).stdout == "revoked\n"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--id": str(new_id())}, "this key is stored already"),
        ({"--sha256": "rn_the-key-itself"}, "must be 64 lower-case hexadecimal digits"),
        ({"--sha256": hash_key("another"), "--project": "nobodys"}, "is no project's key"),
        ({"--id": "17"}, "not a valid UUID"),
    ],
)
def test_a_wrong_hash_is_refused(cli: object, query: Query, changed: dict[str, str], said: str) -> None:
    assert callable(cli)
    given = {"--sha256": hash_key("a key"), "--id": str(new_id()), "--scope": "read"}
    assert cli("keys", "add-hash", *chain.from_iterable(given.items())).returncode == 0
    done = cli("keys", "add-hash", *chain.from_iterable((given | changed).items()))
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(query("SELECT id FROM api_keys")) == 1


def test_projects_from_jsonl_and_csv(cli: object, query: Query, tmp_path: Path) -> None:
    assert callable(cli)
    jsonl = tmp_path / "projects.jsonl"
    rows = [{"key": f"p{n}", "title": f"Project {n}", "tags": ["a"]} for n in range(30)]
    jsonl.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    done = cli("projects", "import", str(jsonl))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "30 created, 0 updated, 0 refused")
    table = tmp_path / "projects.csv"
    table.write_text("key,title,tags,status\np1,Renamed,x; y,draft\nbad key,T,,\nnew,Über,,\n")
    done = cli("projects", "import", str(table))
    assert done.returncode == 1
    assert "1 created, 1 updated, 1 refused" in done.stdout
    assert "line 3: key:" in done.stderr
    [row] = query("SELECT title, tags, status FROM projects WHERE key = 'p1'")
    assert (row["title"], row["tags"], row["status"]) == ("Renamed", ["x", "y"], "draft")
    assert len(cli("projects", "list").stdout.splitlines()) == 31
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"key": "q"}\nnot json\n')
    done = cli("projects", "import", str(broken))
    assert (done.returncode, "line 2" in done.stderr) == (1, True)


def test_regenerate_usage_and_redrive(cli: object, query: Query, tmp_path: Path) -> None:
    assert callable(cli)
    jsonl = tmp_path / "p.jsonl"
    jsonl.write_text("\n".join(json.dumps({"key": f"p{n}", "content": "text"}) for n in range(12)))
    cli("projects", "import", str(jsonl))
    assert cli("regenerate").stdout.splitlines()[-1] == "12 jobs queued"
    assert cli("regenerate", "--which", "all").stdout.splitlines()[-1] == "0 jobs queued"
    query("UPDATE jobs SET state = 'dead'")
    [job] = query("SELECT id FROM jobs LIMIT 1")
    assert cli("redrive", str(job["id"])).stdout == "1 jobs queued\n"
    assert cli("redrive", "all").stdout == "11 jobs queued\n"
    assert cli("redrive", "nonsense").returncode == 2
    assert cli("usage").stdout == "total $0.000000\n"
    assert cli("usage", "--project", "nobodys").returncode == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b"\xff\xfe{}", "is not UTF-8"),
        ("a.csv", b"key\n\xff\n", "is not UTF-8"),
        ("a.csv", b'key\n"' + b"x" * 200_000 + b'"\n', "is not CSV"),
        ("a.jsonl", b"[" * 100_000, "is nested too deeply"),
        ("a.jsonl", b'{"key": "a"}\n[1]\n', "line 2: is not a JSON object"),
        ("a.jsonl", b'{"key": ' + b"9" * 5_000 + b"}", "line 1"),
        ("a.jsonl", b'{"key": "a\\ud800", "title": "\\ud800\\u0000"}', "line 1: key"),
        ("a.csv", b"key,title\na,b,c,d\n,\n", "line 3: key: is missing"),
    ],
)
def test_files_of_rubbish_are_refused_in_words(
    cli: object, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    assert callable(cli)
    file = tmp_path / name
    file.write_bytes(content)
    done = cli("projects", "import", str(file))
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
