"""Signing in and out, the second factor, the passphrase, the language."""

from __future__ import annotations

import io
import threading
from typing import Annotated, cast

import segno
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from admin_api.acts.ledger import Signer, need_in_office
from admin_api.console.desk import (
    LANGUAGE,
    Console,
    Desk,
    console_of,
    office_at,
    page_of,
    seated,
    wants_page,
)
from admin_api.console.guard import address_of, certificate_of
from admin_api.console.pages import LANGUAGES
from admin_api.errors import NotAllowed, NotFound, Refused
from admin_api.staff import second_factor
from admin_api.staff.keys import new_key, unlock
from admin_api.staff.service import change_passphrase, open_key

router = APIRouter(tags=["signing in"])
SETTING_UP = "second-factor"
_AT_ONCE = threading.BoundedSemaphore(2)  # opening a key takes memory and most of a core
_WAIT_S = 20.0
_NOBODY = "nobody who is"
_WRONG = "name, passphrase or code is wrong"
Everybody = Annotated[Desk, seated()]
DueHere = Annotated[Desk, seated(due=SETTING_UP)]


class Attempt(BaseModel):
    """Who wants in. `code` is the authenticator's, where one was set up."""

    name: str = Field(max_length=40)
    passphrase: str = Field(max_length=200)
    code: str = Field(default="", max_length=8)


class Welcome(BaseModel):
    """Whose session it is. Send `csrf` as the header X-CSRF-Token with whatever changes anything.

    `due` names the page that must be seen to first, or is empty.
    """

    name: str
    role: str
    region: str
    site: str
    csrf: str
    due: str


class Nothing(BaseModel):
    """Done."""


class SecondFactor(BaseModel):
    """What an authenticator is set up with: its address, and the same as a picture (SVG)."""

    secret: str
    address: str
    picture: str
    already: bool


class NewFactor(BaseModel):
    """A secret that was offered, and the code that the authenticator shows for it."""

    secret: str = Field(pattern="^[A-Z2-7]{32}$")
    code: str = Field(pattern="^[0-9]{6}$")


class NewPassphrase(BaseModel):
    """The passphrase as it is, and as it shall be, twice."""

    now: str = Field(max_length=200)
    then: str = Field(max_length=200)
    again: str = Field(max_length=200)


class Chosen(BaseModel):
    """A language's code."""

    language: str = Field(max_length=5)


@router.get("/sign-in", include_in_schema=False)
def sign_in_page(request: Request) -> Response:
    """The page for signing in."""
    if request.state.visit is not None:
        return RedirectResponse("/", 303)
    return page_of(request, "sign_in.html", {"wrong": "", "certificate": _shown(request)})


@router.post("/sign-in")
def sign_in(request: Request, response: Response, said: Annotated[Attempt, Form()]) -> Welcome:
    """Begin a session; the answer's cookie carries it."""
    console = console_of(request)
    try:
        signer, due = _admitted(console, request, said)
    except (NotAllowed, Refused) as error:
        if not wants_page(request):
            raise
        shown = {"wrong": str(error), "certificate": _shown(request)}
        return cast(Welcome, page_of(request, "sign_in.html", shown, 403))
    token, visit = console.visits.begin(signer, certificate_of(request.scope), due)
    answer: Response = RedirectResponse("/", 303) if wants_page(request) else response
    answer.set_cookie(
        console.rules.cookie, token, httponly=True, secure=console.rules.secure, samesite="strict"
    )
    if isinstance(answer, RedirectResponse):
        return cast(Welcome, answer)
    return Welcome(
        name=signer.name,
        role=signer.role.value,
        region=signer.region,
        site=signer.site,
        csrf=visit.csrf,
        due=due,
    )


@router.post("/sign-out")
def sign_out(desk: DueHere, response: Response) -> Nothing:
    """End the session."""
    desk.console.visits.end(desk.visit)
    answer: Response = response
    if wants_page(desk.request):
        answer = Response(status_code=204, headers={"HX-Redirect": "/sign-in"})
    answer.delete_cookie(desk.console.rules.cookie)
    return cast(Nothing, answer) if answer is not response else Nothing()


@router.get("/second-factor")
def second_factor_page(desk: DueHere) -> SecondFactor:
    """A new secret for an authenticator; it counts once a code of it was given."""
    secret = second_factor.new_secret()
    address = second_factor.address_of(desk.visit.name, secret, desk.office.exam.name)
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="svg", scale=5, xmldecl=False)
    found = SecondFactor(
        secret=secret,
        address=address,
        picture=picture.getvalue().decode(),
        already=desk.visit.due != SETTING_UP,
    )
    return desk.show("second_factor.html", found)


