"""Virtual addresses: who may hold them, how long they take to move, what is written, and that the product takes it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pgc import pipeline
from pgc.artifact import File
from pgc.facts import Endpoint, HealthCheck, Runbook, Service
from pgc.pipeline import Compilation
from pgc.readers import Item, NotReadable
from pgc.verify import native
from pgc.verify.isolation import best
from pgc.verify.local import LocalRunner, search_path
from pgc.verify.verdicts import ACCEPTED, REJECTED
from pgc_keepalived import validators
from pgc_keepalived.reader import read
from tests.plugins.keepalived.conftest import FILES, HOSTS, certificates, compiled, manifest, registry_with, text_of

CONF, SCRIPT = "etc/keepalived/keepalived.conf", "etc/keepalived/check-balancer"
KEEPALIVED = shutil.which("keepalived", path=search_path())
asked = pytest.mark.skipif(
    KEEPALIVED is None or not best().spaces, reason="keepalived is not installed, or this machine allows no namespaces"
)
SIX = '{vips: {main: {address: 10.0.0.100/24}, six: {address: "fd00::100/64", sources: {pg1: "fd00::1", pg2: "fd00::2", pg3: "fd00::3"}}}}'


def conf(compilation: Compilation, host: str = "pg1") -> dict[str, str]:
    return {each.name: each.value for each in read(text_of(compilation, f"hosts/{host}/{CONF}").encode())}


def bound(compilation: Compilation, fault: str) -> float | None:
    assert compilation.cluster is not None, [each.message for each in compilation.diagnostics]
    return next(each.seconds for each in compilation.cluster.bounds if each.fault == fault)


# ── who holds what ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_virtual_address_there_is_nothing() -> None:
    compilation = compiled(manifest("{}"))
    assert compilation.bundle is not None and compilation.cluster is not None
    assert not [path for path in compilation.bundle.files if "keepalived" in path]
    assert (
        not compilation.cluster.facts.all(Service, "vip") and "keepalived.advert_s" not in compilation.cluster.settled
    )


def test_priorities_follow_the_names_or_the_order_in_the_manifest() -> None:
    def priorities(section: str) -> list[str]:
        compilation = compiled(manifest(section))
        return [conf(compilation, host)["vrrp_instance main.priority"] for host in ("pg1", "pg2", "pg3")]

    assert priorities("{vips: {main: {address: 10.0.0.100/24}}}") == ["200", "190", "180"]
    assert priorities("{vips: {main: {address: 10.0.0.100/24, hosts: [pg3, pg1, pg2]}}}") == ["190", "180", "200"]


def test_router_number_is_the_last_byte_and_makes_way() -> None:
    numbered = "b: {address: 10.0.0.101/24, router_id: 100}, c: {address: 10.0.0.102/24, router_id: 101}"
    section = f"{{vips: {{a: {{address: 10.0.0.100/24}}, {numbered}}}}}"
    found = conf(compiled(manifest(section)))
    assert [found[f"vrrp_instance {name}.virtual_router_id"] for name in "abc"] == ["102", "100", "101"]


def test_router_number_is_never_zero() -> None:
    section = '{vips: {six: {address: "fd00::100/64", sources: {pg1: "fd00::1", pg2: "fd00::2", pg3: "fd00::3"}}}}'
    assert conf(compiled(manifest(section)))["vrrp_instance six.virtual_router_id"] == "255"


def test_five_of_many_hosts_hold_it_one_zone_after_the_other() -> None:
    hosts = "hosts:\n" + "".join(
        f"  h{number:03d}: {{address: 10.0.{number // 250}.{number % 250 + 1}, zone: z{number % 3}}}\n"
        for number in range(12)
    )
    compilation = compiled(manifest(hosts=hosts))
    assert compilation.bundle is not None, [each.message for each in compilation.diagnostics]
    holders = [path.split("/")[1] for path in compilation.bundle.files if path.endswith(CONF)]
    assert holders == ["h000", "h001", "h002", "h003", "h004"]
    zones = compiled(
        manifest(
            hosts=hosts.replace("zone: z1", "zone: z0")
            .replace("zone: z2", "zone: z0")
            .replace("h011: {address: 10.0.0.12, zone: z0", "h011: {address: 10.0.0.12, zone: z9")
        )
    )
    assert zones.bundle is not None and f"hosts/h011/{CONF}" in zones.bundle.files


def test_others_learn_the_address_and_its_hosts() -> None:
    compilation = compiled(manifest())
    assert compilation.cluster is not None
    found = compilation.cluster.facts.first(Endpoint, "vip")
    assert found is not None
    assert (found.host, found.address, found.port, found.detail("hosts"), found.detail("prefix")) == (
        "",
        "10.0.0.100",
        0,
        "pg1 pg2 pg3",
        "24",
    )
    assert any(check.name == "holder of main" for check in compilation.cluster.facts.all(HealthCheck))


# ── how long it takes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_takeover_is_three_adverts_and_the_second_routers_share() -> None:
    compilation = compiled(manifest())
    assert bound(compilation, "vip host lost") == pytest.approx(3 + (256 - 190) / 256, abs=1e-3)
    assert bound(compilation, "proxy crashed") == pytest.approx(2 * 1 + 1 + 3 + (256 - 190) / 256, abs=1e-3)


def test_gentle_objective_keeps_the_vendors_interval_and_a_tight_one_does_not() -> None:
    for section, wanted in (
        ("{vips: {main: {address: 10.0.0.100/24}}}", 1),
        ("{vips: {main: {address: 10.0.0.100/24}}, check: {interval: 12, fall: 2, timeout: 4}}", 0.5),
    ):
        compilation = compiled(manifest(section, objectives="{failover: 30s}"))
        assert compilation.cluster is not None, [each.message for each in compilation.diagnostics]
        assert compilation.cluster.settled["keepalived.advert_s"].value == wanted


def test_check_that_no_interval_can_make_up_for_is_refused() -> None:
    found = compiled(
        manifest(
            "{vips: {main: {address: 10.0.0.100/24}}, check: {interval: 20, fall: 2}}", objectives="{failover: 30s}"
        )
    ).diagnostics
    assert any(each.code == "SET001" and "proxy crashed" in each.message for each in found)


def test_address_that_cannot_move_is_not_promised() -> None:
    compilation = compiled(manifest("{vips: {main: {address: 10.0.0.100/24, hosts: [pg1]}}}"))
    assert bound(compilation, "vip host lost") is None


# ── what is written ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_signs_of_life_go_from_host_to_host_and_only_from_the_own_network() -> None:
    found = conf(compiled(manifest()), "pg2")
    assert found["vrrp_instance main.unicast_src_ip"] == "10.0.0.2"
    assert {name for name in found if "unicast_peer" in name} == {
        f"vrrp_instance main.unicast_peer[10.0.0.{number} min_ttl 255]" for number in (1, 3)
    }
    assert (
        found["global_defs.vrrp_version"] == "3"
        and "global_defs.vrrp_check_unicast_src" in found
        and "authentication" not in " ".join(found)
    )


def test_host_that_comes_back_takes_nothing_unless_asked() -> None:
    assert "vrrp_instance main.nopreempt" in conf(compiled(manifest()))
    found = conf(compiled(manifest("{preempt: true, preempt_delay: 90s, vips: {main: {address: 10.0.0.100/24}}}")))
    assert "vrrp_instance main.nopreempt" not in found and found["vrrp_instance main.preempt_delay"] == "90"


def test_silent_balancer_gives_the_address_up() -> None:
    found = conf(compiled(manifest()))
    assert found["vrrp_script balancer.script"] == f"/{SCRIPT}" and "vrrp_script balancer.weight" not in found
    assert found["global_defs.script_user"] == "keepalived_script" and "global_defs.enable_script_security" in found


def test_check_asks_the_balancer_on_its_own_host() -> None:
    compilation = compiled(manifest())
    assert compilation.bundle is not None
    script = text_of(compilation, f"hosts/pg1/{SCRIPT}")
    assert script.endswith("--max-time 1 http://127.0.0.1:7000/alive\n")
    assert compilation.bundle.files[f"hosts/pg1/{SCRIPT}"].entry.mode == "0755"
    subprocess.run(["sh", "-n", "-c", script], check=True)


def test_check_verifies_the_balancers_certificate() -> None:
    script = text_of(compiled(manifest(), registry_with(certificates())), f"hosts/pg2/{SCRIPT}")
    assert f"--resolve pg2:7000:127.0.0.1 --cacert {FILES[2]} https://pg2:7000/alive" in script


def test_ipv6_has_a_router_of_its_own_and_is_nobodys_source() -> None:
    found = conf(compiled(manifest(SIX)))
    assert found["vrrp_instance six.unicast_src_ip"] == "fd00::1"
    assert "vrrp_instance six.virtual_ipaddress[fd00::100/64 dev eth0 preferred_lft 0]" in found


def test_every_value_knows_why() -> None:
    compilation = compiled(manifest())
    text, origins, plugin = pipeline.trace(compilation, f"hosts/pg1/{CONF}")
    found = {
        line.strip(): {str(path) for each in origin for path in each.paths}
        for line, origin in zip(text.splitlines(), origins, strict=True)
    }
    assert plugin == "keepalived"
    assert found["virtual_router_id 100"] == {"keepalived.vips.main.address"} and found["10.0.0.2 min_ttl 255"] == {
        "hosts.pg2.address"
    }


def test_every_procedure_has_an_undo() -> None:
    compilation = compiled(manifest())
    assert compilation.cluster is not None
    slugs = {
        book.slug for book in compilation.cluster.facts.all(Runbook) for chapter in book.chapters if chapter.order == 60
    }
    assert {"vip-stuck", "restart", "node-loss", "failover", "rollback"} <= slugs
    assert all(
        chapter.undo
        for book in compilation.cluster.facts.all(Runbook)
        for chapter in book.chapters
        if chapter.order in (40, 60)
    )


# ── reading back ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reader_knows_blocks_lines_and_items() -> None:
    found = list(
        read(
            b"# x\nglobal_defs {\n  router_id a  ! b\n}\nvrrp_instance m { priority 7\n  unicast_peer {\n    10.0.0.1\n  }\n}\n"
            b'vrrp_script s { script "/a b # c" }\n'
        )
    )
    assert [(each.name, each.value, each.line) for each in found] == [
        ("global_defs.router_id", "a", 3),
        ("vrrp_instance m.priority", "7", 5),
        ("vrrp_instance m.unicast_peer[10.0.0.1]", "10.0.0.1", 7),
        ("vrrp_script s.script", "/a b # c", 10),
    ]
    assert isinstance(found[2], Item) and found[2].sequence == "vrrp_instance m.unicast_peer"


@pytest.mark.parametrize("text", ["a {", "}", "a { b { }", "{ a }"])
def test_reader_refuses_what_does_not_balance(text: str) -> None:
    with pytest.raises(NotReadable):
        list(read(text.encode()))


# ── the product's own judgement ──────────────────────────────────────────────────────────────────────────────────────


def judged(compilation: Compilation) -> list[native.Judged]:
    assert compilation.bundle is not None, [each.message for each in compilation.diagnostics]
    files: list[File] = [file for path, file in compilation.bundle.files.items() if path.startswith("hosts/pg1/")]
    return list(native.validate(files, validators.VALIDATORS, LocalRunner()))


@asked
@pytest.mark.parametrize(
    "section",
    [
        "{vips: {main: {address: 10.0.0.100/24}}}",
        SIX,
        '{version: "2.2", preempt: true, advert: 500ms, vips: {main: {address: 10.0.0.100/24}}}',
        "{vips: {main: {address: 10.0.0.100/24, hosts: [pg1]}}}",
        "{vips: {main: {address: 10.0.0.100/24}}, raw: {global: [vrrp_no_swap], instance: [garp_master_delay 2]}}",
    ],
)
def test_keepalived_takes_the_file(section: str) -> None:
    found = judged(compiled(manifest(section)))
    assert [each.verdict.result for each in found] == [ACCEPTED], found


@asked
def test_keepalived_names_the_line_that_it_refuses() -> None:
    compilation = compiled(manifest("{vips: {main: {address: 10.0.0.100/24}}, raw: {instance: [no_such_keyword 1]}}"))
    (found,) = judged(compilation)
    lines = text_of(compilation, f"hosts/pg1/{CONF}").splitlines()
    assert found.verdict.result == REJECTED
    assert any("no_such_keyword" in lines[each.line - 1] for each in found.verdict.problems)


def test_hosts_of_other_networks_share_an_address_by_their_other_addresses() -> None:
    section = "{vips: {main: {address: 192.0.2.100/24, interface: eth1, sources: {pg1: 192.0.2.1, pg2: 192.0.2.2, pg3: 192.0.2.3}}}}"
    compilation = compiled(manifest(section, hosts=HOSTS.replace("10.0.0.3", "10.1.0.3")))
    found = conf(compilation, "pg3")
    assert found["vrrp_instance main.unicast_src_ip"] == "192.0.2.3" and found["vrrp_instance main.interface"] == "eth1"
