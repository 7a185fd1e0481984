"""From a one-time code to tokens, or to a question for a second factor."""

from mercat.context import Context
from mercat.storage import Record
from mercat_auth.accounts.service import SignIn, finish_sign_in
from mercat_auth.limits import service as limits
from mercat_auth.mfa import service as mfa
from mercat_auth.mfa.service import Challenge
from mercat_auth.oauth import flows, handovers, identities
from mercat_auth.oauth.errors import CodeInvalidError
from mercat_auth.oauth.flows import Purpose
from mercat_auth.oauth.grants import Person

_FEDERATED = "fed"
_MANY_FACTORS = "mfa"


async def sign_in(context: Context, code: str, verifier: str, transport: str) -> SignIn | Challenge:
    """Sign in whom a one-time code stands for, or ask for the account's second factor.

    Raises CodeInvalidError, EmailUnverifiedError, AccountExistsError, SuspendedError, InvalidError,
    RateLimitedError.
    """
    who = await _redeemed(context, code, verifier, "login")
    account = await identities.account_of(context, who)
    if _MANY_FACTORS in who.methods:
        return await finish_sign_in(context, account, (_FEDERATED, _MANY_FACTORS), transport)
    if mfa.is_enrolled(account):
        return await mfa.challenge(context, account, (_FEDERATED,), transport)
    return await finish_sign_in(context, account, (_FEDERATED,), transport)


async def link(context: Context, code: str, verifier: str) -> Record:
    """Link whom a one-time code stands for to the viewer's account.

    Raises UnauthenticatedError, SignInAgainError, CodeInvalidError, IdentityTakenError,
    ConflictError, RateLimitedError.
    """
    await identities.check_fresh(context)
    who = await _redeemed(context, code, verifier, "link")
    return await identities.link(context, who)


async def _redeemed(context: Context, code: str, verifier: str, purpose: Purpose) -> Person:
    await limits.attempt(context, "verify", None)
    try:
        return await handovers.redeem(context, code, verifier, purpose)
    except CodeInvalidError:
        await limits.failed(context, "verify", None)
        raise


async def forget_old(context: Context) -> None:
    """Remove what is left of sign-ins that were given up."""
    await flows.sweep(context)
    await handovers.sweep(context)
