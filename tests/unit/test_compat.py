"""Warnings point at the caller; old positional arguments and old names keep working, with scanpy's warnings."""

import warnings

import pytest

from cellweave._compat import deprecated, old_positionals, renamed_argument, warn


@old_positionals("size", "shape")
def paint(thing, *, size=1, shape="round"):
    return thing, size, shape


def test_positional_arguments_of_old_warn_and_work():
    with pytest.warns(FutureWarning, match=r"\('size', 'shape'\) are no longer positional.*`size=3`") as caught:
        assert paint("wall", 3, "flat") == ("wall", 3, "flat")
    assert caught[0].filename == __file__


def test_no_warning_without_them():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paint("wall", shape="flat") == ("wall", 1, "flat")


def test_too_many_or_given_twice():
    with pytest.raises(TypeError, match="takes at most 3 positional"):
        paint("wall", 1, "flat", "red")
    with pytest.raises(TypeError, match="multiple values"), pytest.warns(FutureWarning):
        paint("wall", 1, size=2)


def test_a_warning_points_at_its_caller():
    with pytest.warns(UserWarning, match="wet") as caught:
        warn("wet paint")
    assert caught[0].filename == __file__


def test_an_old_name_of_an_argument_warns_and_works():
    @renamed_argument("colour", "color")
    def mix(*, color):
        return color

    with pytest.warns(FutureWarning, match="argument `colour` was renamed to `color`") as caught:
        assert mix(colour="red") == "red"
    assert caught[0].filename == __file__
    assert mix(color="blue") == "blue"


def test_a_deprecated_function_says_so_at_every_call():
    @deprecated("use rollers")
    def brush():
        return "done"

    for _ in range(2):
        with pytest.warns(FutureWarning, match="use rollers") as caught:
            assert brush() == "done"
        assert caught[0].filename == __file__
