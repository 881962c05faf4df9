"""What pip needs in the build to reach its index from this machine, as secrets that no layer keeps."""

from __future__ import annotations

import ast
import configparser
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

# What says where packages are and how to get there; all else is about this machine.
_CARRIED = frozenset(
    {"index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy", "timeout", "retries"}
)
_PLACES = frozenset({"index-url", "extra-index-url", "find-links"})
_OTHER_NAMES = {"default-timeout": "timeout"}
_CA_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
_CA_IN_BUILD = "/run/secrets/ca.pem"
# In ascending order of precedence, as pip has it.
_SECTIONS = ("global", "install", ":env:")
_SECONDS = 30


@contextmanager
def build_secrets(environ: Mapping[str, str] = os.environ) -> Iterator[list[str]]:
    """Options for `build`: Dockerfile.worker names these secrets, and does without any of them."""
    settings = read_settings(environ)
    ca = _ca_bundle(settings, environ)
    text = settings_in_build(settings, has_ca=ca is not None)
    with TemporaryDirectory(prefix="rootnote-build-") as folder:
        options = [] if ca is None else ["--secret", f"id=ca.pem,src={ca}"]
        if text:
            file = Path(folder) / "pip.conf"
            file.write_text(text)
            options += ["--secret", f"id=pip.conf,src={file}"]
        yield options


def read_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's own, from all of its files and variables, by pip itself; none where there is no pip."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in found:
            found[section][_OTHER_NAMES.get(name, name)] = str(ast.literal_eval(value))
    return {name: value for section in _SECTIONS for name, value in found[section].items()}


def settings_in_build(settings: Mapping[str, str], *, has_ca: bool) -> str:
    """A pip.conf with what is true inside of the build, too: folders of this machine are not there."""
    kept = {name: value for name, value in settings.items() if name in _CARRIED}
    for name in _PLACES & kept.keys():
        kept[name] = " ".join(place for place in kept[name].split() if _is_remote(place))
    if has_ca:
        kept["cert"] = _CA_IN_BUILD
    kept = {name: value for name, value in kept.items() if value}
    if not kept:
        return ""
    config = configparser.RawConfigParser()
    config["global"] = kept
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def _is_remote(place: str) -> bool:
    return "://" in place and not place.startswith("file:")


def _ca_bundle(settings: Mapping[str, str], environ: Mapping[str, str]) -> Path | None:
    """The first that is named and there: pip's own, or the one that programs are told of."""
    named = [settings.get("cert"), *(environ.get(name) for name in _CA_VARIABLES)]
    return next((Path(name) for name in named if name and Path(name).is_file()), None)
