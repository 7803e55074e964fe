"""Which pages each role finds in the head of every page, in the order of its work."""

from __future__ import annotations

from dataclasses import dataclass

from admin_api.acts.roles import Role


@dataclass(frozen=True, slots=True)
class Link:
    """A page; `title` is a term of the catalogue."""

    path: str
    title: str


_HOME, _BAGS, _GRADING = Link("/", "home"), Link("/bags", "bags"), Link("/grading", "grading")
_CORRECTIONS, _VIOLATIONS = Link("/corrections", "corrections"), Link("/violations", "violations")
_MATTERS, _RELEASES, _KEYS = (
    Link("/matters", "matters"),
    Link("/releases", "releases"),
    Link("/keys", "keys"),
)
_RESULTS, _AUDIT, _PEOPLE = (
    Link("/results", "results"),
    Link("/audit", "audit"),
    Link("/people", "people"),
)
_SIMILARITY = Link("/similarity", "identical_answers")
_STATISTICS = Link("/statistics", "statistics")
_IMPORTS, _GRADERS = Link("/imports", "imports"), Link("/graders", "graders")

_LINKS: dict[Role, tuple[Link, ...]] = {
    Role.OPERATOR: (_HOME, _BAGS),
    Role.REVIEWER: (_HOME, _GRADING),
    Role.SUPERVISOR: (
        *(_HOME, _IMPORTS, _BAGS, _GRADING, _GRADERS, _CORRECTIONS, _VIOLATIONS),
        *(_MATTERS, _RESULTS, _STATISTICS, _SIMILARITY),
    ),
    Role.KEYHOLDER: (_HOME, _KEYS),
    Role.RELEASE: (
        *(_HOME, _MATTERS, _RESULTS, _STATISTICS, _SIMILARITY, _RELEASES),
        *(_CORRECTIONS, _VIOLATIONS),
    ),
    Role.AUDITOR: (
        *(_HOME, _AUDIT, _BAGS, _GRADERS, _CORRECTIONS, _VIOLATIONS, _MATTERS, _RESULTS),
        *(_STATISTICS, _SIMILARITY, _KEYS, _RELEASES, _PEOPLE),
    ),
    Role.ADMINISTRATOR: (_HOME, _PEOPLE),
    Role.REGION: (_HOME, _CORRECTIONS, _VIOLATIONS),
    Role.SITE: (_HOME, _VIOLATIONS),
}


def links_for(role: Role) -> tuple[Link, ...]:
    """A role's pages."""
    return _LINKS[role]
