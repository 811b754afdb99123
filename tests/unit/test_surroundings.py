"""What surrounds a call: forks, Python threads, the thread pools of other libraries, and Ctrl-C."""

import inspect
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import cellweave as cw


def clouds(n_cells):
    """Two overlapping clouds of cells, and their genes; the larger, the longer a call takes."""
    rng = np.random.RandomState(0)
    genes = [f"gene{k}" for k in range(60)]
    return [rng.gamma(2.0, size=(n_cells, 60)) * rng.uniform(0.5, 2, 60) for _ in range(2)], [genes, genes]


#: What every script below starts with.
PRELUDE = "import numpy as np\n" + inspect.getsource(clouds)


def run_python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", PRELUDE + code], capture_output=True, text=True, timeout=120)


def integrated() -> bytes:
    return b"".join(part.tobytes() for part in cw.integrate(*clouds(300), dimred=20, verbose=0)[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_parent_and_forked_child_go_on():
    done = run_python("""
import os, cellweave as cw
cw.settings.n_threads = 4
before = cw.integrate(*clouds(300), dimred=20, verbose=0)[0]
child = os.fork()
after = cw.integrate(*clouds(300), dimred=20, verbose=0)[0]
assert all(np.array_equal(a, b) for a, b in zip(before, after))
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("both went on")
""")
    assert done.stdout.strip() == "both went on", done.stderr


def test_eight_python_threads_at_once_get_the_same_answer():
    expected = integrated()
    answers: list[bytes] = []
    workers = [threading.Thread(target=lambda: answers.append(integrated())) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert answers == [expected] * 8


#: A parallel region of each library.
OTHERS = {
    "numba": "import numba; numba.njit(parallel=True)(lambda x: x.sum())(np.ones(1000))",
    "sklearn": "from sklearn.cluster import KMeans; KMeans(2, n_init=1).fit(np.random.rand(500, 3))",
    "torch": "import torch; torch.ones(500, 500) @ torch.ones(500, 500)",
}


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("other", OTHERS)
def test_another_pool_of_threads_comes_first_or_later(other, order):
    pytest.importorskip(other)
    ours = "import cellweave as cw; cw.integrate(*clouds(300), dimred=20, verbose=0)"
    first, second = (OTHERS[other], ours) if order == "before" else (ours, OTHERS[other])
    done = run_python(f"{first}\n{second}\n{first}\nprint('fine')")
    assert done.stdout.strip() == "fine", done.stderr


#: What to interrupt: long enough that it cannot have ended a second after it began.
LONG_CALLS = {
    "integrate_scanpy": """
adatas = [anndata.AnnData(m) for m in clouds(60000)[0]]
call = lambda: cw.integrate_scanpy(adatas, dimred=50, verbose=0)
""",
    "neighbors": """
adatas = [anndata.AnnData(clouds(250000)[0][0].astype(np.float32))]
call = lambda: cw.pp.neighbors(adatas[0], use_rep="X")
""",
    "umap": """
adatas = [anndata.AnnData(clouds(10000)[0][0].astype(np.float32))]
cw.pp.neighbors(adatas[0], use_rep="X")
call = lambda: cw.tl.umap(adatas[0], maxiter=100000)
""",
    "tsne": """
adatas = [anndata.AnnData(clouds(30000)[0][0].astype(np.float32))]
call = lambda: cw.tl.tsne(adatas[0], use_rep="X")
""",
}


@pytest.mark.parametrize("long_call", LONG_CALLS)
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_ends_a_long_call_and_leaves_the_data_as_it_was(long_call):
    code = f"""
import signal, anndata, cellweave as cw
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with Ctrl-C ignored
cw.settings.n_threads = 2
{LONG_CALLS[long_call]}
state = lambda: [(a.X.tobytes(), list(a.obsm), list(a.obsp), list(a.uns)) for a in adatas]
before = state()
print("started", flush=True)
try:
    call()
    print("it came to its end")
except KeyboardInterrupt:
    print("interrupted, and the data are", "as before" if state() == before else "changed")
"""
    child = subprocess.Popen([sys.executable, "-c", PRELUDE + code], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().strip() == "started"
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    answer, _ = child.communicate(timeout=60)
    assert answer.strip() == "interrupted, and the data are as before"
