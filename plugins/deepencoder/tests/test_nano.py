"""The nano model: what it is trained on, its training, and what is shipped."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import agentkit
from agentkit.errors import Cancelled, DataError
from agentkit.testing.progress import Recorder
from agentkit_deepencoder.bench.curve import cell
from agentkit_deepencoder.engine import NANO as SHIPPED
from agentkit_deepencoder.engine import Engine, notes_of
from agentkit_deepencoder.grounding import parse
from agentkit_deepencoder.model import DeepEncoderModel
from agentkit_deepencoder.nano import pages, scenes
from agentkit_deepencoder.nano.alphabet import (
    CHARACTERS,
    ID,
    SPECIAL,
    plain,
    spell,
    tokenizer,
    unspell,
)
from agentkit_deepencoder.nano.learn import Learner, Recipe, train
from agentkit_deepencoder.nano.mixture import (
    PAGE_SIDES,
    SLOTS,
    Mix,
    batch,
    by_token,
    places_of,
    slots_of,
)
from agentkit_deepencoder.nano.shape import NANO
from agentkit_deepencoder.nano.shipping import restored, ship
from agentkit_deepencoder.weights import published

pytestmark = pytest.mark.slow

SHORT = Recipe(first=2, second=3, batch=2)


def test_the_tokenizer_spells_as_the_training_did() -> None:
    made = tokenizer()
    text = "def f(x): return 'a b'"
    assert made.encode(text).ids == spell(text)
    assert made.encode("ABC é").ids == [*spell("abc "), SPECIAL.index("<unk>")]
    prompt = "\nLocate <|ref|>circle<|/ref|> in the image."
    ids = made.encode(prompt).ids
    assert unspell(ids) == prompt and len(ids) == 1 + 1 + 1 + len("circle") + 1 + 1
    assert made.decode(ids, skip_special_tokens=False) == prompt
    assert NANO.decoder.vocabulary == made.get_vocab_size()
    assert set(plain("É[x]\n\n  Y")) <= set(CHARACTERS)


def test_what_is_measured_with_was_never_trained_on() -> None:
    learned, kept = pages.passages(False), pages.passages(True)
    assert len(learned) > 5 * len(kept) > 0 and not set(learned) & set(kept)
    assert not set(pages.SEEN) & set(pages.UNSEEN)


def test_characters_are_where_the_page_says() -> None:
    """Each letter's ink lies around its place, in every font."""
    import numpy as np

    for font in (*pages.SEEN, *pages.UNSEEN):
        look = pages.Look(font, size=14.0, left=3, top=5)
        (line,) = pages.draw("harbour", 128, 64, look).lines
        ink = 255 - np.asarray(pages.draw("harbour", 128, 64, look).picture, float)
        for x in line.xs:
            around = ink[int(line.y) - 6 : int(line.y) + 6, int(x) - 3 : int(x) + 4]
            assert around.max() > 100, f"{font}: no ink at {x}"
        assert ink[: int(line.top)].max() < 60 and ink[int(line.bottom) + 4 :].max() == 0


def test_pages_hold_what_they_say() -> None:
    text = "the quick brown fox jumps over the lazy dog " * 3
    page = pages.draw(text, 128, 128, pages.Look(size=12.0))
    assert text.startswith(page.text.replace("\n", " ")) and len(page.lines) > 4
    assert all(len(line.xs) == len(line.text) for line in page.lines)
    assert len(pages.draw(text, 128, 128, pages.Look(size=12.0), 20).text) <= 20
    look = pages.fitting(text, 128, 128, "DejaVuSans")
    assert pages.draw(text, 128, 128, look).text.replace("\n", " ") == text.strip()


def test_slots_say_which_character_stands_where() -> None:
    page = pages.draw("ab", 64, 64, pages.Look("DejaVuSansMono", size=12.0, left=1, top=2))
    grid = slots_of(page, 64, 2)
    assert grid.shape == (8, 16) and (grid > 0).sum() == 2
    row = int(page.lines[0].y / 8)
    assert [CHARACTERS[c - 1] for c in grid[row] if c] == ["a", "b"]
    assert by_token(grid, *SLOTS).shape == (4, 32)
    assert places_of([(0.999, 0.0), None]) == [(0, 39), (-100, -100)]


