"""Taking rows of files into the shop; a second time the same rows change nothing."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from bson import ObjectId

from mercat.codes import key_of as code_key
from mercat.context import Context
from mercat.errors import DomainError, InvalidError
from mercat.ids import encode_id
from mercat.importing import Importer, Rejected, Row, Tally
from mercat.reading.values import clipped
from mercat.storage import Record
from mercat_coupons.coupons import service as coupons
from mercat_coupons.coupons.listing import coupons as stored_coupons
from mercat_coupons.errors import CodeTakenError, KeyTakenError
from mercat_coupons.groups import service as groups
from mercat_coupons.importing.formats import JsonLines, Table, one_of
from mercat_coupons.importing.names import Names, scope_ids
from mercat_coupons.importing.records import CouponRecord, GroupRecord, PromotionRecord
from mercat_coupons.promotions import service as promotions
from mercat_coupons.promotions.checking import checked
from mercat_coupons.promotions.reading import promotions as stored_promotions

R = TypeVar("R", GroupRecord, PromotionRecord, CouponRecord)
_TAKEN = (KeyTakenError, CodeTakenError)
_LONGEST_SHOWN = 70


class _Load(Generic[R]):
    """Takes one row after another; `_take` says whether it was made, changed, or left as it was."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._names = Names(context)
        self._seen: set[str] = set()

    async def batch(self, rows: Sequence[Row[R]]) -> Tally:
        tally = Tally()
        for row in rows:
            try:
                self._check_new(row.value)
                done = await self._taken(row.value)
            except DomainError as error:
                tally.rejected.append(Rejected(row.where, _sentence(error)))
            else:
                setattr(tally, done, getattr(tally, done) + 1)
        return tally

    async def finish(self) -> Tally:
        return Tally()

    async def _taken(self, record: R) -> str:
        try:
            return await self._take(record)
        except _TAKEN:  # somebody made it just now
            return await self._take(record)

    async def _take(self, record: R) -> str:
        raise NotImplementedError

    def _name(self, record: R) -> str | None:
        """What a file has once; None where it may have it again."""
        raise NotImplementedError

    def _check_new(self, record: R) -> None:
        name = self._name(record)
        if name is None:
            return
        if name in self._seen:
            raise InvalidError(f"'{clipped(name, _LONGEST_SHOWN)}' stands earlier in this file")
        self._seen.add(name)


class GroupLoad(_Load[GroupRecord]):
    """Groups with their members; those whom no row names stay in them."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._known: dict[str, Record] = {}

    def _name(self, record: GroupRecord) -> None:
        """A group may stand in a line for each of its members."""

    async def _take(self, record: GroupRecord) -> str:
        done = "unchanged"
        group = self._known.get(record.key) or await groups.groups(self._context).find_one(
            {"key": record.key}
        )
        users = await self._names.customers(record.customers, ("customers",))
        if group is None:
            name = record.name or record.key
            group, done = await groups.create_group(self._context, record.key, name), "created"
        elif record.name is not None and record.name != group["name"]:
            group = await groups.rename_group(self._context, group["_id"], None, record.name)
            done = "updated"
        self._known[record.key] = group
        if await self._add(group["_id"], users) and done == "unchanged":
            return "updated"
        return done

    async def _add(self, group: ObjectId, users: Sequence[str]) -> bool:
        """Put those into a group who aren't in it; whether there were any."""
        is_changed = False
        for start in range(0, len(users), groups.MOST_AT_ONCE):
            some = users[start : start + groups.MOST_AT_ONCE]
            wanted = {"_id": {"$in": [f"{group}:{one}" for one in some]}}
            known = groups.members(self._context).find(wanted, {"user": 1})
            there = {one["user"] async for one in known}
            new = [one for one in dict.fromkeys(some) if one not in there]
            if new:
                await groups.add_members(self._context, group, new)
                is_changed = True
        return is_changed


