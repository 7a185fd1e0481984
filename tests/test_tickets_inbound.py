"""Mail that comes in is read whatever it is, and nothing harmful comes out of it."""

import time
import tomllib
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercat.errors import InvalidError
from mercat_tickets.inbound import addresses, signatures
from mercat_tickets.inbound.cleaning import file_name
from mercat_tickets.inbound.loops import LoopReason, loop_reason
from mercat_tickets.inbound.mails import InboundMail, Mailbox, MailLimits, UnreadableMailError
from mercat_tickets.inbound.parsing import read_mail
from mercat_tickets.inbound.quoting import new_part
from mercat_tickets.inbound.sanitising import sanitised, text_of
from mercat_tickets.inbound.signatures import SignatureError

KEY = b"k" * 32
OLD_KEY = b"o" * 32
MAILBOX = "support@shop.example"

GMAIL = b"""\
Delivered-To: support+7-abc@shop.example
Return-Path: <ana@example.com>
Received: by 2002:a05:6a10 with SMTP id x; Tue, 05 Mar 2024 01:11:12 -0800 (PST)
MIME-Version: 1.0
References: <1.a@shop.example> <2.b@shop.example>
In-Reply-To: <2.b@shop.example>
From: =?UTF-8?B?QW5hIE3DvGxsZXI=?= <ana@Example.COM>
Date: Tue, 5 Mar 2024 10:11:00 +0100
Message-ID: <CAF+abc=x@mail.gmail.com>
Subject: =?UTF-8?Q?Re=3A_Gr=C3=B6=C3=9Fe?=
 =?UTF-8?Q?_falsch?=
To: Shop <support@shop.example>, "Doe, J." <j@example.org>
Cc: other@example.org
Content-Type: multipart/mixed; boundary="m"

--m
Content-Type: multipart/alternative; boundary="a"

--a
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe, es passt nicht.
--a
Content-Type: text/html; charset="UTF-8"

<div>Es passt <b>nicht</b>. <img src="cid:p1"></div>
--a--
--m
Content-Type: image/png; name="a.png"
Content-Disposition: inline; filename*=UTF-8''Gr%C3%B6%C3%9Fe.png
Content-ID: <p1@mail>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--m
Content-Type: application/ms-tnef; name="winmail.dat"

x
--m--
"""


def mail(headers: str = "", body: str = "Hello") -> InboundMail:
    return read_mail(f"From: ana@example.com\n{headers}\n{body}".encode())


def test_a_mail_with_files_and_two_bodies_is_read() -> None:
    found = read_mail(GMAIL.replace(b"\n", b"\r\n"))
    assert found.sender == Mailbox("ana@example.com", "Ana Müller")
    assert found.subject == "Re: Größe falsch"
    assert found.text.strip() == "Grüße, es passt nicht."
    assert "<b>nicht</b>" in found.html
    assert found.message_id == "CAF+abc=x@mail.gmail.com"
    assert found.in_reply_to == "2.b@shop.example"
    assert found.references == ("1.a@shop.example", "2.b@shop.example")
    assert found.date == datetime(2024, 3, 5, 9, 11, tzinfo=UTC)
    assert found.recipients == (
        "support+7-abc@shop.example",
        "support@shop.example",
        "j@example.org",
        "other@example.org",
    )
    (picture,) = found.attachments  # TNEF is left out
    assert (picture.name, picture.content_type) == ("Größe.png", "image/png")
    assert (picture.data, picture.content_id) == (b"\x89PNG\r\n\x1a\n", "p1@mail")
    assert not found.cut
    assert "Grüße" not in repr(found)


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("iso-8859-1", "Größe €".encode("cp1252"), "Größe €"),
        ("no-such-charset", "Größe".encode(), "Größe"),
        ("us-ascii", "Größe".encode(), "Größe"),
        ("utf-8", b"Gr\xf6\xdfe", "Gr\ufffd\ufffde"),
        ("gb2312", "尺寸".encode("gb18030"), "尺寸"),
        ("punycode", b"abc-", "abc-"),
        ("rot13", b"abc", "abc"),
        ("koi8-r", "размер".encode("koi8-r"), "размер"),
    ],
)
def test_a_wrong_charset_loses_no_more_than_it_must(charset: str, raw: bytes, text: str) -> None:
    head = f"From: a@b.example\nContent-Type: text/plain; charset={charset}\n\n".encode()
    assert read_mail(head + raw).text == text


def test_headers_in_eight_bits_are_read() -> None:
    utf8 = read_mail("From: Jörg <j@b.example>\nSubject: Größe\n\nx".encode())
    assert (utf8.sender, utf8.subject) == (Mailbox("j@b.example", "Jörg"), "Größe")
    assert read_mail(b"From: j@b.example\nSubject: Gr\xf6\xdfe\n\nx").subject == "Größe"


