"""The benchmark of cold starts: ratios are of neighbours, and the bare handlers hold what they say."""

from __future__ import annotations

from tests.conftest import ROOT
from tests.load.cold_tables import start_table
from tests.load.lambda_start import Start


def _start(init: float, first: float) -> Start:
    return Start(init=init, first=first, cpu=init, warm=first / 10)


def test_a_ratio_is_of_starts_that_followed_each_other() -> None:
    ours = [_start(100, 20), _start(300, 60), _start(130, 26)]
    bare = [_start(100, 10), _start(200, 20), _start(100, 13)]
    rows = start_table("GET /a", ours, bare).splitlines()
    assert rows[0] == "| `GET /a` | Rootnote | bare handler | ratio |"
    assert rows[2] == "| start, ms | 130 (100-300) | 100 (100-200) | 1.30 (1.00-1.50) |"
    assert rows[4] == "| both, ms | 156 (120-360) | 113 (110-220) | 1.38 (1.09-1.64) |"


def test_the_bare_handlers_import_nothing_of_ours() -> None:
    sources = list((ROOT / "tests/load/reference/bare_lambda").glob("bare_*.py"))
    assert len(sources) == 2
    for source in sources:
        text = source.read_text()
        assert text.count("@app.") == 1, source
        assert not [line for line in text.splitlines() if line.startswith(("from core", "from handlers"))]
