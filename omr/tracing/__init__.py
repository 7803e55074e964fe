"""A card design from a picture of a blank sheet: what is printed, proposed as fields to rename.

`trace_sheet` finds marks and bubbles by plain image processing, puts bubbles of one size into
rows and columns, and these into fields; `to_toml` writes them as a design, `draw_proof` shows
them on the sheet. What a field is called and means, no picture says: a person renames and
confirms.
"""

from omr.tracing.proof import draw_proof
from omr.tracing.records import PageSize, Traced, TracedSide
from omr.tracing.save import parse_traced, save_traced
from omr.tracing.sheet import page_size
from omr.tracing.story import trace_sheet
from omr.tracing.toml import to_toml
from omr.tracing.words import traced_words

__all__ = [
    "PageSize",
    "Traced",
    "TracedSide",
    "draw_proof",
    "page_size",
    "parse_traced",
    "save_traced",
    "to_toml",
    "trace_sheet",
    "traced_words",
]
