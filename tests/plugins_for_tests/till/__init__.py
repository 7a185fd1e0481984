"""Somebody else's payment service, scripted: its methods are named after what they answer."""

from mercat.manifest import Manifest

manifest = Manifest(name="till", version="1.0.0")
