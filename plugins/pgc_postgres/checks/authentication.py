"""Rules of client authentication that the manifest sets by hand: each fits its method and proves something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgc.cluster import Cluster, Host
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.facts import Certificate, HbaRule, Role
from pgc_postgres import hba
from pgc_postgres.access import HBA
from pgc_postgres.hba import Members
from pgc_postgres.section import HbaSpec

PGS053 = Code(
    "PGS053",
    "method-proves-nothing",
    Severity.ERROR,
    what="the method {method} is used for {who}",
    why="{consequence}",
    help="use {instead}",
    example="postgres:\n  hba: [{addresses: [10.0.0.0/24], method: trust}]",
)
PGS054 = Code(
    "PGS054",
    "open-to-everybody",
    Severity.ERROR,
    what="the rule lets everybody in the world try: {address}",
    why="every scanner on the network gets a login prompt, and one leaked password is enough",
    help="name the networks that clients come from",
    example="postgres:\n  hba: [{addresses: [0.0.0.0/0]}]",
)
PGS055 = Code(
    "PGS055",
    "plaintext-rule",
    Severity.ERROR,
    what="the rule takes connections without TLS ({connection}), although the database hosts have certificates",
    why="data crosses the network in the clear, and a client that is told `sslmode=prefer` does not notice",
    help="use hostssl, or leave connection out",
    example="postgres:\n  hba: [{connection: host, addresses: [10.0.0.0/24]}]   # and certificates exist",
)
PGS056 = Code(
    "PGS056",
    "method-does-not-fit",
    Severity.ERROR,
    what="{problem}",
    why="PostgreSQL refuses the whole file, and keeps running with the old one until a restart fails",
    help="{remedy}",
    example="postgres:\n  hba: [{connection: host, addresses: [10.0.0.0/24], method: peer}]",
)
PGS057 = Code(
    "PGS057",
    "superuser-from-outside",
    Severity.WARNING,
    what="the rule lets {roles} in over the network, with the rights of a superuser",
    why="a superuser reads and runs everything on the host; one stolen password gives the cluster away",
    help="name the users that are meant; superusers log in on the host itself",
    example="postgres:\n  roles: {boss: {superuser: true}}\n  hba: [{users: [boss], addresses: [10.1.0.0/16]}]",
)
PGS058 = Code(
    "PGS058",
    "rule-for-nobody",
    Severity.ERROR,
    what="the rule is for the {kind} {name}, which the manifest does not know{hint}",
    why="it lets nobody in: most likely the name is misspelt",
    help="declare it, or correct the name",
    example="postgres:\n  hba: [{users: [nobody_known], addresses: [10.1.0.0/16]}]",
)
PGS059 = Code(
    "PGS059",
    "unknown-map",
    Severity.ERROR,
    what="the {what} {name} {problem}",
    why="{consequence}",
    help="{remedy}",
    example="postgres:\n  hba: [{addresses: [10.1.0.0/16], connection: hostssl, method: cert, options: {map: nowhere}}]",
)
CODES = (PGS053, PGS054, PGS055, PGS056, PGS057, PGS058, PGS059)

WEAK = {
    "trust": ("nobody proves anything: who reaches the port is in, as whom they like", "scram-sha-256, or cert"),
    "password": ("the password crosses the network as it is, and every host on the way can read it", "scram-sha-256"),
    "md5": (
        "its hash can be used to log in by whoever reads it, and MD5 is broken; PostgreSQL 18 announces its removal",
        "scram-sha-256",
    ),
    "ident": ("the client's own host says who the client is", "scram-sha-256, or cert"),
}
OPTIONS: dict[str, frozenset[str]] = {
    "scram-sha-256": frozenset(),
    "reject": frozenset(),
    "trust": frozenset(),
    "password": frozenset(),
    "md5": frozenset(),
    "peer": frozenset({"map"}),
    "ident": frozenset({"map"}),
    "cert": frozenset({"map", "clientname"}),
    "gss": frozenset({"map", "include_realm", "krb_realm"}),
    "pam": frozenset({"pamservice", "pam_use_hostname"}),
    "ldap": frozenset(
        {
            "ldapserver",
            "ldapport",
            "ldapscheme",
            "ldaptls",
            "ldapprefix",
            "ldapsuffix",
            "ldapbasedn",
            "ldapbinddn",
            "ldapbindpasswd",
            "ldapsearchattribute",
            "ldapsearchfilter",
            "ldapurl",
        }
    ),
    "radius": frozenset({"radiusservers", "radiussecrets", "radiusports", "radiusidentifiers"}),
}
KEYWORDS = frozenset({"all", "sameuser", "samerole", "samegroup", "replication"})


def check(cluster: Cluster, hosts: tuple[Host, ...]) -> Iterator[Finding]:
    """Yield every objection to the rules as they will stand in the file."""
    rules = hba.in_order(cluster.facts.all(HbaRule))
    roles = cluster.facts.all(Role)
    members = hba.memberships({role.name: role.member_of for role in roles})
    encrypted = bool(hosts) and all(cluster.facts.on(host.name, Certificate) for host in hosts)
    superusers = frozenset(role.name for role in roles if role.superuser)
    for index, rule in enumerate(cluster.section.hba):
        at = HBA / index
        yield from _fits(rule, at)
        yield from _safe(rule, at, encrypted)
        yield from _superuser(rule, at, superusers, members, rules)
        yield from _known(cluster, rule, at, members)
    yield from _maps(cluster)


def _fits(rule: HbaSpec, at: Path) -> Iterator[Finding]:
    local = rule.connection == "local" or (rule.connection is None and not rule.addresses)
    if rule.connection not in (None, "local") and not rule.addresses:
        yield PGS056.at(
            at,
            problem=f"a rule for {rule.connection} needs addresses",
            remedy="name the networks, or use `connection: local`",
        )
    if rule.connection == "local" and rule.addresses:
        yield PGS056.at(
            at / "addresses",
            problem="a rule for local connections has no addresses",
            remedy="remove the addresses, or use host or hostssl",
        )
    if rule.method == "peer" and not local:
        yield PGS056.at(
            at / "method",
            problem="peer works for local connections only",
            remedy="use cert or scram-sha-256 over the network",
        )
    if rule.method == "ident" and local:
        yield PGS056.at(at / "method", problem="ident works over the network only", remedy="use peer")
    if rule.method == "gss" and local:
        yield PGS056.at(at / "method", problem="gss works over the network only", remedy="use peer")
    secure = rule.connection == "hostssl"
    if rule.method == "cert" and rule.connection is not None and not secure:
        yield PGS056.at(
            at / "method",
            problem=f"cert works with hostssl only, and the rule is for {rule.connection}",
            remedy="use `connection: hostssl`",
        )
    if rule.connection == "hostgssenc" and rule.method not in ("gss", "reject", "trust"):
        yield PGS056.at(at / "method", problem=f"{rule.method} does not work with hostgssenc", remedy="use gss")
    yield from _options(rule, at)


def _options(rule: HbaSpec, at: Path) -> Iterator[Finding]:
    for name, value in rule.options.items():
        where = at / "options" / name
        if name in ("clientcert", "clientname"):
            if rule.connection not in (None, "hostssl"):
                yield PGS056.at(where, problem=f"{name} works with hostssl only", remedy="use `connection: hostssl`")
            wanted = ("verify-ca", "verify-full") if name == "clientcert" else ("CN", "DN")
            if value not in wanted:
                yield PGS056.at(where, problem=f"{name} is {value}", remedy=f"use {' or '.join(wanted)}")
        elif name in ("ldapbindpasswd", "radiussecrets"):
            yield PGS056.at(
                where, problem=f"{name} would put a secret into a committed file", remedy="use a method that needs none"
            )
        elif name not in OPTIONS[rule.method]:
            known = ", ".join(sorted(OPTIONS[rule.method] | {"clientcert"}))
            yield PGS056.at(where, problem=f"{name} is no option of {rule.method}", remedy=f"known here: {known}")


def _safe(rule: HbaSpec, at: Path, encrypted: bool) -> Iterator[Finding]:
    if rule.method in WEAK:
        consequence, instead = WEAK[rule.method]
        yield PGS053.at(
            at / "method",
            method=rule.method,
            who=", ".join(rule.users),
            consequence=consequence,
            instead="peer" if not rule.addresses else instead,
        )
    if rule.method == "reject":
        return
    for index, address in enumerate(rule.addresses):
        if address in ("all", "0.0.0.0/0", "::/0"):
            yield PGS054.at(at / "addresses" / index, address=address)
    if encrypted and rule.addresses and rule.connection in ("host", "hostnossl", "hostnogssenc"):
        yield PGS055.at(at / "connection", connection=rule.connection)


def _superuser(
    rule: HbaSpec, at: Path, superusers: frozenset[str], members: Members, rules: tuple[HbaRule, ...]
) -> Iterator[Finding]:
    """Warn of superusers that get in over the network: those that no rejecting rule above keeps out."""
    if rule.method == "reject" or not rule.addresses:
        return
    kept_out = {
        other.user
        for other in rules
        if other.method == "reject"
        and other.address == "all"
        and other.database == "all"
        and other.connection == "host"
    }
    kept_out = kept_out if not rule.first else set()
    named = {user for user in rule.users if user in superusers}
    for user in rule.users:
        if user == "all":
            named |= superusers - kept_out
        elif user.startswith("+"):
            named |= {name for name in superusers - kept_out if user[1:] in members.get(name, ())}
    if named:
        yield PGS057.at(at / "users", roles=", ".join(sorted(named)))


def _known(cluster: Cluster, rule: HbaSpec, at: Path, members: Members) -> Iterator[Finding]:
    for index, user in enumerate(rule.users):
        name = user.removeprefix("+")
        if user != "all" and not user.startswith("/") and name not in members:
            yield PGS058.at(at / "users" / index, kind="role", name=name, hint=_near(name, members))
    databases = {*cluster.section.databases, "postgres", "template1"}
    for index, database in enumerate(rule.databases):
        if database not in KEYWORDS and not database.startswith("/") and database not in databases:
            yield PGS058.at(at / "databases" / index, kind="database", name=database, hint=_near(database, databases))


def _near(name: str, known: object) -> str:
    import difflib

    near = difflib.get_close_matches(name, sorted(known), n=1)  # type: ignore[call-overload]
    return f"; did you mean {near[0]}?" if near else ""


# ── maps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _maps(cluster: Cluster) -> Iterator[Finding]:
    section, used = cluster.section, set()
    for index, rule in enumerate(section.hba):
        name = rule.options.get("map")
        if name is None:
            continue
        used.add(name)
        if name not in section.ident:
            yield PGS059.at(
                HBA / index / "options" / "map",
                what="map",
                name=name,
                problem="is not in postgres.ident",
                consequence="nobody gets in by this rule",
                remedy=f"add it under postgres.ident, or use one of: {', '.join(section.ident) or 'none so far'}",
            )
    roles = {role.name for role in cluster.facts.all(Role)}
    for name, lines in section.ident.items():
        at = Path(("postgres", "ident", name))
        if name not in used and not any(("map", name) in rule.options for rule in cluster.facts.all(HbaRule)):
            yield PGS059.at(
                at,
                what="map",
                name=name,
                problem="is used by no rule",
                consequence="it lets nobody in",
                remedy=f"add `options: {{map: {name}}}` to a rule under postgres.hba, or remove it",
            )
        for index, each in enumerate(lines):
            if each.role not in roles and each.role[:1] not in "+/" and each.role != "all" and "\\1" not in each.role:
                yield PGS058.at(at / index / "role", kind="role", name=each.role, hint=_near(each.role, roles))
            if each.system.startswith("/"):
                try:
                    re.compile(each.system[1:])
                except re.error as problem:
                    yield PGS059.at(
                        at / index / "system",
                        what="expression",
                        name=each.system,
                        problem=f"is not one: {problem}",
                        consequence="PostgreSQL refuses the whole file",
                        remedy="correct it",
                    )
