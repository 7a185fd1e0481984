"""The picture that an authenticator app's camera reads."""

import base64
import re
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

import segno

from mercat.engine import Engine
from mercat_auth.mfa import pictures, totp

from .conftest import Client, EngineFor
from .factors import ERRORS, PROOF, person
from .identity import toml_of

ENABLE = f"""mutation ($input: MfaEnableInput!) {{ mfaEnable(input: $input) {{
  enrolment {{ uri qrCode }} {ERRORS} }} }}"""
_QUIET = 4  # light modules around it (ISO/IEC 18004, 9.1)


def svg_of(uri: str) -> ET.Element:
    """The picture of a `data:` URI."""
    head, _, body = uri.partition(",")
    assert head.split(";")[0] == "data:image/svg+xml"
    content = unquote_to_bytes(body)
    return ET.fromstring(base64.b64decode(content) if head.endswith("base64") else content)


def modules_of(svg: ET.Element) -> set[tuple[int, int]]:
    """The dark modules that the picture's lines draw, by column and row, quiet zone included."""
    lines = next(each for each in svg.iter() if each.get("stroke"))
    found: set[tuple[int, int]] = set()
    column, row = 0, 0.0
    for command, given in re.findall(r"([Mmh])([-\d. ]+)", lines.attrib["d"]):
        numbers = [float(each) for each in given.split()]
        if command == "h":
            found |= {(column + i, int(row)) for i in range(int(numbers[0]))}
            column += int(numbers[0])
        else:
            base = (0, 0.0) if command == "M" else (column, row)
            column, row = base[0] + int(numbers[0]), base[1] + numbers[1]
    return found


def expected(text: str) -> set[tuple[int, int]]:
    """The dark modules of a text's QR code."""
    matrix = segno.make(text, micro=False).matrix
    return {
        (column + _QUIET, row + _QUIET)
        for row, line in enumerate(matrix)
        for column, is_dark in enumerate(line)
        if is_dark
    }


async def test_the_picture_says_what_the_address_says(engine_for: EngineFor) -> None:
    shop: Engine = await engine_for(toml_of())
    async with (client := Client(shop)).http:
        ada = await person(shop, client)
        enrolment = (await ada.ask(ENABLE, proof=PROOF))["enrolment"]
    assert enrolment["uri"].startswith("otpauth://totp/")
    drawn = modules_of(svg_of(enrolment["qrCode"]))
    assert drawn == expected(enrolment["uri"])
    assert drawn != expected(enrolment["uri"] + "0")


def test_the_longest_name_has_a_picture_too() -> None:
    address = totp.uri("A" * 32, "ä" * 100, "日" * 100)
    svg = svg_of(pictures.qr_code(address))
    assert modules_of(svg) == expected(address)
    assert "script" not in {each.tag.rpartition("}")[2] for each in svg.iter()}
