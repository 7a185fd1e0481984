"""Whether a gift card can be paid with, in words for the buyer."""

from datetime import datetime

from mercat.money import format_minor
from mercat.storage import Record


def refusal(card: Record, currency: str, now: datetime) -> str | None:
    """Why a card can't be paid with in a currency; None where it can."""
    if card["state"] != "ACTIVE":
        return f"{shown(card)} is switched off"
    if card["expires_at"] is not None and card["expires_at"] <= now:
        return f"{shown(card)} expired on {card['expires_at']:%Y-%m-%d}"
    if card["currency"] != currency:
        return f"{shown(card)} is for {card['currency']}"
    return None if card["balance"] > 0 else f"there is nothing left on {shown(card)}"


def shortage(card: Record) -> str:
    """What is said where more is wanted of a card than there is on it."""
    left = format_minor(card["balance"], card["currency"])
    return f"{shown(card)} has {left} {card['currency']} left"


def shown(card: Record) -> str:
    return f"the gift card ending in {card['last']}"
