"""Who may talk to whom, and where things stand."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from tests.infra.aws.deployment import Deployment, Resource

DEPLOYMENT = Deployment()
WITH_NAT = Deployment({"NatGateways": "one"})
WITH_EACH_NAT = Deployment({"NatGateways": "each-zone", "MultiAz": "true"})

EVERYWHERE = "0.0.0.0/0"
NOWHERE = "127.0.0.1/32"
SERVERS = {"DatabaseSecurityGroup": 5432, "CacheSecurityGroup": 6379, "EndpointSecurityGroup": 443}
IN = {
    ("FunctionSecurityGroup", "DatabaseSecurityGroup"),
    ("MigrationSecurityGroup", "DatabaseSecurityGroup"),
    ("TaskSecurityGroup", "DatabaseSecurityGroup"),
    ("FunctionSecurityGroup", "CacheSecurityGroup"),
    ("TaskSecurityGroup", "CacheSecurityGroup"),
    ("FunctionSecurityGroup", "EndpointSecurityGroup"),
    ("MigrationSecurityGroup", "EndpointSecurityGroup"),
    ("TaskSecurityGroup", "EndpointSecurityGroup"),
}
"""From, to: all that may come in anywhere."""

OUT = {
    "FunctionSecurityGroup": {
        ("DatabaseSecurityGroup", 5432),
        ("CacheSecurityGroup", 6379),
        ("EndpointSecurityGroup", 443),
    },
    # S3 takes the answer to CloudFormation, and has no security group.
    "MigrationSecurityGroup": {("DatabaseSecurityGroup", 5432), (EVERYWHERE, 443)},
    # Models and AWS.
    "TaskSecurityGroup": {("DatabaseSecurityGroup", 5432), ("CacheSecurityGroup", 6379), (EVERYWHERE, 443)},
}


def group(reference: str) -> str:
    return reference.removeprefix("Network.")


def test_only_the_right_side_comes_in() -> None:
    rules = [r.properties for r in DEPLOYMENT.resources("AWS::EC2::SecurityGroupIngress")]
    assert {(group(r["SourceSecurityGroupId"]), group(r["GroupId"])) for r in rules} == IN
    for rule in rules:
        port = SERVERS[group(rule["GroupId"])]
        assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", port, port)
        assert not {"CidrIp", "CidrIpv6", "SourcePrefixListId"} & set(rule)


def test_no_group_lets_anything_in_by_itself() -> None:
    groups = list(DEPLOYMENT.resources("AWS::EC2::SecurityGroup"))
    assert {g.name for g in groups} == set(SERVERS) | set(OUT)
    assert [g.id for g in groups if g.properties.get("SecurityGroupIngress")] == []


def test_servers_go_nowhere_and_clients_to_their_servers() -> None:
    for found in DEPLOYMENT.resources("AWS::EC2::SecurityGroup"):
        rules = found.properties["SecurityGroupEgress"]
        if found.name in SERVERS:
            assert [rule["CidrIp"] for rule in rules] == [NOWHERE]
            continue
        assert all(rule["IpProtocol"] == "tcp" and rule["FromPort"] == rule["ToPort"] for rule in rules)
        targets = {
            (group(rule.get("DestinationSecurityGroupId") or rule["CidrIp"]), rule["FromPort"])
            for rule in rules
        }
        assert targets == OUT[found.name]


def subnets_of(resource: Resource, *path: str) -> list[str]:
    value: Any = resource.properties
    for key in path:
        value = value[key]
    return sorted(group(subnet) for subnet in value)


PRIVATE = ["PrivateSubnetA", "PrivateSubnetB"]
PUBLIC = ["PublicSubnetA", "PublicSubnetB"]


@pytest.mark.parametrize("deployment", [DEPLOYMENT, WITH_NAT, WITH_EACH_NAT])
def test_servers_and_functions_are_private_always(deployment: Deployment) -> None:
    for subnets in deployment.resources("AWS::RDS::DBSubnetGroup", "AWS::ElastiCache::SubnetGroup"):
        assert subnets_of(subnets, "SubnetIds") == PRIVATE
    assert deployment.find("Data.Database").properties["PubliclyAccessible"] is False
    for function in deployment.resources("AWS::Lambda::Function"):
        assert subnets_of(function, "VpcConfig", "SubnetIds") == PRIVATE
        (only,) = function.properties["VpcConfig"]["SecurityGroupIds"]
        migrates = function.name == "MigrateFunction"
        assert group(only) == ("MigrationSecurityGroup" if migrates else "FunctionSecurityGroup")
    database = deployment.find("Data.Database").properties["VPCSecurityGroups"]
    cache = deployment.find("Data.Cache").properties["SecurityGroupIds"]
    assert (database, cache) == (["Network.DatabaseSecurityGroup"], ["Network.CacheSecurityGroup"])


def test_tasks_have_public_addresses_only_where_there_is_no_nat() -> None:
    for deployment, subnets, address in [
        (DEPLOYMENT, PUBLIC, "ENABLED"),
        (WITH_NAT, PRIVATE, "DISABLED"),
        (WITH_EACH_NAT, PRIVATE, "DISABLED"),
    ]:
        for service in deployment.resources("AWS::ECS::Service"):
            network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
            assert sorted(map(group, network["Subnets"])) == subnets
            assert network["AssignPublicIp"] == address
            assert network["SecurityGroups"] == ["Network.TaskSecurityGroup"]


def test_nothing_listens_in_a_task() -> None:
    for task in DEPLOYMENT.resources("AWS::ECS::TaskDefinition"):
        assert all("PortMappings" not in one for one in task.properties["ContainerDefinitions"])
    assert all("LoadBalancers" not in s.properties for s in DEPLOYMENT.resources("AWS::ECS::Service"))


def routes(deployment: Deployment) -> dict[str, str]:
    """Route table -> the way out."""
    return {
        group(r.properties["RouteTableId"]): group(
            r.properties.get("GatewayId") or r.properties["NatGatewayId"]
        )
        for r in deployment.resources("AWS::EC2::Route")
    }


def test_private_routes_lead_to_the_internet_by_nat_or_not_at_all() -> None:
    public = {"PublicRoutes": "InternetGateway"}
    assert routes(DEPLOYMENT) == public
    assert routes(WITH_NAT) == public | {"PrivateRoutesA": "NatA", "PrivateRoutesB": "NatA"}
    assert routes(WITH_EACH_NAT) == public | {"PrivateRoutesA": "NatA", "PrivateRoutesB": "NatB"}
    tables = {
        group(r.properties["SubnetId"]): group(r.properties["RouteTableId"])
        for r in DEPLOYMENT.resources("AWS::EC2::SubnetRouteTableAssociation")
    }
    assert tables == {
        "PublicSubnetA": "PublicRoutes",
        "PublicSubnetB": "PublicRoutes",
        "PrivateSubnetA": "PrivateRoutesA",
        "PrivateSubnetB": "PrivateRoutesB",
    }


@pytest.mark.parametrize("block", ["10.40.0.0/16", "172.16.64.0/18", "192.168.0.0/17"])
def test_subnets_are_apart_inside_the_vpc_and_in_two_zones(block: str) -> None:
    deployment = Deployment({"VpcCidr": block})
    found = {r.name: r.properties for r in deployment.resources("AWS::EC2::Subnet")}
    networks = [IPv4Network(p["CidrBlock"]) for p in found.values()]
    assert all(network.subnet_of(IPv4Network(block)) for network in networks)
    assert len(set(networks)) == 4
    for pair in (PUBLIC, PRIVATE):
        assert len({found[name]["AvailabilityZone"] for name in pair}) == 2
    assert not any(p["MapPublicIpOnLaunch"] for p in found.values())


def test_functions_reach_aws_without_the_internet() -> None:
    endpoints = {r.name: r.properties for r in DEPLOYMENT.resources("AWS::EC2::VPCEndpoint")}
    services = {p["ServiceName"].rpartition(".")[2]: p for p in endpoints.values()}
    assert set(services) == {"secretsmanager", "sqs", "s3"}
    for name in ("secretsmanager", "sqs"):
        assert services[name]["PrivateDnsEnabled"] is True
        assert services[name]["SecurityGroupIds"] == ["Network.EndpointSecurityGroup"]
        assert services[name]["SubnetIds"] == ["Network.PrivateSubnetA"]
    assert [group(table) for table in services["s3"]["RouteTableIds"]] == ["PrivateRoutesA", "PrivateRoutesB"]
    for endpoint in WITH_EACH_NAT.resources("AWS::EC2::VPCEndpoint"):
        if endpoint.properties["VpcEndpointType"] == "Interface":
            assert subnets_of(endpoint, "SubnetIds") == PRIVATE


def test_s3s_endpoint_lets_through_what_cloudformation_and_images_need_and_no_more() -> None:
    (objects,) = [r for r in DEPLOYMENT.resources("AWS::EC2::VPCEndpoint") if r.name == "ObjectsEndpoint"]
    statements = objects.properties["PolicyDocument"]["Statement"]
    assert {(s["Action"], s["Resource"]) for s in statements} == {
        ("s3:PutObject", "arn:aws:s3:::cloudformation-custom-resource-response-eucentral1/*"),
        ("s3:GetObject", "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"),
    }
