"""Secrets of many kinds, as programs print them; anew for each place, so that a find names its origin."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

MARK = "QZ7"
"""In every secret but card numbers, so that what leaked is found by one search."""
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, kw_only=True)
class Planted:
    """`secret` may be nowhere; `text` is how it comes. `kind` and `place` say which it was."""

    kind: str
    place: str
    secret: str
    text: str


class Garden:
    """Makes secrets from a seed and remembers them all."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self.all: list[Planted] = []

    def plant(self, kind: str, place: str) -> Planted:
        make, template = KINDS[kind]
        secret = make(self)
        encode = _ENCODERS.get(kind)
        planted = Planted(
            kind=kind,
            place=place,
            secret=encode(secret) if encode else secret,
            text=template.replace("¤", encode(secret) if encode else secret),
        )
        self.all.append(planted)
        return planted

    def fitting(self, kind: str, place: str, *, limit: int, one_line: bool = True) -> str:
        """Its text, or a harmless word where it is too long or has lines."""
        make = self.plant(kind, place)
        if len(make.text) <= limit and make.text.isascii() and not (one_line and "\n" in make.text):
            return make.text
        self.all.remove(make)
        return "fine"

    def word(self, length: int, letters: str = _LETTERS) -> str:
        """It has digits and letters, as generated secrets do, and the mark in its midst."""
        start = "".join(self._random.choice(letters) for _ in range(5))
        end = "".join(self._random.choice(letters) for _ in range(length - 5 - len(MARK)))
        return f"{start}{MARK}{end}"

    def card(self) -> str:
        digits = [4, *(self._random.randrange(10) for _ in range(14))]
        doubled = [divmod(2 * digit, 10) for digit in digits[::-2]]
        total = sum(digits[-2::-2]) + sum(tens + ones for tens, ones in doubled)
        return "".join(map(str, [*digits, -total % 10]))


def _word(length: int = 20, letters: str = _LETTERS) -> Callable[[Garden], str]:
    return lambda garden: garden.word(length, letters)


def _after(start: str, length: int, letters: str = _LETTERS) -> Callable[[Garden], str]:
    return lambda garden: start + garden.word(length, letters)


def _jwt(garden: Garden) -> str:
    return f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIi{garden.word(24)}.{garden.word(43)}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_ENCODERS: dict[str, Callable[[str], str]] = {
    "basic": lambda secret: _base64(f"bob:{secret}"),
    "base64 of a pair": lambda secret: _base64(f"bob:{secret}"),
    "base64 of JSON": lambda secret: _base64(json.dumps({"user": "bob", "password": secret})),
    "PEM": lambda secret: f"MIIEpAIBAAKCAQEA{secret}",
}

