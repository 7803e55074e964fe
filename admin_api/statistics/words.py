"""The report's words: Chinese, with the usual English term beside."""

from __future__ import annotations

from omr.score.items.analysis import TOO_ALIKE, TOO_FEW
from omr.score.items.flags import Flag, Reason
from omr.score.items.irt.fit import LeftOut

REASONS = {
    Reason.WRONG_KEY: "疑似答案有误",
    Reason.AGAINST: "区分度为负",
    Reason.RIVAL: "干扰项吸引高分者",
    Reason.WEAK: "区分度低",
    Reason.HARD: "过难",
    Reason.EASY: "过易",
    Reason.DRIFTED: "难度漂移",
    Reason.OMITTED: "漏答多",
    Reason.SEVERAL: "多涂多",
    Reason.UNTAKEN: "干扰项无人选",
    Reason.NO_CURVE: "曲线无法估计",
}
GRAVE = frozenset({Reason.WRONG_KEY, Reason.AGAINST})
WHY_NOT = {TOO_FEW: "人数不足，未估计模型", TOO_ALIKE: "可区分考生的试题不足，未估计模型"}
LEFT_OUT = {
    LeftOut.VOID: "作废题",
    LeftOut.ALL_RIGHT: "全部答对",
    LeftOut.NONE_RIGHT: "无人答对",
    LeftOut.NO_BOUND: "斜率无上界",
}


def told(flag: Flag) -> str:
    """A flag as a person reads it, with its figures."""
    words = REASONS[flag.reason]
    match flag.reason:
        case Reason.WRONG_KEY:
            return (
                f"{words}：选项 {flag.option} 相关 {flag.figure:.2f}，高于答案的 {flag.limit:.2f}"
            )
        case Reason.RIVAL:
            return f"{words}：选项 {flag.option} 相关 {flag.figure:.2f}"
        case Reason.UNTAKEN:
            return f"{words}：选项 {flag.option} 仅 {flag.figure:.1%}"
        case Reason.HARD | Reason.EASY:
            return f"{words}：p = {flag.figure:.3f}"
        case Reason.AGAINST | Reason.WEAK:
            return f"{words}：r = {flag.figure:.2f}"
        case Reason.OMITTED | Reason.SEVERAL:
            return f"{words}：{flag.figure:.1%}"
        case Reason.DRIFTED:
            direction = "变难" if flag.figure > 0 else "变易"
            return f"{words}：{direction} Δ {abs(flag.figure):.2f}"
        case _:
            return words
