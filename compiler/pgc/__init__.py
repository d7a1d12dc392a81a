"""pgc compiles one cluster manifest into every file that a PostgreSQL cluster's hosts need.

Plugins import from its modules: `from pgc.hookspecs import hookimpl`, facts from `pgc.facts`, and so on. This module itself
stays empty, because the path that finds nothing changed must not load the compiler.
"""

__version__ = "0.1.0"
