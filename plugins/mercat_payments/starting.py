"""Having an order paid, once for each key: the row first, then the call, then what became of it."""

from pymongo.errors import DuplicateKeyError

from mercat.checkout import PaymentStatus, PaymentWanted
from mercat.context import Context
from mercat.errors import ConflictError, InvalidError
from mercat.money import Amount, digits
from mercat.payments import Method, Outcome, PaymentProvider, Resume, Start
from mercat.storage import Record, stored_now
from mercat.storage.pages import next_number
from mercat.turns import turn
from mercat_payments.asking import ask, is_known, methods_of
from mercat_payments.documents import COUNTER, OPEN
from mercat_payments.ledger import FIRST_PAUSE, answered, note_start, payments
from mercat_payments.operating import who
from mercat_payments.outcomes import start_key
from mercat_payments.providers import providers_of
from mercat_payments.sealing import sealed, unsealed
from mercat_payments.settings import PaymentSettings
from mercat_payments.telling import status_of
from mercat_payments.vault import customer_of, is_kept, vault_of

_NOT_KEPT = "what this was to be paid with is not kept any more; choose something else"
_NOT_OFFERED = "this order can't be paid in this way; choose another one"


async def start(context: Context, wanted: PaymentWanted) -> PaymentStatus | None:
    """Have something paid, or go on with it; None for a method of nobody's here.

    Raises ConflictError where the key came with something else before, InvalidError for an amount
    that isn't one.
    """
    code, _, way = wanted.method.partition(":")
    provider = providers_of(context).find(code)
    if provider is None:
        return None
    async with turn(context, "payment", wanted.key):
        payment = await payments(context).find_one({"_id": wanted.key})
        if payment is None:
            offered = await _offered(provider, wanted, way)
            if offered is None:
                return PaymentStatus("declined", _NOT_OFFERED)
            if not await _may_use(context, wanted, code):
                return PaymentStatus("declined", _NOT_KEPT)
            payment = await _begin(context, wanted, provider, offered)
        if "number" not in payment:
            return PaymentStatus("ended")
        _check_same(payment, wanted)
        return await _go_on(context, provider, payment, wanted)


async def ask_to_start(
    context: Context, provider: PaymentProvider, payment: Record, *, is_told: bool
) -> Record:
    """Ask the provider, for the first time or again, with the same key and the same request.

    Not any more once the provider may have forgotten the key, as it would be a second payment.
    """
    if not is_known(provider, payment):
        return payment
    outcome = await _asked(context, provider, payment)
    return await note_start(context, payment, outcome, is_told=is_told)


async def _asked(context: Context, provider: PaymentProvider, payment: Record) -> Outcome | None:
    given = await unsealed(context, payment["request"])
    request = Start(
        key=start_key(payment["_id"]),
        money=Amount(payment["amount"], payment["currency"]),
        method=payment["method"].partition(":")[2],
        order_number=payment["order_number"],
        return_url=given.get("return_url"),
        data=given.get("data", {}),
        captures=payment["captures"],
        customer=given.get("customer"),
        saved_method=given.get("saved_method"),
        saves=given.get("saves", False),
    )
    return await ask(provider, request.key, payment["currency"], provider.start(request))


async def _go_on(
    context: Context, provider: PaymentProvider, payment: Record, wanted: PaymentWanted
) -> PaymentStatus:
    if payment["ended_at"] is None and payment["start"] in OPEN:
        payment = await ask_to_start(context, provider, payment, is_told=False)
    elif payment["state"] == "action":
        return await _resume(context, provider, payment, wanted)
    return await _answer(context, payment)


async def _resume(
    context: Context, provider: PaymentProvider, payment: Record, wanted: PaymentWanted
) -> PaymentStatus:
    """Ask what became of the action; where nobody knows, it stands as it stood, for another try."""
    money = Amount(payment["amount"], payment["currency"])
    request = Resume(start_key(payment["_id"]), payment["ref"], money, wanted.data)
    outcome = await ask(provider, request.key, payment["currency"], provider.resume(request))
    if outcome is None:
        return PaymentStatus("unknown")
    payment = await note_start(context, payment, outcome, is_told=False)
    return await _answer(context, payment)


