"""Threads, verbosity and the choice of the engine's build."""

import json
import os
import subprocess
import sys
import threading

import pytest

import cellweave as cw


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


def test_threads_are_overridden_within_a_block_and_this_thread_only():
    before = cw.settings.n_threads
    seen = []
    with cw.threads(5):
        assert cw.settings.n_threads == 5
        other = threading.Thread(target=lambda: seen.append(cw.settings.n_threads))
        other.start()
        other.join()
    assert seen == [before]
    assert cw.settings.n_threads == before


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, True])
def test_a_wrong_number_of_threads_is_refused(n_threads):
    with pytest.raises(ValueError, match="n_threads must be a whole number"):
        cw.settings.n_threads = n_threads


def test_a_wrong_verbosity_is_refused():
    with pytest.raises(ValueError, match="verbosity must be one of"):
        cw.settings.verbosity = 7


def test_the_environment_sets_the_number_of_threads():
    done = run_python("import cellweave; print(cellweave.settings.n_threads)", CELLWEAVE_NUM_THREADS="3")
    assert done.stdout.strip() == "3", done.stderr


def test_a_wrong_number_in_the_environment_says_so():
    done = run_python("import cellweave", CELLWEAVE_NUM_THREADS="many")
    assert "CELLWEAVE_NUM_THREADS must be a whole number" in done.stderr


def test_build_info_tells_what_runs():
    info = cw.build_info()
    assert info["variant"] in info["variants"]
    assert info["openmp"] >= 201511


def test_every_runnable_variant_can_be_forced():
    code = "import json, cellweave; print(json.dumps(cellweave.build_info()['variant']))"
    for variant in cw.build_info()["variants"]:
        done = run_python(code, CELLWEAVE_ISA=variant)
        assert json.loads(done.stdout) == variant, done.stderr


def test_an_unknown_variant_is_refused_with_the_choices():
    done = run_python("import cellweave", CELLWEAVE_ISA="v9")
    assert "CELLWEAVE_ISA='v9'" in done.stderr
    assert cw.build_info()["variant"] in done.stderr


def test_import_brings_in_neither_scanpy_nor_numba_nor_matplotlib():
    code = "import cellweave, sys; print([m for m in ('scanpy', 'numba', 'matplotlib', 'sklearn') if m in sys.modules])"
    assert run_python(code).stdout.strip() == "[]"