@pytest.mark.parametrize(
    "header",
    [
        "Subject: =?utf-8?q?a=0D=0ABcc:_x@y.example?=",
        "Subject: =?utf-8?b?YQ0KQmNjOiB4QHkuZXhhbXBsZQ==?=",
        "Subject: a\x00\x0b\n\tBcc:\u202e x@y.example",
    ],
)
def test_a_subject_is_one_line_without_controls(header: str) -> None:
    assert mail(f"{header}\n").subject == "a Bcc: x@y.example"


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\b.pdf", "b.pdf"),
        ("..", "attachment"),
        ("", "attachment"),
        (".htaccess", "htaccess"),
        ("a\r\nb\0.txt", "a b .txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a" * 300 + ".pdf", "a" * 116 + ".pdf"),
        ('a<b>"c|d?.txt', "a_b__c_d_.txt"),
    ],
)
def test_a_file_name_is_a_harmless_one(given_name: str, name: str) -> None:
    assert file_name(given_name) == name


def test_names_of_files_are_read_as_programs_write_them() -> None:
    headers = [
        'Content-Disposition: attachment; filename="=?utf-8?Q?Gr=C3=B6=C3=9Fe.txt?="',
        "Content-Disposition: attachment; filename*0*=utf-8''Gr%C3%B6; filename*1*=%C3%9Fe.txt",
        'Content-Type: text/plain; name="=?iso-8859-1?Q?Gr=F6=DFe.txt?="',
    ]
    assert [mail(f"{one}\n").attachments[0].name for one in headers] == ["Größe.txt"] * 3


def test_a_forwarded_mail_is_a_file() -> None:
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "a@b.example", "Fwd"
    outer.set_content("see below")
    inner = EmailMessage()
    inner["From"] = "c@d.example"
    inner.set_content("the other mail")
    outer.add_attachment(inner)
    found = read_mail(outer.as_bytes())
    assert found.text.strip() == "see below"
    assert found.attachments[0].name == "message.eml"
    assert b"the other mail" in found.attachments[0].data


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n\n", b"hello", b'{"from": "a"}', b"\x00" * 100, b"A: b\n\nhi", bytes(range(256))],
)
def test_what_is_no_mail_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableMailError, match="no mail"):
        read_mail(raw)


BOUNDARIES = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(45)
)


def test_mails_larger_than_a_mail_may_be_are_refused_or_cut() -> None:
    start = b"From: a@b.example\n"
    with pytest.raises(UnreadableMailError, match="1000 bytes"):
        read_mail(start + b"\n" + b"x" * 1000, MailLimits(bytes=1000))
    with pytest.raises(UnreadableMailError, match="600000 lines"):
        read_mail(start + b"\n" * 1_200_001)
    with pytest.raises(UnreadableMailError, match="20000 parts"):
        read_mail(start + b"\n--" * 20_002)
    with pytest.raises(UnreadableMailError, match="50 parts that have parts"):
        read_mail(start + BOUNDARIES * 2)
    assert read_mail(start + BOUNDARIES).cut  # 45 deep
    files = b"--b\nContent-Disposition: attachment; filename=a\n\nhello\n" * 10_000
    many = read_mail(start + b"Content-Type: multipart/mixed; boundary=b\n\n" + files)
    assert (len(many.attachments), many.cut) == (50, True)
    long = read_mail(start + b"\n" + b"x" * 5_000_000)
    assert (len(long.text), long.cut) == (1_000_000, True)


@pytest.mark.parametrize(
    "header",
    [
        b"To: " + b'"' * 100_000,
        b"To: " + b"(" * 100_000,
        (b"To: " + b'"' * 4000 + b"\n") * 500 + b"X: y",
        b"Subject: " + b"=?utf-8?q?a?= " * 10_000,
        b"Content-Type: a/b; " + b"(;" * 50_000,
        b"Content-Type: multipart/mixed; " + b'a="' * 50_000,
        b"References: " + b"<a@b> " * 100_000,
    ],
    ids=["quotes", "comments", "headers", "words", "parameters", "open", "references"],
)
def test_headers_made_to_take_long_do_not(header: bytes) -> None:
    started = time.process_time()
    read_mail(b"From: a@b.example\n" + header + b"\n\nhi")
    assert time.process_time() - started < 2


