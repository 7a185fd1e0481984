"""Where sellers' money goes: their bank details, or their accounts at a provider."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bson import Binary, ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from mercat.auth import Subject
from mercat.context import Context
from mercat.errors import ConflictError, InvalidError, NotFoundError
from mercat.iban import checked_iban
from mercat.payouts import Account, InformationNeeded, Onboard, PayoutProvider, Ready
from mercat.storage import Record, Session, storable
from mercat.storage.encryption import encryption_of
from mercat.texts import line_of
from mercat_auth.audit.service import record
from mercat_auth.sellers.reading import stored_seller
from mercat_auth.sellers.service import check_rank
from mercat_payouts.asking import ask_for_account
from mercat_payouts.documents import AccountState, PayoutAccountDocument
from mercat_payouts.entries import in_transaction
from mercat_payouts.errors import StateError
from mercat_payouts.holding import held_back
from mercat_payouts.providers import providers_of
from mercat_payouts.settings import PayoutSettings
from mercat_payouts.sight import manages, sees
from mercat_payouts.splitting import splits

FIELDS = ("details", "url")
_LONGEST_HOLDER = 70  # as many as SEPA's payment files have
_SHOWN = 4
_AT_ONCE = 50
_STATES: Mapping[type, AccountState] = {Ready: "READY", InformationNeeded: "INFORMATION_NEEDED"}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Details:
    """Whose bank account it is, and its IBAN."""

    holder: str
    iban: str = field(repr=False)

    @property
    def masked(self) -> str:
        """The country and the last four characters, such as `DE •••• 3000`."""
        return f"{self.iban[:2]} •••• {self.iban[-_SHOWN:]}"


async def accounts_of(context: Context, sellers: Sequence[str]) -> dict[str, Record]:
    """The accounts of those of the sellers whose payouts the viewer sees, such as there are."""
    seen = [seller for seller in sellers if await sees(context, seller)]
    found: dict[str, Record] = {seller: _none(context, seller) for seller in seen}
    wanted = {"_id": {"$in": seen}, "provider": _wanted(context).code}
    async for account in accounts(context).find(wanted):
        found[account["_id"]] = account
    return found


def _none(context: Context, seller: str) -> Record:
    """What is shown of an account that was never opened."""
    by_hand = _wanted(context).capabilities.by_hand
    return {
        "_id": seller,
        "provider": _wanted(context).code,
        "state": "INFORMATION_NEEDED",
        "missing": ["accountHolder", "iban"] if by_hand else [],
        **dict.fromkeys(("details", "ref", "url", "expires_at")),
        "message": "",
    }


async def update(context: Context, seller: ObjectId, holder: str, iban: str) -> Record:
    """Say where a seller's money goes; for its owners, and for who manages payouts.

    Raises NotFoundError, UnauthenticatedError, ForbiddenError, InvalidError, and StateError where
    the shop's provider asks sellers itself.
    """
    await _check(context, seller)
    if not _wanted(context).capabilities.by_hand:
        raise StateError("the shop's provider asks for this itself; `payoutOnboard` says where")
    given = {
        "holder": line_of(holder, ("accountHolder",), most=_LONGEST_HOLDER, least=1),
        "iban": _iban(iban),
    }
    sealed = await encryption_of(context).seal(given)
    values = {**_values(Ready(str(seller))), "details": sealed}
    return await _store(context, str(seller), values, "payouts.account_updated")


async def onboard(context: Context, seller: ObjectId, return_url: str | None) -> Record:
    """Open a seller's account at the shop's provider, or go on with it; who may is as above.

    Raises as `update` does, and ConflictError where the provider doesn't answer.
    """
    found = await _check(context, seller)
    provider, key = _wanted(context), str(seller)
    if provider.capabilities.by_hand:
        raise StateError("this shop pays by file; `payoutAccountUpdate` takes the bank details")
    known = await accounts(context).find_one({"_id": key, "provider": provider.code})
    country = context.shop.countries[0] if context.shop.countries else None
    request = Onboard(
        key=f"onboard:{key}",
        seller=key,
        name=found["name"],
        country=country,
        return_url=return_url,
        account=known["ref"] if known else None,
    )
    said = await ask_for_account(provider, key, provider.onboard(request))
    if said is None:
        raise ConflictError("the provider doesn't answer; try again")
    return await _note(context, key, said, "payouts.onboarding")


async def ready_account(context: Context, seller: str, provider: str) -> str | None:
    """The reference of a seller's account at a provider, where it can be paid now."""
    if await held_back(context, [seller]):
        return None
    wanted = {"_id": seller, "provider": provider, "state": "READY"}
    found = await accounts(context).find_one(wanted, {"ref": 1})
    return None if found is None else found["ref"]


