"""What a resolver is told: `info.context` is a `mercat.Context`."""

import strawberry

from mercat.context import Context

Info = strawberry.Info[Context, None]


def idempotency_key(info: Info, given: str | None) -> str | None:
    """The key of a mutation: that of its input, else the request's `Idempotency-Key` header.

    The header is one for all mutations of a document; their response keys tell them apart. Both
    forms of the header count: a string in quotation marks, and the bare one of Stripe's API
    (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header).
    """
    header = info.context.idempotency_key
    if given is not None or not header:
        return given
    return f"{info.path.key}:{header.strip().strip(chr(34))}"