LINES = st.sampled_from(
    [
        *GMAIL.splitlines(keepends=True),
        b"From: <<>@,\n",
        b"From: @\n",
        b'To: a@b, (c, "d\n',
        b"To: undisclosed-recipients:;\n",
        b"Date: 99 Foo 20240 99:99:99 +9999\n",
        b"Date: Tue, 5 Mar 0001 00:00:00 +2359\n",
        b"Message-ID: <[\n",
        b"Subject: =?utf-8?b?////=?= =?x?q?\xff?=\n",
        b"Content-Type: ; boundary=\n",
        b"Content-Type: multipart/mixed; boundary*0*=%%%\n",
        b"Content-Type: text/plain; charset*=x'y'%ff\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Disposition: attachment; filename*=utf-8''%ff%\n",
        b"Content-Transfer-Encoding: uuencode\n",
        b"Content-Transfer-Encoding: base64\n",
        b"begin 666 x\n",
        b"\n",
        b"\r",
        b"\x80\xff\0",
    ]
)


@given(st.lists(LINES, max_size=40), st.binary(max_size=50))
def test_no_mail_is_too_broken_to_end_in_another_error(lines: list[bytes], rest: bytes) -> None:
    try:
        found = read_mail(b"".join(lines) + rest)
    except UnreadableMailError:
        return
    written = [found.subject, found.text, found.html, *found.recipients, *found.headers.values()]
    assert "\n" not in found.subject
    "".join([*written, *(one.name for one in found.attachments)]).encode()  # no lone surrogates
    new_part(found.text or text_of(found.html))
    loop_reason(found)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ("X-Mercat-Loop: 1\n", LoopReason.OWN_MAIL),
        ("Message-ID: <abc@shop.example>\n", LoopReason.OWN_MAIL),
        ("Content-Type: multipart/report; boundary=x\n", LoopReason.DELIVERY_REPORT),
        ("Return-Path: <>\n", LoopReason.EMPTY_RETURN_PATH),
        ("Auto-Submitted: auto-replied\n", LoopReason.AUTO_SUBMITTED),
        ("Auto-Submitted: Auto-Generated (vacation)\n", LoopReason.AUTO_SUBMITTED),
        ("X-Autoreply: yes\n", LoopReason.AUTO_RESPONSE),
        ("X-Autorespond: Re: hi\n", LoopReason.AUTO_RESPONSE),
        ("List-Id: <l.example.org>\n", LoopReason.MAILING_LIST),
        ("List-Unsubscribe: <mailto:a@b>\n", LoopReason.MAILING_LIST),
        ("Precedence: Bulk\n", LoopReason.PRECEDENCE),
        ("Precedence: auto_reply\n", LoopReason.PRECEDENCE),
        ("X-Auto-Response-Suppress: DR, OOF, AutoReply\n", LoopReason.SUPPRESSED),
        ("Auto-Submitted: no\n", None),
        ("Auto-Submitted: No (a person)\n", None),
        ("Precedence: first-class\n", None),
        ("X-Auto-Response-Suppress: None\n", None),
        ("X-Auto-Response-Suppress: DR, RN, NRN\n", None),
        ("Return-Path: <ana@example.com>\n", None),
        ("Message-ID: <abc@mail.example.com>\n", None),
    ],
)
def test_what_machines_send_is_told_from_what_people_write(
    headers: str, reason: LoopReason | None
) -> None:
    assert loop_reason(mail(headers), own_domains=["shop.example"]) == reason


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        ("MAILER-DAEMON", LoopReason.SYSTEM_SENDER),
        ("Mail <Mailer-Daemon@mx.example.com>", LoopReason.SYSTEM_SENDER),
        ("postmaster@example.com", LoopReason.SYSTEM_SENDER),
        ("no-reply@example.com", LoopReason.SYSTEM_SENDER),
        ("do_not_reply+77@example.com", LoopReason.SYSTEM_SENDER),
        ("Support@Shop.example", LoopReason.OWN_MAIL),
        ("support+7-abc@shop.example", LoopReason.OWN_MAIL),
        ("norah.eply@example.com", None),
        ("support@other.example", None),
    ],
)
def test_machines_are_known_by_their_addresses(sender: str, reason: LoopReason | None) -> None:
    found = read_mail(f"From: {sender}\n\nhi".encode())
    assert loop_reason(found, own_addresses=["support@shop.example"]) == reason