KINDS: dict[str, tuple[Callable[[Garden], str], str]] = {
    "AWS key": (_after("AKIA", 16, string.ascii_uppercase + "234567"), "denied for ¤ in eu"),
    "AWS secret": (_word(40), "aws_secret_access_key = ¤"),
    "GitHub": (_after("ghp_", 36), "push with ¤ failed"),
    "GitHub fine": (_after("github_pat_", 60), "push with ¤ failed"),
    "GitLab": (_after("glpat-", 20), "clone with ¤ failed"),
    "Slack": (_after("xoxb-", 40), "post as ¤ failed"),
    "Slack hook": (_after("https://hooks.slack.com/services/", 40), "post to ¤ failed"),
    "Stripe": (_after("sk_live_", 24), "charge with ¤ failed"),
    "OpenAI": (_after("sk-proj-", 48), "Incorrect API key provided: ¤"),
    "Anthropic": (_after("sk-ant-api03-", 80), "bad key ¤"),
    "Google": (_after("AIza", 35), "maps key ¤ refused"),
    "Google OAuth": (_after("GOCSPX-", 28), "client ¤ refused"),
    "npm": (_after("npm_", 36), "publish with ¤ failed"),
    "SendGrid": (lambda g: f"SG.{g.word(22)}.{g.word(43)}", "mail with ¤ failed"),
    "Hugging Face": (_after("hf_", 34), "pull with ¤ failed"),
    "Vault": (_after("hvs.", 24), "read with ¤ failed"),
    "own key": (_after("rn_", 43), "sent with ¤"),
    "JWT": (_jwt, "session ¤ has ended"),
    "PEM": (
        _word(48),
        "-----BEGIN RSA PRIVATE KEY-----\n¤\n-----END RSA PRIVATE KEY-----",
    ),
    "card": (Garden.card, "card ¤ declined"),
    "bearer": (_word(32), "Authorization: Bearer ¤"),
    "basic": (_word(16), "Authorization: Basic ¤"),
    "cookie": (_word(32), "Cookie: theme=dark; sid=¤; lang=en"),
    "set-cookie": (_word(32), "Set-Cookie: sid=¤; Path=/; HttpOnly"),
    "escaped headers": (_word(32), '"Host: x\\r\\nCookie: a=1\\r\\nCookie: a=1; sid=¤\\r\\nVia: y"'),
    "raw headers": (_word(32), '"rawHeaders": ["Host", "x", "Cookie", "sid=¤", "Via", "y"]'),
    "X-Api-Key": (_word(32), "X-Api-Key: ¤"),
    "pair": (_word(16), "login failed: password=¤ user=bob"),
    "JSON": (_word(16), '{"user": "bob", "password": "¤"}'),
    "JSON in JSON": (_word(16), json.dumps(json.dumps(json.dumps({"a": {"client_secret": "¤"}})))),
    "Python locals": (_word(16), "    db_password = '¤'"),
    "Node options": (_word(16), "{ auth: { username: 'bob', password: '¤' } }"),
    "XML": (_word(16), '<db user="bob"><wsse:Password Type="x">¤</wsse:Password></db>'),
    "plist": (_word(16), "<dict><key>password</key><string>¤</string></dict>"),
    "YAML": (_word(16), "db: {user: bob, password: ¤}"),
    "query": (_word(24), "GET /x?user=bob&access_token=¤&page=2"),
    "percent": (_word(24), "body=%257B%2522token%2522%253A%2522¤%2522%257D"),
    "HTML": (_word(24), "{&quot;token&quot;:&quot;¤&quot;}"),
    "environment": (_word(24), "HOME=/srv DB_PASSWORD=¤ LANG=C"),
    "form": (_word(16), 'form-data; name=\\"password\\"\\r\\n\\r\\n¤\\r\\n--b--'),
    "sentence": (_word(16), "the password is ¤ for bob"),
    "SQL": (_word(16), "ALTER USER bob WITH PASSWORD '¤'"),
    "curl": (_word(16), "curl -u bob:¤ https://x.example"),
    "base64 of a pair": (_word(16), "upstream got ¤ from us"),
    "base64 of JSON": (_word(16), "upstream got ¤ from us"),
    "postgres": (_word(16), "postgresql://bob:¤@db:5432/x"),
    "mysql": (_word(16), "mysql://bob:¤@db/x"),
    "Go's mysql": (_word(16), "bob:¤@tcp(db:3306)/x"),
    "mongodb": (_word(16), "mongodb+srv://bob:¤@c.example/x"),
    "redis": (_word(16), "rediss://:¤@cache:6380/0"),
    "amqp": (_word(16), "amqps://bob:¤@mq:5671/v"),
    "SQL Server": (_word(16), "Server=db;User Id=bob;Password=¤;Encrypt=yes"),
    "Oracle": (_word(16), "jdbc:oracle:thin:bob/¤@db:1521:x"),
    "JDBC": (_word(16), "jdbc:postgresql://db/x?user=bob&password=¤"),
    "Kafka": (_word(16), 'PlainLoginModule required username="bob" password="¤";'),
    "Azure": (_word(40), "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=¤==;EndpointSuffix=y"),
    "SMTP": (_word(16), "smtp://bob:¤@mail:587"),
    "URL": (_word(16), "https://bob:¤@x.example/y"),
    "SAS": (_word(40), "https://x.blob.example/y?sv=2024&sig=¤"),
}
"""How each is made, and how it is printed: ¤ is the secret."""


def texts(garden: Garden, place: str) -> Iterator[tuple[str, str]]:
    """A text of each kind, for one place."""
    for kind in KINDS:
        yield kind, garden.plant(kind, place).text


def forms(secret: str) -> set[str]:
    """As it is and as it may be written down elsewhere."""
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
