"""Random states as scanpy takes them, as seeds for the engine. numpy's global state is never touched."""

from __future__ import annotations

import numbers

import numpy as np

RandomState = int | np.random.RandomState | np.random.Generator | None


def seed_of(random_state: RandomState) -> int:
    """A seed of 64 bits: the int itself, a draw from the caller's generator, or fresh entropy for ``None``."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**63 - 1, dtype=np.int64))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63 - 1))
    if not isinstance(random_state, numbers.Integral) or isinstance(random_state, bool):
        raise TypeError(f"random_state must be an int, a numpy generator or None, found {random_state!r}.")
    return int(random_state) % 2**64
