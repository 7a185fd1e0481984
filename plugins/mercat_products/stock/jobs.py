"""What is done to stocks at intervals."""

from datetime import timedelta

from mercat.lifecycle import Job
from mercat_products.stock.reservations import expire

JOBS = (Job(name="stock-expire-holds", every=timedelta(seconds=10), run=expire),)
