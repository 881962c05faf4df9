from __future__ import annotations

import json

import pytest

from core.domain.event import EventContent
from core.domain.scrub import scrub_event, scrub_json, scrub_text
from core.domain.secret_names import is_secret_name

SECRET = "hunter2Xq9"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq0\nZm9vYmFyZm9vYmFyZm9v\nab==\n"
    "-----END RSA PRIVATE KEY-----"
)
OWN_KEY = "rn_p1f7z4MPMpgH84biWK9vcl951y-DPmUIqDrO6I9U_20"
SECRET_NAMES = """
    password Password user_password passwd mysql_pwd secret client-secret apiKey api_key X-Api-Key
    auth basic_auth proxyAuth Authorization credentials privateKey private_key token accessToken
    csrfmiddlewaretoken bearer cookie Set-Cookie sessionId JSESSIONID PHPSESSID session_id
    x-amz-security-token refresh_tokens auth_header jwt cvv password1 passwordHash DB_PASS
"""
INNOCENT_NAMES = """
    author authority authored_by authorized token_count tokens max_tokens prompt_tokens tokenizer
    token_type password_policy passwordStrength secretary secretsmanager InvalidTokenError
    BadCredentialsException key keyboard user session cookie_policy compass oauth_callback_url name
    id path
"""


