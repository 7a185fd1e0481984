from collections.abc import Sequence

from beanie import Document
from litestar.types import ControllerRouterHandler

from mercat.context import Context
from mercat.engine import Engine
from mercat.hooks import hookimpl
from mercat.lifecycle import Job, SealedFields
from mercat.payments import PaymentProvider
from mercat_payments_sandbox import sending
from mercat_payments_sandbox.documents import SandboxCustomerDocument, SandboxPaymentDocument
from mercat_payments_sandbox.production import check_no_production
from mercat_payments_sandbox.provider import SandboxProvider
from mercat_payments_sandbox.routes import page_routes


@hookimpl
def documents() -> Sequence[type[Document]]:
    return [SandboxPaymentDocument, SandboxCustomerDocument]


@hookimpl
def sealed_fields() -> Sequence[SealedFields]:
    return [SealedFields(SandboxPaymentDocument, ("kept",))]


@hookimpl
def routes(engine: Engine) -> Sequence[ControllerRouterHandler]:
    return page_routes(engine)


@hookimpl
def scheduled_jobs() -> Sequence[Job]:
    return sending.JOBS


@hookimpl
def payment_providers(context: Context) -> Sequence[PaymentProvider]:
    check_no_production(context)
    return [SandboxProvider(context)]
