"""What became of carts, kept before they expire."""

from beanie import Document
from pydantic import Field


class ReportDayDocument(Document):
    """Carts by the quarter of an hour in which they were begun; its key is a day of UTC.

    `quarters` are from 0 to 95, each with the fields of counting.Counts in their order. A quarter
    is written once, and has no entry where no cart was begun in it.
    """

    id: str  # type: ignore[assignment]
    quarters: dict[str, list[int]] = Field(default_factory=dict)

    class Settings:
        name = "order_report_days"
