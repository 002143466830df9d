"""The rule of a request, found by the patterns by which the router finds its route."""

from collections.abc import Iterator
from re import Pattern

from starlette.routing import compile_path

from api.access.matrix import MATRIX, Rule


class RuleIndex:
    """Finds the rule of a request as the router finds its route: by the same patterns."""

    def __init__(self, rules: tuple[Rule, ...] = MATRIX) -> None:
        self._exact: dict[tuple[str, str], Rule] = {}
        self._patterns: dict[tuple[str, int], list[tuple[Pattern[str], Rule]]] = {}
        self._open_ended: list[tuple[Pattern[str], Rule]] = []
        for rule in rules:
            pattern = compile_path(rule.path)[0]
            if "{" not in rule.path:
                self._exact[rule.method, rule.path] = rule
            elif ":path}" in rule.path:
                self._open_ended.append((pattern, rule))
            else:
                key = (rule.method, rule.path.count("/"))
                self._patterns.setdefault(key, []).append((pattern, rule))

    def find(self, method: str, path: str) -> Rule | None:
        """The rule of a method and a path as the router sees it; None: there is none."""
        method = "GET" if method in ("HEAD", "OPTIONS") else method
        found = self._exact.get((method, path))
        if found is not None:
            return found
        for pattern, rule in self._patterns.get((method, path.count("/")), ()):
            if pattern.match(path):
                return rule
        for pattern, rule in self._open_ended:
            if rule.method == method and pattern.match(path):
                return rule
        return None

    def methods(self, path: str) -> Iterator[str]:
        """The methods for which the path has a rule."""
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if self.find(method, path) is not None:
                yield method
