"""Clause 1: what is declared can be done, and what isn't raises Unsupported."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from mercat.payments import Declined, Done, Pending, Unsupported, Vault
from mercat.testing.payments.clauses import clause
from mercat.testing.payments.company import Message
from mercat.testing.payments.desk import Desk, check, total

_VAULT = sorted(name for name in vars(Vault) if not name.startswith("_"))


async def _is_unsupported(call: Awaitable[Any]) -> bool:
    try:
        await call
    except Unsupported:
        return True
    return False


@clause(1)
class CapabilityClauses:
    async def test_what_is_reserved_is_captured_as_declared(self, desk: Desk) -> None:
        ref = await desk.held()
        parts = [300, 700] if desk.can.partial_capture and desk.can.multiple_captures else [1000]
        for minor in parts:
            outcome = await desk.do("capture", desk.operation("capture", ref, minor))
            check(
                isinstance(outcome, Done | Pending) and total(outcome.events, "captured") <= minor,
                f"a declared capture is answered with {type(outcome).__name__}: do it, or don't "
                "declare `manual_capture`, `partial_capture` or `multiple_captures`",
            )

    async def test_capture_is_unsupported_where_it_is_not_declared(self, desk: Desk) -> None:
        if desk.can.manual_capture:
            pytest.skip("`manual_capture` is declared")
        outcome = await desk.start(await desk.begun())
        ref = "" if isinstance(outcome, Declined) else outcome.ref
        check(
            await _is_unsupported(desk.do("capture", desk.operation("capture", ref, 1000))),
            "`capture` doesn't raise Unsupported, though `manual_capture` is not declared: raise "
            "it, or declare it",
        )

    async def test_a_part_is_captured_only_where_it_is_declared(self, desk: Desk) -> None:
        if desk.can.partial_capture or not desk.can.manual_capture:
            pytest.skip("`partial_capture` is declared, or no capture is")
        ref = await desk.held()
        check(
            await _is_unsupported(desk.do("capture", desk.operation("capture", ref, 400))),
            "a capture of a part doesn't raise Unsupported, though `partial_capture` is not "
            "declared: raise it, or declare it",
        )

    async def test_a_second_capture_is_refused_where_it_is_not_declared(self, desk: Desk) -> None:
        desk.needs("partial_capture")
        if desk.can.multiple_captures:
            pytest.skip("`multiple_captures` is declared")
        ref = await desk.held()
        await desk.do("capture", desk.operation("capture", ref, 400))
        await desk.refuses(
            "capture",
            desk.operation("capture", ref, 400),
            "a second capture, though `multiple_captures` is not declared,",
        )

    async def test_a_part_is_refunded_only_where_it_is_declared(self, desk: Desk) -> None:
        desk.asks_somebody()
        request = desk.operation("refund", await desk.paid(), 400)
        refused = await _is_unsupported(desk.do("refund", request))
        check(
            not (refused and desk.can.partial_refund),
            "`partial_refund` is declared, and a refund of a part raises Unsupported: do it, or "
            "don't declare it",
        )
        check(
            refused or desk.can.partial_refund,
            "a refund of a part doesn't raise Unsupported, though `partial_refund` is not "
            "declared: raise it, or declare it",
        )

    async def test_an_action_has_an_address_only_where_it_is_declared(self, desk: Desk) -> None:
        _, action = await desk.acting()
        check(
            action.url is None or desk.can.redirect,
            "ActionRequired has a `url`, though `redirect` is not declared: declare it",
        )
        check(
            action.url is not None or not desk.can.redirect or bool(action.client_data),
            "`redirect` is declared, and ActionRequired has neither `url` nor `client_data`",
        )

    async def test_only_what_is_declared_is_settled_later(self, desk: Desk) -> None:
        outcome = await desk.start(await desk.wanted("pending"))
        check(
            isinstance(outcome, Pending) is (desk.can.async_result or desk.can.by_hand),
            f"a payment that is settled later is answered with {type(outcome).__name__}, and "
            f"`async_result` is {desk.can.async_result}: answer Pending, and declare it",
        )

    async def test_a_pending_payment_is_settled(self, desk: Desk) -> None:
        desk.needs("async_result")
        outcome = await desk.start(await desk.wanted("pending"))
        ref = "" if isinstance(outcome, Declined) else outcome.ref
        await desk.company.settle(ref)
        check(
            total(await desk.fetch(ref), "captured") == 1000,
            "`fetch` doesn't tell what was taken of a payment that was settled later",
        )

    async def test_a_vault_is_there_where_it_is_declared(self, desk: Desk) -> None:
        missing = [name for name in _VAULT if not callable(getattr(desk.provider, name, None))]
        check(
            not (desk.can.saved_methods and missing),
            f"`saved_methods` is declared, and {', '.join(missing)} of `Vault` is missing: "
            "write it, or don't declare it",
        )

    async def test_what_is_kept_pays_only_where_that_is_declared(self, desk: Desk) -> None:
        if desk.can.saved_methods:
            pytest.skip("`saved_methods` is declared")
        request = await desk.begun()
        for more in ({"saved_method": "pm_1"}, {"saves": True}):
            kept = replace(request, customer="cus_1", **more)
            check(
                await _is_unsupported(desk.start(kept)),
                f"`start` with `{next(iter(more))}` doesn't raise Unsupported, though "
                "`saved_methods` is not declared: raise it, or something else pays than was said",
            )

    async def test_only_what_is_by_hand_has_no_truth_of_its_own(self, desk: Desk) -> None:
        outcome = await desk.start(await desk.begun())
        unsupported = await _is_unsupported(desk.fetch(outcome.ref or ""))
        check(
            unsupported is desk.can.by_hand,
            f"`by_hand` is {desk.can.by_hand}, and `fetch` says otherwise: it raises Unsupported "
            "exactly where nobody can be asked",
        )

    async def test_what_is_by_hand_takes_no_messages(self, desk: Desk) -> None:
        desk.needs("by_hand")
        with pytest.raises(Unsupported):
            desk.parse(Message(b"{}", {}))
