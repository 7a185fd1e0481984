"""What the mutations of sellers take."""

from enum import Enum

import strawberry


@strawberry.enum(description="What somebody is on a seller's staff.")
class SellerRank(Enum):
    OWNER = strawberry.enum_value(
        "owner", description="Does everything for the seller, its staff included."
    )
    MANAGER = strawberry.enum_value("manager", description="Changes how the seller is shown.")
    STAFF = strawberry.enum_value("staff", description="Works on its offers and orders.")


@strawberry.input(description="An application to sell in the shop.")
class SellerApplyInput:
    name: str = strawberry.field(description="The seller's name.")
    slug: str | None = strawberry.field(
        default=None, description="Its name in URLs; made from its name where left out."
    )
    about: str | None = strawberry.field(default=None, description="What it says of itself.")


@strawberry.input(description="What is to change of a seller; what is left out stays.")
class SellerUpdateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    version: int | None = strawberry.field(default=None, description="The version that was read.")
    name: str | None = strawberry.field(default=None, description="Its name.")
    slug: str | None = strawberry.field(default=None, description="Its name in URLs.")
    about: str | None = strawberry.field(default=None, description="What it says of itself.")


@strawberry.input(description="A seller that something is done to.")
class SellerApproveInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="A seller to be let in again.")
class SellerReinstateInput:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.input(description="An application to be refused.")
class SellerRejectInput:
    id: strawberry.ID = strawberry.field(description="The seller's id.")
    reason: str = strawberry.field(default="", description="Why; for the audit log.")


@strawberry.input(description="A seller to be taken out of the shop for now.")
class SellerSuspendInput:
    id: strawberry.ID = strawberry.field(description="Its id.")
    reason: str = strawberry.field(default="", description="Why; for the audit log.")


@strawberry.input(description="A seller that gives up for good.")
class SellerCloseInput:
    seller_id: strawberry.ID = strawberry.field(description="Its id.")
    reason: str = strawberry.field(default="", description="Why; for the audit log.")


@strawberry.input(description="Somebody to be asked onto a seller's staff.")
class SellerMemberInviteInput:
    id: strawberry.ID = strawberry.field(description="The seller's id.")
    email: str = strawberry.field(description="The person's address; an e-mail goes there.")
    rank: SellerRank = strawberry.field(
        default=SellerRank.STAFF, description="What the person will be."
    )


@strawberry.input(description="An invitation that is accepted.")
class SellerInvitationAcceptInput:
    token: str = strawberry.field(description="What stands in the link of the e-mail.")


@strawberry.input(description="Somebody to be taken off a seller's staff.")
class SellerMemberRemoveInput:
    id: strawberry.ID = strawberry.field(description="The seller's id.")
    user_id: strawberry.ID = strawberry.field(description="The id of the user.")
