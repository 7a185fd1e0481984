"""Accounts, how people prove who they are, and what they may do."""

from mercat.manifest import Manifest
from mercat_auth.settings import AuthSettings

manifest = Manifest(name="auth", version="0.1.0", engine=">=0.1,<1", settings=AuthSettings)
