"""What a resolver is told: `info.context` is a `mercat.Context`."""

import strawberry

from mercat.context import Context

Info = strawberry.Info[Context, None]
