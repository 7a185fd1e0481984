"""What one piece of work, such as a request or a job, carries along."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mercat.caching.declaring import Naming, Subject
from mercat.locales import best_locale
from mercat.manifest import PluginSettings

if TYPE_CHECKING:
    from mercat.auth import Credentials
    from mercat.engine import Engine
    from mercat.hooks import Hooks
    from mercat.settings import ShopSettings
    from mercat.storage import Storage

S = TypeVar("S", bound=PluginSettings)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking: a role, what it may do, and the user's key where there is one.

    `seller` is the key of the seller whose staff the user is, `session` that of what the user has
    signed in to, and `guest` that of somebody who has no account and, say, a cart.
    """

    role: str = "ANONYMOUS"
    permissions: frozenset[str] = frozenset()
    user: str | None = None
    seller: str | None = None
    session: str | None = None
    guest: str | None = None


ANONYMOUS = Viewer()
SYSTEM = Viewer(role="SYSTEM")


@dataclass(slots=True, eq=False)
class Context:
    """The services and the circumstances of one piece of work; the first argument of most hooks.

    `languages` is what the caller reads, as RFC 9110 (12.5.4) writes it in Accept-Language; an
    argument of a field may say otherwise. `loaders` belongs to the batch fields of one GraphQL
    operation, `naming` to an answer that may be kept. `idempotency_key` is the request's header,
    `credentials` what else came with it, and `cookies` values of Set-Cookie for its response.
    `event` is the id of the outbox's event that is told, the same each time that it is.
    """

    engine: "Engine"
    viewer: Viewer = ANONYMOUS
    languages: str = ""
    loaders: dict[Any, Any] = field(default_factory=dict)
    naming: Naming | None = None
    idempotency_key: str | None = None
    credentials: "Credentials | None" = None
    cookies: list[str] = field(default_factory=list)
    event: str | None = None

    @property
    def hooks(self) -> "Hooks":
        return self.engine.hooks

    @property
    def storage(self) -> "Storage":
        return self.engine.storage

    @property
    def shop(self) -> "ShopSettings":
        return self.engine.settings.shop

    @property
    def locale(self) -> str:
        """The shop's locale that suits the caller best; the shop's own where none does."""
        if not self.languages:
            return self.shop.locale
        return best_locale(self.languages, self.shop.all_locales)

    def about(self, subject: Subject, keys: Iterable[object] | None = None) -> None:
        """Say which documents of a class an answer is about, by their `_id`; all without `keys`.

        Those that were looked for and are not there count too. See `mercat.caching.cacheable`.
        """
        if self.naming is not None:
            self.naming.add(subject, keys)

    def about_others(self) -> None:
        """Say that the answer is about something whose changes nobody tells: it isn't kept."""
        if self.naming is not None:
            self.naming.is_refused = True

    def settings(self, model: type[S]) -> S:
        """The validated settings of the plugin whose manifest names `model`."""
        return self.engine.plugin_settings(model)
