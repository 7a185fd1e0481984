"""A shop with somebody of each role, and things of theirs."""

import io
import secrets
from datetime import timedelta
from typing import Any, cast

from bson import ObjectId
from PIL import Image

from mercat.app import create_app
from mercat.checkout import (
    PaymentWanted,
    RefundWanted,
    payment_changed,
    payment_refund,
    payment_start,
)
from mercat.context import Context, Viewer
from mercat.engine import Engine
from mercat.ids import encode_id, key_of, object_id
from mercat.notifications import Message
from mercat.storage import Record, Session
from mercat_auth import links
from mercat_auth.accounts import service as accounts
from mercat_auth.sellers import reading
from mercat_auth.sellers import service as sellers
from mercat_media import service as media
from mercat_notifications.taking import notifications, take
from tests.asking import answered, told
from tests.identity import registered, viewer_for
from tests.promoting import opened

PEOPLE = ("customer", "other_customer", "seller", "other_seller", "support", "admin")
ROLES = ("anonymous", *PEOPLE, "service")
KEY_MAY = ("auth.read_users", "products.manage")
"""What `service` may, who asks with an API key."""


class World:
    """A shop with somebody of each role, and things of theirs.

    What is made anew for each question is `customer`'s or `seller`'s, so that the other one of the
    same role is a stranger to it. `actor` is who asks, for what is about oneself, and None for
    nobody and for the API key.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.users: dict[str, Record] = {}
        self.sellers: dict[str, str] = {}
        self.boss: Viewer
        self.app = cast("Any", create_app(engine))
        self.actor: Record | None = None
        self.is_key = False
        self.is_sold_out = False
        self.api_key = ""
        self.tokens: dict[Any, str] = {}
        self.made: dict[str, Any] = {}
        self.refused: dict[str, dict[str, Any]] = {}

    async def fill(self) -> None:
        """Make the people, and the API key."""
        self.boss = await viewer_for(self.engine, await registered(self.engine, roles=["ADMIN"]))
        for role in PEOPLE:
            self.users[role] = await self.person(role)
        given = {"account": "Warehouse", "permissions": list(KEY_MAY)}
        self.api_key = (await self.change("apiKeyCreate", "secret", self.boss, **given))["secret"]

    async def person(self, role: str) -> Record:
        """Somebody new of a role; sellers are on the staff of the same two sellers."""
        given = {"support": ["SUPPORT"], "admin": ["ADMIN"]}.get(role, [])
        user = await registered(self.engine, roles=given)
        if role in {"seller", "other_seller"}:
            if role not in self.sellers:
                self.sellers[role] = await self.seller("approved", user)
            else:
                await self._hire(user, self.sellers[role])
        found = await accounts.user_by_id(self.engine.context(), user["_id"])
        assert found is not None
        return found

    async def is_searchable(self) -> bool:
        """Whether there is an index."""
        found = await answered(self.engine, '{ productSuggestions(prefix: "x") { text } }')
        return "errors" not in found

    async def current(self, role: str) -> Record:
        """The account of a role's first person as it is now."""
        found = await accounts.user_by_id(self.engine.context(), self.users[role]["_id"])
        assert found is not None
        return found

    async def seller(self, status: str, owner: Record | None = None) -> str:
        """A seller's id; of an owner of its own where none is given."""
        owner = owner or await registered(self.engine)
        viewer = await viewer_for(self.engine, owner)
        made = await self.change("sellerApply", "seller { id }", viewer, name="Ada's Shoes")
        seller: str = made["seller"]["id"]
        if status in {"approved", "suspended"}:
            await self.change("sellerApprove", "seller { id }", self.boss, id=seller)
        if status == "suspended":
            await self.change("sellerSuspend", "seller { id }", self.boss, id=seller)
        return seller

    async def _hire(self, user: Record, seller: str) -> None:
        key = object_id(seller, "Seller")
        member = {"user": user["_id"], "rank": "owner", "since": user["created_at"]}

        async def work(session: Session) -> None:
            stored = await reading.stored_seller(self.engine.context(), key, session)
            kept = stored["members"][-20:]
            context = self.engine.context()
            await sellers.join(context, session, user["_id"], stored)
            change = {"$set": {"members": [*kept, member]}}
            await sellers.change_seller(context, session, key, change)

        await self.engine.storage.transaction(work)

    async def change(
        self, name: str, shown: str, viewer: Viewer, /, **given: Any
    ) -> dict[str, Any]:
        kind = name[0].upper() + name[1:]
        document = (
            f"mutation ($input: {kind}Input!) {{ {name}(input: $input) "
            f"{{ {shown} userErrors {{ message }} }} }}"
        )
        found = await told(self.engine, document, {"input": given}, viewer=viewer)
        payload: dict[str, Any] = found[name]
        assert payload["userErrors"] == [], payload
        return payload

    # What entries ask for

    async def user(self) -> str:
        """The id of a new customer."""
        return encode_id("User", (await registered(self.engine))["_id"])

    async def enrolled(self) -> str:
        """The id of a new customer with a second factor."""
        user = await registered(self.engine)
        passkey = {"key": "x", "id": secrets.token_hex(8)}
        await self.engine.storage.database["users"].update_one(
            {"_id": user["_id"]}, {"$set": {"passkeys": [passkey]}}
        )
        return encode_id("User", user["_id"])

    async def closable(self) -> str:
        """The id of a new seller; `seller` is one of its owners where that asks."""
        made = await self.seller("approved")
        if self.actor and self.actor["_id"] == self.users["seller"]["_id"]:
            now = self.actor["created_at"]
            member = {"user": self.actor["_id"], "rank": "owner", "since": now}
            await self.engine.storage.database["sellers"].update_one(
                {"_id": object_id(made, "Seller")}, {"$push": {"members": member}}
            )
        return made

    async def product(self, status: str = "ACTIVE", count: int = 1) -> dict[str, Any]:
        """A new product of `seller`."""
        given = {
            "name": "Boot",
            "status": status,
            "seller": self.sellers["seller"],
            "variants": [
                {"sku": secrets.token_hex(6), "options": [{"name": "Size", "value": str(i)}]}
                for i in range(count)
            ],
        }
        shown = "product { id slug variants { nodes { id sku } } }"
        made = await self.change("productCreate", shown, self.boss, **given)
        product: dict[str, Any] = made["product"]
        return product

    async def product_id(self, status: str = "ACTIVE") -> str:
        found: str = (await self.product(status))["id"]
        return found

    async def variant_id(self, status: str = "ACTIVE") -> str:
        found: str = (await self.product(status))["variants"]["nodes"][0]["id"]
        return found

    async def stocked(self) -> str:
        """A variant whose stock is counted."""
        variant = await self.variant_id()
        given = {"reason": "RECEIVED", "variantId": variant, "delta": 3}
        await self.change("stockAdjust", "stock { onHand }", self.boss, **given)
        return variant

    async def restock(self, variant: str) -> None:
        """Have a stock run out, or come back, so that who follows it hears of it."""
        self.is_sold_out = not self.is_sold_out  # both in one moment would look like nothing
        count = 0 if self.is_sold_out else 3
        given = {"reason": "CORRECTION", "variantId": variant, "setTo": count}
        await self.change("stockAdjust", "stock { onHand }", self.boss, **given)

    async def category(self) -> str:
        made = await self.change(
            "categoryCreate", "category { id }", self.boss, name=secrets.token_hex(4)
        )
        found: str = made["category"]["id"]
        return found

    async def cart(self) -> str:
        """The id of a cart of `customer`'s."""
        owner = await viewer_for(self.engine, await self.current("customer"))
        made = await self.change("cartCreate", "cart { id }", owner)
        cart: str = made["cart"]["id"]
        given = {"cartId": cart, "email": "ada@example.com"}
        await self.change("cartBuyerSet", "cart { id }", owner, **given)
        return cart

    async def coded_cart(self, *, has_code: bool) -> dict[str, Any]:
        """A cart of `customer`'s with something in it, and a code for it, or in it."""
        cart, code = await self.cart(), secrets.token_hex(6)
        owner = await viewer_for(self.engine, await self.current("customer"))
        lines = [{"variantId": await self.priced("seller"), "quantity": 1}]
        await self.change("cartLinesAdd", "cart { id }", owner, cartId=cart, lines=lines)
        await opened(self.engine, code)
        if has_code:
            await self.change("cartCouponApply", "cart { id }", owner, cartId=cart, code=code)
        return {"cartId": cart, "code": code}

    async def shipping_method(self, *, seller: bool = True) -> str:
        """The id of a shipping method of `seller`'s, or of the shop's."""
        given: dict[str, Any] = {"seller": self.sellers["seller"]} if seller else {}
        bands = [{"prices": [{"amount": "4.90", "currency": "EUR"}]}]
        made = await self.change(
            "shippingMethodCreate",
            "shippingMethod { id }",
            self.boss,
            name="Post",
            bands=bands,
            **given,
        )
        found: str = made["shippingMethod"]["id"]
        return found

    async def tax_zone(self) -> str:
        rates = [{"taxClass": "standard", "rate": "19"}]
        made = await self.change("taxZoneCreate", "taxZone { id }", self.boss, rates=rates)
        found: str = made["taxZone"]["id"]
        return found

    async def payment(self) -> str:
        """The id of a new payment that waits for a bank transfer."""
        key = secrets.token_hex(8)
        wanted = PaymentWanted(key, "manual:bank_transfer", 1000, "EUR", key)
        await self.engine.hooks.first(payment_start, self.engine.context(), wanted)
        return encode_id("Payment", key)

    async def refunding(self) -> str:
        """The id of a payment of which something is to go back."""
        payment = await self.payment()
        given = {"paymentId": payment, "idempotencyKey": "x"}
        await self.change("paymentMarkPaid", "payment { id }", self.boss, **given)
        wanted = RefundWanted(payment, key_of(payment, "Payment"), 1, "EUR")
        await self.engine.hooks.first(payment_refund, self.engine.context(), wanted)
        return payment

    async def priced(self, seller: str = "seller") -> str:
        """A variant of a seller's that can be bought, and be delivered."""
        variants = [{"sku": secrets.token_hex(6), "prices": [{"amount": "10", "currency": "EUR"}]}]
        given = {"name": "Boot", "status": "ACTIVE", "seller": self.sellers[seller]}
        shown = "product { variants { nodes { id } } }"
        made = await self.change("productCreate", shown, self.boss, variants=variants, **given)
        if "way" not in self.made:
            self.made["way"] = await self.shipping_method(seller=False)
        found: str = made["product"]["variants"]["nodes"][0]["id"]
        return found

    async def whole_cart(self, seller: str = "seller") -> dict[str, Any]:
        """What `checkoutComplete` takes of a cart that lacks nothing, and a new key."""
        address = {
            "name": "Ada",
            "lines": ["Unter den Linden 1"],
            "city": "Berlin",
            "postalCode": "10117",
            "country": "DE",
        }
        lines = [{"variantId": await self.priced(seller), "quantity": 2}]
        return {
            "cart": {"lines": lines, "email": "ada@example.com", "shippingAddress": address},
            "maximumTotal": {"amount": "1000"},
            "paymentMethodId": "manual:bank_transfer",
            "acceptsTerms": True,
            "idempotencyKey": secrets.token_hex(8),
        }

    async def order(self, upto: str = "confirmed", seller: str = "seller") -> dict[str, Any]:
        """A new order of `customer`'s of what a seller sells: its id, and those of its parts."""
        owner = await viewer_for(self.engine, await self.current("customer"))
        shown = "order { id sellerOrders { id lines { id } } }"
        given = await self.whole_cart(seller)
        made = (await self.change("checkoutComplete", shown, owner, **given))["order"]
        (part,) = made["sellerOrders"]
        found = {"order": made["id"], "part": part["id"], "line": part["lines"][0]["id"]}
        if upto == "pending":
            return found
        key = key_of(made["id"], "Order")
        paid = {"paymentId": encode_id("Payment", key), "idempotencyKey": "x"}
        await self.change("paymentMarkPaid", "payment { id }", self.boss, **paid)
        await self.engine.hooks.notify(payment_changed, self.engine.context(), key)
        if upto == "confirmed":
            return found
        sent = await self.change(
            "orderFulfil",
            "sellerOrder { fulfilments { id } }",
            self.boss,
            sellerOrderId=part["id"],
        )
        found["parcel"] = sent["sellerOrder"]["fulfilments"][0]["id"]
        if upto in {"delivered", "requested", "returning", "received"}:
            given = {"id": found["parcel"], "delivered": True}
            await self.change("fulfilmentUpdate", "sellerOrder { id }", self.boss, **given)
        if upto in {"requested", "returning", "received"}:
            found["return"] = await self._returning(found)
        if upto in {"returning", "received"}:
            await self.change("returnApprove", "sellerOrder { id }", self.boss, id=found["return"])
        if upto == "received":
            given = {"id": found["return"], "refund": False}
            await self.change("returnReceive", "sellerOrder { id }", self.boss, **given)
        return found

    async def _returning(self, found: dict[str, Any]) -> str:
        lines = [{"lineId": found["line"], "quantity": 1}]
        given = {"orderId": found["order"], "lines": lines}
        shown = "returns { id }"
        made = await self.change("orderReturnRequest", shown, self.boss, **given)
        key: str = made["returns"][0]["id"]
        return key

    async def payout(self) -> str:
        """The id of a new payout of `seller`'s."""
        given = {
            "sellerId": self.sellers["seller"],
            "amount": "1",
            "currency": "EUR",
            "reason": "x",
            "idempotencyKey": secrets.token_hex(8),
        }
        await self.change("payoutAdjust", "isWritten", self.boss, **given)
        key = {"idempotencyKey": secrets.token_hex(8)}
        await self.change("payoutRun", "run { id }", self.boss, **key)
        seller = key_of(self.sellers["seller"], "Seller")
        found = self.engine.storage.database["payouts"].find({"seller": seller})
        (made,) = await found.sort("number", -1).limit(1).to_list()
        return encode_id("Payout", made["_id"])

    async def notification(self) -> str:
        """The id of a message that was given up."""
        key = secrets.token_hex(8)
        message = Message(key, "auth.password_changed", key, "ada@example.com", "en")
        context = self.engine.context()
        await take(context, message)
        await notifications(context).update_one({"key": key}, {"$set": {"state": "DEAD"}})
        (made,) = await notifications(context).find({"key": key}).to_list()
        return encode_id("Notification", made["_id"])

    async def promotion(self, *, seller: bool = True) -> str:
        """The id of a promotion that `seller` pays for, or of the shop's."""
        given = {"sellerId": self.sellers["seller"], "borneBy": "SELLER"} if seller else {}
        made = await self.change(
            "promotionCreate",
            "promotion { id }",
            self.boss,
            name="Ten",
            benefit={"percentage": {"percentage": "10"}},
            **given,
        )
        found: str = made["promotion"]["id"]
        return found

    async def ticket(self, state: str | None = None) -> str:
        """The id of a new ticket of `customer`'s, which `seller` answers, in that state."""
        owner = await viewer_for(self.engine, await self.current("customer"))
        about = [self.sellers["seller"]]
        made = await self.change(
            "ticketOpen", "ticket { id }", owner, subject="Help", text="Please", about=about
        )
        found: str = made["ticket"]["id"]
        if state is not None:
            shown = "ticket { id }"
            await self.change("ticketTransition", shown, self.boss, id=found, state=state)
        return found

    async def webhook(self) -> str:
        """The id of a new endpoint."""
        given = {"url": "https://erp.example/hook", "events": ["order.placed"]}
        shown = "endpoint { id }"
        made = await self.change("webhookEndpointCreate", shown, self.boss, **given)
        found: str = made["endpoint"]["id"]
        return found

    async def webhook_delivery(self) -> str:
        """The id of something that is sent to one."""
        endpoint = await self.webhook()
        shown = "delivery { id }"
        made = await self.change("webhookEndpointTest", shown, self.boss, id=endpoint)
        found: str = made["delivery"]["id"]
        return found

    async def macro(self) -> str:
        """The id of a new macro."""
        given = {"name": secrets.token_hex(8), "text": "Hello"}
        made = await self.change("ticketMacroCreate", "macro { id }", self.boss, **given)
        found: str = made["macro"]["id"]
        return found

    async def view(self) -> str:
        """The id of a new view that is everybody's."""
        named: dict[str, Any] = {"name": secrets.token_hex(8), "isShared": True}
        made = await self.change(
            "ticketViewSave", "view { id }", self.boss, filter={"tag": "x"}, **named
        )
        found: str = made["view"]["id"]
        return found

    async def two_tickets(self) -> dict[str, str]:
        """Two of them."""
        return {"sourceId": await self.ticket(), "targetId": await self.ticket()}

    async def gift_card(self) -> str:
        """The id of a new gift card."""
        card, _ = await self._gift_card()
        return card

    async def cart_with_gift_card(self, *, is_in: bool) -> dict[str, Any]:
        """A cart of `customer`'s, and a gift card for it, or in it."""
        cart, (card, code) = await self.cart(), await self._gift_card()
        if not is_in:
            return {"cartId": cart, "code": code}
        owner = await viewer_for(self.engine, await self.current("customer"))
        await self.change("cartGiftCardApply", "cart { id }", owner, cartId=cart, code=code)
        return {"cartId": cart, "giftCardId": card}

    async def _gift_card(self) -> tuple[str, str]:
        made = await self.change(
            "giftCardIssue",
            "giftCard { id } code",
            self.boss,
            amount={"amount": "5", "currency": "EUR"},
            idempotencyKey=secrets.token_hex(8),
        )
        return made["giftCard"]["id"], made["code"]

    async def customer_group(self) -> str:
        """The id of a new customer group."""
        given = {"key": secrets.token_hex(8), "name": "Friends"}
        shown = "customerGroup { id }"
        made = await self.change("customerGroupCreate", shown, self.boss, **given)
        found: str = made["customerGroup"]["id"]
        return found

    async def draft(self) -> str:
        """The id of a cart that staff prepared."""
        given = {"lines": [{"variantId": await self.priced()}]}
        made = await self.change("draftOrderCreate", "cart { id }", self.boss, **given)
        found: str = made["cart"]["id"]
        return found

    async def stir(self, document: str) -> None:
        """Have something happen to what a subscription follows."""
        if "stockChanged" in document:
            await self.restock(document.split('"')[1])
        elif "paymentUpdated" in document:
            paid = {"paymentId": document.split('"')[1], "amount": "1", "idempotencyKey": "x"}
            await self.change("paymentMarkPaid", "payment { id }", self.boss, **paid)
        elif "ticketQueueChanged" in document:
            await self.ticket()
        elif "ticketUpdated" in document:
            said = {"id": document.split('"')[1], "text": "Hello"}
            await self.change("ticketReply", "ticket { id }", self.boss, **said)
        elif "orderUpdated" in document:
            given = {"orderId": document.split('"')[1], "text": "x", "internal": False}
            await self.change("orderNoteAdd", "order { id }", self.boss, **given)
        else:
            asks = self.actor is not None and self.actor["_id"]
            is_other = asks == self.users["other_seller"]["_id"]
            await self.order("pending", "other_seller" if is_other else "seller")

    async def product_type(self) -> str:
        made = await self.change(
            "productTypeCreate", "productType { id }", self.boss, name=secrets.token_hex(4)
        )
        found: str = made["productType"]["id"]
        return found

    async def picture(self) -> str:
        """A picture of `seller`'s."""
        owner = await self.current("seller")
        context = Context(self.engine, await viewer_for(self.engine, owner))
        made = await media.upload_file(context, io.BytesIO(png()), alt="x")
        return encode_id("Media", made["_id"])

    async def role(self) -> str:
        name = f"R{secrets.token_hex(4).upper()}"
        await self.change("roleCreate", "role { name }", self.boss, name=name, permissions=[])
        return name

    async def key(self) -> str:
        made = await self.change(
            "apiKeyCreate", "apiKey { id }", self.boss, account="ERP", permissions=[]
        )
        found: str = made["apiKey"]["id"]
        return found

    async def staff(self) -> str:
        """The id of a new owner of `seller`."""
        return encode_id("User", (await self.person("seller"))["_id"])

    async def invitation(self) -> str:
        """A link that was sent to who asks; nobody's where nobody has signed in."""
        actor = self.actor or {"_id": ObjectId(), "email_key": ""}
        key = object_id(await self.seller("approved"), "Seller")

        async def work(session: Session) -> links.Link:
            return await links.make(
                self.engine.context(),
                session,
                "seller_invitation",
                user=actor["_id"],
                email_key=actor["email_key"],
                lifetime=timedelta(days=1),
                data={"seller": key, "rank": "staff"},
            )

        link = await self.engine.storage.transaction(work)
        return links.secret_of(self.engine.context(), link.id)

    async def address(self) -> str:
        """The id of an entry in the address book of `customer`."""
        owner = await self.current("customer")
        viewer = await viewer_for(self.engine, owner)
        given = {"name": "Ada", "lines": ["1 Road"], "city": "Rome", "country": "IT"}
        made = await self.change("addressCreate", "address { id }", viewer, **given)
        found: str = made["address"]["id"]
        return found

    async def session(self) -> str:
        """The id of a session of `customer`."""
        viewer = await viewer_for(self.engine, await self.current("customer"))
        return encode_id("Session", viewer.session)


def png() -> bytes:
    """A picture that nobody has uploaded yet."""
    buffer = io.BytesIO()
    colour = cast("tuple[int, int, int]", tuple(secrets.token_bytes(3)))
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()
