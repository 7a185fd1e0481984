"""A loyalty programme: what households of the Complete Journey paid less than the shelf's price."""

from mercat.manifest import Manifest

manifest = Manifest(name="loyalty", version="1.0.0")
