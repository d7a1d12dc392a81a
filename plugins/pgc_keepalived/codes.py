"""The diagnostics of keepalived."""

from __future__ import annotations

from pgc.diagnostics import Code, Severity

KAL001 = Code(
    "KAL001",
    "router-id-used-twice",
    Severity.ERROR,
    what="{name} and {other} are both virtual router {number} of IPv{family}",
    why="each would take the other's signs of life for its own, and both addresses could be on two hosts or on none",
    help="leave one of the two router_id out, or choose another number",
    example="keepalived:\n  vips:\n    rw: {address: 10.0.0.100/24, router_id: 7}\n    ro: {address: 10.0.0.101/24, router_id: 7}",
)
KAL002 = Code(
    "KAL002",
    "vip-is-a-hosts-address",
    Severity.ERROR,
    what="the virtual address {address} is {host}'s own address",
    why="it would be on two hosts as soon as it moves, and {host} would be unreachable",
    help="choose an address that no host has",
    example="hosts: {pg1: {address: 10.0.0.1}}\nkeepalived: {vips: {main: {address: 10.0.0.1/24}}}",
)
KAL003 = Code(
    "KAL003",
    "router-outside-the-network",
    Severity.ERROR,
    what="{name} is for the network {network}, but these are not in it: {hosts}",
    why="neighbours there would not learn the address from it, and signs of life would not reach the others (hop count)",
    help="correct the prefix of the address, or give keepalived.vips.{name}.sources for hosts that are in its network by another address",
    example="hosts: {pg1: {address: 10.1.0.1}}\nkeepalived: {vips: {main: {address: 10.2.0.100/24}}}",
)
KAL004 = Code(
    "KAL004",
    "vip-without-network",
    Severity.WARNING,
    what="{given} does not say in which network the address is",
    why="nobody can prove that it and its routers are in one network, without which it does not move",
    help="write the prefix of its network, such as {address}/{usual}, or name the network in keepalived.vips.{name}.network",
    example="keepalived: {vips: {main: {address: 10.0.0.100}}}",
)
KAL005 = Code(
    "KAL005",
    "single-router",
    Severity.WARNING,
    what="{host} alone may hold {name}",
    why="the address cannot move: when the host is lost, no client reaches the cluster by it",
    help="give a second host the role balancer, or name more hosts",
    example="keepalived: {vips: {main: {address: 10.0.0.100/24, hosts: [lb1]}}}",
)
KAL006 = Code(
    "KAL006",
    "address-families-differ",
    Severity.ERROR,
    what="{name} is an IPv{family} address, but these are not: {hosts}",
    why="signs of life and virtual address are of one family: keepalived refuses the file",
    help="give the hosts' IPv{family} addresses in keepalived.vips.{name}.sources",
    example='hosts: {pg1: {address: 10.0.0.1}}\nkeepalived: {vips: {main: {address: "fd00::100/64"}}}',
)
KAL007 = Code(
    "KAL007",
    "routers-in-several-datacenters",
    Severity.WARNING,
    what="{name} may be held in the data centres {datacenters}",
    why="an address moves within one network segment only; data centres seldom share one, "
    "and where they do, both sides of a cut take the address",
    help="name hosts of one data centre in keepalived.vips.{name}.hosts, and lead clients across with DNS or routing",
    example="hosts:\n  lb1: {address: 10.0.0.1, datacenter: fra}\n  lb2: {address: 10.0.0.2, datacenter: ams}",
)
KAL008 = Code(
    "KAL008",
    "unknown-router",
    Severity.ERROR,
    what="{host} is no host of this cluster{near}",
    why="the address could not move there",
    help="name hosts from `hosts`: {known}",
    example="keepalived: {vips: {main: {address: 10.0.0.100/24, hosts: [lb1, lb9]}}}",
)
KAL009 = Code(
    "KAL009",
    "router-without-balancer",
    Severity.ERROR,
    what="{host} may hold {name}, but has not the role balancer",
    why="nothing would listen there when the address arrives",
    help="give {host} the role balancer, or leave it out",
    example="hosts: {pg1: {address: 10.0.0.1, roles: [database]}}\nkeepalived: {vips: {main: {address: 10.0.0.100/24, hosts: [pg1]}}}",
)
KAL010 = Code(
    "KAL010",
    "vip-used-twice",
    Severity.ERROR,
    what="{name} and {other} have the same address {address}",
    why="two virtual routers would fight over it",
    help="give one of them another address, or leave it out",
    example="keepalived:\n  vips:\n    rw: {address: 10.0.0.100/24}\n    ro: {address: 10.0.0.100/24}",
)
KAL011 = Code(
    "KAL011",
    "advert-out-of-range",
    Severity.ERROR,
    what="an advert interval of {given} s cannot be sent",
    why="VRRP version 3 counts it in hundredths of a second, from 1 to 4095",
    help="set keepalived.advert to a multiple of 10ms between 10ms and 40.95s, or leave it to be derived",
    example="keepalived: {advert: 60s}",
)
KAL012 = Code(
    "KAL012",
    "vip-is-no-host-address",
    Severity.ERROR,
    what="{address} is the {what} address of {network}",
    why="no host can hold it",
    help="choose an address between {first} and {last}",
    example="keepalived: {vips: {main: {address: 10.0.0.255/24}}}",
)
KAL013 = Code(
    "KAL013",
    "raw-part-unknown",
    Severity.ERROR,
    what="raw.{part} is no part of keepalived.conf that pgc passes lines to",
    why="the lines would appear nowhere",
    help="use raw: {{global: […], instance: […]}}, each a list of lines",
    example="keepalived: {raw: {globl: [vrrp_no_swap]}}",
)
KAL014 = Code(
    "KAL014",
    "check-outlasts-its-interval",
    Severity.WARNING,
    what="a check may take {timeout} s, but the next one is due after {interval} s",
    why="keepalived skips a check while the one before runs, so a silent balancer is found later than the timers say",
    help="set keepalived.check.timeout to {interval} or less",
    example="keepalived: {check: {interval: 1, timeout: 5}}",
)
KAL015 = Code(
    "KAL015",
    "too-many-routers",
    Severity.ERROR,
    what="{count} hosts may hold {name}",
    why="each sends its signs of life to every other one, several times a second all in all, and one or two more would do",
    help="name at most {most} in keepalived.vips.{name}.hosts",
    example="keepalived: {vips: {main: {address: 10.0.0.100/24}}}   # and 30 hosts with the role balancer",
)
KAL016 = Code(
    "KAL016",
    "no-router",
    Severity.ERROR,
    what="no host may hold {name}",
    why="the address would be nowhere",
    help="give at least two hosts the role balancer; with an external load balancer, leave keepalived.vips out",
    example="hosts: {pg1: {address: 10.0.0.1, roles: [database, dcs]}}\nkeepalived: {vips: {main: {address: 10.0.0.100/24}}}",
)
CODES = (
    KAL001,
    KAL002,
    KAL003,
    KAL004,
    KAL005,
    KAL006,
    KAL007,
    KAL008,
    KAL009,
    KAL010,
    KAL011,
    KAL012,
    KAL013,
    KAL014,
    KAL015,
    KAL016,
)
