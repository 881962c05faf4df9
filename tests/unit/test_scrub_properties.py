"""What must hold for any text: scrubbing is stable, keeps lines, and takes linear time."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.domain.event import EventContent
from core.domain.scrub import scrub_event, scrub_json, scrub_text

PIECES = st.sampled_from(
    [
        "password", "token", "Authorization", "api key", "Cookie", "--secret", "=", ": ", ":", " = ", "=>",
        "%3D", '"', "'", "\\", '\\"', "[", "]", "{", "}", "(", ")", "<", ">", "</", ",",
        ";", "&", "?", "@", "://",
        "Bearer ", "Basic ", "[scrubbed]", "null", "eyJabcdefgh.",
        "AKIAIOSFODNN7EXAMPLE", "sk-abcdefgh12345678",
        "4111111111111111", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----",
        "\n", "\r\n", "\u2028",
        "('token', '", "('Cookie','a')", 'name="password"', "name", "key", ' value="', '"value":', "%22",
        "%5B", "%5D", "[]", "PWD=/", "None", "None[", "str", "f(", "\\r\\n\\r\\n", "rn_", "secretstr", "b'",
        " ", "a", "1", "@tcp(", ".", "/", "-", "unexpected ", "sig", "\\n",
        "%253D", "%2522", "&quot;", "&#39;", "\\u0022", "|\n ", "string(5) ", "'Cookie', '", '"--token", "',
        "<key>password</key><string>", "<x name=\"password\">", 'value="a" name="password"',
        "name: pwd\n value: ",
        "the password is ", "hunter2", "-u b:", "YTpodW50ZXIyaHVudGVyMg==", "; sid=", "senha=", "='", "={",
        '"secrets": [\n', '"a",\n', "curl ", "mysql -p", "?key=", "abcdef1234567890",
    ]
)  # fmt: skip
HOSTILE = st.lists(PIECES | st.text(max_size=4), max_size=14).map("".join)


@given(HOSTILE)
@example("password=[abc]def")
@example('password="abc')
@example('password=x"abc')
@example("PWD=/" + "Bearer%20abcdefgh," * 12)
@example("password = f(token=a, key=b)")
@example('name="password" value="a"value":b')
@example("password=%22a%22rest&x=1 ")
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    once = scrub_text(text)
    assert scrub_text(once) == once


@given(HOSTILE)
def test_lines_stay_lines(text: str) -> None:
    if "PRIVATE KEY" not in text:
        assert len(scrub_text(text).splitlines()) == len(text.splitlines())


@given(st.lists(HOSTILE, min_size=6, max_size=6))
def test_a_field_is_scrubbed_as_if_it_were_alone(texts: list[str]) -> None:
    message, stack, method, path, environment, release = texts
    content = EventContent(
        message=message,
        status_code=500,
        stack=stack,
        method=method,
        path=path,
        environment=environment,
        release=release,
    )
    found = scrub_event(content)
    fields = (found.message, found.stack, found.method, found.path, found.environment, found.release)
    assert fields == tuple(map(scrub_text, texts))


PLANTED = st.text(string.ascii_letters + string.digits + "._~+-$!%^*", min_size=12, max_size=40).map(
    lambda text: f"Zq7{text}"
)


@given(
    st.sampled_from(
        [
            "password={}",
            'x "api_key": "{}" y',
            "Authorization: Bearer {}",
            "db://u:{}@h/d",
            "secret_key='{}'",
            "?token={}&a=1",
        ]
    ),
    PLANTED,
    st.sampled_from(["", "\n", "  ", "{", "("]),
)
def test_a_planted_secret_never_survives(template: str, secret: str, around: str) -> None:
    assert secret not in scrub_text(around + template.format(secret) + around)


@given(
    st.recursive(
        PLANTED,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    )
)
def test_nothing_survives_under_a_secret_key(value: object) -> None:
    assert scrub_json({"x": [{"userPassword": value}]}) == {"x": [{"userPassword": "[scrubbed]"}]}


@pytest.mark.parametrize(
    "text",
    [
        "a", "1", "-", "\\", " ", "password=", "password=password=", 'password="', "password='", "password=[",
        "password ", "password:,", "://a:", "://a:b@", "-----BEGIN PRIVATE KEY-----",
        "eyJaaaaaa.", "%20eyJ", "4111 ", "sk-",
        "AKIA", "bearer ", "authorization: ", "--password ", "<password>", "access key: ", "a:a,",
        "password\\", '="a" ', "password=None[", "PWD=/", "PWD=/" * 39 + " ", "PWD=/,a" * 28 + "\n",
        "token: a[", "--password None[", "<password>None[", " pwd = a.b(c)\n", "password[", "password[]=",
        "('token', '", '("token","(\'token\', \'', '["token",\\"', '("token", "x", ', 'key="password" value=',
        'key="x" ', 'name="password"\n', "name=password\\n\\n", "password%22%3A%22", "%22", "rn_",
        "secret=none[scrubbed]", "token: token: unexpected ",
        "&quot;", "password&quot;:&quot;", "\\u0022password", "%25", "password%25", "cookie: a={",
        "cookie: a='",
        "'Cookie', '", '"--token","', "<key>password</key>", '<a name="password', "<password ",
        "<password>\n",
        'value="a" ', 'value="', "name: pwd\n", "the password is ", "password for ", "password | ",
        "is to set ",
        "mysql -", "mysql ", "sqlplus - ", "redis-cli ", "-u a", "?key=", "?code=a", "abcd", "QUJD",
        "QUJDRA==",
        '"secrets": [\n', '"secrets": [\n"a",\n', "%3A%2F%2F", "%3A%2F%2Fa%3A", "://a1", "sk-ghp_npm_",
        "пароль",
        "password|\n ", "password:|\n", "password=>string(1) ", "\nCookie: ", "\\nCookie: ", "Cookie: \\",
    ],
)  # fmt: skip
@pytest.mark.heavy
@pytest.mark.timeout(20)
def test_a_mebibyte_of_anything_is_quick(text: str) -> None:
    whole = text * (2**20 // len(text))
    scrub_text(whole)
    scrub_text(f"cookie: {whole}@tcp( password=")


@pytest.mark.heavy
@pytest.mark.timeout(20)
def test_a_mebibyte_of_different_names_is_quick() -> None:
    scrub_text("".join(f"key{number:07}{'a' * 189}=" for number in range(5_000)))
    scrub_text("".join(f"pwd{number:x}=no " for number in range(100_000)))
