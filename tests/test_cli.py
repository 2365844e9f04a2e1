"""The command `footnote`, run as a person runs it: a process of its own."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, WHEN, Done, Footnote, MakeLibrary, lend, write


def in_a_process(*arguments: str | Path, cwd: Path) -> Done:
    """Run the program as a person does."""
    command = [sys.executable, "-m", "bot.cli", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("TELEGRAM_BOT_TOKEN", None)
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def data(make_library: MakeLibrary, copied: Path, tmp_path: Path) -> Path:
    make_library().index(copied)
    return tmp_path / "data"


def test_help_is_there_at_once_and_names_every_command(footnote: Footnote) -> None:
    bare = min(_seconds([sys.executable, "-c", "import argparse, json, pathlib"]) for _ in range(5))
    took = min(_seconds([sys.executable, "-m", "bot.cli", "--help"]) for _ in range(5))
    assert took < max(0.4, 4 * bare)
    shown = footnote("--help").stdout
    simple = ("ask", "search", "chat", "index", "rollback", "serve", "status", "eval", "calibrate")
    for command in (*simple, "doctor", "backup", "restore"):
        assert re.search(rf"^ +{command}\b", shown, re.MULTILINE)


def _seconds(command: list[str]) -> float:
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return time.monotonic() - start


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bot.cli import main\n"
        "try: main(['ask', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'torch', 'chromadb', 'llama_index', 'telegram', 'sqlalchemy', 'pydantic'}\n"
        "print(sorted(set(sys.modules) & heavy))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout.splitlines()[-1] == "[]"


def test_the_whole_way_from_a_folder_to_an_answer(folder: Path, tmp_path: Path, models: Path) -> None:
    lend(models, tmp_path / "data")
    done = in_a_process("index", folder, "--data", tmp_path / "data", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Added 3, changed 0, removed 0, unchanged 0, failed 0." in done.stdout
    answer = in_a_process("ask", WHEN, "--data", tmp_path / "data", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stdout.startswith("The old harbour of Lindholm was closed to cargo ships in 1987. [1]\n")
    assert "[1] The old harbour · The Gazette · 1 May 2024" in answer.stdout
    assert "»The old harbour of Lindholm was closed to cargo ships in 1987.«" in answer.stdout
    assert "https://example.org/harbour" in answer.stdout
    assert answer.stderr == ""


def test_what_the_output_cannot_show_or_take_is_no_traceback(data: Path, folder: Path) -> None:
    write(folder / "bridge.md", title="Мост", text="The bridge – мост – was opened in 1931.")
    run = [sys.executable, "-m", "bot.cli"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run(
        [*run, "index", str(folder), "--data", str(data)], env=env, capture_output=True, check=False, timeout=120
    )
    assert shown.returncode == 0
    shown = subprocess.run(
        [*run, "search", "bridge", "--data", str(data)], env=env, capture_output=True, check=False, timeout=120
    )
    assert (shown.returncode, rb"\u043c\u043e\u0441\u0442" in shown.stdout, shown.stderr) == (0, True, b"")
    shown = subprocess.run(
        [*run, "search", "bridge", "--json", "--data", str(data)], env=env, capture_output=True, check=True, timeout=120
    )
    assert json.loads(shown.stdout)["passages"][0]["title"] == "Мост"
    if Path("/dev/full").exists():
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run([*run, "status", "--data", str(data)], env=env, stdout=full, stderr=-1, check=False)
        said = b"footnote: the output cannot be written (no space left on device).\n"
        assert (done.returncode, done.stderr) == (1, said)
    script = f'exec "$0" -m bot.cli chat --data {data} <&-'
    closed = subprocess.run(["/bin/sh", "-c", script, sys.executable], env=env, capture_output=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")
    script = f'exec "$0" -m bot.cli status --data {data} >&-'
    closed = subprocess.run(["/bin/sh", "-c", script, sys.executable], env=env, capture_output=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_an_empty_library_says_what_fills_it(footnote: Footnote) -> None:
    assert footnote("status").stdout == "Nothing has been indexed in footnote-data yet. Run: footnote index FOLDER\n"


def test_an_article_without_a_title_is_named_by_its_id(footnote: Footnote, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "chimney 7", "text": "The chimney of Quarl is 80 metres tall."}\n')
    footnote("index", tmp_path / "a.jsonl")
    assert "\n[1] chimney 7\n" in footnote("ask", "How tall is the chimney of Quarl?").stdout


@pytest.mark.parametrize("command", ["ask", "search"])
def test_to_answer_nothing_of_pytorch_is_imported_and_nothing_written_outside_of_the_data_directory(
    data: Path, command: str, tmp_path: Path
) -> None:
    code = (
        "import sys; from bot.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'llama_index.embeddings', 'onnx', 'sympy'}\n"
        "print(sorted(set(sys.modules) & heavy))"
    )
    run = [sys.executable, "-W", "ignore", "-c", code, command, WHEN, "--data", str(data)]
    home = tmp_path / "home"
    home.mkdir()
    env = {**{k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}, "HOME": str(home)}
    shown = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT, env=env)
    assert "1987" in shown.stdout
    assert shown.stdout.splitlines()[-1] == "[]"
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_an_answer_as_json_has_claims_citations_and_the_time_of_each_stage(footnote: Footnote, data: Path) -> None:
    shown: dict[str, Any] = json.loads(footnote("ask", WHEN, "--json", "--data", data).stdout)
    assert shown["answered"] is True
    assert shown["answer"] == " ".join(claim["text"] for claim in shown["claims"])
    assert shown["claims"][0]["citations"] == [1]
    citation = shown["citations"][0]
    assert citation["number"] == 1
    assert {key: citation[key] for key in ("article_id", "title", "source", "date", "url")} == {
        "article_id": "harbour.md",
        "title": "The old harbour",
        "source": "The Gazette",
        "date": "2024-05-01",
        "url": "https://example.org/harbour",
    }
    assert citation["quote"] == "The old harbour of Lindholm was closed to cargo ships in 1987."
    assert citation["end"] - citation["start"] == len(citation["quote"])
    assert all(ms >= 0 for ms in shown["timings_ms"].values())
    assert "embed" in shown["timings_ms"]


def test_why_shows_what_was_found_and_how_it_was_judged(footnote: Footnote, data: Path) -> None:
    shown = footnote("ask", WHEN, "--why", "--data", data).stdout
    assert re.search(r"Answered: the articles answer with a probability of 0\.\d{3}, and 0\.\d{3} is wanted", shown)
    assert re.search(r"meaning \d\.\d{3}  covered \d\.\d{3}  context \d\.\d{3}  passage \d\.\d{3}", shown)
    assert re.search(r"^ 1\. .+\n    score \d\.\d{3}  meaning \d\.\d{3}  words \d+\.\d{2}$", shown, re.MULTILINE)
    assert "1987" in shown.partition("Answered:")[2]
    told = json.loads(footnote("ask", "Which hotel has a pool?", "--why", "--json", "--data", data).stdout)
    assert not told["answered"]
    assert told["probability"] < told["threshold"]
    sure = [judged["probability"] for judged in told["judged"]]
    assert sure == sorted(sure, reverse=True)
    assert [passage["rank"] for passage in told["passages"]] == list(range(1, len(told["passages"]) + 1))


def test_a_refusal_as_json_names_the_nearest_articles(footnote: Footnote, data: Path) -> None:
    question = "Which zeppelin lands in Lindholm?"
    shown = json.loads(footnote("ask", question, "--json", "--data", data).stdout)
    assert (shown["answered"], shown["claims"], shown["citations"]) == (False, [], [])
    assert shown["nearest"][0]["article_id"] == "harbour.md"
    assert "zeppelin" in shown["unknown_words"]


def test_search_status_and_index_as_json_and_as_text(footnote: Footnote, data: Path, folder: Path) -> None:
    found = json.loads(footnote("search", "rye bread", "--limit", "2", "--json", "--data", data).stdout)
    assert [passage["rank"] for passage in found["passages"]] == [1, 2]
    assert found["passages"][0]["article_id"] == "bakery.md"
    assert "Rye bread" in found["passages"][0]["text"]
    assert "A bakery moves" in footnote("search", "rye bread", "--data", data).stdout
    status = json.loads(footnote("status", "--json", "--data", data).stdout)
    assert (status["articles"], status["revision"], status["folder"]) == (3, 1, str(folder))
    assert status["runtime"] == "onnxruntime, int8"
    shown = footnote("status", "--data", data).stdout
    assert "3 articles" in shown
    assert "Model all-MiniLM-L6-v2 (onnxruntime, int8)" in shown
    report = json.loads(footnote("index", "--json", "--data", data).stdout)
    assert (report["unchanged"], report["failed"], report["embedded"]) == (3, [], 0)


def test_the_chat_answers_line_by_line_and_survives_bad_questions(footnote: Footnote, data: Path) -> None:
    shown = footnote("chat", "--data", data, stdin=f"{WHEN}\n\n😀\n{'x' * 5_000}\nquit\nWhat?\n")
    assert shown.returncode == 0
    assert "1987" in shown.stdout
    assert "no words" in shown.stdout
    assert "longer than a question" in shown.stdout
    assert shown.stdout.count("[1] ") == 1


def test_run_answers_once_with_a_question_and_opens_the_chat_without_a_token(
    footnote: Footnote, folder: Path, tmp_path: Path
) -> None:
    env = {"FOOTNOTE_LIBRARY_ARTICLES": str(folder), "FOOTNOTE_LIBRARY_DATA": str(tmp_path / "data")}
    once = footnote("run", "--", WHEN, **env)
    assert "1987" in once.stdout
    assert "100%" in once.stderr
    chat = footnote("run", stdin=f"{WHEN}\n", **env)
    assert "1987" in chat.stdout
    assert "@BotFather" in chat.stderr
    assert "Embedding" not in chat.stderr


def test_eval_prints_a_table_or_one_object_and_writes_a_line_per_question(
    footnote: Footnote, folder: Path, tmp_path: Path
) -> None:
    rows = [
        {
            "id": "1",
            "question": WHEN,
            "answers": ["1987"],
            "evidence": [{"doc_id": "harbour.md", "quote": "1987"}],
            "answerable": True,
        },
        {"id": "2", "question": "Who sank the zeppelin?", "answers": [], "evidence": [], "answerable": False},
    ]
    (folder / "queries.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    runs, data = tmp_path / "runs.jsonl", tmp_path / "data"
    done = footnote("eval", folder, "--data", data, "--json", "--runs", runs)
    figures = json.loads(done.stdout)
    expected = (
        "articles passages questions hit@1 hit@4 hit@10 mrr@10 ndcg@10 recall@10 contains f1 cite_precision "
        "cite_recall refused_right refused_wrong auroc aurc risk@0.2 risk@0.4 risk@0.6 risk@0.8 risk@1 "
        "refused_wrong@0.95 verbatim p50_ms p95_ms"
    )
    assert set(figures) == set(expected.split())
    assert (figures["articles"], figures["questions"], figures["hit@1"], figures["contains"]) == (3, 2, 1.0, 1.0)
    assert (figures["refused_right"], figures["auroc"], figures["verbatim"]) == (1.0, 1.0, 1.0)
    assert [json.loads(line)["id"] for line in runs.read_text().splitlines()] == ["1", "2"]
    table = footnote("eval", folder, "--data", data, "--limit", "1").stdout
    assert re.search(r"^questions +1$", table, re.MULTILINE)


def test_eval_counts_yesterday_from_the_day_it_is_given(footnote: Footnote, folder: Path, tmp_path: Path) -> None:
    row = {"id": "1", "question": "Who leads the council since yesterday?", "answers": [], "answerable": False}
    (folder / "queries.jsonl").write_text(json.dumps(row))
    runs = tmp_path / "runs.jsonl"
    everything = ["bakery.md", "harbour.md", "library.md"]
    for arguments, articles in ((["--today", "2024-07-04"], ["library.md"]), ([], everything)):
        footnote("eval", folder, "--data", tmp_path / "data", "--runs", runs, *arguments)
        assert sorted(json.loads(runs.read_text())["articles"]) == articles


def test_doctor_finds_nothing_wrong_and_then_what_is(
    footnote: Footnote, data: Path, folder: Path, tmp_path: Path
) -> None:
    well = footnote("doctor", "--data", data)
    assert well.returncode == 0, well.stdout
    assert "3 articles, 3 passages, verified" in well.stdout
    assert "model: all-MiniLM-L6-v2 (onnxruntime, int8)" in well.stdout
    for graph in data.rglob("data_level0.bin"):
        content = bytearray(graph.read_bytes())
        content[1_000] ^= 0xFF
        graph.write_bytes(bytes(content))
    folder.rename(tmp_path / "elsewhere")
    ill = footnote("doctor", "--data", data)
    assert ill.returncode == 1
    assert "BAD  index" in ill.stdout
    assert "footnote index" in ill.stdout
    assert "BAD  articles" in ill.stdout
    assert "Traceback" not in ill.stdout + ill.stderr


@pytest.mark.parametrize(
    "arguments, env, part",
    [
        (["ask", "x", "--config", "missing.toml"], {}, "missing.toml: there is no such file"),
        (["ask", "Where?"], {}, "Nothing has been indexed"),
        (["index", "nowhere"], {}, "nowhere"),
        (["serve"], {}, "TELEGRAM_BOT_TOKEN"),
        (["status"], {"FOOTNOTE_LOG_LEVEL": "loud"}, "FOOTNOTE_LOG_LEVEL"),
        (["eval", "nowhere"], {}, "queries.jsonl"),
        (["status", "--data", "a-file/data"], {}, "--data"),
        (["serve"], {"TELEGRAM_BOT_TOKEN": "nonsense"}, "BotFather"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_one(
    footnote: Footnote, tmp_path: Path, arguments: list[str], env: dict[str, str], part: str
) -> None:
    (tmp_path / "a-file").write_text("")
    done = footnote(*arguments, **env)
    assert done.returncode == 1
    assert done.stdout == ""
    assert part in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("footnote: ")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["ask"], ["search", "x", "--limit", "0"], ["eval", "x", "--today", "1"], []]
)
def test_wrong_arguments_are_explained_with_exit_code_two(footnote: Footnote, arguments: list[str]) -> None:
    done = footnote(*arguments)
    assert done.returncode == 2
    assert "usage: footnote" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
