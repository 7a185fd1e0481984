from pydantic import Field, SecretStr

from mercat.manifest import PluginSettings


class ExamplepaySettings(PluginSettings):
    merchant: str
    api_key: SecretStr
    webhook_secret: SecretStr
    url: str = "https://api.examplepay.example/"
    timeout_seconds: float = Field(default=10, gt=0, lt=20)
