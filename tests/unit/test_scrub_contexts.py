"""Where a secret may stand beside its name: wherever programs print it, encoded once or more often."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from core.domain.scrub import scrub_json, scrub_text

SECRETS = ["Zq7hunter2Xk9vB", "s3cr3t-With_42"]

HEADERS = [
    '"Host: x\\r\\nCookie: a=1; sid={}\\r\\nAccept: y"',
    '"Cookie: a=1\\nCookie: sid={}\\nAccept: */*"',
    'Cookie: a="1"; sid={}',
    'Cookie: a={{"x":1}}; sid={}',
    "Cookie: a='x y'; b=`z`; sid={}",
    '> Cookie: a="x; sid={}',
    "Cookie: prefs={{a:1}}; sid={}",
    "sent Cookie: prefs={{a:1}}; sid={}",
    "HTTP_COOKIE=a=1; sid={}",
    "map[Cookie:[a=1; sid={}] Host:[x]]",
    "'set-cookie': [\n    'a=1; Path=/',\n    'sid={}; Path=/'\n  ]",
]
LISTS = [
    '"rawHeaders": ["Host", "x", "Cookie", "sid={}", "Accept", "*/*"]',
    "rawHeaders: [\n    'Host',\n    'x',\n    'Authorization',\n    'Custom {}'\n  ]",
    '[\\"Host\\",\\"x\\",\\"X-Api-Key\\",\\"{}\\",\\"Accept\\",\\"y\\"]',
    "['deploy', '--password', '{}', '--verbose']",
    '["--token", "{}"]',
    '"passwords": [\n  "a",\n  "{}"\n]',
]
MARKUP = [
    "<key>password</key><string>{}</string>",
    "<key>api-token</key>\n\t<string>{}</string>",
    "<name>password</name><value>{}</value>",
    "<param-name>db.password</param-name>\n<param-value>{}</param-value>",
    '<param name="password">{}</param>',
    '<entry key="db.password">{}</entry>',
    '<wsse:Password Type="x">{}</wsse:Password>',
    "<ns:apiKey>{}</ns:apiKey>",
    "<password><![CDATA[{}]]></password>",
    "<password>\n  {}\n</password>",
    '<input value="{}" name="password">',
    '<add value="{}" key="Password"/>',
    '{{"value": "{}", "name": "password"}}',
    '{{\\"value\\": \\"{}\\", \\"name\\": \\"password\\"}}',
    "- name: DB_PASSWORD\n  value: {}",
    '- name: DB_PASSWORD\n  value: "{}"',
    "password: >-\n  {}\nuser: x",
    "password: |\n  {}\n",
    'array(1) {{\n  ["password"]=>\n  string(15) "{}"\n}}',
]
ENCODED = [
    "password%253D{}%2526x",
    "%257B%2522password%2522%253A%2522{}%2522%257D",
    "user%255Bpassword%255D%3D{}&x=1",
    "&quot;password&quot;:&quot;{}&quot;",
    "&#34;password&#34;: &#34;{}&#34;",
    "password&#61;{}",
    "\\u0022password\\u0022:\\u0022{}\\u0022",
    "https%3A%2F%2Fbob%3A{}%40h%2Fx",
    "https%253A%252F%252Fbob%253A{}%2540h%252Fx",
]
PROSE = [
    "the password is {}",
    "Wrong password {} for user bob.",
    "password for bob is {}",
    "with password '{}'",
    "the password: {}.",
    "password -> {}",
    "password == {}",
    "| password | {} |",
    "password\t{}",
    "machine x login bob password {}",
    "ALTER USER bob WITH PASSWORD '{}'",
    "CREATE USER 'bob' IDENTIFIED BY '{}'",
    "token was {}",
    "Passwort: {}",
    "mot de passe : {}",
    "contraseña: {}",
    "senha={}",
    "пароль: {}",
    "密码\N{FULLWIDTH COLON}{}",
    "パスワード: {}",
]
COMMANDS = [
    "curl -u bob:{} https://x",
    "curl --user bob:{} https://x",
    "mysql -ubob -p{} db",
    "redis-cli -h x -a {} ping",
    "sshpass -p {} ssh x",
    "New-User -Password {}",
    "jdbc:oracle:thin:bob/{}@db:1521:x",
    "sqlplus bob/{}@db",
]


@pytest.mark.parametrize("template", HEADERS + LISTS + MARKUP + ENCODED + PROSE + COMMANDS)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_stays(template: str, secret: str) -> None:
    text = template.format(secret)
    scrubbed = scrub_text(text)
    assert secret not in scrubbed
    assert "[scrubbed]" in scrubbed
    assert scrub_text(scrubbed) == scrubbed
    assert len(scrubbed.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("times", range(1, 6))
def test_json_in_json_however_often(times: int) -> None:
    text = json.dumps({"user": "bob", "password": SECRETS[0], "age": 3})
    for _ in range(times):
        text = json.dumps(text)
    scrubbed = scrub_text(text)
    assert SECRETS[0] not in scrubbed
    assert "bob" in scrubbed
    assert "age" in scrubbed


@pytest.mark.parametrize(
    "decoded",
    [
        f"bob:{SECRETS[0]}",
        json.dumps({"user": "bob", "password": SECRETS[0]}),
        f"\0bob\0{SECRETS[0]}",
        f"postgresql://bob:{SECRETS[0]}@db/x",
    ],
)
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_looked_into(decoded: str, encode: Callable[[bytes], bytes]) -> None:
    word = encode(decoded.encode()).decode()
    assert scrub_text(f"upstream said {word} to x") == "upstream said [scrubbed] to x"


def test_lists_of_json() -> None:
    secret = SECRETS[0]
    headers = ["Host", "x", "Cookie", f"sid={secret}", "X-Api-Key", secret, "Vary", "Cookie", "Via", "y"]
    assert scrub_json({"rawHeaders": headers}) == {
        "rawHeaders": [
            *["Host", "x", "Cookie", "[scrubbed]", "X-Api-Key", "[scrubbed]"],
            *["Vary", "Cookie", "Via", "y"],
        ]
    }
    assert scrub_json(["run", "--token", secret, "--verbose"]) == [
        "run",
        "--token",
        "[scrubbed]",
        "--verbose",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Access-Control-Allow-Headers: ['Authorization', 'Content-Type', 'X-Api-Key', 'Accept']",
        "if password == other_password:",
        "Unknown column 'password' in 'field list'",
        "the password is required, and was not given",
        "password sha256 mismatch",
        "Token python3.11 is no name",
        "the token is at app.py:10",
        "secret arn:aws:ssm:eu-west-1:123456789012:parameter/db1",
        "Unexpected token 'abc123def456ghi' in JSON",
        "<name>user</name><value>bob42</value>",
        "<note>the key</note><to>x</to>",
        "docker run -u 1000:1000 image",
        "find . -user bob",
        "/api?key=short&code=404",
        "name: LOG_LEVEL\n  value: DEBUG1",
        "com/shop/checkout/PaymentServiceImplementation",
        "aHR0cHM6Ly9leGFtcGxlLm9yZy9wYXRo",
        'deploy: ["--verbose", "--password-file", "/run/x"]',
        "headers.get('authorization', '')",
        "see https://bob@example.org/x and git@github.com:a/b.git",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub_text(text) == text
