"""Why is it so? For a line of a generated file, for a setting, for a diagnostic."""

from pgc.explain.answers import Answer, DoesNotCompile, Explanation, NothingToExplain, Reason
from pgc.explain.codes import code, document, names_a_code
from pgc.explain.lines import line
from pgc.explain.settings import setting

__all__ = [
    "Answer", "DoesNotCompile", "Explanation", "NothingToExplain", "Reason",
    "code", "document", "line", "names_a_code", "setting",
]  # fmt: skip
