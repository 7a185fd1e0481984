"""Sums as Stripe counts them: https://docs.stripe.com/currencies (minor units, special cases).

It counts in a currency's minor unit, as ISO 4217 has it, with these exceptions: MGA has no digits
there; ISK and UGX have two, which are always 00. UGX stands among those without digits on that page
too; what its special cases say of it is followed. Of three digits the last one has to be 0.
"""

from mercat.errors import InvalidError
from mercat.money import Amount, digits

_DIGITS = {"MGA": 0, "ISK": 2, "UGX": 2}
_THREE = 3


def stripe_amount(money: Amount) -> int:
    """A sum as Stripe wants it. Raises InvalidError for one that it can't take exactly."""
    ours = digits(money.currency)
    factor, divisor = _ratio(money.currency)
    found, rest = divmod(money.minor * factor, divisor)
    if rest or (ours == _THREE and found % 10):
        places = ours - 1 if ours == _THREE else _DIGITS[money.currency]
        raise InvalidError(
            f"{money.decimal} {money.currency} can't be paid in this way: "
            f"it takes {money.currency} with {places} digits after the point"
        )
    return found


def amount_of(stripe: int, currency: str) -> Amount:
    """A sum that Stripe tells. Raises InvalidError for what can't be in that currency."""
    code = currency.upper()
    factor, divisor = _ratio(code)
    minor, rest = divmod(stripe * divisor, factor)
    if rest:
        raise InvalidError(f"Stripe's {stripe} is no sum in {code}")
    return Amount(minor, code)


def _ratio(currency: str) -> tuple[int, int]:
    """What minor units are multiplied with, and divided by, to be Stripe's."""
    shift = _DIGITS.get(currency, digits(currency)) - digits(currency)
    return 10 ** max(0, shift), 10 ** max(0, -shift)
