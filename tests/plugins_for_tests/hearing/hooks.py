"""What it wants to hear, and does nothing about."""

from mercat import hookimpl


@hookimpl
async def user_registered() -> None:
    pass


@hookimpl
async def signed_in() -> None:
    pass


@hookimpl
async def signed_out() -> None:
    pass


@hookimpl
async def user_erased() -> None:
    pass


@hookimpl
async def cart_abandoned() -> None:
    pass
