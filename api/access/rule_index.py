"""The rule of a request, found by the patterns by which the router finds its route."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from re import Pattern
from typing import cast

from starlette.routing import BaseRoute, compile_path

from api.access.policy import Method, RoutePolicy, policy_of
from api.access.principal import Principal
from storage.accounts.sessions import SignInStep
from storage.core.callers.roles import AccessScope, Role
from storage.core.errors import MediViewError


class RouteWithoutPolicy(MediViewError):
    """A route would be served without a policy that states who may use it."""

    code = "route_without_policy"


@dataclass(frozen=True)
class Rule:
    """The policy of one method and path. HEAD and OPTIONS follow GET."""

    method: Method
    path: str
    policy: RoutePolicy

    @property
    def roles(self) -> frozenset[Role]:
        return self.policy.roles

    @property
    def scope(self) -> AccessScope:
        return self.policy.scope

    @property
    def people_only(self) -> bool:
        return self.policy.people_only

    @property
    def steps(self) -> frozenset[SignInStep]:
        return self.policy.steps

    @property
    def is_public(self) -> bool:
        return self.policy.is_public

    def allows(self, principal: Principal) -> bool:
        """By roles and scope; `people_only` is another matter."""
        return principal.has_any(self.roles) and self.scope in principal.scopes


def rules_of(routes: Iterable[BaseRoute]) -> tuple[Rule, ...]:
    """The rules of all routes, in their order. Raises RouteWithoutPolicy.

    A path that answers OPTIONS alone has the rule of its OPTIONS for GET.
    """
    rules: dict[tuple[str, str], Rule] = {}
    answered_for_options: list[Rule] = []
    for route in routes:
        path = str(getattr(route, "path", route))
        policy = policy_of(getattr(route, "endpoint", None))
        if policy is None:
            raise RouteWithoutPolicy(
                f"The route {path} has no policy.",
                remedy="Put @policy(roles, scope, audit rule) below its @router line.",
            )
        for method in sorted(getattr(route, "methods", None) or {"WEBSOCKET"}):
            if method == "OPTIONS":
                answered_for_options.append(Rule("GET", path, policy))
            elif method != "HEAD":
                rules.setdefault((method, path), Rule(cast(Method, method), path, policy))
    for rule in answered_for_options:
        rules.setdefault((rule.method, rule.path), rule)
    return tuple(rules.values())


class RuleIndex:
    """Finds the rule of a request as the router finds its route: by the same patterns."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._exact: dict[tuple[str, str], Rule] = {}
        self._patterns: dict[tuple[str, int], list[tuple[Pattern[str], Rule]]] = {}
        self._open_ended: list[tuple[Pattern[str], Rule]] = []
        for rule in self.rules:
            pattern = compile_path(rule.path)[0]
            if "{" not in rule.path:
                self._exact[rule.method, rule.path] = rule
            elif ":path}" in rule.path:
                self._open_ended.append((pattern, rule))
            else:
                key = (rule.method, rule.path.count("/"))
                self._patterns.setdefault(key, []).append((pattern, rule))
        self._by_template: dict[tuple[str, str], Rule] = {
            (rule.method, rule.path): rule for rule in self.rules
        }

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

    def of_template(self, method: str, template: str) -> Rule | None:
        """The rule of a route by its path with parameters."""
        return self._by_template.get(("GET" if method == "HEAD" else method, template))

    def methods(self, path: str) -> Iterator[str]:
        """The methods for which the path has a rule."""
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if self.find(method, path) is not None:
                yield method
