"""What the known extensions need: a library that is loaded at start, a package of their own.

Extensions that PostgreSQL itself ships are in the catalogue; here are those of others, and those that need preloading.
Source: each project's own installation notes; package names of apt.postgresql.org and yum.postgresql.org.
"""

from __future__ import annotations

THIRD_PARTY: dict[str, str] = {
    "address_standardizer": "postgis",
    "age": "age",
    "anon": "postgresql-anonymizer",
    "citus": "citus",
    "citus_columnar": "citus",
    "h3": "h3-pg",
    "hll": "hll",
    "http": "pgsql-http",
    "hypopg": "hypopg",
    "ip4r": "ip4r",
    "mysql_fdw": "mysql-fdw",
    "ogr_fdw": "ogr-fdw",
    "oracle_fdw": "oracle-fdw",
    "orafce": "orafce",
    "periods": "periods",
    "pg_cron": "pg_cron",
    "pg_hint_plan": "pg_hint_plan",
    "pg_ivm": "pg_ivm",
    "pg_jobmon": "pg_jobmon",
    "pg_partman": "pg_partman",
    "pg_qualstats": "pg_qualstats",
    "pg_repack": "pg_repack",
    "pg_similarity": "pg_similarity",
    "pg_squeeze": "pg_squeeze",
    "pg_stat_kcache": "pg_stat_kcache",
    "pg_stat_monitor": "pg_stat_monitor",
    "pg_track_settings": "pg_track_settings",
    "pg_uuidv7": "pg_uuidv7",
    "pg_wait_sampling": "pg_wait_sampling",
    "pgaudit": "pgaudit",
    "pgauditlogtofile": "pgauditlogtofile",
    "pglogical": "pglogical",
    "pgmq": "pgmq",
    "pgpcre": "pgpcre",
    "pgq": "pgq",
    "pgrouting": "pgrouting",
    "pgsodium": "pgsodium",
    "pgtap": "pgtap",
    "pldbgapi": "pldebugger",
    "pljava": "pljava",
    "plpgsql_check": "plpgsql_check",
    "plproxy": "plproxy",
    "plr": "plr",
    "plsh": "plsh",
    "plv8": "plv8",
    "pointcloud": "pointcloud",
    "pointcloud_postgis": "pointcloud",
    "postgis": "postgis",
    "postgis_raster": "postgis",
    "postgis_sfcgal": "postgis",
    "postgis_tiger_geocoder": "postgis",
    "postgis_topology": "postgis",
    "powa": "powa",
    "prefix": "prefix",
    "rdkit": "rdkit",
    "rum": "rum",
    "ruvector": "ruvector",
    "semver": "semver",
    "set_user": "set_user",
    "tds_fdw": "tds_fdw",
    "temporal_tables": "temporal_tables",
    "timescaledb": "timescaledb",
    "toastinfo": "toastinfo",
    "unit": "unit",
    "vector": "pgvector",
    "vectorscale": "pgvectorscale",
    "wal2json": "wal2json",
}
"""Extension → the component that brings it."""

PRELOADED: dict[str, tuple[str, int]] = {
    "age": ("age", 50),
    "anon": ("anon", 50),
    "citus": ("citus", 0),
    "pg_cron": ("pg_cron", 60),
    "pg_hint_plan": ("pg_hint_plan", 50),
    "pg_partman": ("pg_partman_bgw", 60),
    "pg_qualstats": ("pg_qualstats", 50),
    "pg_squeeze": ("pg_squeeze", 60),
    "pg_stat_kcache": ("pg_stat_kcache", 45),
    "pg_stat_monitor": ("pg_stat_monitor", 40),
    "pg_stat_statements": ("pg_stat_statements", 40),
    "pg_wait_sampling": ("pg_wait_sampling", 50),
    "pgaudit": ("pgaudit", 30),
    "pgauditlogtofile": ("pgauditlogtofile", 31),
    "pglogical": ("pglogical", 60),
    "pgsodium": ("pgsodium", 50),
    "set_user": ("set_user", 50),
    "timescaledb": ("timescaledb", 5),
}
"""Extension → its library and its place in shared_preload_libraries (citus first, then timescaledb; kcache after statements)."""

UNTRUSTED_LANGUAGES = frozenset(
    {
        "plperlu",
        "plpython3u",
        "pltclu",
        "plsh",
        "plr",
        "bool_plperlu",
        "hstore_plperlu",
        "jsonb_plperlu",
        "hstore_plpython3u",
        "jsonb_plpython3u",
        "ltree_plpython3u",
    }
)
"""Languages in which a function can do on the host whatever the server's user can."""
CONTRIB_ELSEWHERE = frozenset({"plpython3u", "hstore_plpython3u", "jsonb_plpython3u", "ltree_plpython3u"})
"""Shipped with PostgreSQL, in packages of their own that the catalogue's servers did not have."""
