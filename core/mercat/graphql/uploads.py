"""How much a form may carry: as much as the plugin needs that takes the largest files."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mercat.engine import Engine


@runtime_checkable
class TakesUploads(Protocol):
    """A plugin's settings that say how large the files are which its mutations take."""

    @property
    def largest_upload(self) -> int:
        """In bytes."""


def largest_upload(engine: "Engine") -> int:
    """The bytes of the largest file that a plugin of the engine takes; 0 where none takes any."""
    found = (engine.plugin_settings(plugin.manifest.settings) for plugin in engine.plugins)
    return max((each.largest_upload for each in found if isinstance(each, TakesUploads)), default=0)
