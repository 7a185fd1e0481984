"""A plugin that the tests enable: it counts its resolvers' runs, fails, streams and takes files."""

from mercat.manifest import Manifest

manifest = Manifest(name="probe", version="1.0.0")
