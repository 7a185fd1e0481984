"""The simulated company's pages, as HTML without anything from elsewhere."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from pathlib import Path

from mercat.money import Amount
from mercat.storage import Record
from mercat_payments_sandbox.addresses import back_to, origin_of
from mercat_payments_sandbox.books import MOST_TRIES, RIGHT_CODE

_STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_SAID = {
    "APPROVED": ("approved", "Paid", "The simulated payment was approved."),
    "SETTLING": ("processing", "On its way", "The payment is settled in a few seconds."),
    "DECLINED": ("declined", "Declined", "The simulated payment was declined."),
    "CANCELLED": ("cancelled", "Cancelled", "The payment was cancelled."),
    "EXPIRED": ("expired", "Too late", "The payment took too long and was abandoned."),
    "VOIDED": ("voided", "Called off", "The shop called the payment off."),
}
_TELLINGS = {
    "at_once": "at once",
    "late": "after {late} seconds",
    "twice": "twice",
    "out_of_order": "out of order, {late} seconds apart",
    "none": "not at all",
}
_BUTTONS = {
    "pay": "Pay",
    "decline": "Decline",
    "secure": "Ask for 3-D Secure first",
    "timeout": "Time out",
    "cancel": "Cancel",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What a page is made of; `return_url` is where its buyer comes from."""

    shop: str
    record: Record
    return_url: str | None
    late_seconds: int

    @property
    def came_from(self) -> str | None:
        """Where the buyer is sent back to, with how it went; None where there is no such page."""
        if self.return_url is None or origin_of(self.return_url) is None:
            return None
        return back_to(self.return_url, _SAID[self.record["state"]][0])

    @property
    def policy(self) -> str:
        """The Content-Security-Policy: a form leads to the company, and on to the shop's page."""
        # Chromium holds a redirect after a form to form-action too.
        targets = " ".join(filter(None, ["'self'", origin_of(self.return_url)]))
        return policy(targets)

    def html(self) -> str:
        state = self.record["state"]
        if state == "OPEN":
            return _document(f"Pay {self.shop}", self._facts() + self._choices())
        if state == "CODE":
            return _document("3-D Secure", self._facts() + self._code())
        return _document(_SAID[state][1], self._over())

    def _facts(self) -> str:
        money = Amount(self.record["amount"], self.record["currency"])
        rows = {
            "Shop": escape(self.shop),
            "Order": escape(self.record["order_number"]),
            "Sum": f'<span class="sum">{escape(money.decimal)} {escape(money.currency)}</span>',
        }
        return "<dl>" + "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in rows.items()) + "</dl>"

    def _choices(self) -> str:
        radios = "".join(
            f'<label><input type="radio" name="messages" value="{value}"'
            f"{' checked' if value == self.record['telling'] else ''}> "
            f"{words.format(late=self.late_seconds)}</label>"
            for value, words in _TELLINGS.items()
        )
        buttons = "".join(_button(value, words) for value, words in _BUTTONS.items())
        return _form(f"<fieldset><legend>Tell the shop</legend>{radios}</fieldset>{buttons}")

    def _code(self) -> str:
        left = MOST_TRIES - len(self.record["wrong"])
        wrong = f'<p class="wrong" role="alert">That is not the code. Tries left: {left}.</p>'
        return _form(
            f"{wrong if self.record['wrong'] else ''}"
            '<label for="code">The code that the bank has sent you '
            f"(in this simulation {RIGHT_CODE})</label>"
            '<input type="text" id="code" name="code" inputmode="numeric" maxlength="10" '
            'autocomplete="one-time-code" autofocus>'
            f"{_button('confirm', 'Confirm', is_first=True)}{_button('cancel', 'Cancel')}"
        )

    def _over(self) -> str:
        words, back = _SAID[self.record["state"]][2], self.came_from
        link = f'<a class="back first" href="{escape(back)}">Back to the shop</a>' if back else ""
        closing = "" if back else "<p>You can close this page.</p>"
        return f'<p role="status">{words}</p>{self._facts()}{link}{closing}'


def policy(targets: str = "'none'") -> str:
    """A Content-Security-Policy under which nothing but the page's own style is loaded."""
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def refusal(title: str, words: str) -> str:
    """A page that says why there is no other."""
    return _document(title, f"<p>{escape(words)}</p>")


def _form(inside: str) -> str:
    return f'<form method="post">{inside}</form>'


def _button(value: str, words: str, *, is_first: bool = False) -> str:
    kind = ' class="first"' if is_first or value == "pay" else ""
    return f'<button name="do" value="{value}"{kind}>{words}</button>'


def _document(title: str, inside: str) -> str:
    name = escape(title)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{name}</title><style>{_STYLE}</style>'
        '</head><body><main><p class="note">This is a simulation: no money moves.</p>'
        f"<section><h1>{name}</h1>{inside}</section></main></body></html>"
    )
