"""How alike short texts are."""

import numpy as np
import pytest

from constitution.similarity import MOST_TEXTS, grams, similarities

BOILERPLATE = "Rewrite your last response so that it {}. Write only the new reply to the user."
ABOUT = ["names no doses of medicine", "helps no burglar open a lock", "mocks nobody's looks", "gives no tax advice"]


def test_a_text_is_like_itself_and_a_text_without_letters_like_none() -> None:
    alike = similarities(["one two three", "…", "", "one two three"])
    assert alike[0, 0] == pytest.approx(1, abs=1e-5)
    assert alike[0, 3] == pytest.approx(1, abs=1e-5)
    assert alike[1].tolist() == alike[2].tolist() == [0, 0, 0, 0]
    assert similarities([]).shape == (0, 0)


def test_what_all_texts_say_counts_for_little() -> None:
    texts = [BOILERPLATE.format(about) for about in ABOUT]
    alike = similarities([*texts, "Rewrite the reply: it should name no dose of any medicine."])
    assert np.triu(alike[:4, :4], 1).max() < 0.5
    assert alike[4].tolist().index(alike[4, :4].max()) == 0
    # By words alone, without their rarity, the others' boilerplate would be nearer.
    assert alike[4, 0] > 3 * alike[4, 1:4].max()


def test_forms_of_a_word_are_alike() -> None:
    alike = similarities(["harmful answers", "harmless answer", "purple elephants"])
    assert alike[0, 1] > 0.3
    assert alike[0, 2] == 0


def test_chinese_is_cut_into_pairs_of_characters() -> None:
    assert grams("不要教人撬锁") == ["不要", "要教", "教人", "人撬", "撬锁"]
    assert grams("用AI写作") == ["用", " ai ", "写作"]
    alike = similarities(["回复是否教人撬锁入室", "回复有没有教人撬锁闯入室内", "回复是否嘲笑他人口音"])
    assert alike[0, 1] > 1.4 * alike[0, 2]


def test_width_and_case_do_not_count() -> None:
    assert similarities(["ＨＡＲＭ done", "harm DONE"])[0, 1] == pytest.approx(1, abs=1e-5)


def test_there_is_an_end_to_what_is_compared() -> None:
    texts = [f"text number {n} of {n % 7}" for n in range(MOST_TEXTS + 5)]
    assert similarities(texts).shape == (MOST_TEXTS, MOST_TEXTS)
    assert similarities(["ash " * 100_000, "ash"])[0, 1] == pytest.approx(1, abs=1e-5)
