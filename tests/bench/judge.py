"""Fit the judge that is shipped: index sets of questions, see what it sees of each, fit, and say how well it does.

    python -m tests.bench.judge DIR [DIR …] [--limit N] [--data DIR] [--write]

Each set has `queries.jsonl` and `corpus.jsonl` or articles, and counts the same. With `--write` the numbers replace
`index/asking/judge.json`. The figures are of questions that were not fitted to (five folds).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from config import load
from index.asking import judge
from index.library import Library
from index.quality import calibrate, evaluate
from index.quality.calibrate import Sample


def main() -> None:
    """Fit to the sets that were named."""
    parser = argparse.ArgumentParser(description="Fit the judge that is shipped.")
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, help="questions of each set, drawn at random (default: all)")
    parser.add_argument("--data", type=Path, default=Path(".eval"), help="where the sets are indexed")
    parser.add_argument("--write", action="store_true", help="replace the judge that is shipped")
    chosen = parser.parse_args()
    seen = [list(see(folder, chosen.data / folder.name, chosen.limit)) for folder in chosen.sets]
    words = ", ".join(f"{len(some)} of {folder.name}" for folder, some in zip(chosen.sets, seen, strict=True))
    made = calibrate.calibrate(seen, fitted=f"questions: {words}")
    for folder, outcomes in zip(chosen.sets, made.outcomes, strict=True):
        print(f"{folder.name:<10} {calibrate.summary(outcomes)}")
    print(made.judge.model_dump_json(indent=1))
    if chosen.write:
        made.judge.write(Path(judge.__file__).parent / judge.FILE)


def see(folder: Path, data: Path, limit: int | None) -> Iterator[Sample]:
    """Index a set and yield what the judge sees of its questions."""
    with Library(load(flags={"library.data": str(data)}, environ={}, folder=Path())) as library:
        library.index(evaluate.corpus(folder), agreed=True)
        yield from calibrate.samples(library, evaluate.questions(folder, limit=limit), watch=lambda _: None)


if __name__ == "__main__":
    main()
