"""Cards to people: by number, barcode and the bag they came in; all that is there must agree.

Pure: frames in, frames out. Nothing is guessed: what cannot be told has a state of its own.
"""

from __future__ import annotations

import polars as pl

from admin_api.exam.terms import BarcodeNames, Exam, Medium
from admin_api.frames import CARD, ENROLMENT_STATES, PAGE_STATES, beside, in_order
from admin_api.joining.states import EnrolmentState, Joined, PageState

_CLAIMING = ["page", "enrolment"]


def join(
    cards: pl.DataFrame,
    enrolments: pl.DataFrame,
    bags: pl.DataFrame,
    rooms: pl.DataFrame,
    exam: Exam,
) -> Joined:
    """Join `frames.CARDS` to `frames.ENROLMENTS`; `bags` are `frames.BAGS`, `rooms` `frames.ROOMS`.

    Every page and every enrolment comes out once, whatever the order of the rows. The evidence
    names cards and rooms as people know them, never by an id.
    """
    named = _named(cards, enrolments, bags, exam)
    claims = named.filter(
        pl.col("enrolment").is_not_null() & ~pl.col("replaced") & (pl.col("status") != "rejected")
    )
    named = _with_rivals(named, claims, enrolments).with_columns(_state().alias("state"))
    odd = named.filter(pl.col("state") != PageState.MATCHED.value)  # few of millions
    sits = rooms.select("room", pl.col("name").alias("sits_in"))
    of_bag = rooms.select(pl.col("room").alias("bag_room"), pl.col("name").alias("bag_of"))
    odd = odd.join(sits, on="room", how="left").join(of_bag, on="bag_room", how="left")
    words = odd.select("page", _evidence().alias("evidence"))
    pages = beside(named.select("page", "state", "enrolment"), words, "page")
    kinds = list(PAGE_STATES.items())
    pages = (
        pages.with_columns(pl.col("evidence").fill_null(""))
        .select(pl.col(name).cast(kind) for name, kind in kinds)
        .sort("page")
    )
    return Joined(pages, _enrolment_states(named, enrolments))


def _named(
    cards: pl.DataFrame, enrolments: pl.DataFrame, bags: pl.DataFrame, exam: Exam
) -> pl.DataFrame:
    """The cards with their number, subject and form as far as told, and the enrolment named."""
    places = bags.select(
        "region",
        "box",
        "bag",
        pl.col("room").alias("bag_room"),
        pl.col("subject").alias("bag_subject"),
    )
    papers = pl.DataFrame(
        sorted(
            {
                (paper, subject)
                for specialty in exam.specialties.values()
                for subject, paper in specialty.papers.items()
            }
        ),
        schema={"barcode_paper": pl.String, "barcode_subject": pl.String},
        orient="row",
    ).unique("barcode_paper", keep="none")  # a paper of several subjects tells none
    code_named = exam.card.barcode_names is BarcodeNames.CANDIDATE
    known = enrolments.select("ticket").unique().with_columns(pl.lit(True).alias("registered"))
    rows = enrolments.select(
        "enrolment",
        "ticket",
        pl.col("subject").alias("told_subject"),
        "paper",
        "room",
        "medium",
        "present",
    ).rename({"ticket": "number"})
    blank = [bytes(size) for size in cards["answers"].bin.size().unique()]  # no item has a mark
    whole = (pl.col("ticket") != "") & ~pl.col("ticket").str.contains("?", literal=True)
    coded = (pl.col("barcode_ticket") != "") if code_named else pl.lit(False)
    return (
        cards.join(places, on=["region", "box", "bag"], how="left", maintain_order="left")
        .join(papers, on="barcode_paper", how="left", maintain_order="left")
        .with_columns(
            pl.when(whole).then("ticket").when(coded).then("barcode_ticket").alias("number"),
            (whole & coded & (pl.col("ticket") != pl.col("barcode_ticket"))).alias("two_numbers"),
            _told("subject", "bag_subject", "barcode_subject").alias("told_subject"),
            _differ("subject", "bag_subject", "barcode_subject").alias("two_subjects"),
            _told("form", "barcode_form").fill_null("").alias("told_form"),
            _differ("form", "barcode_form").alias("two_forms"),
        )
        .with_columns(pl.when(~pl.col("two_numbers")).then("number").alias("number"))
        .join(known, left_on="number", right_on="ticket", how="left", maintain_order="left")
        .join(rows, on=["number", "told_subject"], how="left", maintain_order="left")
        .with_columns(
            (~pl.col("answers").is_in(blank)).alias("has_answers"),
            _form_fault(exam).alias("form_fault"),
        )
    )


def _told(*columns: str) -> pl.Expr:
    """The first that says anything."""
    return pl.coalesce(pl.when(pl.col(name) != "").then(pl.col(name)) for name in columns)


def _differ(*columns: str) -> pl.Expr:
    """Whether two of them say something different; saying nothing is no difference."""
    pairs = [(a, b) for n, a in enumerate(columns) for b in columns[n + 1 :]]
    return pl.any_horizontal(
        ((pl.col(a) != "") & (pl.col(b) != "") & (pl.col(a) != pl.col(b))).fill_null(False)
        for a, b in pairs
    )


