"""The kinds of messages that the enabled plugins bring."""

from mercat import notifications
from mercat.context import Context
from mercat.engine import Engine
from mercat.errors import BootError, InvalidError
from mercat.notifications import MessageKind

_PARTS = ("txt", "html")
_EVERYWHERE = "en"


class Kinds:
    """One engine's; raises BootError for a kind of another's name, or without its templates."""

    def __init__(self, engine: Engine) -> None:
        self._known: dict[str, MessageKind] = {}
        for plugin, kinds in engine.hooks.gather(notifications.message_kinds):
            for kind in kinds:
                _check(plugin, kind)
                if kind.name in self._known:
                    raise BootError(f"plugin '{plugin}' has the message '{kind.name}' twice")
                self._known[kind.name] = kind

    @property
    def all(self) -> list[MessageKind]:
        return list(self._known.values())

    @property
    def optional(self) -> list[MessageKind]:
        """Those that people may not want."""
        return [kind for kind in self.all if not kind.is_transactional]

    def find(self, name: str) -> MessageKind:
        """The kind of that name. Raises InvalidError."""
        found = self._known.get(name)
        if found is None:
            raise InvalidError(f"no enabled plugin has messages of the kind '{name}'")
        return found


def kinds_of(context: Context) -> Kinds:
    """The kinds of the context's engine."""
    return context.engine.own(Kinds, context.engine)


def _check(plugin: str, kind: MessageKind) -> None:
    if not kind.name.startswith(f"{plugin}."):
        raise BootError(
            f"plugin '{plugin}' has a message '{kind.name}'; call it '{plugin}.' and what it says"
        )
    for part in _PARTS:
        file = kind.templates / _EVERYWHERE / f"{kind.name}.{part}"
        if not file.is_file():
            raise BootError(f"plugin '{plugin}': the message '{kind.name}' needs {file}")
