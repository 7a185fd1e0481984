"""Personal data, sealed field by field by MongoDB's client-side encryption (decision 0018)."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import math
import re
import time
import unicodedata
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from beanie import Document
from bson import CodecOptions
from bson.binary import Binary
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pymongo import IndexModel
from pymongo.asynchronous.encryption import AsyncClientEncryption
from pymongo.encryption_shared import Algorithm
from pymongo.errors import DuplicateKeyError, EncryptionError, PyMongoError
from pymongocrypt.errors import MongoCryptError

from mercat.context import Context
from mercat.errors import BootError, StoreError
from mercat.storage import Record, Storage
from mercat.storage.master_keys import MasterKey, master_keys_of
from mercat.storage.sealed_fields import is_sealed, remember
from mercat.storage.stepdown import with_primary

if TYPE_CHECKING:
    from mercat.engine import Engine

T = TypeVar("T")

LOOK_SECONDS = 10.0
"""How long a process may go on sealing with a data key after another one was made."""
_RANDOM = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random
_DETERMINISTIC = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Deterministic
_CODEC: CodecOptions[Record] = CodecOptions(tz_aware=True, tzinfo=UTC)
_PERSONAL = re.compile(r"personal-(\d+)\Z")
_DIGEST = "digest"
_KEY_BYTES = 32


class UnreadableError(StoreError):
    """A sealed value was tampered with, or its data key is gone."""


class EncryptionKeyDocument(Document):
    """A data key, wrapped; written and read by libmongocrypt, whose format it is."""

    class Settings:
        name = "encryption_keys"
        indexes = [
            IndexModel(
                "keyAltNames",
                unique=True,
                name="by_name",
                partialFilterExpression={"keyAltNames": {"$exists": True}},
            )
        ]


@dataclass(frozen=True)
class DataKey:
    """A data key that seals, or has sealed: `personal-1`, `personal-2` and so on."""

    id: Binary
    number: int
    made_at: datetime
    master: str

    @property
    def name(self) -> str:
        return f"personal-{self.number}"


class Encryption:
    """One engine's: `seal` makes of any BSON value a binary one that `unseal` reads again.

    Open where a plugin names the fields it stores them in by the hook `sealed_fields`; else all
    raise StoreError, as what no plugin names would be lost when the keys are rotated.
    """

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._driver: AsyncClientEncryption[Record] | None = None
        self._masters: Sequence[MasterKey] = ()
        self._digest_key = b""
        self._current: Binary | None = None
        self._looked = -math.inf
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Find the keys. Raises BootError for a wrong master key, StoreError where a KMS fails."""
        storage = self._engine.storage
        self._masters = master_keys_of(self._engine.settings)
        await check_masters(storage, self._masters)
        await remember(storage, self._engine.sealed_fields)
        self._driver = driver_of(storage, self._masters)
        self._digest_key = await self._derived(await self._named(_DIGEST))

    async def close(self) -> None:
        """Forget the keys."""
        self._looked, self._digest_key = -math.inf, b""
        if self._driver is not None:
            driver, self._driver = self._driver, None
            await driver.close()

    async def seal(self, value: Any) -> Binary:
        """Encrypt a value, such as a text or a dict, with the newest data key.

        AEAD_AES_256_CBC_HMAC_SHA_512 with a random initialisation vector, as MongoDB's drivers
        have it: the same value is sealed differently each time, and what was changed isn't read.
        """
        driver = self._opened
        key = await self._sealing()
        return await told(driver.encrypt(value, _RANDOM, key_id=key))

    async def unseal(self, stored: Binary) -> Any:
        """What was sealed. Raises StoreError for what this shop did not seal."""
        if not is_sealed(stored):
            raise StoreError("this is no sealed value")
        return await told(self._opened.decrypt(stored))

    async def unseal_all(self, values: Iterable[Binary]) -> list[Any]:
        """What several sealed values hold, in their order. Raises as `unseal` does."""
        return [await self.unseal(stored) for stored in values]

    def digest(self, text: str) -> str:
        """43 characters that are the same for the same text, to find sealed values by.

        HMAC-SHA-256 of the text case-folded and in NFC. Its key outlasts rotations.
        """
        if not self._digest_key:
            raise _not_open()
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
        made = hmac.digest(self._digest_key, folded.encode(errors="surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    async def keys(self) -> list[DataKey]:
        """The data keys that seal or have sealed, the oldest first."""
        records = await _vault(self._engine.storage).find({}, {"keyMaterial": 0}).to_list()
        found = [key for record in records if (key := _data_key(record)) is not None]
        return sorted(found, key=lambda key: key.number)

    async def make_key(self, number: int) -> None:
        """Make the data key of a number, which seals from now on; of two at once one is made."""
        await self._make(f"personal-{number}")
        await self.newest_key()

    @property
    def _opened(self) -> AsyncClientEncryption[Record]:
        if self._driver is None:
            raise _not_open()
        return self._driver

    async def newest_key(self) -> DataKey:
        """The data key that seals from now on; made where there is none."""
        looked = time.monotonic()
        if not await self.keys():
            await self._make("personal-1")
        found = (await self.keys())[-1]
        self._current, self._looked = found.id, looked
        return found

    async def _sealing(self) -> Binary:
        """The newest data key; looked for every ten seconds, as other processes make some too."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            async with self._turn:
                if time.monotonic() - self._looked > LOOK_SECONDS:
                    await self.newest_key()
        return cast("Binary", self._current)

    async def _named(self, name: str) -> Binary:
        vault = _vault(self._engine.storage)
        while (record := await vault.find_one({"keyAltNames": name}, {"_id": 1})) is None:
            await self._make(name)
        found: Binary = record["_id"]
        return found

    async def _make(self, name: str) -> None:
        master = self._masters[0]

        async def make() -> Binary:
            return await told(
                self._opened.create_data_key(master.provider, master.key, key_alt_names=[name])
            )

        with contextlib.suppress(DuplicateKeyError):  # another process was faster
            await with_primary(self._engine.storage.client, make)

    async def _derived(self, key: Binary) -> bytes:
        """A secret that needs the data key to be made, and is the same each time (RFC 5869)."""
        made = await told(self._opened.encrypt("mercat digest", _DETERMINISTIC, key_id=key))
        derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"mercat digest")
        return derived.derive(bytes(made))


def encryption_of(context: Context) -> Encryption:
    """The encryption of the context's engine."""
    return context.engine.own(Encryption, context.engine)


def driver_of(storage: Storage, masters: Sequence[MasterKey]) -> AsyncClientEncryption[Record]:
    """Pymongo's encryption with these master keys. Raises BootError for credentials of no use."""
    try:
        return AsyncClientEncryption(
            {master.provider: master.credentials for master in masters},
            f"{storage.database.name}.{_vault(storage).name}",
            storage.client,
            _CODEC,
            kms_tls_options={master.provider: master.tls for master in masters if master.tls},
        )
    except (PyMongoError, MongoCryptError, ValueError, OSError) as error:
        raise BootError(f"[database.kms] can't be used: {error}") from None


async def check_masters(storage: Storage, masters: Sequence[MasterKey]) -> None:
    """Raises BootError where a data key was wrapped with a master key that isn't there."""
    wrapped = await _vault(storage).distinct("masterKey.provider")
    missing = sorted(set(wrapped) - {master.provider for master in masters})
    if missing:
        raise BootError(
            f"the database's data keys are wrapped with the master key {missing[0]}, and the "
            f"one in [database] is {masters[0].provider}; set the right one, or have this one take "
            "over with `mercat encryption rewrap --old-key FILE`"
        )


async def told(work: Awaitable[T]) -> T:
    """The answer of pymongo's encryption; errors of the database as they are, others in a sentence.

    Raises UnreadableError, or StoreError where the master key is not to be had.
    """
    try:
        return await work
    except EncryptionError as error:
        if isinstance(error.cause, PyMongoError) and not isinstance(error.cause, EncryptionError):
            raise error.cause from None
        raise _in_a_sentence(str(error)) from None


def _in_a_sentence(said: str) -> StoreError:
    if said.startswith("not all keys requested"):
        return UnreadableError("a sealed value can't be read: its data key is not there")
    if said.startswith("HMAC validation failure"):
        return UnreadableError("a sealed value can't be read: it, or its data key, was changed")
    if said.endswith("is not configured"):
        return StoreError(
            "the data keys were wrapped with another master key meanwhile; set that one in "
            "[database] and start again"
        )
    reason = said.split(" (configured timeouts", maxsplit=1)[0].splitlines()[0][:300]
    return StoreError(f"sealed values can't be read or written: {reason}")


def _not_open() -> StoreError:
    return StoreError(
        "nothing can be sealed: no enabled plugin implements the hook sealed_fields, or the engine "
        "is not started"
    )


def _vault(storage: Storage) -> Any:
    return storage.collection(EncryptionKeyDocument)


def _data_key(record: Record) -> DataKey | None:
    for name in record.get("keyAltNames", ()):
        if found := _PERSONAL.match(name):
            made_at, master = record["creationDate"], record["masterKey"]["provider"]
            return DataKey(record["_id"], int(found[1]), made_at, master)
    return None
