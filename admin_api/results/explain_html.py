"""A score's chain as one page that stands alone: the card as read, and every link below."""

from __future__ import annotations

import base64
import html

import cv2
from sqlalchemy import Connection

from admin_api.intake.cards import stored_card
from admin_api.office import Office
from admin_api.results.explain import Explained
from omr.pipeline import read_page
from omr.records import ScannedPage
from omr.trace import overlay_of

_STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans SC", sans-serif; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem; color: #1c2126; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
.score { font-size: 2rem; font-weight: 600; }
main { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 2rem; }
img { width: 100%; border: 1px solid #d3d7dd; }
ul { margin: 0; padding-left: 1.1rem; } li { overflow-wrap: anywhere; }
.many { white-space: pre; font: 11px/1.4 ui-monospace, monospace; list-style: none; padding: 0; }
@media (max-width: 50rem) { main { grid-template-columns: 1fr; } }
"""
_MANY = 20  # lines from which a step is set small and in columns


def as_html(office: Office, connection: Connection, found: Explained) -> str:
    """The page. The card is read once more from its kept image, to draw what was seen on it.

    Raises:
        NotFound, Tampered: the image is not in the vault as it was put there.
    """
    title = f"{found.ticket} subject {found.subject}"
    steps = "".join(
        f"<h2>{html.escape(step.title)}</h2><ul{_look(step.lines)}>"
        + "".join(f"<li>{html.escape(line)}</li>" for line in step.lines)
        + "</ul>"
        for step in found.steps
    )
    score = f'<p class="score">{html.escape(found.score or found.state)}</p>'
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{score}<main><div>"
        f"{_picture(office, connection, found)}</div><div>{steps}</div></main></html>"
    )


def _look(lines: tuple[str, ...]) -> str:
    return ' class="many"' if len(lines) > _MANY else ""


def _picture(office: Office, connection: Connection, found: Explained) -> str:
    if not found.image:
        return "<p>There is no card.</p>"
    card = stored_card(connection, office.exam.card)
    image = office.vault.get(found.image)
    page = ScannedPage(image, ScannedPage.digest(image), f"page {found.page}", 0)
    drawn = overlay_of(page, read_page(page, card.design, card.policy), card.design)
    _, picture = cv2.imencode(".jpg", drawn)
    code = base64.b64encode(picture.tobytes()).decode()
    return f'<img alt="The card as read" src="data:image/jpeg;base64,{code}">'
