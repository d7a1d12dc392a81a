"""Every diagnostic of this plugin."""

from __future__ import annotations

from pgc.diagnostics import Code, Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

# ── timers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

PAT001 = Code(
    "PAT001",
    "timer-below-minimum",
    ERROR,
    what="{field} is {given} s; Patroni's minimum is {floor} s",
    why="Patroni would run {floor} s instead: the cluster would not run the committed file",
    help="set patroni.{field} to {floor}s or more, or leave it to be derived",
    example="patroni: {ttl: 15s}",
)
PAT002 = Code(
    "PAT002",
    "timer-not-whole-seconds",
    ERROR,
    what="{field} is {given} s; Patroni counts whole seconds",
    why="Patroni would cut the fraction off: the cluster would not run the committed file",
    help="set patroni.{field} to {down}s or {up}s",
    example="patroni: {loop_wait: 2500ms}",
)
PAT003 = Code(
    "PAT003",
    "quorum-before-version-4",
    ERROR,
    what="Patroni {version} knows no quorum commit",
    why="it reads the word as off and replicates asynchronously: acknowledged data would be lost at a failover",
    help="set patroni.version to 4.0 or newer, or patroni.synchronous.mode to on",
    example='patroni: {version: "3.3", synchronous: {mode: quorum}}',
)
PAT004 = Code(
    "PAT004",
    "ttl-below-floor",
    ERROR,
    what="ttl is {ttl} s, but loop_wait + 2 × retry_timeout is {floor} s ({loop_wait} + 2 × {retry_timeout})",
    why="Patroni would shorten loop_wait and retry_timeout at run time: the cluster would not run the committed file",
    help="raise ttl to {floor}s or more, shorten the others, or leave one of the three to be derived",
    example="patroni: {ttl: 25s, loop_wait: 10s, retry_timeout: 10s}",
)

# ── watchdog ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PAT005 = Code(
    "PAT005",
    "watchdog-cannot-activate",
    ERROR,
    what="the watchdog would fire after {timeout} s, before loop_wait ({loop_wait} s) is over",
    why="Patroni refuses such a watchdog and runs without one; with mode required no host could lead",
    help="raise ttl, shorten loop_wait, or set a smaller patroni.watchdog.safety_margin",
    example="patroni: {ttl: 20s, loop_wait: 14s, retry_timeout: 3s, watchdog: {safety_margin: 10s}}",
)
PAT006 = Code(
    "PAT006",
    "watchdog-resets-healthy-hosts",
    ERROR,
    what="the watchdog fires after {timeout} s; loop_wait + retry_timeout + {stop} s to end sessions are {needed} s",
    why="a leader that loses the DCS and steps down in time would be reset all the same",
    help="raise ttl, shorten loop_wait or retry_timeout, or leave one of them to be derived",
    example="patroni: {ttl: 30s, loop_wait: 10s, retry_timeout: 10s, watchdog: {safety_margin: half}}",
)
PAT007 = Code(
    "PAT007",
    "watchdog-after-expiry",
    ERROR,
    what="the safety margin is {given} s; {least} s are needed between the watchdog and the end of the lock",
    why="a hanging leader would still take writes when the next one starts: two leaders, and data that is lost",
    help="set patroni.watchdog.safety_margin to {least}s or more (Patroni's default is 5s), or to half",
    example="patroni: {watchdog: {safety_margin: 0s}}",
)

# ── who leads, who confirms ──────────────────────────────────────────────────────────────────────────────────────────

