from pydantic import Field, SecretStr

from mercat.manifest import PluginSettings

_URL = r"^https?://[^\s?#]+$"


class MediaSettings(PluginSettings):
    """`[plugins.media]`."""

    max_bytes: int = Field(default=20_000_000, ge=1_000, le=1_000_000_000)
    """The largest file that may be uploaded."""

    max_pixels: int = Field(default=50_000_000, ge=10_000, le=500_000_000)
    """The most pixels that an uploaded picture may have."""

    max_seconds: int = Field(default=60, ge=1, le=600)
    """How long one picture may be worked on."""

    max_memory_bytes: int = Field(default=4_000_000_000, ge=500_000_000)
    """The most address space that work on one picture may have."""

    jobs: int = Field(default=2, ge=1, le=64)
    """How many pictures each worker process works on at once."""

    max_waiting: int = Field(default=50, ge=1)
    """How many uploads may wait for that in each worker process."""

    public_url: str | None = Field(default=None, pattern=_URL)
    """Where the pictures lie for everybody, such as a CDN's address; without it `/media`."""

    s3_bucket: str | None = None
    """The bucket of an S3-compatible store; without it pictures lie in the shop's data folder."""

    s3_endpoint: str | None = Field(default=None, pattern=_URL)
    """The store's address; without it Amazon's for the region."""

    s3_region: str = "us-east-1"
    """The bucket's region."""

    s3_prefix: str = Field(default="", pattern=r"^([A-Za-z0-9_.-]+/)*$")
    """What stands before the name of each object, such as `shop/`."""

    s3_access_key_id: SecretStr | None = None
    """The access key; without it the environment's own, such as a role."""

    s3_secret_access_key: SecretStr | None = None
    """What belongs to the access key."""

    @property
    def largest_upload(self) -> int:
        """See mercat.graphql.uploads."""
        return self.max_bytes