def _form_fault(exam: Exam) -> pl.Expr:
    """What is wrong with a card's form, null where nothing is."""
    several = {code for code, paper in exam.papers.items() if paper.forms != ("",)}
    allowed = [code + form for code in several for form in exam.papers[code].forms]
    named = pl.col("paper").is_in(sorted(several))
    return (
        pl.when(named & pl.col("two_forms"))
        .then(pl.format("bubbled form {}, barcode form {}", "form", "barcode_form"))
        .when(named & (pl.col("told_form") == ""))
        .then(pl.lit("no form on the card and none by its barcode"))
        .when(named & ~(pl.col("paper") + pl.col("told_form")).is_in(sorted(allowed)))
        .then(pl.format("paper {} has no form {}", "paper", "told_form"))
    )


def _with_rivals(
    named: pl.DataFrame, claims: pl.DataFrame, enrolments: pl.DataFrame
) -> pl.DataFrame:
    """Which other pages claim the same enrolment, or are the very same picture."""
    rivals = (
        claims.filter(pl.col("enrolment").is_duplicated())
        .sort("page")
        .group_by("enrolment")
        .agg(CARD.alias("claimants"))
    )
    twins = (
        named.filter(~pl.col("replaced"))
        .filter(pl.col("sha256").is_duplicated())
        .sort("page")
        .group_by("sha256")
        .agg(CARD.alias("twins"))
    )
    # A neighbour without any card: then one of the claimants may be the neighbour's.
    place = ["room", "subject"]
    contested = enrolments.join(rivals, on="enrolment", how="semi").select(place).unique()
    lacking = (
        enrolments.join(contested, on=place, how="semi")
        .filter(pl.col("present").fill_null(True) & (pl.col("medium") == Medium.CARD.value))
        .join(claims, on="enrolment", how="anti")
        .group_by("room", pl.col("subject").alias("told_subject"))
        .agg(pl.col("ticket").sort().head(3).alias("lacking"))
    )
    return (
        named.join(rivals, on="enrolment", how="left", maintain_order="left")
        .join(twins, on="sha256", how="left", maintain_order="left")
        .join(lacking, on=["room", "told_subject"], how="left", maintain_order="left")
        .with_columns(
            pl.col("claimants").is_not_null().alias("claimed_twice"),
            (pl.col("twins").is_not_null() & ~pl.col("replaced")).alias("same_picture"),
        )
    )


def _state() -> pl.Expr:
    enrolled = pl.col("enrolment").is_not_null()
    says_absent, listed = pl.col("absent"), pl.col("present")
    contradicts = (
        pl.when(says_absent)
        .then(pl.col("has_answers") | listed.fill_null(False))
        .otherwise(pl.col("has_answers") & ~listed.fill_null(True))
    )
    return (
        pl.when("replaced")
        .then(pl.lit(PageState.REPLACED.value))
        .when(pl.col("status") == "rejected")
        .then(pl.lit(PageState.REJECTED.value))
        .when(pl.col("open").list.len() > 0)
        .then(pl.lit(PageState.IN_REVIEW.value))
        .when("same_picture")
        .then(pl.lit(PageState.DUPLICATE_CARD.value))
        .when(pl.col("number").is_null())
        .then(pl.lit(PageState.CARD_WITHOUT_CANDIDATE.value))
        .when(pl.col("registered").is_null())
        .then(pl.lit(PageState.UNREGISTERED_NUMBER.value))
        .when("two_subjects")
        .then(pl.lit(PageState.WRONG_SUBJECT.value))
        .when(~enrolled | (pl.col("medium") != Medium.CARD.value))
        .then(pl.lit(PageState.CARD_WITHOUT_CANDIDATE.value))
        .when((pl.col("barcode_paper") != "") & (pl.col("barcode_paper") != pl.col("paper")))
        .then(pl.lit(PageState.WRONG_SUBJECT.value))
        .when(pl.col("form_fault").is_not_null())
        .then(pl.lit(PageState.WRONG_FORM.value))
        .when((pl.col("bag_room") != pl.col("room")).fill_null(False))
        .then(pl.lit(PageState.WRONG_ROOM.value))
        .when(pl.col("claimed_twice") & pl.col("lacking").is_not_null())
        .then(pl.lit(PageState.DUPLICATE_NUMBER.value))
        .when("claimed_twice")
        .then(pl.lit(PageState.DUPLICATE_CARD.value))
        .when(contradicts)
        .then(pl.lit(PageState.ABSENT_WITH_ANSWERS.value))
        .otherwise(pl.lit(PageState.MATCHED.value))
    )


