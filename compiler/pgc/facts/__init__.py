"""The typed values by which plugins talk to each other.

A fact names capabilities, never products. Each type has a `key`; two facts with one key are joined by the type's own rule, and
what does not join is a conflict that the core reports with both origins. Fields that end in `_s` are seconds, `_bytes` bytes.

    places      what runs where, and what it needs
    database    what PostgreSQL must be told, and what must exist in it
    people      what watches the cluster, and what people do
    claims      budgets that can be added up and proved, open values, and the rules between them
"""

from pgc.facts.claims import Budget, Choice, ConnectionClaim, DiskClaim, MemoryClaim, Rule, TimeClaim
from pgc.facts.database import DatabaseObject, Extension, Grant, HbaRule, IdentRule, Parameter, Preload, Role
from pgc.facts.fact import AnyFact, DoesNotJoin, Fact
from pgc.facts.joining import Conflict, Facts, Pool, Undeclared
from pgc.facts.people import Action, AlertRule, Chapter, Dashboard, HealthCheck, Runbook, ScrapeTarget
from pgc.facts.places import Certificate, CronTimer, Endpoint, Package, Secret, Service

__all__ = [
    "Action",
    "AlertRule",
    "AnyFact",
    "Budget",
    "Certificate",
    "Chapter",
    "Choice",
    "Conflict",
    "ConnectionClaim",
    "CronTimer",
    "Dashboard",
    "DatabaseObject",
    "DiskClaim",
    "DoesNotJoin",
    "Endpoint",
    "Extension",
    "Fact",
    "Facts",
    "Grant",
    "HbaRule",
    "HealthCheck",
    "IdentRule",
    "MemoryClaim",
    "Package",
    "Parameter",
    "Pool",
    "Preload",
    "Role",
    "Rule",
    "Runbook",
    "ScrapeTarget",
    "Secret",
    "Service",
    "TimeClaim",
    "Undeclared",
]