XSS = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</script>",
    "<svg onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<img src=x onerror=alert(1)>",
    "<img src='cid:x' onerror='alert(1)'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='cid:x'>x</a>",
    "<style>@import 'http://evil.example';</style>",
    "<div style='background:url(http://evil.example)'>x</div>",
    "<form action='http://evil.example'><input name=p><button>x</button></form>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href='http://evil.example'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object><embed src=x>",
    "<link rel=stylesheet href=http://evil.example>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<textarea><img src=x onerror=alert(1)></textarea>",
    "<xmp><script>alert(1)</script></xmp>",
    "<body onload=alert(1) background=http://evil.example>x</body>",
    "<video poster=http://evil.example><source src=http://evil.example></video>",
    "<img src='http://evil.example/pixel.gif' width=1 height=1>",
    "<img srcset='http://evil.example/a.png 2x' src='data:image/png;base64,x'>",
    "<table background='http://evil.example'><tr><td background=x>y</td></tr></table>",
    "<!--[if mso]><script>alert(1)</script><![endif]-->",
    "<a id=x name=y class=z target=_blank href='https://good.example'>x</a>",
    "<p title='a' onclick=alert(1) contenteditable>x",
]
BAD = ["<script", "alert(1)>", "onerror=", "onload=", "javascript:", "style", "evil.example", "<im"]


@pytest.mark.parametrize("html", XSS)
def test_html_comes_out_harmless_and_stays_so(html: str) -> None:
    found = sanitised(f"<p>before</p>{html}")
    assert found.startswith("<p>before</p>")
    rest = found.replace('<img src="cid:x">', "")
    assert not [one for one in BAD if one in rest.lower().replace("&lt;", "")], found
    assert not [one for one in (" on", " id=", " class=", " target=", "data:") if one in found]
    assert sanitised(found) == found
    assert "evil.example" not in text_of(html).replace("url=http://evil.example", "")


def test_harmless_html_stays_and_links_are_safe() -> None:
    html = (
        '<p>A <b>b</b> <img src="cid:p1@mail" alt="photo"></p><ul><li>x</li></ul>'
        '<a href="https://good.example/?a=1&amp;b=2" title="t">x</a>'
        ' <a href="mailto:a@b.example">m</a>'
    )
    rel = ' rel="noopener noreferrer nofollow"'
    assert sanitised(html) == html.replace('title="t"', f'title="t"{rel}').replace(
        'b.example"', f'b.example"{rel}'
    )


@given(st.text(alphabet="<>/=\"'! abiscpt&;#\n-", max_size=80))
def test_sanitising_twice_changes_nothing(html: str) -> None:
    found = sanitised(html)
    assert sanitised(found) == found


@pytest.mark.gate
def test_deep_html_takes_no_long() -> None:
    started = time.process_time()
    sanitised("<div>" * 200_000)
    assert time.process_time() - started < 6


def test_html_becomes_text() -> None:
    html = """<html><head><title>no</title><style>p{}</style></head><body>
      <h1>Order  1001</h1><p>Hello&nbsp;there,<br>it is <b>late</b> &lt;sic&gt;.</p>
      <ul><li>one</li><li>two</li></ul>
      <table><tr><td>Size</td><td>42</td></tr></table>
      <p>See <a href="https://a.example/x">the page</a> or <a href="https://b.example">https://b.example</a>
      or <a href="mailto:a@b.example">a@b.example</a></p>
      <pre>a
  b</pre>
      <div>On 5 Mar 2024 at 10:11 Shop wrote:</div>
      <blockquote><p>Dear Ana</p><p>Bye</p></blockquote>
      </body></html>"""
    assert text_of(html).split("\n") == [
        "Order 1001",
        "",
        "Hello there,",
        "it is late <sic>.",
        "",
        "- one",
        "- two",
        "Size | 42",
        "",
        "See the page <https://a.example/x> or https://b.example or a@b.example",
        "",
        "a",
        "  b",
        "",
        "On 5 Mar 2024 at 10:11 Shop wrote:",
        "",
        "> Dear Ana",
        ">",
        "> Bye",
    ]


REPLIES = tomllib.loads(Path(__file__).with_name("replies.toml").read_text())


@pytest.mark.parametrize("name", sorted(REPLIES))
def test_the_new_part_of_a_reply_is_found(name: str) -> None:
    assert new_part(REPLIES[name]["text"]) == REPLIES[name]["new"]


@pytest.mark.parametrize(
    "text",
    ["On 5 10:11 a" * 20_000, "On 1:11 \n" * 25_000, "From: \n" * 25_000, "a:\n" * 75_000,
     "On 1:11 wrote on:\n" * 12_000, "--\n" * 75_000, " \n" * 100_000, "schrieb am @:\n" * 15_000],
    ids=["long", "many", "headers", "colons", "sentences", "dashes", "empty", "late"],
)  # fmt: skip
def test_no_text_takes_long_to_part(text: str) -> None:
    started = time.process_time()
    assert isinstance(new_part(text), str)
    assert time.process_time() - started < 2


