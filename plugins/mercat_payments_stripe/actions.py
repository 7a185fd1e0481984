"""What a buyer or a client has to do next."""

from datetime import UTC, datetime, timedelta

from mercat.payments import ActionRequired
from mercat_payments_stripe.facts import Told
from mercat_payments_stripe.settings import StripeSettings


def action_of(intent: Told, settings: StripeSettings) -> ActionRequired:
    """Where a PaymentIntent or a SetupIntent sends the buyer, else what Stripe.js goes on with.

    https://docs.stripe.com/payments/payment-intents/verifying-status#next-actions
    """
    begun = datetime.fromtimestamp(intent["created"], UTC)
    expires = begun + timedelta(minutes=settings.expires_minutes)
    words = str((intent.get("last_payment_error") or {}).get("message") or "")
    redirect = (intent.get("next_action") or {}).get("redirect_to_url")
    if redirect:
        return ActionRequired(intent["id"], expires, url=redirect["url"], message=words)
    data = {"client_secret": str(intent["client_secret"])}
    if settings.publishable_key is not None:
        data["publishable_key"] = settings.publishable_key
    return ActionRequired(intent["id"], expires, client_data=data, message=words)
