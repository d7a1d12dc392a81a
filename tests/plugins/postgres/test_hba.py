"""A rule is called shadowed exactly when no connection reaches it, as far as one rule above can take them all."""

from __future__ import annotations

import itertools
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgc.facts import HbaRule
from pgc_postgres import hba
from tests.conftest import FULL
from tests.plugins.postgres.conftest import Server

ROLES = {"a": ("g",), "b": ("g", "h"), "g": ("h",), "h": (), "c": ()}
MEMBERS = hba.memberships(ROLES)
DATABASES = ("a", "g", "x", "replication!")  # the last one is a physical replication connection
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.1.1", "10.9.0.1", "192.168.0.1", "fd00::1", "fd00::2")
NETWORKS = (
    "10.0.0.1/32",
    "10.0.0.0/24",
    "10.0.0.0/16",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "fd00::1/128",
    "fd00::/64",
    "::/0",
    "all",
)
KINDS = ("ssl", "gss", "plain")

RULES = st.one_of(
    st.builds(
        HbaRule,
        connection=st.sampled_from(("host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")),
        database=st.sampled_from(("all", "sameuser", "samerole", "replication", "a", "g", "x")),
        user=st.sampled_from(("all", "+g", "+h", "a", "b", "c", "g")),
        address=st.sampled_from(NETWORKS),
        method=st.sampled_from(("scram-sha-256", "reject", "cert")),
        order=st.just(50),
    ),
    st.builds(
        HbaRule,
        connection=st.just("local"),
        database=st.sampled_from(("all", "sameuser", "samerole", "replication", "a", "x")),
        user=st.sampled_from(("all", "+g", "a", "c")),
        method=st.sampled_from(("peer", "scram-sha-256", "reject")),
    ),
)
UNIVERSE = [
    *(
        (kind, database, user, address)
        for kind, database, user, address in itertools.product(KINDS, DATABASES, ROLES, ADDRESSES)
    ),
    *(("local", database, user, "") for database, user in itertools.product(DATABASES, ROLES)),
]


def takes(rule: HbaRule, connection: tuple[str, str, str, str]) -> bool:
    """Say whether a rule matches a connection: hba.c, written down once more from its source."""
    kind, database, user, address = connection
    kinds = {
        "local": {"local"},
        "host": {"ssl", "gss", "plain"},
        "hostssl": {"ssl"},
        "hostnossl": {"gss", "plain"},
        "hostgssenc": {"gss"},
        "hostnogssenc": {"ssl", "plain"},
    }
    if kind not in kinds[rule.connection]:
        return False
    if kind != "local" and rule.address != "all":
        where = ip_address(address)
        network = ip_network(rule.address)
        if where.version != network.version or where not in network:
            return False
    if database == "replication!":
        if rule.database != "replication":
            return False
    elif rule.database == "all":
        pass
    elif rule.database == "sameuser":
        if database != user:
            return False
    elif rule.database == "samerole":
        if database not in MEMBERS[user]:
            return False
    elif rule.database != database:
        return False
    if rule.user == "all":
        return True
    return rule.user[1:] in MEMBERS[user] if rule.user.startswith("+") else rule.user == user


def reach(rule: HbaRule) -> frozenset[tuple[str, str, str, str]]:
    return frozenset(each for each in UNIVERSE if takes(rule, each))


@settings(max_examples=3000 if FULL else 400, deadline=None)
@given(RULES, RULES)
def test_covering_and_meeting_never_claim_too_much_or_too_little(earlier: HbaRule, later: HbaRule) -> None:
    one, other = hba.match(earlier), hba.match(later)
    if hba.covers(one, other, MEMBERS):
        assert reach(later) <= reach(earlier)
    if reach(later) & reach(earlier):
        assert hba.meets(one, other, MEMBERS)


PLAIN = st.builds(
    HbaRule,
    connection=st.sampled_from(("host", "hostssl", "hostnossl")),
    database=st.sampled_from(("all", "replication", "x", "g")),
    user=st.sampled_from(("all", "+g", "+h", "a", "b")),
    address=st.sampled_from(NETWORKS),
    method=st.sampled_from(("scram-sha-256", "reject")),
)


