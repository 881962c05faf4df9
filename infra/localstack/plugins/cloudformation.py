"""What LocalStack's CloudFormation engine has wrong or lacks, and Rootnote's templates need."""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

from localstack.services.cloudformation import provider_utils, resource_provider
from localstack.services.cloudformation.engine.v2 import change_set_model
from localstack.services.cloudformation.engine.v2.change_set_model_describer import (
    CHANGESET_KNOWN_AFTER_APPLY,
)
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import (
    ChangeSetModelPreproc,
    PreprocEntityDelta,
)
from localstack.services.cloudformation.engine.v2.change_set_model_visitor import ChangeSetModelVisitor

FLOATS = {"double", "float"}
POLL_SECONDS = 0.2


def repair_cloudformation() -> None:
    _know_fn_cidr()
    _leave_out_what_no_condition_wants("visit_node_resource")
    _leave_out_what_no_condition_wants("visit_node_output")
    _take_empty_text_for_a_value()
    _take_text_for_fractions()
    _look_again_soon()


def _know_fn_cidr() -> None:
    """It has every intrinsic function but this one."""

    def compute(arguments: list[Any]) -> list[str]:
        block, count, *bits = arguments
        if block == CHANGESET_KNOWN_AFTER_APPLY:
            return [block] * int(count)
        return subnets(block, int(count), int(bits[0]) if bits else 8)

    def visit(self: Any, node: Any) -> Any:
        arguments = self.visit(node.arguments)
        return self._cached_apply(scope=node.scope, arguments_delta=arguments, resolver=compute)

    change_set_model.INTRINSIC_FUNCTIONS.add("Fn::Cidr")
    ChangeSetModelVisitor.visit_node_intrinsic_function_fn_cidr = lambda self, node: self.visit_children(node)
    ChangeSetModelPreproc.visit_node_intrinsic_function_fn_cidr = visit


def subnets(block: str, count: int, bits: int) -> list[str]:
    """The first `count` networks of `block` that have room for 2**`bits` addresses each."""
    networks = ipaddress.ip_network(block).subnets(new_prefix=32 - bits)
    return [str(network) for network in itertools.islice(networks, count)]


def _leave_out_what_no_condition_wants(visit: str) -> None:
    """It resolves what belongs to a false condition, too, and fails at what that refers to."""
    plain = getattr(ChangeSetModelPreproc, visit)

    def wanted_only(self: Any, *nodes: Any, **named: Any) -> Any:
        (node,) = (*nodes, *named.values())
        if not change_set_model.is_nothing(node.condition_reference):
            condition = self._resolve_resource_condition_reference(node.condition_reference)
            if not condition.before and not condition.after:
                return PreprocEntityDelta()
        return plain(self, node)

    setattr(ChangeSetModelPreproc, visit, wanted_only)


def _take_empty_text_for_a_value() -> None:
    """A parameter that is given as empty text counts as not given to it."""
    plain = ChangeSetModelPreproc.visit_node_parameter

    def parameter(self: Any, node_parameter: Any) -> Any:
        delta = plain(self, node_parameter)
        given = self.visit(node_parameter.dynamic_value)
        for side in ("before", "after"):
            if getattr(given, side) == "":
                setattr(delta, side, "")
        return delta

    ChangeSetModelPreproc.visit_node_parameter = parameter


def _take_text_for_fractions() -> None:
    """Parameters arrive as text; it makes them the whole numbers that an API wants, but not fractions."""
    plain = provider_utils.convert_request_kwargs

    def convert(parameters: dict[str, Any], shape: Any) -> dict[str, Any]:
        converted: dict[str, Any] = plain(parameters, shape)
        for name, value in converted.items():
            if isinstance(value, str) and shape.members[name].type_name in FLOATS:
                converted[name] = float(value)
        return converted

    # Nested structures go through the first name, and calls of providers through the second.
    provider_utils.convert_request_kwargs = convert
    resource_provider.convert_request_kwargs = convert


def _look_again_soon() -> None:
    """It sleeps for 5 s before it looks again for a function or a nested stack that is not ready."""
    loop = resource_provider.ResourceProviderExecutor.deploy_loop
    most_seconds, _ = loop.__defaults__
    loop.__defaults__ = (most_seconds, POLL_SECONDS)
