"""What the answers of a sitting say of its papers: item statistics as pages, tables and plots.

The arithmetic is `omr.score.items`; here a sitting's answers go in and a folder comes out. It tells
the keys, so it is as secret as they are; it tells of nobody by name or number.
"""