def _evidence() -> pl.Expr:
    """Why a page is in its state, in words."""
    claimants, twins = pl.col("claimants").list.join(", "), pl.col("twins").list.join(", ")
    suggested = pl.concat_str(
        pl.lit("; without a card in this room: "), pl.col("lacking").list.join(", ")
    ).fill_null("")
    bubbled = pl.when(pl.col("ticket") == "").then(pl.lit("none")).otherwise("ticket")
    state = pl.col("state")
    return (
        pl.when(state == PageState.IN_REVIEW.value)
        .then(pl.format("in doubt: {}", pl.col("open").list.join(", ")))
        .when("same_picture")
        .then(pl.format("the same picture: {}", twins))
        .when("two_numbers")
        .then(pl.format("bubbled number {}, barcode {}", "ticket", "barcode_ticket"))
        .when(pl.col("number").is_null())
        .then(pl.concat_str(pl.format("number: {}", bubbled)))
        .when(pl.col("registered").is_null())
        .then(pl.format("{} is on no roster", "number"))
        .when("two_subjects")
        .then(
            pl.format(
                "subject bubbled {}, of the bag {}, of the barcode {}",
                pl.col("subject"),
                pl.col("bag_subject").fill_null("-"),
                pl.col("barcode_subject").fill_null("-"),
            )
        )
        .when(pl.col("enrolment").is_null())
        .then(
            pl.format(
                "{} is not enrolled for subject {}",
                "number",
                pl.col("told_subject").fill_null("(none told)"),
            )
        )
        .when(pl.col("medium") != Medium.CARD.value)
        .then(pl.format("{} sits on a computer", "number"))
        .when((pl.col("barcode_paper") != "") & (pl.col("barcode_paper") != pl.col("paper")))
        .then(pl.format("barcode of paper {}, enrolled for {}", "barcode_paper", "paper"))
        .when(pl.col("form_fault").is_not_null())
        .then("form_fault")
        .when((pl.col("bag_room") != pl.col("room")).fill_null(False))
        .then(
            pl.format(
                "{} sits in room {}, this bag is of room {}",
                "number",
                *(pl.col(name).fill_null("(unknown)") for name in ("sits_in", "bag_of")),
            )
        )
        .when("claimed_twice")
        .then(pl.concat_str(pl.format("{} stands on {}", "number", claimants), suggested))
        .when(state == PageState.ABSENT_WITH_ANSWERS.value)
        .then(
            pl.format(
                "card {}, list says {}",
                pl.when("absent").then(pl.lit("marked absent")).otherwise(pl.lit("answered")),
                pl.when("present").then(pl.lit("present")).otherwise(pl.lit("absent")),
            )
        )
    )


def _enrolment_states(named: pl.DataFrame, enrolments: pl.DataFrame) -> pl.DataFrame:
    told = ["page", "reading", "told_form", "answers", "absent", "has_answers"]
    claiming = pl.col("enrolment").is_not_null()
    states = named.select(*told, "state", "enrolment").filter(claiming)
    matched = in_order(states.filter(pl.col("state") == PageState.MATCHED.value), "enrolment")
    others = (
        named.filter(
            claiming
            & ~pl.col("state").is_in(
                [PageState.MATCHED.value, PageState.REPLACED.value, PageState.REJECTED.value]
            )
        )
        .sort("page")
        .group_by("enrolment")
        .agg(pl.format("{} {}", CARD, "state").str.join(", ").alias("in_question"))
    )
    found = beside(beside(enrolments, matched.drop("state"), "enrolment"), others, "enrolment")
    on_computer = pl.col("medium") != Medium.CARD.value
    by_computer = on_computer & pl.col("computer_answers").is_not_null()
    listed_absent = ~pl.col("present").fill_null(True)
    came_not = (
        pl.col("page").is_not_null() & ~pl.col("has_answers") & (pl.col("absent") | listed_absent)
    )
    state = (
        pl.when(pl.col("in_question").is_not_null() | (by_computer & listed_absent))
        .then(pl.lit(EnrolmentState.CARD_IN_QUESTION.value))
        .when(came_not)
        .then(pl.lit(EnrolmentState.ABSENT.value))
        .when(pl.col("page").is_not_null() | by_computer)
        .then(pl.lit(EnrolmentState.ANSWERED.value))
        .when(listed_absent)
        .then(pl.lit(EnrolmentState.ABSENT.value))
        .otherwise(pl.lit(EnrolmentState.CANDIDATE_WITHOUT_CARD.value))
    )
    answered = state == EnrolmentState.ANSWERED.value
    evidence = pl.coalesce(
        "in_question",
        pl.when(by_computer & listed_absent).then(pl.lit("listed absent, answered on a computer")),
        pl.lit(""),
    )
    return found.select(
        "enrolment",
        state.alias("state"),
        pl.when(pl.col("in_question").is_null()).then("page").alias("page"),
        pl.when(pl.col("in_question").is_null()).then("reading").alias("reading"),
        pl.when(by_computer)
        .then("computer_form")
        .otherwise(pl.col("told_form"))
        .fill_null("")
        .alias("form"),
        pl.when(answered & by_computer)
        .then("computer_masks")
        .when(answered)
        .then("answers")
        .alias("answers"),
        evidence.alias("evidence"),
    ).select(pl.col(name).cast(kind) for name, kind in ENROLMENT_STATES.items())
