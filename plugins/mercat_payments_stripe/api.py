"""Asking Stripe, by its SDK; what comes back is a plain table, or one of three errors."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

import stripe

from mercat.errors import ConflictError
from mercat.payments import OutcomeUnknown
from mercat_payments_stripe.facts import Told, id_of
from mercat_payments_stripe.settings import StripeSettings

# The SDK would send what the machine is, and keep a file in the home folder for it.
stripe.enable_telemetry = False
# It logs what is sent, which is the buyer's.
logging.getLogger("stripe").setLevel(logging.WARNING)

MISSING = "resource_missing"

_NOT_FOUND = 404
_FAILED = 500

_logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """Stripe did not do it, for good; `ref` is the payment where one was begun all the same."""

    def __init__(self, code: str, message: str, ref: str | None = None) -> None:
        super().__init__(code)
        self.code, self.message, self.ref = code, message, ref


class FailedError(OutcomeUnknown):
    """Stripe failed; it may have done it, and answers the same for as long as it knows the key.

    https://docs.stripe.com/api/idempotent_requests
    """


class StripeApi:
    """One account's; `v1` has the SDK's services, whose calls `ask` makes."""

    def __init__(self, settings: StripeSettings) -> None:
        self._seconds, key = settings.timeout_seconds, settings.secret_key
        self._http = stripe.HTTPXClient(timeout=settings.timeout_seconds)
        self.v1 = stripe.StripeClient(
            key.get_secret_value() if key else "",
            http_client=self._http,
            base_addresses={"api": settings.api_url},
            max_network_retries=0,  # the shop asks again, with the same key
        ).v1

    async def ask(self, call: Awaitable[stripe.StripeObject]) -> Told:
        """What Stripe answers.

        Raises RefusedError, ConflictError for a key that came with something else before, and
        OutcomeUnknown or FailedError where it may have been done: https://docs.stripe.com/error-low-level.
        """
        try:
            async with asyncio.timeout(self._seconds):
                found = await call
        except stripe.CardError as error:
            raise _declined(error) from None
        except stripe.IdempotencyError:
            raise ConflictError("this key came with something else before") from None
        except stripe.InvalidRequestError as error:
            _logger.warning("Stripe refused a request: %s, %s", error.code, error.param)
            code = error.code or (MISSING if error.http_status == _NOT_FOUND else "invalid_request")
            raise RefusedError(code, f"The payment company refused this ({code}).") from None
        except (stripe.StripeError, TimeoutError) as error:
            _logger.warning("Stripe did not say: %s", type(error).__name__)
            is_answer = isinstance(error, stripe.APIError) and (error.http_status or 0) >= _FAILED
            kind = FailedError if is_answer else OutcomeUnknown
            raise kind(type(error).__name__) from None
        answer: dict[str, Any] = found.to_dict()
        return answer

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]


def _declined(error: stripe.CardError) -> RefusedError:
    """A card's refusal; its message is for the buyer: https://docs.stripe.com/declines/codes."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    told = body.get("error", {})
    code = told.get("decline_code") or error.code or "card_declined"
    words = error.user_message or "Your card was declined."
    return RefusedError(code, words, id_of(told.get("payment_intent")))
