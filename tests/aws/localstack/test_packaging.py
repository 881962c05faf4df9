"""Templates made ready for CloudFormation, without a CloudFormation."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.errors import LocalError
from infra.localstack.packaging import package, read_template

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Globals: {Function: {CodeUri: built/both}}
Resources:
  One: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}
  Two: {Type: AWS::Lambda::Function, Properties: {Code: built/both, Role: !GetAtt Role.Arn}}
  Inner: {Type: AWS::Serverless::Application, Properties: {Location: inner.yaml}}
  Elsewhere: {Type: AWS::Serverless::Function, Properties: {CodeUri: 's3://there/already.zip'}}
  Role: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub '${AWS::StackName}-role'}}
"""
INNER = "Resources: {Three: {Type: AWS::Serverless::Function, Properties: {CodeUri: ../}}}"


class Bucket:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def upload(self, key: str, content: bytes | Callable[[], bytes]) -> str:
        if key not in self.objects:
            self.objects[key] = content() if callable(content) else content
        return f"s3://bucket/{key}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "inner.yaml").write_text(INNER)
    built = tmp_path / "built" / "both"
    (built / "deep").mkdir(parents=True)
    (built / "deep" / "a.py").write_text("b = 1\n")
    return tmp_path


def test_paths_become_urls_and_the_same_code_goes_up_once(folder: Path) -> None:
    bucket = Bucket()
    other = folder / "built" / "other"
    other.mkdir()
    (other / "a.py").write_text("b = 2\n")
    resources = package(folder / "template.yaml", bucket.upload, code={"Three": other}, nested={})[
        "Resources"
    ]

    url = resources["One"]["Properties"]["CodeUri"]
    assert resources["Two"]["Properties"]["Code"] == {
        "S3Bucket": "bucket",
        "S3Key": url.removeprefix("s3://bucket/"),
    }
    with zipfile.ZipFile(io.BytesIO(bucket.objects[url.removeprefix("s3://bucket/")])) as archive:
        assert archive.namelist() == ["deep/a.py"]
    location = resources["Inner"]["Properties"]["Location"]
    assert location.startswith("https://s3.amazonaws.com/bucket/")
    inner = json.loads(bucket.objects[location.rpartition("/")[2]])
    assert inner["Resources"]["Three"]["Properties"]["CodeUri"].startswith("s3://bucket/")
    assert len(bucket.objects) == 3
    assert resources["Elsewhere"]["Properties"]["CodeUri"] == "s3://there/already.zip"


def test_another_template_may_stand_in_for_a_nested_one(folder: Path) -> None:
    bucket = Bucket()
    stand_in = folder / "stand_in.yaml"
    stand_in.write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}")
    template = package(folder / "template.yaml", bucket.upload, code={}, nested={"Inner": stand_in})
    location = template["Resources"]["Inner"]["Properties"]["Location"]
    assert json.loads(bucket.objects[location.rpartition("/")[2]]) == read_template(stand_in)


def test_short_forms_are_read_as_their_long_ones(folder: Path) -> None:
    resources = read_template(folder / "template.yaml")["Resources"]
    assert resources["Two"]["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert resources["Role"]["Properties"]["RoleName"] == {"Fn::Sub": "${AWS::StackName}-role"}
    assert read_template(folder / "template.yaml")["AWSTemplateFormatVersion"] == "2010-09-09"


def test_code_that_was_not_built_is_no_code(folder: Path) -> None:
    with pytest.raises(LocalError, match="Three has no code at "):
        package(folder / "template.yaml", Bucket().upload, code={"Three": folder / "none"}, nested={})
    (folder / "Makefile").touch()
    with pytest.raises(LocalError, match="the code of Three is not built"):
        package(folder / "template.yaml", Bucket().upload, code={"Three": folder}, nested={})


@pytest.mark.parametrize("text", ["just a text", "[a, list]", "Outputs: {}", "a: {b"])
def test_what_is_no_template_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(LocalError, match=r"t\.yaml"):
        read_template(tmp_path / "t.yaml")
