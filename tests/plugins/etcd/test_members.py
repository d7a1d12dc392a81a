"""Which hosts are members, and what is written for them."""

from __future__ import annotations

import re

import pytest

from pgc import pipeline
from pgc.facts import DiskClaim, Endpoint, HealthCheck, Runbook, ScrapeTarget, Service
from tests.plugins.etcd.conftest import HOSTS, chapters, env, manifest, members
from tests.plugins.keepalived.conftest import FILES, certificates, compiled, registry_with, text_of


def hosts(zones: str, roles: str = "", centre: str = "") -> str:
    """Return hosts h01, h02, … in these zones, one letter each."""
    return "hosts:\n" + "".join(
        f"  h{number:02}: {{address: 10.0.0.{number}, zone: {zone}{roles}{centre}}}\n"
        for number, zone in enumerate(zones, 1)
    )


@pytest.mark.parametrize(
    ("zones", "chosen"),
    [
        ("abc", "01 02 03"),
        ("abca", "01 02 03"),
        ("abcabc", "01 02 03 04 05"),
        ("abcabcabc", "01 02 03 04 05"),
        ("aaaabbbbc", "01 02 05 06 09"),
        ("aaaaabc", "01 06 07"),
        ("aaabbb", "01 02 03 04 05"),
        ("abcde", "01 02 03 04 05"),
    ],
)
def test_members_are_odd_and_spread_so_that_no_zone_holds_the_majority(zones: str, chosen: str) -> None:
    compilation = compiled(manifest(hosts=hosts(zones)))
    found = [name.removeprefix("h") for name in members(compilation)]
    if zones == "aaabbb":  # two zones: one of them holds the majority however they are placed
        assert len(found) == 5 and any(each.code == "ETC004" for each in compilation.diagnostics)
    else:
        assert found == chosen.split()
    assert not any(each.code in ("ETC001", "ETC003") for each in compilation.diagnostics)


def test_zones_of_two_data_centres_are_different_zones_though_they_share_a_letter() -> None:
    text = (
        hosts("aaa")
        .replace("zone: a}\n  h02", "zone: a, datacenter: one}\n  h02")
        .replace("10.0.0.2, zone: a", "10.0.0.2, zone: a, datacenter: two")
    )
    compilation = compiled(manifest(hosts=text.replace("10.0.0.3, zone: a", "10.0.0.3, zone: a, datacenter: three")))
    assert members(compilation) == ["h01", "h02", "h03"]
    assert not any(each.code in ("ETC003", "ETC004") for each in compilation.diagnostics)


def test_hosts_that_have_the_role_are_members_all_of_them() -> None:
    assert len(members(compiled(manifest(hosts=hosts("abcabcabc", ", roles: [dcs, database]"))))) == 9


def test_members_that_are_listed_win_over_roles() -> None:
    assert members(compiled(manifest("{members: [h03, h05, h01]}", hosts("abcab")))) == ["h01", "h03", "h05"]


def test_an_external_store_leaves_no_member_and_no_procedure() -> None:
    store = "external: {store: {offers: dcs.client, scheme: http, endpoints: [{address: 10.0.9.1, port: 2379}], details: {api: etcd3}}}\n"
    compilation = compiled(manifest(more=store))
    assert members(compilation) == []
    assert compilation.cluster is not None
    assert not compilation.cluster.facts.all(Service, "dcs")
    assert not any(each.slug == "etcd-member" for each in compilation.cluster.facts.all(Runbook) if each.chapters)
    assert not any("etcd" in path for path in (compilation.bundle.files if compilation.bundle else {}))


