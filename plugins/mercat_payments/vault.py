"""What buyers have kept at providers to pay with: the shop has references alone."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError, UnauthenticatedError
from mercat.payments import Customer, Outcome, SavedMethod, SaveMethod, Vault
from mercat.storage import Record
from mercat.storage.idempotency import checked_key
from mercat_payments.asking import SECONDS, ask_to_save
from mercat_payments.documents import PaymentCustomerDocument
from mercat_payments.providers import providers_of

_LIST_SECONDS = 5.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that a user has kept at a provider."""

    provider: str
    method: SavedMethod

    @property
    def key(self) -> str:
        """What it is named by to those who have kept it."""
        return f"{self.provider}:{self.method.ref}"

    @property
    def payment_method(self) -> str:
        """The id of the way to pay that it pays in."""
        return f"{self.provider}:{self.method.method}" if self.method.method else self.provider


def vault_of(context: Context, code: str) -> Vault | None:
    """Where a provider keeps ways to pay; None where it doesn't."""
    provider = providers_of(context).find(code)
    if provider is None or not provider.capabilities.saved_methods:
        return None
    return cast("Vault", provider)


async def kept_by(context: Context) -> Sequence[Kept]:
    """What the viewer has kept; what of a provider that doesn't answer is left out."""
    user = context.viewer.user
    if user is None:
        return []
    known = await _customers(context).find({"user": user, "ref": {"$ne": None}}).to_list()
    found = await asyncio.gather(*(_listed(context, one) for one in known))
    return [
        Kept(one["provider"], each) for one, of in zip(known, found, strict=True) for each in of
    ]


async def is_kept(context: Context, code: str, user: str, ref: str) -> bool:
    """Whether a user has kept that at a provider. Raises ConflictError where it doesn't answer."""
    customer = await _customers(context).find_one({"_id": _key(code, user)})
    vault = vault_of(context, code)
    if customer is None or customer["ref"] is None or vault is None:
        return False
    methods = await _answer(code, vault.saved_methods(customer["ref"]))
    return any(each.ref == ref for each in methods)


async def customer_of(context: Context, code: str, user: str) -> str:
    """The provider's reference of a user, who is enrolled where they aren't yet.

    Raises ConflictError where it doesn't answer.
    """
    vault = vault_of(context, code)
    if vault is None:
        raise InvalidError("nothing can be kept with this way to pay")
    key = _key(code, user)
    known = await _customers(context).find_one({"_id": key})
    if known is not None and known["ref"] is not None:
        return str(known["ref"])
    if known is None:
        made = {"_id": key, "user": user, "provider": code, "ref": None}
        try:
            await _customers(context).insert_one({**made, "created_at": datetime.now(UTC)})
        except DuplicateKeyError:
            _logger.debug("%s is enrolled twice at once, with one key", key)
    ref: str = await _answer(code, vault.enrol(Customer(f"customer:{key}", user)))
    await _customers(context).update_one({"_id": key}, {"$set": {"ref": ref}})
    return ref


async def save(
    context: Context, method: str, *, data: dict[str, str], return_url: str | None, key: str | None
) -> Outcome | None:
    """Keep a way to pay without paying now, once for each key; None where nobody knows.

    Raises UnauthenticatedError, InvalidError, ConflictError.
    """
    user = _user(context)
    code = method.partition(":")[0]
    name = f"save:{user}:{checked_key(key)}"
    customer = await customer_of(context, code, user)
    vault = vault_of(context, code)
    if vault is None:
        raise InvalidError("nothing can be kept with this way to pay", field=("paymentMethodId",))
    request = SaveMethod(name, customer, return_url, data)
    return await ask_to_save(code, name, vault.save_method(request))


async def delete(context: Context, key: str) -> None:
    """Keep something no longer. Raises UnauthenticatedError, NotFoundError, ConflictError."""
    user = _user(context)
    code, _, ref = key.partition(":")
    vault = vault_of(context, code)
    if vault is None or not await is_kept(context, code, user, ref):
        raise NotFoundError("nothing like that is kept", field=("id",))
    await _answer(code, vault.delete_method(await customer_of(context, code, user), ref))


async def forget(context: Context, user: str) -> None:
    """Have providers keep nothing of a user who is erased; told again until each has done it."""
    async for known in _customers(context).find({"user": user}):
        vault = vault_of(context, known["provider"])
        if vault is not None and known["ref"] is not None:
            await _answer(known["provider"], vault.forget(known["ref"]))
        await _customers(context).delete_one({"_id": known["_id"]})


async def told_of(context: Context, user: str) -> list[dict[str, Any]]:
    """What is stored here of a user, for who wants to know."""
    known = await _customers(context).find({"user": user}).to_list()
    return [{"provider": one["provider"], "customer": one["ref"]} for one in known]


async def _listed(context: Context, known: Record) -> Sequence[SavedMethod]:
    vault = vault_of(context, known["provider"])
    if vault is None:
        return []
    try:
        async with asyncio.timeout(_LIST_SECONDS):
            return await vault.saved_methods(known["ref"])
    except Exception as error:  # noqa: BLE001  the others are shown all the same
        _logger.warning("%s lists nothing: %s", known["provider"], type(error).__name__)
        return []


async def _answer(code: str, call: Any) -> Any:
    """What a vault answers. Raises ConflictError where it doesn't."""
    try:
        async with asyncio.timeout(SECONDS):
            return await call
    except Exception as error:  # noqa: BLE001  its words may hold what is secret
        _logger.warning("%s, what is kept: %s", code, type(error).__name__)
        raise ConflictError("the payment's provider does not answer; try again") from None


def _user(context: Context) -> str:
    if context.viewer.user is None:
        raise UnauthenticatedError
    return context.viewer.user


def _key(code: str, user: str) -> str:
    return f"{code}:{user}"


def _customers(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PaymentCustomerDocument)