async def _answer(context: Context, payment: Record) -> PaymentStatus:
    """Whoever starts what was ended, even meanwhile, hears that it won't be paid."""
    if payment["ended_at"] is not None:
        return PaymentStatus("ended")
    return await status_of(context, payment)


async def _offered(provider: PaymentProvider, wanted: PaymentWanted, way: str) -> Method | None:
    digits(wanted.currency)
    if wanted.amount <= 0:
        raise InvalidError("there is nothing to be paid")
    if provider.capabilities.tender:
        return Method(way, provider.code)
    found = await methods_of(provider, Amount(wanted.amount, wanted.currency))
    return next((method for method in found if method.id == way), None)


async def _may_use(context: Context, wanted: PaymentWanted, code: str) -> bool:
    """Whether what is paid with is the buyer's own; also where nothing kept is."""
    if wanted.saved_method is None:
        return True
    at, _, ref = wanted.saved_method.partition(":")
    if wanted.user is None or at != code:
        return False
    return await is_kept(context, code, wanted.user, ref)


async def _keeping(context: Context, wanted: PaymentWanted, code: str) -> Record:
    """What a vault is asked with the start; nothing where the provider has none, or for guests."""
    is_wanted = wanted.saves or wanted.saved_method is not None
    if not is_wanted or wanted.user is None or vault_of(context, code) is None:
        return {}
    saved = (wanted.saved_method or "").partition(":")[2] or None
    customer = await customer_of(context, code, wanted.user)
    return {"customer": customer, "saved_method": saved, "saves": wanted.saves}


def _check_same(payment: Record, wanted: PaymentWanted) -> None:
    before = (payment["amount"], payment["currency"], payment["method"])
    if before != (wanted.amount, wanted.currency, wanted.method):
        raise ConflictError("this order was to be paid otherwise before")


async def _begin(
    context: Context, wanted: PaymentWanted, provider: PaymentProvider, offered: Method
) -> Record:
    """Write down what the provider will be asked; returns what another process wrote before.

    What is settled by hand asks nobody outside: that is written once, with its outcome.
    """
    number = await next_number(context.storage, COUNTER)
    payment = _new(context, wanted, provider, offered, number)
    given = {
        "return_url": wanted.return_url,
        "data": dict(wanted.data),
        **await _keeping(context, wanted, provider.code),
    }
    payment["request"] = await sealed(context, given) if any(given.values()) else None
    if provider.capabilities.by_hand:
        outcome = await _asked(context, provider, payment)
        if outcome is not None and not outcome.events:
            payment = await answered(context, payment, outcome)
    try:
        await payments(context).insert_one(payment)
    except DuplicateKeyError:
        found = await payments(context).find_one({"_id": wanted.key})
        if found is None:
            raise
        return found
    return payment


def _captures(context: Context, provider: PaymentProvider) -> bool:
    """Whether the money is taken at once, and not only reserved."""
    is_later = context.settings(PaymentSettings).capture != "at_once"
    return not (is_later and provider.capabilities.manual_capture)


def _new(
    context: Context,
    wanted: PaymentWanted,
    provider: PaymentProvider,
    offered: Method,
    number: int,
) -> Record:
    now = stored_now()
    return {
        "_id": wanted.key,
        "number": number,
        "provider": provider.code,
        "method": wanted.method,
        "amount": wanted.amount,
        "currency": wanted.currency,
        "order_number": wanted.order_number,
        "on_delivery": offered.paid == "on_delivery",
        "is_asked": not provider.capabilities.by_hand,
        "captures": _captures(context, provider),
        "who": who(context),
        "ref": None,
        "start": "BEGUN",
        "state": "unknown",
        "message": "",
        "request": None,
        "shown": None,
        "is_action": False,
        "expires_at": None,
        "authorized": 0,
        "captured": 0,
        "refunded": 0,
        "disputed": 0,
        "capturing": 0,
        "capturable": 0,
        "is_closing": False,
        "refunding": 0,
        "refundable": 0,
        "left": None,
        "ended_at": None,
        "end_reason": None,
        "ask_at": now + FIRST_PAUSE,
        "asks": 0,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