PAT008 = Code(
    "PAT008",
    "nobody-may-lead",
    ERROR,
    what="all {count} database hosts are kept from leading by their tags",
    why="the cluster would never have a leader",
    help="take nofailover, or failover_priority 0, from at least two hosts",
    example="hosts: {pg1: {address: 10.0.0.1}}\npatroni: {hosts: {pg1: {nofailover: true}}}",
)
PAT009 = Code(
    "PAT009",
    "no-second-candidate",
    WARNING,
    what="only {name} may lead, of {count} database hosts",
    why="when it is lost, no other host takes over: no failover objective can be met",
    help="let a second host lead, or use one with more room",
    example="patroni: {hosts: {pg2: {nofailover: true}, pg3: {nofailover: true}}}",
)
PAT010 = Code(
    "PAT010",
    "writes-stall-without-a-standby",
    ERROR,
    what="{confirming} database hosts can hold confirmed data; after the loss of one, strict mode needs {needed}",
    why="nothing may be lost, so every commit waits for a standby: the loss of one host stops writes until it is back",
    help="use at least {needed_all} database hosts, or accept it with patroni.synchronous.accept_stall: true, "
    "or accept loss with objectives.data_loss: 64MB",
    example="objectives: {data_loss: none}\nhosts:\n  pg1: {address: 10.0.0.1}\n  pg2: {address: 10.0.0.2}",
)
PAT011 = Code(
    "PAT011",
    "writes-stall-without-a-zone",
    WARNING,
    what="zone {zone} holds {held} of {confirming} database hosts; after its loss strict mode needs {needed}, and {left} are left",
    why="there are {zones} zones, yet the loss of this one stops writes until a host of it is back",
    help="spread the database hosts: at most {most} in a zone",
    example="hosts:\n  a1: {address: 10.0.0.1, zone: a}\n  a2: {address: 10.0.0.2, zone: a}\n  b1: {address: 10.0.0.3, zone: b}\n"
    "  w: {address: 10.0.0.4, zone: c, roles: [dcs]}",
)
PAT012 = Code(
    "PAT012",
    "asynchronous-without-loss",
    ERROR,
    what="replication is asynchronous, but objectives.data_loss is none",
    why="what the leader acknowledged in its last {ttl} s may not have reached any standby when its host dies",
    help="leave patroni.synchronous.mode to be derived, or say what may be lost with objectives.data_loss",
    example="objectives: {data_loss: none}\npatroni: {synchronous: {mode: off}}",
)
PAT013 = Code(
    "PAT013",
    "strictness-relaxed",
    WARNING,
    what="strict mode is off, but objectives.data_loss is none",
    why="when the last synchronous standby is gone, the leader acknowledges alone, and its loss then loses data",
    help="leave patroni.synchronous.strict to be derived, or say what may be lost with objectives.data_loss",
    example="objectives: {data_loss: none}\npatroni: {synchronous: {strict: false}}",
)
PAT014 = Code(
    "PAT014",
    "tags-for-unknown-host",
    ERROR,
    what="{name} is no database host of this cluster{hint}",
    why="the tags would be set nowhere",
    help="name one of {known}",
    example="patroni: {hosts: {pg9: {nofailover: true}}}",
)
PAT015 = Code(
    "PAT015",
    "contradictory-tags",
    ERROR,
    what="{host} has {switch} and {priority} {value}",
    why="Patroni ignores the priority and warns: what is committed would not be what runs",
    help="keep one of the two",
    example="patroni: {hosts: {pg1: {nofailover: true, failover_priority: 2}}}",
)
PAT016 = Code(
    "PAT016",
    "tag-of-a-newer-release",
    ERROR,
    what="sync_priority is new in Patroni 4.1; this cluster has {version}",
    why="Patroni {version} takes it for a tag of yours and ignores it",
    help="set patroni.version to 4.1, or use nosync",
    example='patroni: {version: "4.0", hosts: {pg1: {sync_priority: 2}}}',
)
PAT017 = Code(
    "PAT017",
    "priority-without-effect",
    WARNING,
    what="{field} {value} of {host} has no effect in synchronous mode {mode}",
    why="Patroni elects and chooses by what each standby has received there, not by priority",
    help="use nofailover or nosync, or another synchronous mode",
    example="patroni: {synchronous: {mode: quorum}, hosts: {pg1: {failover_priority: 2}}}",
)
PAT018 = Code(
    "PAT018",
    "cascade-without-a-source",
    ERROR,
    what="{host} replicates from {source}, {problem}",
    why="it would stream from another host than the manifest says, or not at all",
    help="name another database host that follows the leader itself",
    example="patroni: {hosts: {pg2: {replicatefrom: pg2}}}",
)

# ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────

PAT020 = Code(
    "PAT020",
    "parameter-owned-by-patroni",
    ERROR,
    what="{name} is set to {value}, but Patroni sets it by itself",
    why="Patroni ignores or overwrites what a configuration says of it, or its own files are no longer read",
    help="leave it out{instead}",
    example="(a plugin that gives listen_addresses)",
)
PAT021 = Code(
    "PAT021",
    "parameter-below-minimum",
    ERROR,
    what="{name} is {value}; Patroni takes {least} or more",
    why="Patroni would drop the value and run its default, {default}",
    help="set it to {least} or more, or leave it to be derived",
    example="postgres: {parameters: {max_connections: 20}}",
)
PAT022 = Code(
    "PAT022",
    "parameter-unknown-to-patroni",
    ERROR,
    what="neither Patroni {version} nor PostgreSQL {major} has the parameter {name}{hint}",
    why="Patroni would drop it with a warning in its log, and PostgreSQL would run its default",
    help="correct the name or leave it out",
    example="postgres: {raw: {shared_bufers: 1GB}}",
)
PAT023 = Code(
    "PAT023",
    "parameter-with-line-break",
    ERROR,
    what="{what} holds a line break or another control character",
    why="Patroni writes it on one line of PostgreSQL's files, which could not be read then",
    help="write a value without it",
    example='postgres: {parameters: {log_line_prefix: "a\\nb"}}',
)
PAT024 = Code(
    "PAT024",
    "shared-parameter-on-one-host",
    ERROR,
    what="{name} is set for {host} alone",
    why="Patroni takes it from the dynamic configuration only, where it holds for all members: the host's own value is ignored",
    help="set it for the whole cluster",
    example="(a plugin that gives max_connections for one host)",
)

# ── what is passed as it is ──────────────────────────────────────────────────────────────────────────────────────────

