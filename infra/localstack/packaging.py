"""A template as `sam build` leaves it, made ready for CloudFormation: code and nested templates uploaded.

What `aws cloudformation package` does, in process, and with one upload for functions of the same code.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

from infra.local.errors import LocalError

Template = dict[str, Any]
Upload = Callable[[str, bytes | Callable[[], bytes]], str]
"""Called with an object's key and its content, or what makes it if need be; returns its s3:// URL."""

CODE_PROPERTY = {"AWS::Serverless::Function": "CodeUri", "AWS::Lambda::Function": "Code"}
TEMPLATE_PROPERTY = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`, `!Sub`, …), as their long ones."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> Template:
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = node.value.split(".", 1) if suffix == "GetAtt" else node.value
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)
# A version such as 2010-09-09 is text.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def read_template(path: Path) -> Template:
    try:
        template = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise LocalError(f"cannot read the template {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise LocalError(f"{path} is no YAML: {error}") from None
    if not isinstance(template, dict) or "Resources" not in template:
        raise LocalError(f"{path} has no resources")
    return template


def package(
    path: Path,
    upload: Upload,
    *,
    code: Mapping[str, Path],
    nested: Mapping[str, Path],
) -> Template:
    """The template with s3:// and https:// URLs for what were paths beside it.

    `code` gives folders by the functions' logical names, and `nested` gives templates by the nested stacks',
    here and further down. They go before the template's own paths: one that was not built can be deployed,
    and a stack that LocalStack only says it made can be another that stands in for it.
    """
    template = read_template(path)
    default = template.get("Globals", {}).get("Function", {}).get("CodeUri")
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        kind = resource["Type"]
        if kind in CODE_PROPERTY:
            wanted = CODE_PROPERTY[kind]
            folder = code.get(name) or _local(path, properties.get(wanted, default))
            if folder is not None:
                url = _upload_code(name, folder, upload)
                properties[wanted] = url if kind == "AWS::Serverless::Function" else _parts(url)
        elif kind in TEMPLATE_PROPERTY:
            wanted = TEMPLATE_PROPERTY[kind]
            inner = nested.get(name) or _local(path, properties.get(wanted))
            if inner is not None:
                body = json.dumps(package(inner, upload, code=code, nested=nested)).encode()
                properties[wanted] = https(upload(f"{hashlib.sha256(body).hexdigest()}.template", body))
    return template


def _local(template: Path, value: object) -> Path | None:
    """The path that a property names, relative to its template; None for a URL or an intrinsic function."""
    if not isinstance(value, str) or "://" in value:
        return None
    return (template.parent / value).resolve()


def _upload_code(name: str, folder: Path, upload: Upload) -> str:
    if not folder.is_dir():
        raise LocalError(f"{name} has no code at {folder}; run `make build` first")
    if (folder / "Makefile").exists():
        raise LocalError(f"the code of {name} is not built: {folder} is the project itself; run `make build`")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return upload(f"{digest.hexdigest()}.zip", lambda: _zipped(folder, files))


def _zipped(folder: Path, files: list[Path]) -> bytes:
    content = BytesIO()
    # Nearly all of the time would go into a better compression, for a trip of no distance.
    with zipfile.ZipFile(
        content, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        for file in files:
            archive.write(file, file.relative_to(folder))
    return content.getvalue()


def _parts(url: str) -> dict[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return {"S3Bucket": bucket, "S3Key": key}


def https(url: str) -> str:
    """CloudFormation takes no s3:// URLs for templates."""
    parts = _parts(url)
    return f"https://s3.amazonaws.com/{parts['S3Bucket']}/{parts['S3Key']}"