@settings(max_examples=3000 if FULL else 400, deadline=None)
@given(PLAIN, PLAIN)
def test_covering_is_found_wherever_it_is(earlier: HbaRule, later: HbaRule) -> None:
    """Exact, but for what the small universe cannot tell apart: a name or network that happens to hold all that a wider one holds."""
    wider = (
        later.user == "all"
        or (later.user.startswith("+") and not earlier.user.startswith("+"))
        or later.database == "all"
    )
    network_wider = (
        later.address in ("all", "0.0.0.0/0", "::/0", "10.0.0.0/8", "fd00::/64") and earlier.address != later.address
    )
    if reach(later) <= reach(earlier) and not wider and not network_wider:
        assert hba.covers(hba.match(earlier), hba.match(later), MEMBERS)


@settings(max_examples=1000 if FULL else 200, deadline=None)
@given(st.lists(RULES, min_size=2, max_size=7))
def test_quick_search_finds_what_comparing_all_pairs_finds(rules: list[HbaRule]) -> None:
    quick = {id(later.rule) for later, _ in hba.shadowed(rules, MEMBERS)}
    slow = set()
    kept: list[hba.Match] = []
    for each in map(hba.match, rules):
        if any(hba.covers(other, each, MEMBERS) for other in kept):
            slow.add(id(each.rule))
        else:
            kept.append(each)
    assert quick == slow


@settings(max_examples=500 if FULL else 100, deadline=None)
@given(st.lists(RULES, min_size=1, max_size=7))
def test_shadowed_rule_decides_no_connection(rules: list[HbaRule]) -> None:
    shadowed = {id(later.rule) for later, _ in hba.shadowed(rules, MEMBERS)}
    for connection in UNIVERSE:
        first = next((rule for rule in rules if takes(rule, connection)), None)
        assert first is None or id(first) not in shadowed


def test_many_rules_are_judged_in_time_linear_in_them() -> None:
    import time

    def seconds(count: int) -> float:
        rules = [
            HbaRule(
                connection="host",
                database=f"d{i % 7}",
                user=f"u{i % 5}",
                address=f"10.{i // 65536}.{i // 256 % 256}.{i % 256}/32",
                method="scram-sha-256",
                purpose="x" if i % 2 else "",
            )
            for i in range(count)
        ]
        start = time.perf_counter()
        assert not list(hba.shadowed(rules, {})) and not list(hba.locked_out(rules, {}, lambda rule: False))
        return time.perf_counter() - start

    seconds(500)
    assert seconds(20_000) < 120 * max(seconds(1_000), 0.002)


@pytest.mark.xdist_group("postgres-server")
def test_replication_is_not_in_all_on_a_real_server(server: Server) -> None:
    """The two facts that most tools get wrong: `all` leaves replication out, and a rejecting rule is final."""
    file = server.home / "data" / "pg_hba.conf"
    before = file.read_text()
    command = (server.programs / "psql", "-Xq", "-h", server.home, "-U", "postgres")
    try:
        file.write_text("local all all trust\n")
        server.psql("-q", "-d", "postgres", "-c", "SELECT pg_reload_conf()")
        server.query("SELECT pg_sleep(0.2)")
        refused = server.run(*command, "-d", "replication=true dbname=", "-c", "IDENTIFY_SYSTEM", check=False)
        assert refused.returncode != 0 and "no pg_hba.conf entry for replication" in refused.stderr
        file.write_text("local postgres +pg_monitor reject\nlocal all all trust\n")
        server.psql("-q", "-d", "template1", "-c", "SELECT pg_reload_conf()")
        server.psql("-q", "-d", "template1", "-c", "SELECT pg_sleep(0.2)")
        # a superuser is a member of a role only where it was granted
        assert server.run(*command, "-d", "postgres", "-c", "SELECT 1", check=False).returncode == 0
    finally:
        file.write_text(before)
        server.psql("-q", "-d", "template1", "-c", "SELECT pg_reload_conf()")
