"""What the answers say of the items: classical statistics, and item response theory in `irt`.

Answers come as an `AnswerMatrix`; one pass counts them (`tally`), everything else is arithmetic on
the counts. Nobody is named here: a person is a row, and a place is a number.
"""
