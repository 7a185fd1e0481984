"""A plugin that writes down what it is told of stocks, and knows viewers by a header."""

from mercat.manifest import Manifest

manifest = Manifest(name="stocktaking", version="1.0.0", requires={"products": ">=0.1"})
