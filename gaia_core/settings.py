"""Declarations of a request's fields, with their validation and serialisation.

A field is declared once, by `setting`. `settings_of` reads the declarations; check, recipe, command
line, API and page are derived from what it returns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from string import Template
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from gaia_core.errors import InputError, Message

MODES = ("speech", "pose", "text", "video")  # what drives the video

T = TypeVar("T")


def setting(
    default: T,
    help: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    longest: int | None = None,
    choices: tuple[str, ...] = (),
    modes: tuple[str, ...] = MODES,
    preset: bool = False,
) -> T:
    """Declares a field of a dataclass; the arguments are the attributes of `Setting`."""
    return field(
        default=default,
        metadata={
            "help": help,
            "low": low,
            "high": high,
            "longest": longest,
            "choices": choices,
            "modes": modes,
            "preset": preset,
        },
    )


@dataclass(frozen=True)
class Setting:
    """A field as declared by its annotation and `setting`.

    Attributes:
        kind: type of the value, or of each entry if there are `many`.
        many: whether the value is a tuple.
        optional: whether the value may be None.
        default: None if the field must be given.
        help: a sentence for the command line and the API; $low, $high, $longest and $choices stand
            for what is declared here.
        low, high: range of a number, ends included.
        longest: maximal number of characters of a text.
        choices: the allowed values, or entries.
        modes: those of `MODES` in which the field counts.
        preset: whether it belongs to saved presets.
    """

    name: str
    kind: Any
    many: bool
    optional: bool
    default: Any
    help: str
    low: float = -math.inf
    high: float = math.inf
    longest: int | None = None
    choices: tuple[str, ...] = ()
    modes: tuple[str, ...] = MODES
    preset: bool = False

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is None and not self.optional

    @property
    def label(self) -> str:
        """The name as words: `drive_mode` is "Drive mode"."""
        return self.name.capitalize().replace("_", " ")

    def describe(self) -> str:
        """The help with the limits filled in."""
        return Template(self.help).substitute(
            low=f"{self.low:g}",
            high=f"{self.high:g}",
            longest=self.longest,
            choices=", ".join(self.choices),
        )

    def check(self, value: Any) -> None:
        """Checks a value of the right type.

        Raises:
            InputError: a number is out of range, a text too long, or a word not among the choices.
        """
        if self.many or value is None:
            return
        if self.kind in (int, float) and not self.low <= value <= self.high:
            raise InputError(
                "{name} is {value}; choose a value from {low} to {high}.",
                name=Message(self.name.capitalize()),
                value=value,
                low=self.low,
                high=self.high,
            )
        if self.longest is not None and len(value) > self.longest:
            raise InputError(
                "The {name} has {count} characters; shorten it to at most {most}.",
                name=Message(self.name),
                count=len(value),
                most=self.longest,
            )
        if self.choices and value not in self.choices:
            raise InputError(
                "{label} is {value!r}; choose one of {names}.",
                label=Message(self.label),
                value=value,
                names=tuple(self.choices),
            )

    def write(self, value: Any) -> Any:
        """A value as JSON in a recipe."""
        if self.many:
            return [_to_json(entry) for entry in value]
        return _to_json(value)

    def read(self, value: Any) -> Any:
        """The inverse of `write`.

        Raises:
            InputError: the value has another type.
        """
        if value is None and self.optional:
            return None
        if not self.many:
            return self._read(value)
        if not isinstance(value, list | tuple):
            raise self._mistyped()
        return tuple(self._read(entry) for entry in value)

    def _read(self, value: Any) -> Any:
        structured = hasattr(self.kind, "from_json")
        kinds = {float: int | float}.get(self.kind, Mapping if structured else self.kind)
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.kind is not bool):
            raise self._mistyped()
        return self.kind.from_json(value) if structured else value

    def _mistyped(self) -> InputError:
        return InputError(
            "The recipe's field {name!r} has the wrong type; correct it.", name=self.name
        )


def settings_of(kind: type) -> dict[str, Setting]:
    """The settings of a dataclass whose fields are declared by `setting`, by name."""
    hints = get_type_hints(kind)
    return {one.name: _parse(one, hints[one.name]) for one in fields(kind)}


def _parse(declared: Field[Any], hint: Any) -> Setting:
    """hint: X, X | None or tuple[X, ...]"""
    arguments = get_args(hint)
    return Setting(
        declared.name,
        arguments[0] if arguments else hint,
        many=get_origin(hint) is tuple,
        optional=NoneType in arguments,
        default=None if declared.default is MISSING else declared.default,
        **declared.metadata,
    )


def _to_json(value: Any) -> Any:
    return value.to_json() if hasattr(value, "to_json") else value
