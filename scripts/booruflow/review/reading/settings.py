"""The configuration of a data set, as far as reviewing needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

import booruflow
from booruflow.captioning.parse import ParserSettings
from booruflow.captioning.prompts.settings import parser_settings, views, with_profile
from booruflow.core.config import Tree, check_config, read_yaml
from booruflow.core.errors import UserError
from booruflow.tags.policy import tag_policy

CODE = Path(booruflow.__file__).resolve().parents[2]
SCHEMA = CODE / "rules/schemas/config.schema.yaml"
PARSER = ("artist_sentence", "max_characters", "salvage")


@dataclass(frozen=True)
class Settings:
    """The checked config of the data set in `folder`, with the profile in its section `captioner`."""

    folder: Path
    config: Mapping[str, Any]
    captioner: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the data set's folder."""
        return self.folder.name

    @property
    def shards(self) -> int:
        """The number of caption shards; 0 if no captions are generated."""
        return int(self.config["captions"]["shards"]) if self.config["captions"]["generate"] else 0

    @property
    def all_shards(self) -> int:
        """The number of the files fixed_{n}.json."""
        return int(self.config["captions"]["shards"])

    @property
    def parser(self) -> ParserSettings:
        """As the rules `parse` and `fixed` have it."""
        own = {name: self.config["captions"][name] for name in PARSER}
        return ParserSettings(**own, **parser_settings(self.captioner, self.captioner["style"]))

    @property
    def views(self) -> dict[str, tuple[str, str]]:
        """The further captions, by the name in meta_cap_<name>.json."""
        return views(self.captioner) if self.shards else {}

    @cached_property
    def tag_policy(self) -> Tree:
        """How tags are written. Reads the files of the policies, once."""
        section = self.config["tags"]
        own = [str(self.folder / name) if name.endswith((".yaml", ".yml")) else name for name in section["policies"]]
        schema = yaml.safe_load(SCHEMA.read_text("utf-8"))["properties"]["tags"]
        return tag_policy({**section, "policies": own}, schema, CODE / "policies")


def read_settings(folder: Path) -> Settings:
    """The settings of the data set in `folder`.

    Raises:
        UserError: it has no config.yaml, or one that breaks the schema.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        raise UserError(f"{path}: no such file: give the folder of a data set (booruflow init makes one)")
    config = check_config(read_yaml(path), yaml.safe_load(SCHEMA.read_text("utf-8")), str(path))
    section = config["captioner"]
    if section["profile"].endswith((".yaml", ".yml")):
        section = {**section, "profile": str(folder / section["profile"])}
    return Settings(folder.resolve(), config, with_profile(section))
