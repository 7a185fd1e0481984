"""engine.toml, `.secrets.toml` and the environment, read by dynaconf and validated by pydantic.

The environment wins over `.secrets.toml`, which wins over `engine.toml`:
`MERCAT_SERVER__PORT=9000` is `port` in `[server]`, `MERCAT_PLUGINS__categories__max_depth=7` is
`max_depth` in `[plugins.categories]`.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from dynaconf import Dynaconf
from dynaconf.validator import ValidationError as DynaconfError
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from mercat.errors import BootError
from mercat.kms import KmsSettings, master_key_in
from mercat.money import CURRENCIES
from mercat.tables import annotation_at, dotted, is_container, is_secret, table_of

FILE_NAME = "engine.toml"
SECRETS_NAME = ".secrets.toml"
PREFIX = "MERCAT"
FIRST_PARTY = (
    "auth",
    "media",
    "products",
    "categories",
    "orders",
    "coupons",
    "payments",
    "payments_manual",
    "payments_sandbox",
    "payments_stripe",
    "payouts",
    "gift_cards",
    "notifications",
    "tickets",
    "webhooks",
)
DEMO_ONLY = ("payments_sandbox",)
"""Those that are off unless they are named, and on in the demo shop."""
NAMED_ONLY = ("payments_stripe", "webhooks")
"""Those that are off unless they are named: they need keys, or make each change cost more."""
DEFAULT = tuple(name for name in FIRST_PARTY if name not in {*DEMO_ONLY, *NAMED_ONLY})

M = TypeVar("M", bound=BaseModel)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class ServerSettings(_Section):
    """`[server]`: where the engine listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    max_body_bytes: Annotated[int, Field(ge=1_000)] = 1_000_000
    max_operations: Annotated[int, Field(ge=1)] = 256
    max_mutations: Annotated[int, Field(ge=1)] = 32
    cors_origins: tuple[str, ...] = ()
    metrics: bool = False


class DatabaseSettings(_Section):
    """`[database]`: MongoDB. Without a `url` the embedded server is started under `data_dir`."""

    url: SecretStr | None = None
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")] = "mercat"
    data_dir: Path = Path(".mercat")
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 5
    encryption_key: SecretStr | None = None
    kms: KmsSettings | None = None

    @field_validator("encryption_key")
    @classmethod
    def _is_a_master_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            master_key_in(value.get_secret_value())
        return value


class RedisSettings(_Section):
    """`[redis]`: Redis or Valkey. Without a `url` the embedded server is started."""

    url: SecretStr | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 2


