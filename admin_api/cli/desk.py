"""What every command needs: the office of this machine, and who acts."""

from __future__ import annotations

from typing import Annotated

import typer

from admin_api.acts.ledger import Signer
from admin_api.errors import NotAllowed
from admin_api.office import Office, open_office
from admin_api.settings import Settings, read_settings
from admin_api.staff.service import number_of, open_key

Encoding = Annotated[
    str | None, typer.Option(help="Such as gb18030; else it is found from the file.")
]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Who acts: a staff member.")]


def here() -> Office:
    """The office of this machine's settings."""
    return open_office(read_settings())


def signer(office: Office, name: str) -> Signer:
    """The person with the key opened.

    Raises:
        NotFound: there is no such person; found out before a passphrase is asked for.
        NotAllowed: the passphrase is wrong.
    """
    with office.ledger.moment() as connection:
        number_of(connection, name)
    return open_key(office.ledger, name, passphrase_of(office.settings, name))


def passphrase_of(settings: Settings, name: str, *, new: bool = False) -> str:
    """A person's passphrase: from the folder that the settings name, or asked for.

    Raises:
        NotAllowed: the folder has none for the person.
    """
    if settings.passphrases is None:
        return str(typer.prompt(f"Passphrase of {name}", hide_input=True, confirmation_prompt=new))
    try:
        return (settings.passphrases / name).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise NotAllowed(
            f"{settings.passphrases} holds no passphrase of {name}; unset KAOWU_PASSPHRASES "
            "to be asked for it"
        ) from error