def test_scenes_say_what_they_show() -> None:
    for seed in range(20):
        scene = scenes.scene(random.Random(seed), 128)
        assert scene.shapes and sum(map(scene.count, scenes.KINDS)) == len(scene.shapes)
        assert len(scene.description().split(", ")) == len({s.kind for s in scene.shapes})
        for shape in scene.shapes:
            left, top, right, bottom = shape.box
            middle = scene.picture.getpixel(((left + right) // 2, (top + bottom) // 2))
            assert middle != scene.picture.getpixel((0, 0)) or left == 0


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    kinds = set()
    for step in range(40):
        one, two = batch(3, step, 2), batch(3, step, 2)
        assert [s.answer for s in one.samples] == [s.answer for s in two.samples]
        kinds.add("text" if one.plan is None else one.plan.mode.name)
        for sample in one.samples:
            assert sample.answer[-1] == NANO.decoder.eos
            assert not sample.marks or len(sample.marks) == len(sample.answer)
    assert kinds == {"text", *PAGE_SIDES}
    asked = {unspell(s.prompt) for step in range(60) for s in batch(0, step, 2).samples}
    assert {"\nFree OCR.", "\nDescribe this image in detail."} <= asked
    assert any(text.startswith("\nLocate") for text in asked)


def test_shares_are_those_of_the_mix() -> None:
    def share(mix: Mix) -> float:
        pages_ = [batch(1, step, 1, mix).samples[0].page is not None for step in range(100)]
        return sum(pages_) / len(pages_)

    assert 0.55 < share(Mix()) < 0.85 and share(Mix(1.0, 0.0, 0.0)) == 1
    assert share(Mix(0.0, 1.0, 0.0)) == 0


def test_grounded_answers_are_in_the_published_form() -> None:
    for step in range(400):
        made = batch(2, step, 1, Mix(1.0, 0.0, 0.0)).samples[0]
        if "grounding" in unspell(made.prompt):
            found = parse(unspell(made.answer[:-1]))
            assert made.page is not None
            assert [one.label for one in found] == [line.text for line in made.page.lines]
            assert all(len(one.boxes) == 1 for one in found)
            return
    raise AssertionError("no grounded page in 400")


class Stopping(Recorder):
    """Asks to stop after so many steps."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def update(self, step: int, total: int, metrics: object = None) -> None:
        if step >= self.after:
            self.cancel.set()


@pytest.mark.slow
@pytest.mark.parametrize("after", [2, 4])
def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path, after: int) -> None:
    whole = train(tmp_path / "whole", SHORT, Recorder())
    with pytest.raises(Cancelled):
        train(tmp_path / "cut", SHORT, Stopping(after))
    cut = train(tmp_path / "cut", SHORT, Recorder(), resume=True)
    for (name, a), b in zip(whole.state_dict().items(), cut.state_dict().values()):
        assert torch.equal(a, b), name
    with pytest.raises(DataError, match="another seed"):
        train(tmp_path / "cut", Recipe(first=2, second=3, batch=2, seed=1), Recorder(), resume=True)


@pytest.mark.slow
def test_a_few_steps_learn(tmp_path: Path) -> None:
    """One batch, again and again: the losses of both stages fall, the encoder's numbers move."""
    recipe = Recipe(first=0, second=1, batch=2)
    learner = Learner(0)
    optimizer = torch.optim.AdamW(learner.parameters(), 2e-3)
    made = batch(0, 0, 2, Mix(1.0, 0.0, 0.0))
    first = None
    for _ in range(25):
        told = learner(made, recipe, dense=False)
        first = first or {k: v.item() for k, v in told.items()}
        optimizer.zero_grad()
        told["loss"].backward()
        optimizer.step()
    assert first is not None
    assert told["next"].item() < 0.6 * first["next"]
    assert told["dense"].item() < first["dense"] and told["where"].item() < first["where"]
    newline = learner.encoder.image_newline
    assert newline.grad is not None and newline.grad.abs().sum() > 0


def test_frozen_parts_stay(tmp_path: Path) -> None:
    recipe = Recipe(first=0, second=1, batch=1, freeze=True)
    before = Learner(0).state_dict()
    after = train(tmp_path, recipe, Recorder()).state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in before if name.startswith("encoder.sam_model.")} <= same
    assert "decoder.lm_head.weight" not in same


def test_a_state_becomes_a_checkpoint(tmp_path: Path) -> None:
    recipe = Recipe(first=1, second=1, batch=1)
    learner = train(tmp_path / "state", recipe, Recorder())
    again, step = restored(tmp_path / "state")
    assert step == 2 and torch.equal(again.rows.weight, learner.rows.weight)
    ship(again, tmp_path / "nano", recipe, step)
    engine = Engine(tmp_path / "nano")
    assert torch.allclose(
        engine.ocr.encoder.projector.layers.weight,
        learner.encoder.projector.layers.weight,
        atol=1e-3,
    )
    with pytest.raises(DataError, match="no state"):
        restored(tmp_path / "absent")


def test_what_is_shipped_is_small_and_says_how_it_was_made() -> None:
    path = SHIPPED / "model.safetensors"
    assert path.stat().st_size <= 8 << 20
    assert {v.dtype for v in load_file(path).values()} == {torch.float16}
    notes = notes_of(SHIPPED)
    assert notes["recipe"]["mix"] == [0.7, 0.2, 0.1] and notes["steps"] > 0 and notes["licence"]
    engine = Engine(SHIPPED)
    assert engine.report.good and len(engine.report.used) == len(published(NANO)) - 1
    assert engine.encode("ab") == [ID["a"], ID["b"]]


@pytest.mark.parametrize("kind", ["text", "letters"])
def test_what_is_shipped_reads_pages_that_it_never_saw(kind: str) -> None:
    with agentkit.load(environ={}) as kit:
        kit.define("model", "nano", use="deepencoder", device="cpu", threads=1)
        model = kit.model("nano")
        assert isinstance(model, DeepEncoderModel)
        for mode in ("tiny", "base"):
            found = cell(model, 5, mode, 8, kind, 12)
            assert sum(found["precision"]) / 12 > 0.7
            if kind == "text":
                assert max(found["blank"]) < 0.5 and sum(found["exchanged"]) / 12 < 0.4