@pytest.mark.parametrize(
    "template",
    [
        "Authorization: Bearer {}",
        "authorization:Basic {}",
        "Proxy-Authorization: {}",
        'Authorization: Digest username="bob", response="{}"',
        "{{'Authorization': 'Bearer {}'}}",
        "curl -H 'Authorization: Token {}' https://x",
        "password={}",
        "password = {}",
        "password: {}",
        '"password": "{}"',
        "'password': '{}'",
        "{{'password': b'{}'}}",
        '{{\\"password\\": \\"{}\\"}}',
        ':password=>"{}"',
        "secret_password='{}'",
        "DB_PASSWORD={} PORT=1",
        "spring.datasource.password={}",
        "userPassword: {}",
        "Pwd={};Server=db",
        "Server=db;Password={};Initial Catalog=x",
        "host=db user=app password={} dbname=x",
        "params[password]={}",
        "$_POST['password'] => {}",
        "password%3D{}%26next",
        "mysql --password {} -u root",
        "mysql --password={} -u root",
        "<password>{}</password>",
        "<QueryDict: {{'password': ['{}']}}>",
        "Cookie: theme=dark; sid={}",
        "Set-Cookie: sid={}; HttpOnly",
        "X-Api-Key: {}",
        "API key: {}",
        "session id: {}",
        "csrftoken={}",
        "GET /callback?access_token={}&state=1",
        "https://x.blob.core/y?sv=1&sig={}",
        "postgresql://app:{}@db:5432/shop",
        "postgres://app:x/{}@db/shop",
        "redis://:{}@cache:6379/0",
        "amqp://guest:a@{}@mq:5672/",
        "app:{}@tcp(db:3306)/shop",
        "aws_secret_access_key = {}",
        "AccountKey={};EndpointSuffix=x",
        "Invalid token: {}",
        'auth = HTTPBasicAuth("bob", "{}")',
        "Token([scrubbed], password=x({}",
        "password=None[{}",
        "token: Optional[{}",
        "[('Cookie', 'theme=dark; sid={}'), ('Accept', '*/*')]",
        '(("Authorization", "Custom {}"),)',
        "[(b'cookie', b'sid={}')]",
        '[["X-Api-Key","{}"],["Accept","x"]]',
        '[[\\"Cookie\\",\\"sid={}\\"]]',
        '<add key="Password" value="{}"/>',
        "<input type='password' name='user[password]' type='text' value='{}'>",
        "{{ name: 'password', value: '{}' }}",
        '{{\\"Name\\": \\"Authorization\\",\\n  \\"Value\\": \\"{}\\"}}',
        'form-data; name="password"\r\n\r\n{}\r\n--b--',
        'form-data; name="password"\nContent-Type: text/plain\n\n{}\n--b--',
        'form-data; name=\\"password\\"\\r\\n\\r\\n{}\\r\\n--b--',
        "password[]={}",
        "user[password]={}&a=1",
        "user[password][]={}&a=1",
        "user[tokens_secret][0]={}",
        "user%5Bpwd%5D%5B%5D={}&a=1",
        "body=%7B%22password%22%3A%22{}%22%2C%22a%22%3A1%7D",
        "%7B%22otp%22%3A%20%22{}%22%7D",
        'password=x"token": "{}"',
        'password=a.token="-{} z"',
    ],
)
@pytest.mark.parametrize("secret", [SECRET, "S3cr3t.With-Dots_9", "Ab1$%^*!x"])
def test_a_secret_beside_its_name_goes(template: str, secret: str) -> None:
    scrubbed = scrub_text(template.format(secret))
    assert secret not in scrubbed
    assert "[scrubbed]" in scrubbed
    assert scrub_text(scrubbed) == scrubbed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key AKIAIOSFODNN7EXAMPLE.", "key [scrubbed]."),
        ("ASIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[scrubbed] [scrubbed]"),
        (f"at {JWT}", "at [scrubbed]"),
        ("sent Bearer hunter2Xq9 to upstream", "sent Bearer [scrubbed] to upstream"),
        (f"%20{JWT}%20", "%20[scrubbed]%20"),
        ("key sk-proj-abcDEF0123456789 bad", "key [scrubbed] bad"),
        ("ghp_0123456789abcdefghij0123", "[scrubbed]"),
        ("github_pat_0123456789abcdefghij0123", "[scrubbed]"),
        ("xoxb-1234-5678-abcd", "[scrubbed]"),
        ("AIza" + "SyA1234567890abcdefghijklmnopqrstuv", "[scrubbed]"),
        ("glpat-abcdefghij0123456789", "[scrubbed]"),
        ("sk_live_0123456789abcdef", "[scrubbed]"),
        ("SG.abcdefghijklmnop.abcdefghijklmnop", "[scrubbed]"),
        ("card 4111 1111 1111 1111 declined", "card [scrubbed] declined"),
        ("card 4111-1111-1111-1111.", "card [scrubbed]."),
        ("4111111111111111", "[scrubbed]"),
        ("3782 822463 10005", "[scrubbed]"),
        (f"a {PEM} b", "a [scrubbed] b"),
        (f'"key": "{json.dumps(PEM)[1:-1]}"', '"key": "[scrubbed]"'),
        (PEM.rpartition("-----END")[0] + "\n  at main", "[scrubbed]\n\n  at main"),
        ("postgresql://app:pw@db/x", "postgresql://app:[scrubbed]@db/x"),
        (f"key {OWN_KEY}.", "key [scrubbed]."),
        (f"%20{OWN_KEY}&a", "%20[scrubbed]&a"),
        (f"'{OWN_KEY}'", "'[scrubbed]'"),
        ("%22token%22%3A%22abc%5C%22d%22%7D", "%22token%22%3A%22[scrubbed]%22%7D"),
        ("Authorization: Bearer abc\n  at main", "Authorization: [scrubbed]\n  at main"),
    ],
)
def test_a_secret_is_known_by_its_shape(text: str, expected: str) -> None:
    assert scrub_text(text) == expected
    assert scrub_text(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "author: Bob, authority: example.org, token_count: 5, max_tokens=7, tokens: 9",
        "Unexpected token: } in JSON at position 3",
        "Unexpected token = in JSON at position 3",
        "SyntaxError: Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
        "    at Password.check (/app/password.js:10:5)",
        "\tat com.acme.Token.read(Token.java:22)",
        "#0 /app/src/Token.php(22): Token->check()",
        "main.checkPassword(0x1)\n\t/srv/app/password.go:22 +0x1d",
        "    password = get_password(user)",
        '    token = request.headers["X-Token"]',
        '    secret = os.environ.get("APP_SECRET")',
        "def login(password: str, token: Optional[str])",
        "Access denied for user 'root'@'localhost' (using password: YES)",
        "InvalidTokenError: Signature has expired",
        "SecretNotFoundException: no secret x",
        "Secret::NotFound: x",
        "password: None",
        "password is required",
        '{"password": null, "a": 1}',
        "not authorized to perform: secretsmanager:GetSecretValue on resource",
        "PWD=/srv/app",
        "http://localhost:8080/users/a@b.com",
        "https://example.org/@scope/pkg",
        "Basic authentication failed",
        "bearer authentication required",
        "id 1700000000000 and 1700000000000000",
        "550e8400-e29b-41d4-a716-446655440000",
        "4111111111111112",
        "12344111111111111111111",
        "task-list-with-a-long-name-1",
        "if password == other_password:",
        "compass: north, bypass: no",
        "password: Optional[SecretStr] = None",
        "token: None[, password: None]",
        'must be one of ["password", "email", "name"]',
        'form-data; name="user"\r\n\r\nbob',
        '{"name": "token_count", "value": "5"} <add key="theme" value="dark"/>',
        "rn_a_long_name_of_a_function_that_returns_what_was_learnt",
        "ids[0]=4, user[name]=bob, author[]=x",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert scrub_text(text) == text


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", INNOCENT_NAMES.split())
def test_innocent_names(name: str) -> None:
    assert not is_secret_name(name)


def test_json_loses_what_stands_under_secret_names() -> None:
    value = {
        "password": SECRET,
        "nested": [{"api_key": 5, "credentials": {"user": "x"}, "token": None, "secret": False}],
        "headers": [["Authorization", SECRET], ["Accept", "*/*"]],
        "fields": [{"name": "password", "value": SECRET}, {"name": "age", "value": 5}],
        "body": f'{{"password": "{SECRET}"}}',
        "env": {"PWD": "/srv/app"},
        "tokens": 12,
    }
    assert scrub_json(value) == {
        "password": "[scrubbed]",
        "nested": [{"api_key": "[scrubbed]", "credentials": "[scrubbed]", "token": None, "secret": False}],
        "headers": [["Authorization", "[scrubbed]"], ["Accept", "*/*"]],
        "fields": [{"name": "password", "value": "[scrubbed]"}, {"name": "age", "value": 5}],
        "body": '{"password": "[scrubbed]"}',
        "env": {"PWD": "/srv/app"},
        "tokens": 12,
    }


@pytest.mark.parametrize(
    "value",
    [
        {"Name": "Authorization", "Value": SECRET},
        {"header": "Cookie", "value": SECRET},
        {"HEADER": "Cookie", "values": [SECRET, "a"]},
        {"name": "login", "key": "password", "value": SECRET},
        {"field": "password", "content": {"a": SECRET}},
    ],
)
def test_an_object_that_names_a_secret_loses_its_value(value: dict[str, object]) -> None:
    scrubbed = scrub_json([value])
    assert SECRET not in repr(scrubbed)
    assert scrubbed == [
        {
            key: item if isinstance(item, str) and item != SECRET else "[scrubbed]"
            for key, item in value.items()
        }
    ]


def test_a_card_number_goes_as_a_json_integer_too() -> None:
    assert scrub_json({"card": 4111111111111111, "ids": [4111111111111112, 1700000000000000, True]}) == {
        "card": "[scrubbed]",
        "ids": [4111111111111112, 1700000000000000, True],
    }


@pytest.mark.parametrize("start", ["PWD=/", "unexpected token: ", "password = f("])
def test_only_a_short_value_is_taken_for_harmless(start: str) -> None:
    assert scrub_text(f"{start}{'a' * 150})") == f"{start}{'a' * 150})"
    assert "a" * 20 not in scrub_text(f"{start}{'a' * 250})")


def test_a_harmless_value_that_names_a_secret_goes() -> None:
    assert scrub_text(f"PWD=/srv/token:{SECRET}") == "PWD=[scrubbed]"
    assert scrub_text(f"auth = get(user, token={SECRET})") == "auth = [scrubbed]"


def test_every_field_of_an_event_is_scrubbed() -> None:
    secret = f"password={SECRET}"
    content = EventContent(
        message=secret,
        status_code=500,
        stack=secret,
        method=secret,
        path=f"/x?{secret}",
        environment=secret,
        release=secret,
        extra={secret: secret, "password": SECRET},
    )
    scrubbed = scrub_event(content)
    assert SECRET not in repr(scrubbed)
    assert scrub_event(scrubbed) == scrubbed
    assert scrubbed.path == "/x?password=[scrubbed]"


def test_a_long_text_is_scrubbed_each_time_it_comes() -> None:
    text = "at module.function\n" * 30 + "password=hunter22\n"
    assert [scrub_text(text) for _ in range(3)] == [text.replace("hunter22", "[scrubbed]")] * 3
