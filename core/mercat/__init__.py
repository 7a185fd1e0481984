"""Mercat, a plugin-based headless commerce engine: what a plugin or an integrator imports."""

from mercat.context import Context, Viewer
from mercat.errors import BootError, DomainError, MercatError
from mercat.hooks import hookimpl
from mercat.manifest import Manifest

__version__ = "0.1.0"

__all__ = [
    "BootError",
    "Context",
    "DomainError",
    "Manifest",
    "MercatError",
    "Viewer",
    "__version__",
    "hookimpl",
]
