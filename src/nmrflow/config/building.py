"""From configuration to objects: the one place where a configured name becomes a call."""

import inspect
import os
import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nmrflow.config.kinds import check_kinds
from nmrflow.errors import ConfigError, NmrflowError, first_line
from nmrflow.limits import MAX_COUNTS

if TYPE_CHECKING:
    from omegaconf import DictConfig

ALLOWED_TO_TRAIN = (
    "nmrflow.",
    "torch.optim.",
    # Not all of it: its command line builds whatever it is given.
    "lightning.pytorch.Trainer",
    "lightning.pytorch.trainer.",
    "lightning.pytorch.callbacks.",
    "lightning.pytorch.loggers.",
    "lightning.pytorch.profilers.",
    "lightning.pytorch.strategies.",
)
"""Where a configuration given by the user may take its classes from."""

ALLOWED_IN_CHECKPOINT = (
    "nmrflow.chem.",
    "nmrflow.spectra.",
    "nmrflow.shifts.",
    "nmrflow.flow.",
    "nmrflow.data.sources.",
    "nmrflow.data.splits.",
)
"""Where a configuration read from a checkpoint may; files come from strangers.

The classes of these rooms compute, and read files that the user names.
"""

_REFERENCE = re.compile(r"\$\{(?:[\w.@/\[\]-]+|(?:now|hydra):[^${}]*)\}")
"""To another value of the configuration, to the time, or to Hydra's account of the run.

Other resolvers read what is none of a configuration's business: the environment keeps secrets.
"""

EXTENSIONS = "NMRFLOW_EXTENSIONS"
"""Environment variable: packages of the user's own, with commas between, that both may name."""


def to_plain(config: "DictConfig", **values: str) -> dict[str, Any]:
    """The configuration with every reference resolved, as dicts, lists, numbers and text.

    Args:
        config: As Hydra composed it; stays as it is.
        values: Top-level values known only now, set before references are resolved.

    Raises:
        ConfigError: As :func:`check_references`, or if a reference leads nowhere or a mandatory
            value is missing.
    """
    # Whoever composes has imported it; whoever loads a checkpoint need not wait for it.
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    check_references(OmegaConf.to_container(config, resolve=False))
    try:
        config = config.copy()
        config.update(values)
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"configuration: {first_line(error)}") from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def check_settings(config: "DictConfig", names: Collection[str]) -> None:
    """Refuse a configuration that lacks a setting, or has one that nothing reads.

    Args:
        config: As Hydra composed it, references as they stand: what they name is read.
        names: The settings that the program reads.

    Raises:
        ConfigError: If one is missing, or another is there.
    """
    from omegaconf import OmegaConf

    given = {str(key) for key in config}
    if missing := sorted(set(names) - given):
        raise ConfigError(
            f"configuration lacks {', '.join(missing)}; a setting is switched off with "
            f"{missing[0]}=null, where it can be, and not with ~{missing[0]}"
        )
    named = re.findall(r"\$\{(\w+)", str(OmegaConf.to_container(config, resolve=False)))
    if unread := sorted(given - {*names, *named}):
        raise ConfigError(
            f"configuration sets {', '.join(unread)}, which nothing reads; leave out"
        )


def check_references(node: Any) -> None:  # noqa: ANN401 - plain values
    """Refuse references that read more than the configuration, before any is resolved.

    Args:
        node: Plain values, references as they stand.

    Raises:
        ConfigError: If one names a resolver such as ``oc.env``, or is put together of others.
    """
    if isinstance(node, Mapping):
        for key, value in node.items():
            check_references(key)
            check_references(value)
    elif isinstance(node, str):
        if "${" in _REFERENCE.sub("", node):
            raise ConfigError(
                f"configuration holds {node!r}: only references to other values, ${{now:...}} and "
                "${hydra:...} are resolved; write the value itself, or let the shell do it"
            )
    elif isinstance(node, Sequence):
        for value in node:
            check_references(value)