def test_all_members_found_one_cluster_and_differ_only_in_what_is_theirs() -> None:
    compilation = compiled(manifest())
    first, second = env(compilation, "pg1"), env(compilation, "pg2")
    own = {name for name in first if first[name] != second[name]}
    assert own == {
        "ETCD_NAME",
        "ETCD_LISTEN_PEER_URLS",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS",
        "ETCD_LISTEN_CLIENT_URLS",
        "ETCD_ADVERTISE_CLIENT_URLS",
        "ETCD_LISTEN_METRICS_URLS",
    }
    assert first["ETCD_INITIAL_CLUSTER"] == "pg1=http://10.0.0.1:2380,pg2=http://10.0.0.2:2380,pg3=http://10.0.0.3:2380"
    assert first["ETCD_INITIAL_CLUSTER_TOKEN"] == "pgc-orders" and first["ETCD_STRICT_RECONFIG_CHECK"] == "true"


@pytest.mark.parametrize(
    ("version", "has", "lacks"),
    [
        ("3.4", {"ETCD_ENABLE_V2", "ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK", "ETCD_SNAPSHOT_COUNT"}, {"ETCD_FEATURE_GATES"}),
        ("3.5", {"ETCD_ENABLE_V2", "ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK", "ETCD_SNAPSHOT_COUNT"}, {"ETCD_FEATURE_GATES"}),
        ("3.6", {"ETCD_FEATURE_GATES"}, {"ETCD_ENABLE_V2", "ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK", "ETCD_SNAPSHOT_COUNT"}),
    ],
)  # fmt: skip
def test_each_version_gets_the_names_that_it_knows(version: str, has: set[str], lacks: set[str]) -> None:
    """Source: etcd v3.4.23, v3.5.33 and v3.6.14, etcdmain/config.go and embed/config.go; 3.6 warns of what is deprecated there."""
    found = set(env(compiled(manifest(f'{{version: "{version}"}}'))))
    assert has <= found and not lacks & found


def test_timers_fit_the_round_trip_and_the_objective() -> None:
    def timers(section: str) -> tuple[str, str]:
        found = env(compiled(manifest(section)))
        return found["ETCD_HEARTBEAT_INTERVAL"], found["ETCD_ELECTION_TIMEOUT"]

    assert timers("{}") == ("100", "1000")
    assert timers("{round_trip: 60ms}") == ("100", "1000")
    assert timers("{round_trip: 120ms}") == ("150", "1500")
    assert timers("{heartbeat: 200ms}") == ("200", "2000")
    assert timers("{heartbeat: 200ms, election: 3s}") == ("200", "3000")


@pytest.mark.parametrize("section", ["{round_trip: 100ms, heartbeat: 50ms}", "{heartbeat: 500ms, election: 2s}"])
def test_timers_by_hand_that_etcd_or_the_network_would_not_bear_are_refused(section: str) -> None:
    assert [each.code for each in compiled(manifest(section)).diagnostics if each.severity == "error"] == ["SET001"]


def test_ipv6_addresses_stand_in_brackets() -> None:
    found = env(compiled(manifest(hosts=re.sub(r"10\.0\.0\.(\d)", r'"fd00::\1"', HOSTS))), "pg2")
    assert found["ETCD_LISTEN_CLIENT_URLS"] == "http://[fd00::2]:2379,http://127.0.0.1:2379"
    assert found["ETCD_INITIAL_ADVERTISE_PEER_URLS"] == "http://[fd00::2]:2380"
    assert "pg3=http://[fd00::3]:2380" in found["ETCD_INITIAL_CLUSTER"]


def test_certificates_encrypt_both_sides_and_are_asked_for() -> None:
    compilation = compiled(manifest(), registry_with(certificates()))
    found = env(compilation)
    for side in ("", "PEER_"):
        assert [found[f"ETCD_{side}{name}"] for name in ("CERT_FILE", "KEY_FILE", "TRUSTED_CA_FILE")] == list(FILES)
        assert found[f"ETCD_{side}CLIENT_CERT_AUTH"] == "true"
    assert all(
        url.startswith("https://")
        for name, value in found.items()
        if name.endswith("_URLS") and name != "ETCD_LISTEN_METRICS_URLS"
        for url in value.split(",")
    )
    assert compilation.cluster is not None
    assert {each.scheme for each in compilation.cluster.facts.all(Endpoint, "dcs.client")} == {"https"}


