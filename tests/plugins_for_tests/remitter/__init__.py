"""Somebody else's company that pays sellers, scripted."""

from mercat.manifest import Manifest

manifest = Manifest(name="remitter", version="1.0.0")