def build(
    config: Mapping[str, Any],
    expected: type[Any],
    allowed: tuple[str, ...] = ALLOWED_TO_TRAIN,
    **extra: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401 - the caller names the type; mypy cannot follow abstract ones
    """Build the object that ``_target_`` names, with everything inside it.

    Args:
        config: A resolved node of the configuration.
        expected: Type that the object must have; ``object`` for protocols.
        allowed: Prefixes of the modules that targets may come from. What a target name
            resolves to must itself be a class defined there: ``nmrflow.x.os.system`` and
            functions, which do things, are refused.
        extra: Further keyword arguments, objects included.

    Raises:
        ConfigError: If a target is not allowed or does not exist, an argument is unknown or
            missing, or the object is of another type.
        NmrflowError: As the object's own constructor raises.
    """
    if not isinstance(config, Mapping) or "_target_" not in config:
        raise ConfigError(
            f"{config!r} does not say what to build (no _target_); a saved configuration has no "
            "groups to choose from, override its single values"
        )
    _check_targets(config, allowed)
    target = config["_target_"]
    try:
        built = _made(config, extra)
    except NmrflowError:
        raise
    except Exception as error:  # whatever a constructor stumbled over
        raise ConfigError(f"{target} cannot be built: {first_line(error)}") from error
    if not isinstance(built, expected):
        raise ConfigError(f"{target} is a {type(built).__name__}, not a {expected.__name__}")
    return built


def _made(node: Any, extra: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
    """A node with every ``_target_`` in it called, or made a partial; checked before.

    Hydra's ``instantiate`` does the same and more, and takes half a second to import.
    """
    if isinstance(node, Mapping):
        values = {key: _made(value) for key, value in node.items()}
        if "_target_" not in values:
            return values
        found = _find(values.pop("_target_"))
        makes_later = bool(values.pop("_partial_", False))
        if special := [key for key in values if str(key).startswith("_")]:
            raise ConfigError(f"configuration holds {special[0]}, which means nothing here")
        check_kinds(found, values)
        values |= extra or {}
        return partial(found, **values) if makes_later else found(**values)
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_made(value) for value in node]
    return node


def _find(target: str) -> Any:  # noqa: ANN401
    """What a dotted name means: an attribute of the longest part of it that is a module.

    Raises:
        Whatever importing raises, and AttributeError.
    """
    parts = target.split(".")
    found = import_module(parts[0])
    for k, part in enumerate(parts[1:], start=2):
        if not hasattr(found, part):
            import_module(".".join(parts[:k]))
        found = getattr(found, part)
    return found


def check_counts(config: Mapping[str, Any], **minima: int) -> None:
    """Check top-level whole numbers before anything is built from them.

    Args:
        config: A plain configuration.
        minima: The least value of each key.

    Raises:
        ConfigError: If one is no whole number, or too small or too large.
    """
    for key, least in minima.items():
        value = config.get(key)
        if type(value) is not int or value < least:
            raise ConfigError(f"{key}={value}: a whole number, {least} or more, is needed")
        if value > (most := MAX_COUNTS.get(key, value)):
            raise ConfigError(f"{key}={value}: {most:,} at most")


def check_shares(config: Mapping[str, Any], *names: str) -> None:
    """Check numbers that must lie between 0 and 1.

    Raises:
        ConfigError: If one is no number, or lies elsewhere.
    """
    for name in names:
        value = config[name]
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise ConfigError(f"{name}={value}: a number from 0 to 1 is needed")


def build_named(
    config: Mapping[str, Any] | None,
    expected: type[Any],
) -> list[Any]:
    """Build every entry of a group of named objects; an entry that is None is switched off.

    Raises:
        ConfigError: As :func:`build`, and if the group is no mapping of names.
    """
    return list(build_by_name(config, expected).values())


def build_by_name(config: Mapping[str, Any] | None, expected: type[Any]) -> dict[str, Any]:
    """As :func:`build_named`, each object under its name, in the configured order."""
    entries = {} if config is None else config
    if not isinstance(entries, Mapping):
        raise ConfigError(f"{entries!r} is no group of named objects, as the saved ones are")
    return {name: build(entry, expected) for name, entry in entries.items() if entry is not None}


def _check_targets(node: Any, allowed: tuple[str, ...]) -> None:  # noqa: ANN401
    if isinstance(node, Mapping):
        if "_target_" in node:
            _check_target(node["_target_"], allowed)
        for key, value in node.items():
            _check_targets(key, allowed)
            _check_targets(value, allowed)
    elif isinstance(node, str):
        if "${" in node:
            # Hydra would resolve it: to a target that was not checked, or to what the
            # environment keeps secret.
            raise ConfigError(f"configuration holds the reference {node!r}; resolve it first")
    elif isinstance(node, Sequence):
        for value in node:
            _check_targets(value, allowed)


def _check_target(target: object, allowed: tuple[str, ...]) -> None:
    own = filter(None, map(str.strip, os.environ.get(EXTENSIONS, "").split(",")))
    allowed = (*allowed, *(f"{package}." for package in own))
    refusal = ConfigError(
        f"configuration names {target!r}, which may not be built; "
        f"classes of {', '.join(prefix.rstrip('.') for prefix in allowed)} may"
    )
    if not isinstance(target, str) or not target.startswith(allowed):
        raise refusal
    try:
        found = _find(target)
    except Exception as error:  # whatever importing the module raises
        raise ConfigError(
            f"configuration names {target!r}, which does not exist or cannot be imported ({error})"
        ) from error
    if not inspect.isclass(found) or not f"{found.__module__}.".startswith(allowed):
        raise refusal
