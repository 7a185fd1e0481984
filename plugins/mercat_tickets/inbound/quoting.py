"""The new part of a reply, without the history it quotes and the signature below it.

What mail programs put above a quotation is known in English, German and French, and in short in
Spanish, Italian, Dutch, Portuguese and Swedish. Forwarded mails are no history: they are why their
sender writes.
"""

import re
from collections.abc import Sequence

_SPACES = re.compile("[\u00a0\u2007\u202f\u200b\t ]+")
_MOST_WRAPPED = 4  # lines that the sentence above a quotation is broken into
_LONGEST_SENTENCE = 400
_LONGEST_SIGNATURE = 15
_LEAST_HEADERS = 3
_MOST_HEADERS = 12

_SENTENCE = re.compile(
    r"(?:On .+ wrote|.+ wrote on .+"
    r"|(?:Am|Den) .+ (?:schrieb|skrev) .+|.+ schrieb am .+"
    r"|Le .+ a écrit|.+ a écrit le .+"
    r"|El .+ escribió|Il .+ ha scritto|Op .+ schreef .+|Em .+ escreveu"
    r"|\d{4}-\d\d-\d\d .+<[^<>]+>) ?:",
    re.IGNORECASE,
)
_MOMENT = re.compile(r"\d[:h]\d\d|@")
"""A sentence above a quotation tells when it was written, or by which address."""

_SEPARATOR = re.compile(
    r"[-_]{3,} ?(?:Original Message|Original Appointment|Ursprüngliche Nachricht"
    r"|Original-?nachricht|Message d['\u2019]origine|Mensaje original|Messaggio originale"
    r"|Oorspronkelijk bericht|Mensagem original) ?[-_]{3,}",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"-{3,} ?(?:Forwarded message|Weitergeleitete Nachricht|Message transféré"
    r"|Mensaje reenviado|Messaggio inoltrato|Doorgestuurd bericht) ?-{3,}"
    r"|(?:Begin forwarded message|Anfang der weitergeleiteten (?:Nachricht|E-Mail)"
    r"|Début du message (?:transféré|réexpédié)) ?:",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-_]{3,}")
_HEADER = re.compile(r"\*?([^\W\d_][\w -]{0,15}?) ?: ?\*?(?: .*|[^ ]*@.*|)")
_FROM = {"from", "von", "de", "da", "van", "från"}
_OTHERS = set(
    """
    sent date to cc bcc subject importance gesendet datum an kopie betreff priorität envoyé à objet
    enviado para asunto fecha inviato data a oggetto verzonden aan onderwerp assunto skickat till
    ämne
    """.split()  # noqa: SIM905  a list of forty quoted words is no easier to read
)
_DEVICE = re.compile(
    r"(?:Sent from (?:my|Outlook|Mail for|Yahoo) ?.*|Get Outlook for .*"
    r"|(?:Diese Nachricht wurde )?von meinem .+ gesendet\.?"
    r"|Gesendet (?:von meine|von (?:Mail|Outlook) für|von Outlook|mit der|aus der).*"
    r"|(?:Holen Sie sich )?Outlook für (?:iOS|Android).*"
    r"|Envoyé (?:de mon|depuis mon|depuis l|depuis Outlook|à partir de) ?.*"
    r"|(?:Télécharge[rz]|Obtenir|Obtenez) Outlook pour .*"
    r"|Enviado desde mi .*|Inviato da(?:l mio)? .*|Verzonden vanaf mijn .*|Enviado do meu .*)",
    re.IGNORECASE,
)
_LONGEST_DEVICE = 120


def new_part(text: str) -> str:
    """What its sender wrote: the text without quotations, history and signature.

    Answers between and below quotations stay. Where nothing is left the whole text is given.
    """
    lines = text.split("\n")
    kept, forwarded = _split([_SPACES.sub(" ", one).strip() for one in lines])
    own = "\n".join(_without_signature([lines[i].rstrip() for i in kept]))
    found = own + "\n\n" + "\n".join(lines[forwarded:])
    return re.sub(r"\n{3,}", "\n\n", found).strip() or text.strip()


def _split(lines: Sequence[str]) -> tuple[list[int], int]:
    """Which lines are the sender's own, and where a forwarded mail begins."""
    own: list[int] = []
    at = 0
    while at < len(lines):
        if _FORWARD.fullmatch(lines[at]):
            return own, at
        if _SEPARATOR.fullmatch(lines[at]) or _is_header_block(lines, at):
            break
        if end := _sentence_end(lines, at):
            if not _is_quoted_after(lines, end):
                break
            at = end
            continue
        if not lines[at].startswith(">"):
            own.append(at)
        at += 1
    return own, len(lines)


def _sentence_end(lines: Sequence[str], at: int) -> int:
    """The line after a sentence such as "On Monday ... wrote:"; 0 where there is none."""
    found = ""
    for end in range(at, min(at + _MOST_WRAPPED, len(lines))):
        line = lines[end]
        if not line or len(found) + len(line) > _LONGEST_SENTENCE:
            return 0
        found = f"{found} {line}".strip()
        if line.endswith(":"):
            is_one = _MOMENT.search(found) and _SENTENCE.fullmatch(found)
            return end + 1 if is_one else 0
    return 0


def _is_quoted_after(lines: Sequence[str], at: int) -> bool:
    following = next((one for one in lines[at : at + _MOST_WRAPPED] if one), "")
    return following.startswith(">")


def _is_header_block(lines: Sequence[str], at: int) -> bool:
    """Whether the headers of an older mail stand here, as Outlook writes them."""
    if _header(lines[at]) not in _FROM:
        return False
    names: set[str] = set()
    for line in lines[at : at + _MOST_HEADERS]:
        if not line:
            break
        names.add(_header(line))
    return len(names & (_FROM | _OTHERS)) >= _LEAST_HEADERS


def _header(line: str) -> str:
    found = _HEADER.fullmatch(line)
    return found[1].lower() if found else ""


def _without_signature(lines: Sequence[str]) -> list[str]:
    """Lines without a signature (RFC 3676, 4.3) and without what a device says of itself."""
    end = _signature_start(lines)
    while end and _is_end_matter(lines[end - 1].strip()):
        end -= 1
    return list(lines[:end])


def _signature_start(lines: Sequence[str]) -> int:
    """The first line of two dashes that has few enough lines below it."""
    start, below = len(lines), 0
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at].strip()
        if line == "--" and below:
            start = at
        below += bool(line)
        if below > _LONGEST_SIGNATURE:
            break
    return start


def _is_end_matter(line: str) -> bool:
    if not line or _RULE.fullmatch(line):
        return True
    return len(line) <= _LONGEST_DEVICE and bool(_DEVICE.fullmatch(line))
