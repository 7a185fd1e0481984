"""A key management service has the master key: what is set of it, and moto's AWS KMS over TLS."""

import base64
import ipaddress
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mercat.errors import BootError, StoreError
from mercat.kms import KmsSettings
from mercat.settings import Settings, load_settings
from mercat.storage.rotation import rewrap, rotate

from .conftest import EngineFor
from .test_encryption import TOML, new_key, read, said, sealing, vault, write

# Settings

_AWS = {"provider": "aws", "key": {"region": "eu-central-1", "key": "arn:aws:kms:x"}}
_HUSH = {"access_key_id": "id", "secret_access_key": "hush"}


@pytest.mark.parametrize(
    ("table", "credentials", "key"),
    [
        (_AWS, {}, {"region": "eu-central-1", "key": "arn:aws:kms:x"}),
        (
            {**_AWS, "credentials": {**_HUSH, "session_token": "t"}},
            {"accessKeyId": "id", "secretAccessKey": "hush", "sessionToken": "t"},
            {"region": "eu-central-1", "key": "arn:aws:kms:x"},
        ),
        (
            {
                "provider": "azure",
                "credentials": {"tenant_id": "t", "client_id": "c", "client_secret": "s"},
                "key": {"key_vault_endpoint": "x.vault.azure.net", "key_name": "k"},
            },
            {"tenantId": "t", "clientId": "c", "clientSecret": "s"},
            {"keyVaultEndpoint": "x.vault.azure.net", "keyName": "k"},
        ),
        (
            {
                "provider": "gcp",
                "credentials": {"email": "e", "private_key": "cA=="},
                "key": {"project_id": "p", "location": "l", "key_ring": "r", "key_name": "k"},
            },
            {"email": "e", "privateKey": "cA=="},
            {"projectId": "p", "location": "l", "keyRing": "r", "keyName": "k"},
        ),
        (
            {"provider": "kmip", "key": {"endpoint": "h:5696", "key_id": "7"}},
            {"endpoint": "h:5696"},
            {"endpoint": "h:5696", "keyId": "7"},
        ),
    ],
    ids=["machine's own", "aws", "azure", "gcp", "kmip"],
)
def test_what_is_set_reaches_the_driver(
    table: dict[str, Any], credentials: dict[str, str], key: dict[str, str]
) -> None:
    kms = KmsSettings.model_validate(table)
    assert (kms.credentials_for_driver, kms.key_for_driver) == (credentials, key)
    assert "hush" not in repr(kms)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"provider": "aws"}, "kms.key: Field required"),
        ({"provider": "vault", "key": {}}, "kms.provider: Input should be 'aws', 'azure', 'gcp'"),
        ({**_AWS, "key": {"region": "x"}}, "kms: aws key needs key"),
        ({**_AWS, "credentials": {"access_key_id": "x"}}, "aws credentials needs secret_access_"),
        ({**_AWS, "credentials": {**_HUSH, "tokn": "x"}}, "aws credentials has no tokn; known are"),
        ({"provider": "kmip", "key": {"endpoint": "h"}, "credentials": {"x": "y"}}, "known are no"),
        ({**_AWS, "keys": {}}, "kms.keys: Extra inputs are not permitted"),
    ],
)
def test_what_the_service_has_no_use_for_is_refused_in_one_sentence(
    settings_for: Callable[..., Settings], table: dict[str, Any], words: str
) -> None:
    with pytest.raises(BootError) as refused:
        settings_for(TOML, database={"kms": table})
    assert "[database] kms" in str(refused.value)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("name", ["secret_access_key", "client_secret", "private_key"])
def test_credentials_in_engine_toml_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(f'[database.kms.credentials]\n{name} = "hush"\n')
    with pytest.raises(BootError, match="credentials is a secret; set it as MERCAT_DA"):
        load_settings(file)


def test_the_table_is_put_together_from_all_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "engine.toml"
    file.write_text('[database.kms]\nprovider = "aws"\n[database.kms.key]\nregion = "x"\n')
    secrets = '[database.kms.credentials]\naccess_key_id = "id"\nsecret_access_key = "file"\n'
    (tmp_path / ".secrets.toml").write_text(secrets)
    monkeypatch.setenv("MERCAT_DATABASE__KMS__CREDENTIALS__SECRET_ACCESS_KEY", "12e3")
    monkeypatch.setenv("MERCAT_DATABASE__KMS__KEY__KEY", "arn")
    kms = load_settings(file).database.kms
    assert kms is not None
    assert kms.credentials_for_driver == {"accessKeyId": "id", "secretAccessKey": "12e3"}
    assert kms.key_for_driver == {"region": "x", "key": "arn"}


