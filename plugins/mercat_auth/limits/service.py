"""Slowing down those who guess: `attempt` before, then `succeeded` or `failed`."""

import logging
import math

from mercat.context import Context
from mercat.errors import RateLimitedError
from mercat.reach import network
from mercat_auth.limits.counting import counters_of
from mercat_auth.limits.places import claimed_session, own_session, place_of
from mercat_auth.limits.rules import Action, Rule, rule_of
from mercat_auth.settings import AuthSettings

_logger = logging.getLogger(__name__)


async def attempt(context: Context, action: Action, account: str | None) -> None:
    """Let somebody try something, before anything costly is done. Raises RateLimitedError.

    `account` is a user's key or a normalised e-mail address, which need not exist; None where
    nobody knows it yet. An attempt counts until `succeeded` takes it back, but for `verify` and
    `refresh`, of which `failed` counts those that were wrong.
    """
    rule = _rule(context, action)
    counters = counters_of(context)
    wait = await counters.attempt(place_of(context, action, account), rule)
    if wait > 0 and account is not None:
        session = await own_session(context, account)
        if session is not None:
            own = place_of(context, action, account, session)
            wait = await counters.attempt(own, rule, is_known=True)
    if wait > 0:
        seconds = math.ceil(wait)
        raise RateLimitedError(
            f"there were too many attempts; try again in {seconds} s", retry_after=seconds
        )


async def failed(context: Context, action: Action, account: str | None) -> None:
    """Say that an attempt was wrong."""
    rule = _rule(context, action)
    place = place_of(context, action, account)
    if not rule.counts_first:
        await counters_of(context).count(place, rule)
    source = network(context.credentials.address if context.credentials else None)
    _logger.info("a wrong attempt: %s from %s, %s", action, source, (place.account or "")[-8:])


async def succeeded(context: Context, action: Action, account: str | None) -> None:
    """Say that an attempt was right: its place is forgiven, and known for the account."""
    rule = _rule(context, action)
    others = []
    session = claimed_session(context)
    if account is not None and session is not None:
        own = place_of(context, action, account, session)
        others = [own.pair] if own.pair is not None else []
    await counters_of(context).forgive(place_of(context, action, account), rule, *others)


def _rule(context: Context, action: Action) -> Rule:
    return rule_of(context.settings(AuthSettings), action)
