"""A function with a namesake in scanpy, scanorama or geosketch takes the same arguments with the same defaults."""

import importlib
import inspect

import pytest

from cellweave.patching import ROOMS, _import_original


def namesakes():
    for original_path, ours_path in ROOMS:
        ours = importlib.import_module(ours_path)
        original = _import_original(original_path)
        for name in ours.__all__:
            if original is not None and callable(getattr(original, name, None)):
                yield pytest.param(getattr(original, name), getattr(ours, name), id=f"{original_path}.{name}")


#: Defaults that scanpy 1.11 and 1.12 do not agree on, by argument; ours is the one of 1.12.
BETWEEN_VERSIONS = {"flavor": (None, "leidenalg"), "metric": (None, "euclidean")}


def same_default(name, ours, theirs) -> bool:
    if ours in BETWEEN_VERSIONS.get(name, ()) and theirs in BETWEEN_VERSIONS[name]:
        return True
    if ours is inspect.Parameter.empty or theirs is inspect.Parameter.empty:
        return ours is theirs
    # scanpy marks "not given" by sentinels of its own; ours are our own as well
    is_sentinel = any(mark in repr(theirs) for mark in ("Empty", "_empty", "object at", "Default"))
    return is_sentinel or repr(ours) == repr(theirs)


@pytest.mark.parametrize(("original", "ours"), namesakes())
def test_every_argument_of_the_original_is_there_with_its_default(original, ours):
    theirs = inspect.signature(inspect.unwrap(original)).parameters
    mine = inspect.signature(ours).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in mine.values())
    for name, parameter in theirs.items():
        if parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
            continue
        assert name in mine or takes_any, f"argument '{name}' is missing"
        if name in mine:
            assert same_default(name, mine[name].default, parameter.default), (
                f"default of '{name}': {mine[name].default!r}, expected {parameter.default!r}"
            )


@pytest.mark.parametrize(("original", "ours"), namesakes())
def test_every_public_function_states_its_grade_of_parity(original, ours):
    assert "Parity" in inspect.getdoc(ours)
