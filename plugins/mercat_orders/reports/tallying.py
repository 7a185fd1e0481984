"""Adding up the pieces of orders, row by row and as a whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mercat_orders.reports.figures import Figures
from mercat_orders.reports.grouping import Keys
from mercat_orders.reports.pieces import Piece

_WHOLE = None


@dataclass(slots=True)
class Named:
    """What something was called when it was last sold."""

    at: datetime
    name: str
    sku: str


@dataclass(slots=True)
class Tally:
    """The figures of rows by key and currency, and of all by currency."""

    keys: Keys
    rows: dict[tuple[str, str], Figures] = field(default_factory=dict)
    wholes: dict[str, Figures] = field(default_factory=dict)
    names: dict[str, Named] = field(default_factory=dict)

    def add(self, order: Mapping[str, Any], pieces: Iterable[Piece]) -> None:
        """Count an order; in each row it counts as one order."""
        currency = order["currency"]
        bought: set[str | None] = set()
        pending: set[str | None] = set()
        for piece in pieces:
            keys = self.keys(order, piece)
            self._whole(currency).add(piece.figures)
            for key in keys:
                self._row(key, currency).add(piece.figures)
            if piece.units:
                (pending if piece.is_pending else bought).update((_WHOLE, *keys))
            if piece.line is not None and "name" in piece.line:
                self._name(keys[0], piece.line, order["placed_at"])
        for one in bought:
            self._of(one, currency).orders += 1
        for one in pending:
            self._of(one, currency).pending_orders += 1

    def _of(self, key: str | None, currency: str) -> Figures:
        return self._whole(currency) if key is None else self._row(key, currency)

    def _whole(self, currency: str) -> Figures:
        return self.wholes.setdefault(currency, Figures())

    def _row(self, key: str, currency: str) -> Figures:
        return self.rows.setdefault((key, currency), Figures())

    def _name(self, key: str, line: Mapping[str, Any], at: datetime) -> None:
        known = self.names.get(key)
        if known is None or known.at <= at:
            self.names[key] = Named(at, line["name"], line.get("sku", ""))
