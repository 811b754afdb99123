"""The command line: ``python -m cellweave integrate``, ``info`` and ``run``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .._version import __version__
from ._stop import Stop

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status. What a user can mend is said in one line, without a traceback."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except KeyboardInterrupt:
        print("\ncellweave: cancelled.", file=sys.stderr)
        return 130
    except (Stop, ValueError, TypeError, KeyError, NotImplementedError, OSError, MemoryError) as error:
        if getattr(arguments, "debug", False):
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"cellweave: {str(message) or type(error).__name__}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cellweave", description="The scanpy and scanorama workflow, fast.")
    parser.add_argument("--version", action="version", version=f"cellweave {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_integrate(
        commands.add_parser("integrate", help="integrate batches: files in, one integrated file and figures out")
    )

    info = commands.add_parser("info", help="what is installed and what this machine can run")
    info.set_defaults(command=_command_info)

    script = commands.add_parser("run", help="run a scanpy or scanorama script on the engine, unchanged")
    script.add_argument("script", help="a Python file")
    script.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script gets as its own arguments")
    script.set_defaults(command=_command_run)
    return parser


def _add_integrate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Quality control, normalisation, variable genes per batch, integration, neighbours, UMAP, Leiden and mutual "
        "information. Without a file it runs on the embedded panorama."
    )
    parser.add_argument("files", nargs="*", help="h5ad files with counts")
    parser.add_argument(
        "--batch-key", help="column of obs that names the batches (default: batch; or one batch a file)"
    )
    parser.add_argument(
        "--label-key", help="column of obs with known types, to compare with (default: cell_type, if there)"
    )
    parser.add_argument("--out", default="integrated.h5ad", help="file to write (default: %(default)s)")
    parser.add_argument("--figures", help="folder for the figures (default: that of --out)")
    parser.add_argument("--no-figures", action="store_true", help="write no figures")

    quality = parser.add_argument_group("quality control")
    quality.add_argument(
        "--min-genes", type=int, default=200, help="genes that a cell must have (default: %(default)s)"
    )
    quality.add_argument("--min-cells", type=int, default=3, help="cells that a gene must be in (default: %(default)s)")
    quality.add_argument(
        "--max-mt", type=float, default=15.0, help="largest mitochondrial percentage (default: %(default)s)"
    )
    quality.add_argument(
        "--min-batches", type=int, default=2, help="batches that a gene must vary in (default: %(default)s)"
    )

    method = parser.add_argument_group("integration")
    method.add_argument("--dimred", type=int, default=100, help="dimensions (default: %(default)s)")
    method.add_argument("--knn", type=int, default=20, help="neighbours that are matched (default: %(default)s)")
    method.add_argument(
        "--sigma", type=float, default=15.0, help="larger: corrections are less smooth (default: %(default)s)"
    )
    method.add_argument("--alpha", type=float, default=0.1, help="smallest alignment score (default: %(default)s)")
    method.add_argument("--exact", action="store_true", help="search matches exactly")
    method.add_argument("--sketch", action="store_true", help="integrate a sketch, then move all cells with it")
    method.add_argument(
        "--sketch-max", type=int, default=10_000, help="cells of a batch's sketch (default: %(default)s)"
    )

    after = parser.add_argument_group("graph and clusters")
    after.add_argument("--neighbors", type=int, default=15, help="neighbours in the graph (default: %(default)s)")
    after.add_argument("--resolution", type=float, default=1.0, help="larger: more clusters (default: %(default)s)")

    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="threads to use (default: the cores this process may use)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(command=_command_integrate)


def _command_integrate(arguments: argparse.Namespace) -> None:
    from ._integrate import integrate

    integrate(arguments)


def _command_info(arguments: argparse.Namespace) -> None:
    from .. import build_info

    facts = build_info()
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {', '.join(value) if isinstance(value, list) else value}")


def _command_run(arguments: argparse.Namespace) -> None:
    from ._run import run

    run(arguments.script, arguments.arguments)