def test_commands_of_people_and_timers_show_the_certificate_too() -> None:
    compilation = compiled(manifest(), registry_with(certificates()))
    assert compilation.cluster is not None
    files = f"--cacert={FILES[2]} --cert={FILES[0]} --key={FILES[1]}"
    check = next(each for each in compilation.cluster.facts.all(HealthCheck) if each.name == "DCS members")
    unit = text_of(compilation, "hosts/pg1/etc/systemd/system/etcd-maintenance.service")
    commands = [
        action.command
        for book in compilation.cluster.facts.all(Runbook)
        for chapter in book.chapters
        for action in (*chapter.actions, *chapter.undo)
    ]
    asking = [text for text in (check.command, *unit.splitlines(), *commands) if "etcdctl " in text]
    assert len(asking) > 20
    for text in asking:
        assert text.count("etcdctl --endpoints=https://") == text.count(files) >= 1, text


def test_metrics_are_for_those_without_a_certificate() -> None:
    compilation = compiled(manifest(), registry_with(certificates()))
    assert compilation.cluster is not None
    target = next(each for each in compilation.cluster.facts.all(ScrapeTarget) if each.job == "etcd")
    assert (target.scheme, target.port) == ("http", 2381)
    assert env(compilation)["ETCD_LISTEN_METRICS_URLS"] == "http://10.0.0.1:2381"


def test_members_are_maintained_one_after_the_other() -> None:
    compilation = compiled(manifest(hosts=hosts("abcab")))
    times = [
        text_of(compilation, f"hosts/{host}/etc/systemd/system/etcd-maintenance.timer")
        .split("OnCalendar=")[1]
        .split("\n")[0]
        for host in members(compilation)
    ]
    assert times == [f"Sun *-*-* 03:{minute:02}:00" for minute in (0, 10, 20, 30, 40)]


def test_data_outside_of_var_lib_is_made_writable_and_never_moved_away_itself() -> None:
    compilation = compiled(manifest("{data_dir: /data/etcd}"))
    unit = text_of(compilation, "hosts/pg1/etc/systemd/system/etcd.service")
    assert "ReadWritePaths=/data/etcd" in unit and "StateDirectory" not in unit
    moved = [action.command for action in chapters(compilation, "etcd-member")["Rebuild the member on pg1"].actions]
    assert "mv /data/etcd/member /data/etcd/member.lost" in moved


def test_a_disk_for_the_store_is_claimed_when_there_is_one() -> None:
    text = HOSTS.replace("zone: a}", "zone: a, disks: {dcs: {size: 20GB}}}")
    compilation = compiled(manifest("{quota: 4GB}", text))
    assert compilation.cluster is not None
    claim = next(each for each in compilation.cluster.facts.on("pg1", DiskClaim) if each.disk == "dcs")
    assert claim.claim_bytes == 8 * 1024**3


def test_a_raw_setting_is_passed_and_knows_its_line() -> None:
    compilation = compiled(manifest("{raw: {ETCD_MAX_SNAPSHOTS: 3}}"))
    text, origins, _ = pipeline.trace(compilation, "hosts/pg1/etc/etcd/etcd.env")
    index = text.splitlines().index('ETCD_MAX_SNAPSHOTS="3"')
    assert [str(path) for each in origins[index] for path in each.paths] == ["etcd.raw.ETCD_MAX_SNAPSHOTS"]


def test_every_chapter_says_how_to_go_back() -> None:
    compilation = compiled(manifest())
    found = chapters(compilation, "etcd-member")
    assert [title for title in found if title.startswith("Rebuild")] == [
        f"Rebuild the member on pg{number}" for number in (1, 2, 3)
    ]
    for slug in ("etcd-member", "restart", "node-loss", "disk-full", "rollback"):
        for chapter in chapters(compilation, slug).values():
            assert chapter.undo, (slug, chapter.title)


def test_a_lone_member_has_nobody_to_be_rebuilt_from() -> None:
    alone = manifest("{members: [h01]}", hosts("abc"))
    titles = chapters(compiled(alone), "etcd-member")
    assert not [title for title in titles if title.startswith("Rebuild")]
