"""From a folder with a file of each format to answers that say where in it they stand."""

import json
from pathlib import Path

import pytest

from index.library import Library
from tests import papers
from tests.conftest import Footnote, MakeLibrary
from tests.papers import paragraph, prose

HARBOUR = "The old harbour of Lindholm was closed to cargo ships in 1987. Since then only fishing boats have used it."
BAKERY = "The bakery Morgenrot moves from Mill Street to the station square in August. Its ovens are too heavy to move."
HOURS = "From September the town library of Lindholm opens at nine in the morning instead of ten. It closes on Sundays."
BRIDGE = "The bridge over the Alder is 412 metres long. It was opened by Anna Brandt, the mayor, on a rainy Monday."
TOWER = "The water tower of Vessel has 189 steps. Nobody has climbed them since the lift was built in 1964."
FERRY = "The ferry to Vessel leaves Lindholm every two hours. It carries bicycles, but no cars, and no dogs at noon."


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """A folder with one file of each format, each about something else."""
    folder = tmp_path / "everything"
    folder.mkdir()
    pages = [prose(f"A report on the town. {BAKERY}"), prose(f"The second page. {HARBOUR}")]
    files = {
        "report.pdf": papers.pdf(pages, info={"Title": "A report", "CreationDate": "D:20240501"}),
        "minutes.docx": papers.docx(
            paragraph("Minutes", "Titel")
            + paragraph("Opening hours", "berschrift1")
            + paragraph(HOURS)
            + paragraph("Traffic", "berschrift1")
            + paragraph(BRIDGE)
        ),
        "book.epub": papers.epub(
            {"a.xhtml": papers.page(f"<h1>Towers</h1><p>{TOWER}</p>")}, metadata="<dc:title>A book</dc:title>"
        ),
        "letter.eml": papers.eml(FERRY, Subject="The ferry", From="Anna Brandt <anna@example.org>"),
        "old.jsonl": b'{"id": "7", "title": "The mill", "text": "The mill on Mill Street burnt down in 1893."}',
        "note.txt": b"A note\n\nThe market is held on Tuesdays, on the square in front of the town hall of Lindholm.",
        "page.html": b"<h1>A page</h1><p>The lighthouse of Vessel was painted red in 1951 by two brothers.</p>",
        "post.md": b"# A post\n\nThe school of Lindholm has a choir of forty voices, led by Tomas Weiss.",
        "scan.pdf": papers.pdf([[], []]),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_file_of_each_format_is_indexed_and_cited_with_its_page_or_section(
    footnote: Footnote, everything: Path, tmp_path: Path
) -> None:
    done = footnote("index", everything, "--data", tmp_path / "data")
    assert "Added 8, changed 0, removed 0, unchanged 0, failed 1." in done.stdout
    assert "scan.pdf: has pages but no text: it is scanned; run it through OCR first" in done.stdout

    def line(question: str) -> str:
        shown = footnote("ask", question, "--data", tmp_path / "data").stdout
        return next((line for line in shown.splitlines() if line.startswith("[1] ")), shown)

    assert line("When was the old harbour of Lindholm closed to cargo ships?") == "[1] A report · p. 2 · 1 May 2024"
    assert line("How long is the bridge over the Alder?") == "[1] Minutes · § Traffic"
    assert line("How many steps has the water tower of Vessel?") == "[1] A book · § Towers"
    assert line("How often does the ferry to Vessel leave Lindholm?") == "[1] The ferry"
    assert line("When did the mill on Mill Street burn down?") == "[1] The mill"
    told = json.loads(
        footnote("ask", "How long is the bridge over the Alder?", "--json", "--data", tmp_path / "data").stdout
    )
    assert [(one["page"], one["section"]) for one in told["citations"]] == [(None, "Traffic")]
    told = json.loads(footnote("ask", "When was the old harbour closed?", "--json", "--data", tmp_path / "data").stdout)
    assert [(one["page"], one["section"]) for one in told["citations"]] == [(2, None)]


def test_an_archive_keeps_its_articles_when_lines_move_and_when_it_breaks(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    lines = [
        json.dumps({"id": str(n), "title": f"Title {n}", "text": text}) for n, text in enumerate((HARBOUR, BAKERY))
    ]
    archive = folder / "news.jsonl"
    archive.write_text("\n".join(lines))
    library: Library = make_library()
    assert library.index(folder).added == 2
    archive.write_text("\n".join(reversed(lines)))
    moved = library.index(folder)
    assert (moved.unchanged, moved.changed, moved.failures) == (2, 0, ())
    archive.write_text("<html>the server is down</html>\n" + lines[0])
    broken = library.index(folder)
    assert (broken.removed, broken.articles, len(broken.failures)) == (0, 2, 1)
    archive.write_text(lines[0] + '\n{"id": "1", "text": ""}')
    report = library.index(folder)
    assert (report.removed, report.articles, report.failures[0].name) == (0, 2, "news.jsonl#1")
    archive.write_text(lines[0])
    gone = library.index(folder, agreed=True)
    assert (gone.removed, gone.articles) == (1, 1)
