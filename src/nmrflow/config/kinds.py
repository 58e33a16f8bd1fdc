"""Arguments that a configuration gives, compared with what a constructor's signature says."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from nmrflow.errors import ConfigError

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    NoneType: "null",
}


def check_kinds(made: Callable[..., Any], values: Mapping[str, Any]) -> None:
    """Refuse numbers and texts of another kind than a signature says.

    What it says nothing of, or something else than numbers and texts, is left to the constructor:
    many a number of the wrong kind is not noticed there, but where it is computed with.

    Args:
        made: What is called.
        values: Its arguments by name.

    Raises:
        ConfigError: If one is of another kind, such as 0.5 for a whole number.
    """
    try:
        parameters = inspect.signature(made).parameters
    except (TypeError, ValueError):
        return  # it tells no signature
    for name, value in values.items():
        kinds = list(_kinds(parameters[name].annotation)) if name in parameters else []
        if kinds and _WORDS.keys() >= set(kinds) and not any(_fits(value, k) for k in kinds):
            words = " or ".join(_WORDS[kind] for kind in kinds)
            what = f"{name} is {value!r}, and {words} is needed"
            raise ConfigError(f"{made.__name__} cannot be built: {what}")


def _kinds(annotation: Any) -> Iterator[Any]:  # noqa: ANN401
    if get_origin(annotation) in (Union, UnionType):
        yield from get_args(annotation)
    else:
        yield annotation


def _fits(value: object, kind: type) -> bool:
    return type(value) is kind or (kind is float and type(value) is int)
