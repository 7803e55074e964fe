"""What an endpoint works with: the office, who asks and from where, and how the answer is shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import urlsplit

from fastapi import Depends, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from admin_api.acts.ledger import Signer
from admin_api.acts.roles import Role
from admin_api.clock import Clock
from admin_api.console.guard import Rules, address_of
from admin_api.console.lockout import Lockout
from admin_api.console.navigation import links_for
from admin_api.console.pages import LANGUAGES, render
from admin_api.console.visits import Visit, Visits
from admin_api.errors import NotAllowed
from admin_api.office import Office
from admin_api.staff.service import is_in_office

M = TypeVar("M", bound=BaseModel)
LANGUAGE = "kaowu-language"
MOST_ID = 2**53 - 1  # ids beyond are no ids, and no number of some browsers and databases
Number = Annotated[int, Path(ge=1, le=MOST_ID)]


@dataclass
class Console:
    """One running console. `wall` is the machine's own clock, whatever the office's says."""

    office: Office
    rules: Rules
    visits: Visits
    lockout: Lockout
    wall: Clock
    second_factor: bool = True
    certificates: bool = False
    steps: dict[str, int] = field(default_factory=dict)
    desks: dict[type, Any] = field(default_factory=dict)

    def use_step(self, name: str, step: int) -> bool:
        """Take a one-time code's step: each counts once, and none before it any more."""
        if self.steps.get(name, -1) >= step:
            return False
        self.steps[name] = step
        return True


class SignInNeeded(Exception):
    """Nobody is signed in, or something is due first; `to` is the page for it."""

    def __init__(self, to: str = "/sign-in") -> None:
        self.to = to
        super().__init__(to)


@dataclass(frozen=True, slots=True)
class Desk:
    """An endpoint's view of one request of a signed-in person."""

    console: Console
    office: Office
    visit: Visit
    request: Request

    @property
    def signer(self) -> Signer:
        """Who asks, with the key open."""
        return self.visit.signer

    def show(self, template: str, model: M, **more: Any) -> M:
        """The model, or for a browser the page that shows it as `it`."""
        if not wants_page(self.request):
            return model
        notices, self.visit.notices[:] = list(self.visit.notices), []
        shown = more | {"it": model, "visit": self.visit, "notices": notices, "office": self.office}
        shown |= {"links": links_for(self.signer.role), "now": self.office.ledger.clock()}
        return cast(M, page_of(self.request, template, shown))

    def done(self, model: M, to: str, words: str) -> M:
        """What an act came to; a browser goes on to another page, with words that say it.

        `words` are translated where the catalogue knows them.
        """
        if not wants_page(self.request):
            return model
        self.visit.notices.append(words)
        return cast(M, RedirectResponse(to, 303))


def seated(*roles: Role, due: str = "") -> Any:
    """A dependency: the desk of a person who has one of the roles; everybody's where none is given.

    `due` names the thing that may be due while this endpoint is used.

    Raises:
        SignInNeeded: nobody is signed in, or something else is due first.
        NotAllowed: another role.
    """

    def found(request: Request) -> Desk:
        console, visit = console_of(request), request.state.visit
        if visit is None:
            raise SignInNeeded
        office = office_at(request)
        with office.ledger.moment() as connection:
            if not is_in_office(connection, visit.signer):
                console.visits.end(visit)
                raise SignInNeeded
        if visit.due and visit.due != due:
            raise SignInNeeded(f"/{visit.due}")
        if roles and visit.signer.role not in roles:
            whose = " or ".join(role.value for role in roles)
            raise NotAllowed(f"{visit.name} is {visit.signer.role.value}; this needs a {whose}")
        return Desk(console, office, visit, request)

    return Depends(found)


def console_of(request: Request) -> Console:
    """The running console."""
    return cast(Console, request.app.state.console)


def office_at(request: Request) -> Office:
    """The office, whose acts say from which address they come."""
    office = console_of(request).office
    via = f"web {address_of(request.scope)}"
    return replace(office, ledger=replace(office.ledger, via=via))


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page, and no program for JSON."""
    return "text/html" in request.headers.get("accept", "") or is_partial(request)


def is_partial(request: Request) -> bool:
    """Whether a page in the browser asks for a part of itself."""
    return request.headers.get("hx-request") == "true"


def language_of(request: Request) -> str:
    """The language that the person chose; Chinese until then."""
    chosen = request.cookies.get(LANGUAGE, "")
    return chosen if chosen in LANGUAGES else "zh"


def page_of(
    request: Request, template: str, shown: dict[str, Any], status: int = 200
) -> HTMLResponse:
    """A whole page, or its main part where the page is in the browser already."""
    language = language_of(request)
    partial = is_partial(request)
    path = request.url.path
    frame = {
        "layout": "part.html" if partial else "frame.html",
        "language": language,
        "languages": LANGUAGES,
        "path": path,
    }
    blank: dict[str, Any] = {"visit": None, "notices": [], "links": (), "now": None}
    headers = {}
    if partial and status == 200 and request.method == "GET":
        headers["HX-Push-Url"] = request.url.path + _query(request)
    return HTMLResponse(render(template, language, blank | frame | shown), status, headers)


def _query(request: Request) -> str:
    query = urlsplit(str(request.url)).query
    return f"?{query}" if query else ""
