"""Progress while it runs, and the summary at the end."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from .. import _progress


@dataclass
class Clock:
    """Times the steps and shows where we are: one bar over the steps, the engine's own bars below it."""

    n_steps: int
    rows: list[tuple[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bar = tqdm(total=self.n_steps, disable=not sys.stderr.isatty(), leave=False, bar_format="{l_bar}{bar}|")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Runs one step under its title."""
        self._bar.set_description(title)
        start = time.perf_counter()
        with _progress.bars(sys.stderr.isatty()), warnings.catch_warnings():
            # The protocol knows what it asks for; warnings to people who write the calls themselves don't help here.
            warnings.simplefilter("ignore")
            yield
        self.rows.append((title, time.perf_counter() - start))
        self._bar.update()

    def run(self, title: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Calls ``function`` as a step."""
        with self.step(title):
            return function(*arguments, **options)

    def close(self) -> None:
        self._bar.close()


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table in plain text: the first column to the left, numbers to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    is_number = [all(_is_number(row[k]) for row in rows) for k in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        padded = (f"{c:>{w}}" if right else f"{c:<{w}}" for c, w, right in zip(cells, widths, is_number, strict=True))
        return "  " + "  ".join(padded).rstrip()

    print(f"\n{title}")
    print(line(list(columns)))
    print("  " + "  ".join("-" * width for width in widths))
    for row in texts:
        print(line(row))


def _is_number(cell: object) -> bool:
    try:
        float(str(cell).replace(",", ""))
    except ValueError:
        return False
    return True