class ShopSettings(_Section):
    """`[shop]`: what the shop is.

    `production` turns off what only developers need, and refuses simulated payments.
    """

    name: str = "Mercat"
    currency: str = "EUR"
    currencies: tuple[str, ...] = ()
    countries: tuple[Annotated[str, Field(pattern="^[A-Z]{2}$")], ...] = ("DE",)
    locale: str = "en"
    locales: tuple[str, ...] = ()
    production: bool = False

    @field_validator("currency", "currencies")
    @classmethod
    def _known_currencies(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for code in [value] if isinstance(value, str) else value:
            if code not in CURRENCIES:
                raise ValueError(f"'{code}' is not an ISO 4217 currency code")
        return value

    @property
    def all_currencies(self) -> tuple[str, ...]:
        """The shop's own currency first, then the others it sells in."""
        return tuple(dict.fromkeys((self.currency, *self.currencies)))

    @property
    def all_locales(self) -> tuple[str, ...]:
        """The shop's own locale first, then its other ones."""
        return tuple(dict.fromkeys((self.locale, *self.locales)))


class GraphQLSettings(_Section):
    """`[graphql]`: the limits that hold before an operation runs, and what developers see.

    `introspection` and `graphiql` left out are on, except with `[shop] production = true`.
    """

    max_query_bytes: Annotated[int, Field(ge=100)] = 15_000
    max_tokens: Annotated[int, Field(ge=10)] = 1_000
    max_depth: Annotated[int, Field(ge=1, le=50)] = 8
    max_aliases: Annotated[int, Field(ge=0)] = 15
    max_directives: Annotated[int, Field(ge=0)] = 5
    max_root_fields: Annotated[int, Field(ge=1)] = 20
    max_root_mutations: Annotated[int, Field(ge=1)] = 5
    max_errors: Annotated[int, Field(ge=1)] = 5
    document_cache_bytes: Annotated[int, Field(ge=0)] = 32_000_000
    executor: Literal["compiled", "interpreted"] = "compiled"
    introspection: bool | None = None
    graphiql: bool | None = None


class CacheSettings(_Section):
    """`[cache]`: answers to customers' queries that are kept until what they are about changes."""

    enabled: bool = True
    max_bytes: Annotated[int, Field(ge=1_000_000)] = 64_000_000
    shared: bool = True
    max_shared_bytes: Annotated[int, Field(ge=1_000)] = 256_000


class Settings(_Section):
    """Everything in engine.toml. `plugins` holds a raw table for each plugin, validated by it."""

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    shop: ShopSettings = ShopSettings()
    graphql: GraphQLSettings = GraphQLSettings()
    cache: CacheSettings = CacheSettings()
    enabled: tuple[str, ...] = DEFAULT
    plugins: dict[str, dict[str, Any]] = {}
    file: Path = Path(FILE_NAME)
    in_file: frozenset[str] = frozenset()  # what engine.toml itself sets: "database.name"

    @property
    def data_dir(self) -> Path:
        """The embedded stores' folder; relative to the folder of engine.toml."""
        return (self.file.parent / self.database.data_dir).resolve()

    @property
    def introspection(self) -> bool:
        chosen = self.graphql.introspection
        return not self.shop.production if chosen is None else chosen

    @property
    def graphiql(self) -> bool:
        chosen = self.graphql.graphiql
        return not self.shop.production if chosen is None else chosen


_KNOWN = ("server", "database", "redis", "shop", "graphql", "cache", "plugins")


def load_settings(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    `path` defaults to `engine.toml` in the current folder, which may be absent: then `DEFAULT`
    plugins are on. `overrides` are sections, as the command line sets them, and win over
    all else. Raises BootError naming the file, the key and the fix.
    """
    file = path or Path(os.environ.get("MERCAT_CONFIG", FILE_NAME))
    if not file.is_file():
        if path is not None or "MERCAT_CONFIG" in os.environ:
            raise BootError(f"{file} is not there; name an existing file or leave --config out")
        raw: dict[str, Any] = {}
    else:
        raw = _read_toml(file)
    secrets = file.parent / SECRETS_NAME
    if secrets.is_file():
        _check_sections(secrets, _read_toml(secrets))
    _check_sections(file, raw)
    in_file = frozenset(dotted(raw))
    merged = _merge(_dynaconf(file, secrets), overrides or {})
    plugins = dict(merged.get("plugins", {}))
    enabled = read_section(
        _Enabled, {"enabled": plugins.pop("enabled", list(DEFAULT))}, "plugins", file
    )
    for name, table in plugins.items():
        if not isinstance(table, dict):
            raise BootError(f"{file}: [plugins] {name} is not known (did you mean enabled?)")

    def section(name: str, model: type[M]) -> M:
        return read_section(model, merged.get(name, {}), name, file, in_file)

    return Settings(
        server=section("server", ServerSettings),
        database=section("database", DatabaseSettings),
        redis=section("redis", RedisSettings),
        shop=section("shop", ShopSettings),
        graphql=section("graphql", GraphQLSettings),
        cache=section("cache", CacheSettings),
        enabled=enabled.enabled,
        plugins=plugins,
        file=file,
        in_file=in_file,
    )


class _Enabled(_Section):
    enabled: tuple[str, ...]


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BootError(f"{file} is not valid TOML: {error}") from None
    except OSError as error:
        raise BootError(f"{file} can't be read: {error.strerror}") from None


def _check_sections(file: Path, raw: Mapping[str, Any]) -> None:
    for name, table in raw.items():
        if name not in _KNOWN:
            raise BootError(f"{file}: [{name}] is not a section{_did_you_mean(name, _KNOWN)}")
        if not isinstance(table, dict):
            raise BootError(f"{file}: {name} must be a table; write [{name}] above its keys")


def _dynaconf(file: Path, secrets: Path) -> dict[str, Any]:
    reader = Dynaconf(
        settings_files=[str(file.resolve()), str(secrets.resolve())],
        envvar_prefix=PREFIX,
        merge_enabled=True,
        environments=False,
        load_dotenv=False,
    )
    try:
        found: dict[str, Any] = _lower(reader.as_dict())
    except (DynaconfError, ValueError) as error:
        raise BootError(f"{file}: {error}") from None
    # dynaconf reads 12e3 as a number, which ruins a secret; pydantic gets the strings instead.
    return _merge(found, _environment())


def _environment() -> dict[str, Any]:
    """Every `MERCAT_SECTION__key` as it is written, nested as its underscores say."""
    nested: dict[str, Any] = {}
    for name, value in os.environ.items():
        section, *keys = name.removeprefix(f"{PREFIX}_").lower().split("__")
        if not name.startswith(f"{PREFIX}_") or not keys:
            continue
        if section.startswith("test_"):
            continue  # the tests' own stores
        if section not in _KNOWN:
            raise BootError(f"{name}: '{section}' is not a section{_did_you_mean(section, _KNOWN)}")
        table = nested.setdefault(section, {})
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise BootError(f"{name} goes below a variable that is set; unset one of the two")
        table[keys[-1]] = value
    return nested


def _lower(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key).lower(): _lower(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_lower(item) for item in value]
    return value


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
        )
    return merged


def read_section(
    model: type[M], table: Any, section: str, file: Path, in_file: frozenset[str] = frozenset()
) -> M:
    """Validate one table. Raises BootError naming the file or the variable, the key and the fix.

    A secret that stands in engine.toml, which is shared and kept in git, is refused.
    """
    for path in sorted(in_file):
        if path.startswith(f"{section}.") and is_secret(
            annotation_at(model, path.removeprefix(f"{section}.").split("."))
        ):
            table_name, _, name = path.rpartition(".")
            variable = f"{PREFIX}_{path.replace('.', '__').upper()}"
            raise BootError(
                f"{file}: [{table_name}] {name} is a secret; set it as {variable} or in "
                f"{SECRETS_NAME}, which git ignores"
            )
    if not isinstance(table, dict):
        raise BootError(f"{file}: [{section}] must be a table, not {table!r}")
    try:
        return model.model_validate(_spread(model, table))
    except ValidationError as error:
        raise BootError(_sentence(error, model, section, file)) from None


def _spread(model: type[BaseModel], table: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the strings that the environment gives for lists and tables into lists and tables."""
    spread = dict(table)
    for name, field in model.model_fields.items():
        value, below = spread.get(name), table_of(field.annotation)
        if isinstance(value, str) and (below is not None or is_container(field.annotation)):
            value = spread[name] = _read_container(value)
        if below is not None and isinstance(value, Mapping):
            spread[name] = _spread(below, value)
    return spread


def _read_container(text: str) -> Any:
    stripped = text.strip()
    if stripped[:1] in {"[", "{"}:
        try:
            return json.loads(stripped)
        except json.JSONDecodeError:
            return text
    return [item.strip() for item in stripped.split(",") if item.strip()]


def _sentence(error: ValidationError, model: type[BaseModel], section: str, file: Path) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message += _did_you_mean(key, model.model_fields)
    return f"{_origin(section, key, file)}: [{section}] {key}: {message}"


def _origin(section: str, key: str, file: Path) -> str:
    path = [PREFIX, *section.split("."), key.split(".", maxsplit=1)[0]]
    wanted = f"{path[0]}_{'__'.join(path[1:])}".upper()
    for name in os.environ:
        if name.upper() == wanted or name.upper().startswith(f"{wanted}__"):
            return name
    return str(file)


def _did_you_mean(word: str, known: Any) -> str:
    guess = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f" (did you mean {guess[0]}?)" if guess else f"; known are {', '.join(sorted(known))}"