async def test_credentials_that_the_driver_refuses_stop_the_start(engine_for: EngineFor) -> None:
    key = {"project_id": "p", "location": "l", "key_ring": "r", "key_name": "k"}
    kms = {"provider": "gcp", "key": key, "credentials": {"email": "e", "private_key": "ä"}}
    with pytest.raises(BootError, match=r"\[database.kms\] can't be used"):
        await engine_for(TOML, database={"kms": kms})


# A service


@dataclass(frozen=True)
class Service:
    """moto's AWS KMS, with the file of the certificate that it shows."""

    process: "subprocess.Popen[str]"
    url: str
    certificate: Path

    def table(self) -> dict[str, Any]:
        """`[database.kms]` with a new key of the service."""
        answer = httpx.post(
            self.url,
            json={},
            headers={
                "x-amz-target": "TrentService.CreateKey",
                "content-type": "application/x-amz-json-1.1",
                "authorization": "AWS4-HMAC-SHA256 Credential=id/20260101/us-east-1/kms/aws4_"
                "request, SignedHeaders=host, Signature=x",
            },
            verify=ssl.create_default_context(cafile=str(self.certificate)),
        )
        arn = answer.json()["KeyMetadata"]["Arn"]
        endpoint = self.url.removeprefix("https://")
        return {
            "provider": "aws",
            "credentials": _HUSH,
            "key": {"region": "us-east-1", "key": arn, "endpoint": endpoint},
            "tls_ca_file": str(self.certificate),
        }


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    certificate, key = _certificate(tmp_path)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"),
            *("-s", "-c", str(certificate), "-k", str(key)),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "Running on http" in line:
                yield Service(process, line.split("Running on ")[1].strip(), certificate)
                break
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "certificate.pem", folder / "key.pem"


async def test_a_service_wraps_the_keys_of_what_is_sealed(
    engine_for: EngineFor, service: Service, settings_for: Callable[..., Settings]
) -> None:
    table = service.table()
    engine = await engine_for(TOML, database={"kms": table})
    await write(engine, 2)
    await rotate(engine.context())
    providers = [key["masterKey"]["provider"] async for key in vault(engine).find({})]
    assert providers == ["aws"] * 3
    assert not list(settings_for(TOML).data_dir.glob("encryption-key*"))
    again = await engine_for(TOML, database={"kms": table})
    assert await read(again) == said(range(2))
    assert sealing(again).digest("ada") == sealing(engine).digest("ada")


async def test_a_shop_moves_to_a_service_to_another_key_of_it_and_away(
    engine_for: EngineFor, settings_for: Callable[..., Settings], service: Service
) -> None:
    own = new_key()
    engine = await engine_for(TOML, database={"encryption_key": own})
    await write(engine, 2)
    first, second = service.table(), service.table()
    assert first["key"] != second["key"]

    async def moved(database: dict[str, Any], old: str | None = None, *, away: bool = False) -> int:
        secret = None if old is None else base64.b64decode(old)
        return await rewrap(engine.storage, settings_for(TOML, database=database), secret, own=away)

    assert await moved({"kms": first}, own) == 2
    assert await read(await engine_for(TOML, database={"kms": first})) == said(range(2))
    assert await moved({"kms": second}) == 2
    assert await read(await engine_for(TOML, database={"kms": second})) == said(range(2))
    arns = {key["masterKey"]["key"] async for key in vault(engine).find({})}
    assert arns == {second["key"]["key"]}
    other = new_key()
    assert await moved({"kms": second, "encryption_key": other}, away=True) == 2
    assert await read(await engine_for(TOML, database={"encryption_key": other})) == said(range(2))


async def test_a_service_that_does_not_answer_stops_the_start_with_one_sentence(
    engine_for: EngineFor, service: Service
) -> None:
    table = service.table()
    await write(await engine_for(TOML, database={"kms": table}), 1)
    service.process.terminate()
    service.process.wait()
    with pytest.raises(StoreError, match="KMS request failed after 3 retries") as refused:
        await engine_for(TOML, database={"kms": table})
    assert "\n" not in str(refused.value)
    assert "timeouts" not in str(refused.value)


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    engine_for: EngineFor, service: Service
) -> None:
    table = {**service.table(), "tls_ca_file": None}
    with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
        await engine_for(TOML, database={"kms": table})