@given(st.integers(1, 10**12), st.sampled_from(["support", "a.b", "shop+help"]))
def test_a_ticket_is_found_by_its_address_however_it_is_spelt(number: int, local: str) -> None:
    mailbox = f"{local}@Shop.example"
    made = addresses.make(number, KEY, mailbox)
    assert len(made.rpartition("@")[0]) <= 64
    others = ["x", "", "@", mailbox, "support+1-aaaaaaaaaaaaaaaa@shop.example"]
    for spelt in (made, made.lower(), made.upper()):
        assert addresses.read([*others, spelt], mailbox.upper(), [OLD_KEY, KEY]) == number
    assert addresses.read([made], mailbox, [OLD_KEY]) is None
    assert addresses.read([made], mailbox, []) is None
    assert addresses.read([made], f"x{mailbox}", [KEY]) is None
    assert addresses.read([made.replace("Shop.", "evil.")], mailbox, [KEY]) is None
    assert addresses.read([made.replace(f"{number}-", f"{number + 1}-")], mailbox, [KEY]) is None
    assert addresses.read([made.replace(f"{number}-", f"0{number}-")], mailbox, [KEY]) is None


def test_a_mailbox_without_room_for_a_code_is_refused() -> None:
    for mailbox in ("a" * 46 + "@shop.example", "shop.example", "@shop.example", "a@"):
        with pytest.raises(InvalidError, match="no address, or too long"):
            addresses.make(7, KEY, mailbox)
    with pytest.raises(ValueError, match="at least 16 bytes"):
        addresses.make(7, b"short", MAILBOX)
    with pytest.raises(ValueError, match="at least 1"):
        addresses.make(0, KEY, MAILBOX)


SECRET = signatures.secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
BODY = b"From: a@b.example\n\n\xff raw"


def test_a_signature_is_that_of_the_standard() -> None:
    """Made with the reference implementation, standardwebhooks 1.1.0."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    found = signatures.verify(b'{"test": 2432232314}', headers, [SECRET], now=1614265330)
    assert found == headers["webhook-id"]


def test_a_message_is_taken_with_each_secret_of_a_rotation() -> None:
    old = b"o" * 32
    for secret in (SECRET, old):
        headers = signatures.signed(secret, "msg_1", BODY)
        assert signatures.verify(BODY, headers, [SECRET, old]) == "msg_1"
    both = signatures.signed(SECRET, "msg_1", BODY, 1000)
    other = signatures.signed(old, "msg_1", BODY, 1000)
    both["webhook-signature"] = f"v1a,xx {other['webhook-signature']} {both['webhook-signature']}"
    assert signatures.verify(BODY, both, [SECRET], now=1300) == "msg_1"


@pytest.mark.parametrize(
    ("changed", "now"),
    [
        ({"webhook-id": "msg_2"}, 1000),
        ({"webhook-id": ""}, 1000),
        ({"webhook-id": "msg.1"}, 1000),
        ({"webhook-timestamp": "1001"}, 1000),
        ({"webhook-timestamp": "1000.0"}, 1000),
        ({"webhook-timestamp": "-1000"}, 1000),
        ({"webhook-timestamp": "9" * 5000}, 1000),
        ({"webhook-timestamp": "\u0661000"}, 1000),
        ({"webhook-signature": ""}, 1000),
        ({"webhook-signature": "v1,"}, 1000),
        ({"webhook-signature": "v1 \udcff v1,\u00fc"}, 1000),
        ({"webhook-signature": "v2,AAAA"}, 1000),
        ({}, 1301),
        ({}, 699),
    ],
)
def test_a_forged_or_old_message_is_refused(changed: dict[str, str], now: int) -> None:
    headers = signatures.signed(SECRET, "msg_1", BODY, 1000) | changed
    with pytest.raises(SignatureError):
        signatures.verify(BODY, headers, [SECRET], now=now)


def test_another_body_or_secret_is_refused() -> None:
    headers = signatures.signed(SECRET, "msg_1", BODY, 1000)
    for body, secrets in ((BODY + b"x", [SECRET]), (BODY, [b"o" * 32]), (BODY, [])):
        with pytest.raises(SignatureError, match="somebody else"):
            signatures.verify(body, headers, secrets, now=1000)
    with pytest.raises(SignatureError, match="not signed"):
        signatures.verify(BODY, {}, [SECRET])


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_!!!", "c2hvcnQ=", "whsec_" + "A" * 200])
def test_a_weak_secret_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as caught:
        signatures.secret_of(text)
    assert "!" not in str(caught.value)
    assert "A" not in str(caught.value)