PAT030 = Code(
    "PAT030",
    "unknown-raw-key",
    ERROR,
    what="Patroni {version} has no setting {key} in its {layer} configuration{hint}",
    why="Patroni ignores keys that it does not know, and nobody notices",
    help="correct the name, or leave it out",
    example="patroni: {raw: {dynamic: {faillsafe_mode: true}}}",
)
PAT031 = Code(
    "PAT031",
    "raw-overrides-a-setting",
    ERROR,
    what="patroni.raw sets {key}, which the manifest has a setting of its own for",
    why="two places would decide one value, and the bounds that pgc proves would not hold",
    help="set {instead}",
    example="patroni: {raw: {dynamic: {ttl: 20}}}",
)
PAT032 = Code(
    "PAT032",
    "literal-secret-in-raw",
    ERROR,
    what="patroni.raw holds {key} as plain text",
    why="it would be committed and readable for everybody who reads the repository",
    help="name a reference under patroni.roles or patroni.rest, or put it into the host's own environment file",
    example="patroni: {raw: {local: {restapi: {authentication: {password: hunter2}}}}}",
    secret=True,
)
PAT033 = Code(
    "PAT033",
    "raw-without-a-layer",
    ERROR,
    what="patroni.raw has {key}; it takes `local` (each host's own file) and `dynamic` (the DCS)",
    why="it would reach no file",
    help="put it below local: or dynamic:",
    example="patroni: {raw: {log: {dir: /var/log/patroni}}}",
)

PAT034 = Code(
    "PAT034",
    "raw-of-the-wrong-shape",
    ERROR,
    what="patroni.raw has {given} at {key}, where Patroni has settings below",
    why="Patroni would refuse to start, or ignore all of them",
    help="write a mapping of its settings: {known}",
    example="patroni: {raw: {local: {restapi: 8008}}}",
)

# ── versions, slots, the rest ────────────────────────────────────────────────────────────────────────────────────────

PAT040 = Code(
    "PAT040",
    "patroni-older-than-postgresql",
    WARNING,
    what="Patroni {version} was released before PostgreSQL {major}",
    why="nobody tested the pair: Patroni supports PostgreSQL {major} from {since} on",
    help='set patroni.version to "{since}" or newer',
    example='postgres: {version: 18}\npatroni: {version: "3.3"}',
)
PAT041 = Code(
    "PAT041",
    "slot-of-a-member",
    ERROR,
    what="the permanent slot {name} has the name of the slot that {host} streams through",
    why="a permanent slot is kept when the host is gone for good, and its WAL fills every disk",
    help="choose another name",
    example="hosts: {pg1: {address: 10.0.0.1}}\npatroni: {slots: {pg1: {type: physical}}}",
)
PAT042 = Code(
    "PAT042",
    "incomplete-logical-slot",
    ERROR,
    what="the logical slot {name} has no {missing}",
    why="Patroni does not create it, and says so in its log only",
    help="name its {missing}",
    example="patroni: {slots: {cdc: {type: logical}}}",
)
PAT043 = Code(
    "PAT043",
    "physical-slot-with-database",
    ERROR,
    what="the physical slot {name} has a {extra}",
    why="physical slots belong to no database and decode nothing; it was meant to be logical, perhaps",
    help="add `type: logical`, or leave the {extra} out",
    example="patroni: {slots: {cdc: {database: app}}}",
)
PAT044 = Code(
    "PAT044",
    "no-usable-store",
    ERROR,
    what="{problem}",
    why="Patroni keeps its lock there: without it no host leads",
    help="give three hosts the role dcs, or name a store under external: with `offers: dcs.client` and details `api: etcd3`",
    example="external: {store: {offers: dcs.client, endpoints: [{address: 10.0.9.1, port: 8500}], details: {api: consul}}}",
)
PAT045 = Code(
    "PAT045",
    "one-role-for-two-purposes",
    ERROR,
    what="{name} is the {first} role and the {second} role",
    why="one of them would have more rights than it needs, over the network too",
    help="give each its own name",
    example="patroni: {roles: {replication: {name: postgres}}}",
)
PAT046 = Code(
    "PAT046",
    "port-taken",
    ERROR,
    what="the REST API of {host} and {other} both listen on port {port}",
    why="the second one to start would fail",
    help="set patroni.rest.port to another port",
    example="patroni: {rest: {port: 5432}}",
)
PAT047 = Code(
    "PAT047",
    "wal-segment-size-refused",
    ERROR,
    what="the WAL segment size is {given}; initdb takes a power of two from 1MB to 1GB",
    why="the first start would fail",
    help="set 16MB, 64MB or another power of two",
    example="patroni: {wal_segment_size: 48MB}",
)
PAT048 = Code(
    "PAT048",
    "copy-rate-refused",
    ERROR,
    what="the rate is {given}; pg_basebackup takes 32kB to 1GB a second",
    why="no standby could be made",
    help="set a rate in that range, or leave it out for no limit",
    example="patroni: {basebackup_rate: 2GB}",
)
PAT049 = Code(
    "PAT049",
    "reserved-method-name",
    ERROR,
    what="a way to make standbys is called {name}, which Patroni has as a setting",
    why="Patroni would take one for the other",
    help="call it by the tool's name",
    example="patroni: {replica_methods: {parameters: {command: /usr/bin/restore}}}",
)

CODES = tuple(each for each in list(globals().values()) if isinstance(each, Code))
