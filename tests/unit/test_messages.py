"""Warnings point at the caller; old positional arguments keep working."""

import warnings

import pytest

from cellweave._messages import old_positionals, warn


@old_positionals("size", "shape")
def paint(thing, *, size=1, shape="round"):
    return thing, size, shape


def test_positional_arguments_of_old_warn_and_work():
    with pytest.warns(FutureWarning, match=r"size=\.\.\., shape=\.\.\.") as caught:
        assert paint("wall", 3, "flat") == ("wall", 3, "flat")
    assert caught[0].filename == __file__


def test_no_warning_without_them():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paint("wall", shape="flat") == ("wall", 1, "flat")


def test_too_many_or_given_twice():
    with pytest.raises(TypeError, match="takes 1 positional"):
        paint("wall", 1, "flat", "red")
    with pytest.raises(TypeError, match="multiple values"):
        paint("wall", 1, size=2)


def test_a_warning_points_at_its_caller():
    with pytest.warns(UserWarning, match="wet") as caught:
        warn("wet paint")
    assert caught[0].filename == __file__
