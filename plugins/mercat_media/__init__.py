"""Pictures that are uploaded to the shop."""

from mercat.manifest import Manifest
from mercat_media.settings import MediaSettings

manifest = Manifest(name="media", version="0.1.0", engine=">=0.1,<1", settings=MediaSettings)
