"""What tests of a plugin need: a real engine on real stores, its clients, and servers beside it.

It comes with `pip install 'mercat[testing]'`. See docs/payment-plugin.md for a plugin that is
tested with it.
"""

from mercat.testing.clients import Client
from mercat.testing.servers import served
from mercat.testing.shops import opened, requirements, settings_of
from mercat.testing.stores import Stores, running_stores

__all__ = ["Client", "Stores", "opened", "requirements", "running_stores", "served", "settings_of"]