async def details_in(context: Context, stored: Binary | None) -> Details | None:
    """Bank details that were sealed."""
    return None if stored is None else Details(**await encryption_of(context).unseal(stored))


async def url_of(context: Context, account: Record) -> str | None:
    """Where the seller has to go now."""
    if account["url"] is None:
        return None
    if account["expires_at"] is not None and account["expires_at"] < datetime.now(UTC):
        return None
    found: str = (await encryption_of(context).unseal(account["url"]))["url"]
    return found


async def ask_for_news(context: Context) -> None:
    """Ask where accounts stand of which something is missing."""
    waiting = {"state": "INFORMATION_NEEDED", "ref": {"$gt": ""}}
    found = accounts(context).find(waiting).sort("updated_at", 1).limit(_AT_ONCE)
    for account in await found.to_list():
        provider = providers_of(context).find(account["provider"])
        if provider is None or provider.capabilities.by_hand:
            continue
        said = await ask_for_account(provider, account["_id"], provider.account(account["ref"]))
        if said is not None:
            await _note(context, account["_id"], said, None, account)


async def _note(
    context: Context, seller: str, said: Account, action: str | None, known: Record | None = None
) -> Record:
    values = _values(said)
    if isinstance(said, InformationNeeded) and said.url is not None:
        values["url"] = await encryption_of(context).seal({"url": said.url})
    elif isinstance(said, InformationNeeded) and known is not None:
        values |= {"url": known["url"], "expires_at": known["expires_at"]}
    after = await _store(context, seller, values, action)
    if isinstance(said, Ready):
        await _wake(context, seller)
    return after


def _values(said: Account) -> Record:
    needed = said if isinstance(said, InformationNeeded) else InformationNeeded("")
    return {
        "state": _STATES.get(type(said), "REFUSED"),
        "ref": None if said.ref is None else storable(said.ref),
        "details": None,
        "url": None,
        "expires_at": needed.expires,
        "missing": [storable(one) for one in needed.missing],
        "message": storable(getattr(said, "message", "")),
    }


async def _store(context: Context, seller: str, values: Record, action: str | None) -> Record:
    """Write an account, with an entry in the audit log; a twin's is written over."""
    provider = _wanted(context).code

    async def work(session: Session) -> Record:
        before = await accounts(context).find_one({"_id": seller}, session=session)
        after = {
            "_id": seller,
            "provider": provider,
            **values,
            "updated_at": datetime.now(UTC),
            "version": before["version"] + 1 if before else 1,
        }
        if before is None:
            await accounts(context).insert_one(after, session=session)
        else:
            await accounts(context).replace_one({"_id": seller}, after, session=session)
        if action is not None:
            subject = Subject("Seller", seller, seller=seller)
            await record(context, session, action, subject, state=after["state"])
        return after

    return await in_transaction(context, work)


async def _wake(context: Context, seller: str) -> None:
    """Have the job look at once at what waits for a seller's account."""
    now = datetime.now(UTC)
    waiting = {"look_at": {"$gt": now}, "parts.seller": seller}
    async for split in splits(context).find(waiting):
        parts = [
            {**one, "retry_at": None} if one["seller"] == seller else one for one in split["parts"]
        ]
        await splits(context).update_one(
            {"_id": split["_id"], "revision": split["revision"]},
            {"$set": {"parts": parts, "look_at": now}, "$inc": {"revision": 1}},
        )


async def _check(context: Context, key: ObjectId) -> Record:
    """The seller, for who may say where its money goes. Raises what `update` does."""
    seller = await stored_seller(context, key, field=("sellerId",))
    if not await manages(context):
        await check_rank(context, seller, {"owner"})
    return seller


def _iban(text: str) -> str:
    try:
        return checked_iban(text)
    except ValueError:
        raise InvalidError("this is not an IBAN; look for a typo", field=("iban",)) from None


def _wanted(context: Context) -> PayoutProvider:
    """The provider of the shop's settings."""
    found = providers_of(context).find(context.settings(PayoutSettings).provider)
    if found is None:
        raise NotFoundError("there is no such provider")
    return found


def accounts(context: Context) -> AsyncCollection[Record]:
    return context.storage.collection(PayoutAccountDocument)
