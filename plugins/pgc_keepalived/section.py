"""What the manifest may say about keepalived."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from pgc.fields import Address, Duration, HostName, Network, Part, Section, Word


def _interface_address(value: object) -> str:
    """Return an address as it is written on an interface, `10.20.0.100/24`; without a prefix it stays without."""
    try:
        if not isinstance(value, str) or "%" in value:  # behind % stands the name of one host's interface, and any text passes
            raise ValueError
        parsed = ipaddress.ip_interface(value)
    except ValueError:
        raise PydanticCustomError(
            "bad_name",
            "{given} is not an IP address with the prefix of its network",
            {"given": str(value), "what": "an IP address with the prefix of its network", "example": "10.20.0.100/24"},
        ) from None
    return parsed.with_prefixlen if "/" in str(value) else str(parsed.ip)


VipAddress = Annotated[
    str, BeforeValidator(_interface_address), WithJsonSchema({"type": "string", "examples": ["10.20.0.100/24"]})
]


class VipSpec(Part):
    """A virtual address."""

    address: VipAddress = Field(description="The address, with the prefix of its network.", examples=["10.20.0.100/24"])
    network: Network | None = Field(
        None,
        description="The network segment that it and its routers are in. Without it: from the prefix of the address.",
        examples=["10.20.0.0/24"],
    )
    interface: Word | None = Field(
        None, description="Interface that carries it. Without it: the host's own.", examples=["eth0"]
    )
    router_id: int | None = Field(
        None,
        ge=1,
        le=255,
        description="Number of the virtual router, unique in its network. Without it: the last byte of the address.",
        examples=[100],
    )
    hosts: tuple[HostName, ...] | None = Field(
        None,
        strict=False,
        min_length=1,
        description="Hosts that may hold it, the first one preferred. Without it: the balancers, by name.",
        examples=[["lb1", "lb2"]],
    )
    sources: dict[HostName, Address] = Field(
        default_factory=dict,
        description="The hosts' own addresses in the network of the virtual one, where that is another network.",
        examples=[{"lb1": "192.0.2.11", "lb2": "192.0.2.12"}],
    )


class Check(Part):
    """How a router finds out whether its balancer works."""

    interval: int = Field(1, ge=1, le=60, description="Seconds between two checks.", examples=[1])
    timeout: int = Field(
        1, ge=1, le=60, description="Seconds until a check without an answer has failed.", examples=[1]
    )
    fall: int = Field(2, ge=1, le=10, description="Failed checks until the address moves.", examples=[2])
    rise: int = Field(2, ge=1, le=10, description="Good checks until the host may hold it again.", examples=[2])


class KeepalivedSection(Section):
    """keepalived on the balancers; nothing of it exists without a virtual address."""

    version: Literal["2.2", "2.3"] = Field(
        "2.3", description="Minor version of keepalived that is installed.", examples=["2.3"]
    )
    vips: dict[Word, VipSpec] = Field(
        default_factory=dict,
        description="Virtual addresses, by name.",
        examples=[{"main": {"address": "10.20.0.100/24"}}],
    )
    advert: Duration | None = Field(
        None,
        description="Pause between two signs of life; three missed ones move the address. Without it: derived from the failover objective.",
        examples=["1s"],
    )
    preempt: bool = Field(
        False,
        description="Whether a host that comes back takes the address from one that serves. Each move cuts all connections.",
        examples=[False],
    )
    preempt_delay: Duration = Field(60, description="How long it waits before it does.", examples=["60s"])
    check: Check = Field(
        default_factory=lambda: Check.model_validate({}),
        description="How a router finds out whether its balancer works.",
        examples=[{"fall": 2}],
    )
    announce_every: Duration = Field(
        60,
        description="How often the holder tells its neighbours again where the address is; switches and routers forget.",
        examples=["60s"],
    )
