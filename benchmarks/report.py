"""What the benchmarks found: lines in the terminal, JSON records, tables in the documentation."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

#: A later measurement replaces an earlier one that agrees in these.
KEY = ("room", "step", "tool", "data", "n_cells", "threads")

OURS = "cellweave"


def _seconds(record: dict) -> float:
    return median(record["seconds"])


def _shown(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}" if seconds < 100 else f"{seconds:.0f}"


def _quality(record: dict) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in record.get("quality", {}).items())


def _counterpart(record: dict, records: list[dict]) -> dict | None:
    """Our record of the same step on the same data."""
    for other in records:
        same = all(other[key] == record[key] for key in KEY if key != "tool")
        if same and other["tool"] == OURS and "error" not in other:
            return other
    return None


def line(record: dict, records: list[dict]) -> str:
    """One measurement for the terminal."""
    cells = f" [{record['n_cells']:,}]" if record.get("n_cells") else ""
    head = f"{record['room']}: {record['step']}, {record['data']}{cells}, {record['tool']}: "
    if "error" in record:
        return head + "FAILED\n" + record["error"]
    ours = _counterpart(record, records)
    times = f" = {_seconds(record) / _seconds(ours):.1f} x cellweave" if ours and ours is not record else ""
    return (
        f"{head}{_shown(_seconds(record))} s{times}, peak {record['peak_bytes'] / 2**20:.0f} MiB "
        f"(+{record['growth_bytes'] / 2**20:.0f}) {_quality(record)}"
    ).rstrip()


def load(room: str, folder: Path) -> list[dict]:
    path = folder / f"{room}.json"
    return json.loads(path.read_text()) if path.exists() else []


def keep(records: list[dict], folder: Path) -> None:
    """Adds records to the files of their rooms."""
    folder.mkdir(parents=True, exist_ok=True)
    for room in sorted({record["room"] for record in records}):
        merged = {tuple(old[key] for key in KEY): old for old in load(room, folder)}
        for record in records:
            if record["room"] == room and "error" not in record:
                merged[tuple(record[key] for key in KEY)] = record
        (folder / f"{room}.json").write_text(json.dumps(list(merged.values()), indent=1) + "\n")


def table(records: list[dict]) -> str:
    """Markdown: one row a measurement, steps and sizes together."""
    rows = [
        "| step | data | cells | threads | tool | seconds | time / ours | peak MiB | added MiB | added / ours |",
        "|---|---|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    has_quality = any(_quality(record) for record in records)
    if has_quality:
        rows = [rows[0] + " quality |", rows[1] + "---|"]
    for record in sorted(records, key=lambda r: (r["data"], r["step"], r["n_cells"], r["tool"] != OURS, r["tool"])):
        ours = _counterpart(record, records)
        is_peer = ours is not None and ours is not record
        slower = f"{_seconds(record) / _seconds(ours):.1f}" if is_peer else ""
        larger = f"{record['growth_bytes'] / max(ours['growth_bytes'], 1):.1f}" if is_peer else ""
        cells = [
            record["step"],
            record["data"],
            f"{record['n_cells']:,}",
            str(record["threads"]),
            f"{record['tool']} {record['version']}",
            _shown(_seconds(record)),
            slower,
            f"{record['peak_bytes'] / 2**20:.0f}",
            f"{record['growth_bytes'] / 2**20:.0f}",
            larger,
            *([_quality(record)] if has_quality else []),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def write_section(name: str, text: str, document: Path) -> None:
    """Replaces what stands between the markers of a section in the document; a new section is added at its end."""
    old = document.read_text() if document.exists() else "# Benchmarks\n"
    begin, end = f"<!-- table: {name} -->", f"<!-- end: {name} -->"
    if begin not in old:
        old = f"{old.rstrip()}\n\n## {name.replace('_', ' ').capitalize()}\n\n{begin}\n{end}\n"
    before, _, rest = old.partition(begin)
    _, _, after = rest.partition(end)
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def write_tables(rooms: set[str], results: Path, document: Path) -> None:
    """A section for each room that has results."""
    for room in sorted(rooms):
        if records := load(room, results):
            write_section(room, table(records), document)
