"""What people do to stocks: count, receive, write off, and set how they are sold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from mercat.context import Context
from mercat.errors import InvalidError, NotFoundError, StaleError
from mercat.storage import Record, Session
from mercat.storage.idempotency import idempotent
from mercat.storage.pages import reserve_numbers
from mercat_products.permissions import check_sees_more
from mercat_products.stock import feed, signals
from mercat_products.stock.documents import COUNTER, MOST, Backorders
from mercat_products.stock.errors import NegativeError
from mercat_products.stock.ledger import Amounts, Entry, change, fill, read, stocks
from mercat_products.stock.service import product_of, stocks_by_variant
from mercat_products.stock.starting import NewStock, record_of
from mercat_products.stock.turns import in_transaction, turn

_MOST_LINES = 250
_LONGEST_NOTE = 1_000
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Adjustment:
    """By how much, or to what, one variant's units on hand change.

    `change_from` is what they must be before. `field` is the path of its input.
    """

    variant: ObjectId
    delta: int | None = None
    set_to: int | None = None
    change_from: int | None = None
    field: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What is to be changed of how a stock is sold; None leaves as it is."""

    low_at: int | None = None
    backorders: Backorders | None = None
    limit: int | None = None


async def adjust(
    context: Context, lines: Sequence[Adjustment], *, reason: str, note: str, key: str | None
) -> list[Record]:
    """Change what is on hand, all lines or none; a variant's first change starts its stock.

    The same `key` with the same lines does it once. Raises InvalidError, NotFoundError, StaleError,
    NegativeError, and ConflictError for a key that came with another request.
    """
    check_sees_more(context.viewer)
    _check(lines, note)
    homes = [await _home(context, line) for line in lines]
    entry = Entry(kind="ADJUSTED", reason=reason, note=note)

    async def work(session: Session) -> dict[str, Any]:
        after: dict[ObjectId, Record] = {}
        for line, product in zip(lines, homes, strict=True):
            after[line.variant] = await _adjust(context, session, line, product, entry)
        await signals.tell(context, session, list(after.values()))
        return {str(key): _outcome(stock) for key, stock in after.items()}

    viewer = context.viewer
    scope = f"stock.adjust {viewer.role} {viewer.user} {viewer.seller}"
    request = [reason, note, [[str(line.variant), *_wish(line)] for line in lines]]
    variants = [line.variant for line in lines]
    async with turn(context, variants):
        outcome = await _once(context, scope, key, request, work)
    await feed.publish(context, variants)
    found = await stocks_by_variant(context, variants)
    if len(found) < len(lines):
        raise NotFoundError("there is no such variant any more", field=("variantId",))
    return [found[line.variant] | outcome[str(line.variant)] for line in lines]


async def set_policy(
    context: Context, variant: ObjectId, policy: Policy, version: int | None
) -> Record:
    """Change a stock's threshold and whether more than is on hand may be sold.

    Raises NotFoundError, StaleError where `version` isn't the stock's, InvalidError, and
    NegativeError where more is promised already than would be allowed.
    """
    check_sees_more(context.viewer)
    _check_policy(policy)
    await product_of(context, variant)

    async def work(session: Session) -> None:
        stock = await read(context, session, variant)
        if stock is None:
            raise NotFoundError("adjust its stock first", field=("variantId",))
        if version is not None and stock["version"] != version:
            raise StaleError("somebody else changed the stock", field=("version",))
        await signals.tell(context, session, [await _apply(context, session, stock, policy)])

    await in_transaction(context, [variant], work)
    await feed.publish(context, [variant])
    return (await stocks_by_variant(context, [variant]))[variant]


async def _once(
    context: Context, scope: str, key: str | None, request: object, work: Any
) -> dict[str, Any]:
    """Run `work` in a transaction; again where another one started the same stock just then."""
    for remaining in range(_TRIES - 1, -1, -1):
        try:
            if key is None:
                done: dict[str, Any] = await context.storage.transaction(work)
                return done
            return await idempotent(
                context.storage, scope=scope, key=key, request=request, work=work
            )
        except DuplicateKeyError:
            if not remaining:
                raise
    raise AssertionError("the last try returns or raises")


async def _home(context: Context, line: Adjustment) -> Record:
    try:
        return await product_of(context, line.variant)
    except NotFoundError as error:
        raise NotFoundError(str(error), field=(*line.field, "variantId")) from None


