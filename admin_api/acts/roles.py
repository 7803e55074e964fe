"""Who may do what: roles (角色) and the kinds of act that each may perform."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a staff member is here for. None may both propose and approve one thing."""

    ADMINISTRATOR = "administrator"  # people
    SUPERVISOR = "supervisor"  # files in, approvals, arbitration, scoring
    OPERATOR = "operator"  # the scanning room
    REVIEWER = "reviewer"  # doubted fields (判读员)
    KEYHOLDER = "keyholder"  # answer keys
    RELEASE = "release"  # freeze, sign, publish
    AUDITOR = "auditor"  # sees everything, changes nothing
    REGION = "region"  # 考区 staff
    SITE = "site"  # 考点 staff


BOUND_TO_REGION = frozenset({Role.REGION, Role.SITE})


class ActKind(StrEnum):
    """Every kind of act there is."""

    INIT = "init"
    STAFF_ADD = "staff.add"
    STAFF_REVOKE = "staff.revoke"
    PASSPHRASE = "staff.passphrase"
    SECOND_FACTOR = "staff.second_factor"
    SECOND_FACTOR_RESET = "staff.second_factor_reset"
    EXAM_CHANGE = "exam.change"
    IMPORT = "import"
    INTAKE = "intake"
    REPLACE = "page.replace"
    DECIDE = "review.decide"
    ARBITRATE = "review.arbitrate"
    MEASURE = "review.measure"
    CORRECTION_SUBMIT = "correction.submit"
    CORRECTION_VERDICT = "correction.verdict"
    CORRECTION_OVERRIDE = "correction.override"
    VIOLATION_ENTER = "violation.enter"
    VIOLATION_REVIEW = "violation.review"
    VIOLATION_DOCUMENT = "violation.document"
    KEY_LOAD = "key.load"
    SETTLE = "settle"
    SCORE = "score"
    SCREEN = "similarity.screen"
    STATISTICS = "statistics"
    FREEZE = "release.freeze"
    SIGN = "release.sign"
    PUBLISH = "release.publish"
    WITHDRAW = "release.withdraw"
    EXPORT = "release.export"


_MAY: dict[ActKind, tuple[Role, ...]] = {
    ActKind.INIT: (Role.ADMINISTRATOR,),
    ActKind.STAFF_ADD: (Role.ADMINISTRATOR,),
    ActKind.STAFF_REVOKE: (Role.ADMINISTRATOR,),
    ActKind.PASSPHRASE: tuple(Role),  # each one's own
    ActKind.SECOND_FACTOR: tuple(Role),
    ActKind.SECOND_FACTOR_RESET: (Role.ADMINISTRATOR,),
    ActKind.EXAM_CHANGE: (Role.ADMINISTRATOR,),
    ActKind.IMPORT: (Role.SUPERVISOR,),
    ActKind.INTAKE: (Role.OPERATOR, Role.SUPERVISOR),
    ActKind.REPLACE: (Role.OPERATOR, Role.SUPERVISOR),
    ActKind.DECIDE: (Role.REVIEWER,),
    ActKind.ARBITRATE: (Role.SUPERVISOR,),
    ActKind.MEASURE: (Role.REVIEWER,),
    ActKind.CORRECTION_SUBMIT: (Role.REGION,),
    ActKind.CORRECTION_VERDICT: (Role.SUPERVISOR,),
    ActKind.CORRECTION_OVERRIDE: (Role.SUPERVISOR, Role.RELEASE),
    ActKind.VIOLATION_ENTER: (Role.SITE, Role.REGION),
    ActKind.VIOLATION_REVIEW: (Role.REGION,),
    ActKind.VIOLATION_DOCUMENT: (Role.REGION, Role.SUPERVISOR),
    ActKind.KEY_LOAD: (Role.KEYHOLDER,),
    ActKind.SETTLE: (Role.SUPERVISOR, Role.RELEASE),
    ActKind.SCORE: (Role.SUPERVISOR, Role.RELEASE),
    ActKind.SCREEN: (Role.SUPERVISOR, Role.RELEASE),
    ActKind.STATISTICS: (Role.SUPERVISOR, Role.RELEASE, Role.AUDITOR),  # a look, no change
    ActKind.FREEZE: (Role.RELEASE,),
    ActKind.SIGN: (Role.RELEASE,),
    ActKind.PUBLISH: (Role.RELEASE,),
    ActKind.WITHDRAW: (Role.RELEASE,),
    ActKind.EXPORT: (Role.RELEASE,),
}


def may(role: Role, kind: ActKind) -> bool:
    """Whether a role may perform a kind of act."""
    return role in _MAY[kind]


def roles_for(kind: ActKind) -> tuple[Role, ...]:
    """The roles that may perform a kind of act."""
    return _MAY[kind]