@router.post("/second-factor")
def set_second_factor(desk: DueHere, said: Annotated[NewFactor, Form()]) -> Nothing:
    """Set up the authenticator that shows this code."""
    step = second_factor.step_of(said.secret, said.code, desk.console.wall())
    if step is None:
        raise Refused("that is not the authenticator's code; check its clock and try the next one")
    second_factor.enrol(desk.office.ledger, desk.signer, desk.office.secret, said.secret)
    desk.console.use_step(desk.visit.name, step)
    desk.visit.due = ""
    return desk.done(Nothing(), "/", "the second factor is set up")


@router.get("/account")
def account(desk: Everybody) -> Welcome:
    """One's own account."""
    who = desk.signer
    found = Welcome(
        name=who.name,
        role=who.role.value,
        region=who.region,
        site=who.site,
        csrf=desk.visit.csrf,
        due="",
    )
    return desk.show("account.html", found)


@router.post("/passphrase")
def set_passphrase(desk: Everybody, said: Annotated[NewPassphrase, Form()]) -> Nothing:
    """Change one's own passphrase."""
    if said.then != said.again:
        raise Refused("the new passphrase was not repeated as it was given")
    _opened(desk.console, desk.request, desk.visit.name, said.now)
    change_passphrase(desk.office.ledger, desk.signer, said.then)
    return desk.done(Nothing(), "/account", "the passphrase is changed")


@router.post("/language")
def choose_language(request: Request, said: Annotated[Chosen, Form()]) -> Nothing:
    """Choose the language of the pages."""
    if said.language not in LANGUAGES:
        raise Refused(f"the pages are in {', '.join(LANGUAGES)}")
    answer = Response(status_code=204, headers={"HX-Refresh": "true"})
    answer.set_cookie(
        LANGUAGE, said.language, samesite="lax", secure=console_of(request).rules.secure
    )
    return cast(Nothing, answer)


def _admitted(console: Console, request: Request, said: Attempt) -> tuple[Signer, str]:
    """The person, and what is due first.

    Raises:
        NotAllowed: with the same words whatever was wrong.
    """
    if console.certificates and certificate_of(request.scope) != said.name:
        raise NotAllowed("put in the USBKEY of this person, then sign in")
    address = address_of(request.scope)
    signer = _opened(console, request, said.name, said.passphrase, forgive=False)
    with office_at(request).ledger.moment() as connection:
        secret = second_factor.secret_of(connection, signer.name, console.office.secret)
    if secret:
        step = second_factor.step_of(secret, said.code, console.wall())
        if step is None or not console.use_step(signer.name, step):
            raise NotAllowed(_WRONG)
    console.lockout.right(said.name, address)
    return signer, SETTING_UP if console.second_factor and not secret else ""


def _opened(
    console: Console, request: Request, name: str, passphrase: str, *, forgive: bool = True
) -> Signer:
    """A person with the key open; a name that is none costs as much time as a wrong passphrase.

    Raises:
        NotAllowed: it is wrong, or was so too often.
        Refused: too many people sign in at once.
    """
    address = address_of(request.scope)
    if wait := console.lockout.wait_s(name, address):
        raise NotAllowed(f"too many wrong attempts; try again in {int(wait / 60) + 1} minutes")
    console.lockout.wrong(name, address)
    if not _AT_ONCE.acquire(timeout=_WAIT_S):
        raise Refused("too many people sign in at once; try again in a minute")
    try:
        signer = open_key(office_at(request).ledger, name, passphrase)
        with office_at(request).ledger.moment() as connection:
            need_in_office(connection, signer)
    except NotFound:
        _waste(passphrase)
        raise NotAllowed(_WRONG) from None
    except NotAllowed:
        raise NotAllowed(_WRONG) from None
    finally:
        _AT_ONCE.release()
    if forgive:
        console.lockout.right(name, address)
    return signer


_sealed: list[str] = []


def _waste(passphrase: str) -> None:
    """Spend the time that opening a key takes."""
    if not _sealed:
        _sealed.append(new_key(_NOBODY, "nobody's passphrase")[1])
    try:
        unlock(_NOBODY, _sealed[0], passphrase)
    except NotAllowed:
        return


def _shown(request: Request) -> str:
    return certificate_of(request.scope)
