"""Configurations as Hydra composes them, checked before Hydra acts on any of them.

A saved or a given configuration may come from a stranger. What it says of the program is built
by :func:`nmrflow.config.building.build`; but it may also hold Hydra's own node, whose classes, log
files and environment variables Hydra makes real before the program is called.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra._internal import hydra as hydra_app
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.utils import get_args_parser
from hydra.core.config_search_path import ConfigSearchPath
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from nmrflow.config.building import check_references
from nmrflow.errors import ConfigError, NmrflowError, first_line
from nmrflow.limits import MAX_NESTING, MAX_YAML_BYTES

_PLUGINS = {
    "launcher": "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "sweeper": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
}
_LOGGING = ("hydra_logging", "job_logging")


def composed(
    config_path: str, config_name: str
) -> Callable[[Callable[[DictConfig], None]], Callable[[], None]]:
    """As ``hydra.main``, for configurations that may come from strangers.

    Args:
        config_path: Where Hydra looks for YAMLs, unless the command line says otherwise.
        config_name: The one that it begins with.

    Returns:
        A decorator of the function that is called with each job's configuration.
    """

    def decorate(job: Callable[[DictConfig], None]) -> Callable[[], None]:
        main = hydra.main(version_base="1.3", config_path=config_path, config_name=config_name)

        @functools.wraps(job)
        def entry() -> None:
            if get_args_parser().parse_known_args()[0].experimental_rerun is not None:
                raise ConfigError(
                    "--experimental-rerun: would unpickle the file, which runs whatever it says; "
                    "repeat a run with --config-path RUN/.hydra --config-name config"
                )
            # Hydra takes no loader of others.
            vars(hydra_app)["ConfigLoaderImpl"] = ClosedLoader
            main(job)()

        return entry

    return decorate


class ClosedLoader(ConfigLoaderImpl):
    """Hydra's own loader, whose every result is checked: of a run, a multirun and its jobs."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.repository = _Repository(config_search_path)

    def load_configuration(self, *args: Any, **kwargs: Any) -> DictConfig:  # noqa: ANN401 - Hydra's
        """As Hydra's.

        Raises:
            ConfigError: As :func:`check_yaml` and :func:`check_composed`, or if it cannot be
                composed.
        """
        given = dict(zip(("config_name", "overrides"), args, strict=False)) | kwargs
        try:
            config = super().load_configuration(*args, **kwargs)
            check_composed(config, given["overrides"])
        except (NmrflowError, HydraException):
            raise
        except Exception as error:  # whatever a parser stumbled over
            raise ConfigError(
                f"configuration {given['config_name']}: cannot be composed ({first_line(error)}); "
                "correct the file or the override"
            ) from error
        return config


class _Repository(ConfigRepository):
    """Hydra's, whose files are looked at before they are parsed."""

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        super().initialize_sources(config_search_path)
        self.sources = [
            _CheckedFiles(source.provider, source.path) if source.scheme() == "file" else source
            for source in self.sources
        ]


class _CheckedFiles(FileConfigSource):
    def load_config(self, config_path: str) -> ConfigResult:
        check_yaml(Path(self.path) / self._normalize_file_name(config_path))
        found = super().load_config(config_path)
        if OmegaConf.select(found.config, "hydra.searchpath") is not None:
            # Hydra goes there, and imports what is named as pkg://, while it still composes.
            raise ConfigError(
                f"{self.path}/{config_path}: sets hydra.searchpath, which is for the command line"
            )
        return found


def check_yaml(file: Path) -> None:
    """Refuse a YAML file that could be more than plain values, or endless.

    Raises:
        ConfigError: If it is no text, no YAML, too long, too deep, or holds tags or aliases.
    """
    with file.open("rb") as stream:
        content = stream.read(MAX_YAML_BYTES + 1)
    if len(content) > MAX_YAML_BYTES:
        raise ConfigError(f"{file}: more than {MAX_YAML_BYTES:,} bytes; that is no configuration")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(content.decode(), Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            what = None
            if isinstance(event, yaml.AliasEvent):
                what = f"the alias *{event.anchor}; write out what it stands for"
            elif getattr(event, "tag", None) is not None:
                what = f"the tag {event.tag}; a configuration holds plain values only"
            elif depth > MAX_NESTING:
                what = f"more than {MAX_NESTING} nodes within each other"
            if what:
                raise ConfigError(f"{file}:{event.start_mark.line + 1}: holds {what}")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: no text in UTF-8 (byte {error.start}); name a YAML") from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{file}: no YAML ({reason}); correct it") from error


def check_composed(config: DictConfig, overrides: list[str]) -> None:
    """Refuse what Hydra would act on and is neither Hydra's own nor on the command line.

    Args:
        config: As Hydra composed it, its own node included, nothing resolved.
        overrides: The words of the command line.

    Raises:
        ConfigError: If Hydra's node names a class, a log file or a variable of others, or any
            reference reads more than the configuration.
    """
    check_references(OmegaConf.to_container(config, resolve=False))
    told = {override.lstrip("+~").partition("=")[0] for override in overrides}
    own = config.hydra
    for kind, basic in _PLUGINS.items():
        for place, target in _targets(OmegaConf.to_container(own[kind], resolve=True), ""):
            plugin = str(target).startswith("hydra_plugins.") and f"hydra/{kind}" in told
            if place or not (target == basic or plugin):
                raise ConfigError(
                    f"hydra.{kind}{place} names {target!r}, which may not be built; Hydra's own "
                    f"may, and an installed plugin that the command line names (hydra/{kind}=...)"
                )
    for place, value in {
        "callbacks": own.callbacks,
        "job.env_set": own.job.env_set,
        "job.env_copy": own.job.env_copy,
    }.items():
        if value:
            raise ConfigError(f"hydra.{place}={value}: Hydra would act on it; leave it empty")
    if own.output_subdir not in (None, ".hydra"):
        raise ConfigError(f"hydra.output_subdir={own.output_subdir}: .hydra or null is needed")
    for kind in _LOGGING:
        if OmegaConf.to_container(own[kind], resolve=False) not in _shipped(kind):
            raise ConfigError(
                f"hydra.{kind}: is not as Hydra ships it, and could write to any file; choose "
                f"one of Hydra's own, for example hydra/{kind}=none"
            )
    kinds = ("hydra", "task")
    stated: list[Any] = [OmegaConf.to_container(own.overrides[k], resolve=False) for k in kinds]
    if not {*chain.from_iterable(stated)} <= {*overrides}:
        raise ConfigError("hydra.overrides: are for the command line, and stand nowhere else")


def _targets(node: Any, place: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - plain values
    """Each ``_target_`` in a node, with the place of what it would become."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield place, node["_target_"]
        for key, value in node.items():
            yield from _targets(value, f"{place}.{key}")
    elif isinstance(node, list):
        for k, value in enumerate(node):
            yield from _targets(value, f"{place}[{k}]")


@functools.cache
def _shipped(kind: str) -> list[Any]:
    """Every form of a kind of logging that comes with Hydra."""
    folder = files("hydra.conf") / "hydra" / kind
    texts = [file.read_text() for file in folder.iterdir() if file.name.endswith(".yaml")]
    return [yaml.safe_load(text) for text in texts]
