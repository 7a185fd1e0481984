"""What a plugin says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from mercat.errors import BootError


class PluginSettings(BaseModel):
    """The parent of every plugin's `[plugins.<name>]` model: frozen, and strict about names."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, use_attribute_docstrings=True
    )


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A plugin's name, version and needs; it stands in the plugin's `__init__.py`.

    `engine` and the values of `requires` are version ranges (PEP 440 specifiers, such as
    `">=1,<2"`). `after` names plugins that, where enabled, come first in order though they are not
    needed. `settings` validates the plugin's table in `engine.toml`.
    """

    name: str
    version: str
    engine: str = ">=0"
    requires: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    settings: type[PluginSettings] = PluginSettings

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise BootError(
                f"a plugin's manifest is named '{self.name}'; "
                "a name is lower-case letters, digits and underscores"
            )
