"""A pytest plugin that puts cellweave in the place of scanpy, for ``scanpy_own_tests.py``."""

import cellweave


def pytest_configure(config):
    cellweave.patch()


def pytest_terminal_summary(terminalreporter):
    used = cellweave.patch_status().query("calls > 0 or fallbacks > 0")
    terminalreporter.write_line(used.to_string(max_colwidth=60))
