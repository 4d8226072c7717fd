"""Check, recipe, flag and API argument follow from a setting's declaration."""

from dataclasses import dataclass, field

import pytest

from gaia_core.cli import WITHOUT_FLAG, main
from gaia_core.errors import InputError
from gaia_core.request import SETTINGS
from gaia_core.settings import MODES, setting, settings_of


@dataclass(frozen=True)
class Order:
    """A request of something else."""

    name: str = field(metadata={"help": "Who it is for."})
    count: int = setting(2, "How many, $low to $high.", low=1, high=9)
    note: str | None = setting(None, "Up to $longest letters.", longest=5)
    size: str = setting("small", "One of $choices.", choices=("small", "large"))
    extras: tuple[str, ...] = setting((), "100 % free.", modes=("text",))


ORDER = settings_of(Order)


def test_the_annotation_is_the_type():
    assert {name: (one.kind, one.many, one.optional) for name, one in ORDER.items()} == {
        "name": (str, False, False),
        "count": (int, False, False),
        "note": (str, False, True),
        "size": (str, False, False),
        "extras": (str, True, False),
    }
    assert [name for name, one in ORDER.items() if one.required] == ["name"]
    assert Order("me") == Order("me", 2, None, "small", ())


def test_the_help_states_the_limits():
    assert ORDER["count"].describe() == "How many, 1 to 9."
    assert ORDER["note"].describe() == "Up to 5 letters."
    assert ORDER["size"].describe() == "One of small, large."


@pytest.mark.parametrize(
    ("name", "good", "bad", "named"),
    [
        ("count", 9, 10, "Count is 10.*1 to 9"),
        ("count", 1, float("nan"), "Count"),
        ("note", None, "letters", "7 characters.*5"),
        ("size", "large", "huge", "'huge'.*small, large"),
    ],
)
def test_limits_are_checked(name, good, bad, named):
    ORDER[name].check(good)
    with pytest.raises(InputError, match=named):
        ORDER[name].check(bad)


@pytest.mark.parametrize(
    ("name", "value"), [("count", "2"), ("count", True), ("name", None), ("extras", "x")]
)
def test_values_of_another_type_raise(name, value):
    with pytest.raises(InputError, match=name):
        ORDER[name].read(value)
    assert ORDER["extras"].read(["a", "b"]) == ("a", "b") and ORDER["note"].read(None) is None
    with pytest.raises(InputError, match="extras"):
        ORDER["extras"].read(["a", 1])


def test_the_declarations_of_requests_are_consistent():
    for one in SETTINGS.values():
        assert one.describe().endswith(".") and "$" not in one.describe()
        assert set(one.modes) <= set(MODES)
        one.check(one.default)
        if not one.required:
            assert one.read(one.write(one.default)) == one.default


def test_each_setting_has_a_flag_with_its_help(capsys):
    with pytest.raises(SystemExit):
        main(["animate", "--help"])
    output = capsys.readouterr().out
    for name, one in SETTINGS.items():
        assert (one.describe() in output) == (name not in WITHOUT_FLAG)
        flag = f"--{name.replace('_', '-')} "
        assert flag in output or name in WITHOUT_FLAG