async def _adjust(
    context: Context, session: Session, line: Adjustment, product: Record, entry: Entry
) -> Record:
    stock = await read(context, session, line.variant)
    if stock is None:
        stock = await _start(context, session, line.variant, product)
    if line.change_from is not None and stock["on_hand"] != line.change_from:
        raise StaleError(
            f"there are {stock['on_hand']} on hand, not {line.change_from}",
            field=(*line.field, "changeFrom"),
        )
    delta = line.delta if line.set_to is None else line.set_to - stock["on_hand"]
    _check_left(stock, delta or 0, line)
    after = await change(context, session, stock, entry, Amounts(on_hand=delta or 0))
    return await fill(context, session, after)


def _check_left(stock: Record, delta: int, line: Adjustment) -> None:
    field = (*line.field, "delta" if line.set_to is None else "setTo")
    if stock["on_hand"] + delta < 0:
        raise NegativeError(f"there are only {stock['on_hand']} on hand", field=field)
    if delta < 0 and stock["sellable"] + delta < 0:
        raise NegativeError(
            f"of the {stock['on_hand']} on hand {stock['reserved']} are reserved", field=field
        )


async def _start(context: Context, session: Session, variant: ObjectId, product: Record) -> Record:
    """Begin to count a variant, with none on hand."""
    (number,) = await reserve_numbers(context.storage, COUNTER, 1)
    found = next(found for found in product["variants"] if found["id"] == variant)
    shown = found.get("in_stock", True)
    new = NewStock(variant, product["_id"], product.get("seller"), found["sku"], shown)
    # Its first line of history makes it version 1.
    stock = {**record_of(context, new, number), "shown": shown, "version": 0}
    await stocks(context).insert_one(stock, session=session)
    return stock


async def _apply(context: Context, session: Session, stock: Record, policy: Policy) -> Record:
    backorders = policy.backorders or stock["backorders"]
    limit = policy.limit if policy.backorders or policy.limit else stock["backorder_limit"]
    if backorders == "DENY":
        limit = None
    beyond = _beyond(backorders, limit) - _beyond(stock["backorders"], stock["backorder_limit"])
    if stock["sellable"] + beyond < 0:
        promised = stock["reserved"] - stock["on_hand"]
        raise NegativeError(
            f"{promised} more than are on hand are promised already", field=("backorderLimit",)
        )
    low_at = stock["low_at"] if policy.low_at is None else policy.low_at
    values = {"backorders": backorders, "backorder_limit": limit, "low_at": low_at}
    return await change(
        context, session, stock, Entry(kind="POLICY"), Amounts(beyond=beyond), values
    )


def _beyond(backorders: str, limit: int | None) -> int:
    """How many more than are on hand may be sold."""
    if backorders == "DENY":
        return 0
    return MOST if limit is None else limit


def _outcome(stock: Record) -> dict[str, Any]:
    return {name: stock[name] for name in ("on_hand", "reserved", "sellable", "version")}


def _wish(line: Adjustment) -> list[int | None]:
    wish = asdict(line)
    return [wish[name] for name in ("delta", "set_to", "change_from")]


def _check(lines: Sequence[Adjustment], note: str) -> None:
    if not 0 < len(lines) <= _MOST_LINES:
        raise InvalidError(f"1 to {_MOST_LINES} lines change at once", field=("lines",))
    if len({line.variant for line in lines}) < len(lines):
        raise InvalidError("each variant stands in one line", field=("lines",))
    if len(note) > _LONGEST_NOTE:
        raise InvalidError(f"a note has at most {_LONGEST_NOTE} characters", field=("note",))
    for line in lines:
        if (line.delta is None) == (line.set_to is None):
            raise InvalidError("give either `delta` or `setTo`", field=(*line.field, "delta"))
        if line.delta == 0:
            raise InvalidError("a change by 0 is none", field=(*line.field, "delta"))
        if line.set_to is not None and line.set_to < 0:
            raise NegativeError("there is no less than 0 on hand", field=(*line.field, "setTo"))


def _check_policy(policy: Policy) -> None:
    if policy.low_at is not None and not 0 <= policy.low_at <= MOST:
        raise InvalidError(f"a threshold is from 0 to {MOST}", field=("lowAt",))
    if policy.limit is not None and not 0 <= policy.limit <= MOST:
        raise InvalidError(f"a limit is from 0 to {MOST}", field=("backorderLimit",))
    if policy.limit is not None and policy.backorders == "DENY":
        raise InvalidError("a limit goes with `ALLOW`", field=("backorderLimit",))