class PromotionLoad(_Load[PromotionRecord]):
    def _name(self, record: PromotionRecord) -> str:
        return record.key

    async def _take(self, record: PromotionRecord) -> str:
        given = await self._given(record)
        stored = await stored_promotions(self._context).find_one({"external_id": record.key})
        if stored is None:
            await promotions.create_promotion(self._context, given, external_id=record.key)
            return "created"
        if record.seller is not None and record.seller != stored["seller"]:
            raise InvalidError("a promotion stays its seller's", field=("seller",))
        values = checked(given, self._context.shop, stored["time_zone"])
        if record.borne_by is not None:
            values["borne_by"] = record.borne_by.value
        if all(stored[name] == value for name, value in values.items()):
            return "unchanged"
        await promotions.update_promotion(self._context, stored["_id"], stored["version"], given)
        return "updated"

    async def _given(self, record: PromotionRecord) -> dict[str, Any]:
        """What the API would be given."""
        named = record.named
        found: dict[str, Any] = {
            name: value
            for name, value in record.model_dump(include=set(named) & _AS_GIVEN).items()
            if value is not None or name in _NULLABLE
        }
        found["benefit"] = await self._benefit(record)
        if "scope" in named:
            scope = None if record.scope is None else record.scope.model_dump()
            found["scope"] = await scope_ids(self._names, scope, ("scope",))
        if "customers" in named:
            keys = await self._names.customers(record.customers, ("customers",))
            found["customer_ids"] = [encode_id("User", key) for key in keys]
        if "customer_groups" in named:
            found["customer_group_ids"] = await self._names.groups(
                record.customer_groups, ("customer_groups",)
            )
        if record.seller is not None:
            found["seller_id"] = encode_id("Seller", record.seller)
        return found

    async def _benefit(self, record: PromotionRecord) -> dict[str, Any]:
        ((kind, given),) = ((name, one) for name, one in record.benefit if one is not None)
        value = given.model_dump()
        field = ("benefit", kind)
        if kind == "gift":
            value["variant_ids"] = await self._names.skus(value.pop("skus"), (*field, "skus"))
        if kind == "buy_get":
            for side in ("buy", "get"):
                value[side] = await scope_ids(self._names, value[side], (*field, side))
        return {kind: value}


class CouponLoad(_Load[CouponRecord]):
    def _name(self, record: CouponRecord) -> str | None:
        return code_key(record.code)

    async def _take(self, record: CouponRecord) -> str:
        keys = await self._names.promotions(record.promotions, ("promotions",))
        given: dict[str, Any] = {
            name: getattr(record, name)
            for name in ("usage_limit", "usage_limit_per_customer")
            if name in record.model_fields_set
        }
        given["promotions"] = keys
        if record.customer is not None:
            (given["customer"],) = await self._names.customers([record.customer], ("customer",))
        stored = await stored_coupons(self._context).find_one({"key": code_key(record.code)})
        if stored is None:
            new = {**given, "code": record.code, "seller": record.seller}
            await coupons.create(self._context, new)
            return "created"
        if record.seller is not None and record.seller != stored["seller"]:
            raise InvalidError("a coupon stays its seller's", field=("seller",))
        if all(stored[name] == value for name, value in given.items()):
            return "unchanged"
        await coupons.update(self._context, stored["_id"], stored["version"], given)
        return "updated"


_AS_GIVEN = frozenset(
    {
        *("name", "starts_at", "ends_at", "time_zone", "minimum_subtotal", "minimum_quantity"),
        *("first_order", "countries", "currencies", "usage_limit", "usage_limit_per_customer"),
        *("budget", "is_automatic", "is_combinable", "priority", "borne_by"),
    }
)
_NULLABLE = frozenset(
    {
        *("starts_at", "ends_at", "minimum_subtotal", "minimum_quantity", "usage_limit"),
        *("usage_limit_per_customer", "budget"),
    }
)


def _sentence(error: DomainError) -> str:
    field = ".".join(error.field or ())
    return clipped(f"{field}: {error}" if field else str(error))


async def _open_groups(context: Context) -> GroupLoad:
    return GroupLoad(context)


async def _open_promotions(context: Context) -> PromotionLoad:
    return PromotionLoad(context)


async def _open_coupons(context: Context) -> CouponLoad:
    return CouponLoad(context)


_COUPON = ("code", "usage_limit", "usage_limit_per_customer", "customer", "seller")

IMPORTERS: Sequence[Importer[Any]] = (
    Importer(
        noun="customer-groups",
        description="Import customer groups and who is in them.",
        formats=(
            JsonLines(GroupRecord, "key"),
            Table(
                GroupRecord,
                ("key", "name", "customers"),
                ("key", "customers"),
                one_of("key", "name", listed="customers"),
            ),
        ),
        open=_open_groups,
    ),
    Importer(
        noun="promotions",
        description="Import promotions; products and customer groups come before them.",
        formats=(JsonLines(PromotionRecord, "benefit"),),
        open=_open_promotions,
        batch_size=50,
    ),
    Importer(
        noun="coupons",
        description="Import coupons; the promotions that they open come before them.",
        formats=(
            JsonLines(CouponRecord, "code"),
            Table(
                CouponRecord,
                (*_COUPON, "promotions"),
                ("code", "promotions"),
                one_of(*_COUPON, listed="promotions"),
            ),
        ),
        open=_open_coupons,
    ),
)
