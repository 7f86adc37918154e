"""The parts: a model that reads pictures or takes their tokens, and the perception on it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

import agentkit
from agentkit.capabilities import CallContext, Embeds, Image, Message, Request, Vision
from agentkit.errors import ContextOverflow, DataError, Unsupported, UsageError
from agentkit.kit import Kit
from agentkit.testing.conformance import LanguageModelConformance, PerceptionConformance
from agentkit_deepencoder.guard import looped
from agentkit_deepencoder.model import DeepEncoderModel
from agentkit_deepencoder.nano.pages import Look, draw
from agentkit_deepencoder.perception import DeepEncoderPerception, server_body

pytestmark = pytest.mark.slow


class TestDeepEncoderModel(LanguageModelConformance):
    toml = '[models.part]\nuse = "deepencoder"'
    prompts: ClassVar[tuple[str, ...]] = ("=", "for", "to")


class TestDeepEncoder(PerceptionConformance):
    toml = '[perceptions.part]\nuse = "deepencoder"'


def png(picture: Pictures.Image, kind: str = "PNG", **settings: Any) -> Image:
    buffer = BytesIO()
    picture.save(buffer, kind, **settings)
    return Image(buffer.getvalue(), f"image/{kind.lower()}")


def page(text: str = "a harbour and a pier", side: int = 128) -> Image:
    return png(draw(text, side, side, Look(size=12.0)).picture)


@pytest.fixture(scope="module")
def kit(folder: Path) -> Iterator[Kit]:
    """`random`: numbers drawn at random, in the published form. `nano`: what is shipped."""
    overrides = [
        "models.random.use=deepencoder",
        f"models.random.checkpoint={folder}",
        "models.random.mode=tiny",
        "models.nano.use=deepencoder",
        "perceptions.eye.use=deepencoder",
        "perceptions.eye.model=random",
    ]
    with agentkit.load(overrides=overrides, environ={}) as made:
        yield made


@pytest.fixture(scope="module")
def random_model(kit: Kit) -> DeepEncoderModel:
    made = kit.model("random")
    assert isinstance(made, DeepEncoderModel)
    return made


@pytest.fixture(scope="module")
def eye(kit: Kit) -> DeepEncoderPerception:
    made = kit.part("perception", "eye")
    assert isinstance(made, DeepEncoderPerception)
    return made


class TestAnswers:
    def test_tokens_that_were_kept_answer_like_their_picture(
        self, random_model: DeepEncoderModel
    ) -> None:
        (looked,) = random_model.look([page()])
        forms = [page(), Embeds(looked.tokens), Embeds(looked.vision_tokens().values)]
        requests = [Request.of(Message.user(form, "\nFree OCR."), max_tokens=12) for form in forms]
        made = random_model.generate(requests)
        assert len({c.text for c in made}) == 1 and made[0].ids
        assert len({c.usage.prompt for c in made}) == 1

    def test_embeds_of_another_width_are_refused(self, random_model: DeepEncoderModel) -> None:
        for values in (np.zeros((4, 7)), np.zeros(40)):
            (made,) = random_model.generate([Request.of(Message.user(Embeds(values), "x"))])
            assert made.finish == "error" and "takes (n, 40)" in made.error

    def test_a_mark_stands_for_its_picture(self, random_model: DeepEncoderModel) -> None:
        apart = Message.user(page(), "\nFree OCR.")
        marked = Message.user(page(), "<image>\nFree OCR.")
        bare = Message.user(page(), "Free OCR.")
        answers = random_model.generate(
            [Request.of(m, max_tokens=8) for m in (apart, marked, bare)]
        )
        assert len({c.ids for c in answers}) == 1 and len({c.usage.prompt for c in answers}) == 1
        wrong = Request.of(Message.user(page(), "<image><image>"))
        (made,) = random_model.generate([wrong])
        assert made.finish == "error" and "2 times for 1 pictures" in made.error

    def test_a_request_chooses_its_mode(self, random_model: DeepEncoderModel) -> None:
        sizes = []
        for mode in ("tiny", "small", "base"):
            request = Request.of(
                Message.user(page(), "x"), max_tokens=1, extra={"deepencoder": {"mode": mode}}
            )
            (made,) = random_model.generate([request])
            sizes.append(made.usage.prompt)
        assert [size - sizes[0] for size in sizes] == [0, 13 - 7, 21 - 7]
        for own in ({"mode": "huge"}, {"modus": "tiny"}, 3):
            (made,) = random_model.generate([Request.of("x", extra={"deepencoder": own})])
            assert made.finish == "error" and "mode" in made.error

    def test_what_it_cannot_do_is_said(self, random_model: DeepEncoderModel) -> None:
        (made,) = random_model.generate([Request.of("x", logprobs=1)])
        assert made.finish == "error" and "takes no logprobs" in made.error
        with pytest.raises(UsageError, match="no mode"):
            random_model.look([page()], "huge")
        with pytest.raises(ContextOverflow):
            random_model.generate([Request.of(page().media_type, max_tokens=5000)])
        assert random_model.ability(Vision).image_tokens(page()) == 7
        with pytest.raises(Unsupported, match="tokens"):
            from agentkit.capabilities import Tokens

            random_model.ability(Tokens)

    def test_an_unreadable_picture_is_one_request_s_error(
        self, random_model: DeepEncoderModel
    ) -> None:
        good = Request.of(Message.user(page(), "x"), max_tokens=2)
        bad = Request.of(Message.user(Image(b"no"), "x"), max_tokens=2)
        made = random_model.generate([bad, good])
        assert made[0].finish == "error" and "picture 0" in made[0].error
        assert made[1].finish != "error"

    def test_a_loop_is_stopped(self, folder: Path) -> None:
        """Greedy random numbers run in circles; the guard forbids or the detector stops it."""
        overrides = ["models.m.use=deepencoder", f"models.m.checkpoint={folder}"]
        with agentkit.load(overrides=[*overrides, "models.m.no_repeat=0"], environ={}) as free:
            (loop,) = free.model("m").generate([Request.of("a", max_tokens=200)])
        with agentkit.load(overrides=[*overrides, "models.m.no_repeat=100"], environ={}) as kept:
            (made,) = kept.model("m").generate([Request.of("a", max_tokens=200)])
        assert looped(loop.ids) and len(loop.ids) == 200, "choose numbers that loop"
        assert len(made.ids) < 200 and made.finish == "length" and looped(made.ids)
        with agentkit.load(
            overrides=[*overrides, "models.m.no_repeat=3", "models.m.window=200"], environ={}
        ) as kept:
            (made,) = kept.model("m").generate([Request.of("a", max_tokens=60)])
        grams = [made.ids[n : n + 3] for n in range(len(made.ids) - 2)]
        assert len(grams) == len(set(grams)), "an n-gram came twice"

    def test_half_precision_answers(self, folder: Path) -> None:
        overrides = [
            "models.m.use=deepencoder",
            f"models.m.checkpoint={folder}",
            "models.m.dtype=bf16",
        ]
        with agentkit.load(overrides=overrides, environ={}) as kit:
            request = Request.of(Message.user(page(), "x"), max_tokens=4)
            assert kit.model("m").generate([request])[0].finish in ("stop", "length")

    def test_chance_is_the_seed_s(self, random_model: DeepEncoderModel) -> None:
        asked = [
            Request.of(
                "a", max_tokens=16, temperature=1.5, top_p=0.9, context=CallContext(seed=seed)
            )
            for seed in (1, 2, 1)
        ]
        one, two, three = random_model.generate(asked)
        assert one.ids == three.ids != two.ids


class TestPerception:
    def test_tokens_come_with_what_they_see(self, eye: DeepEncoderPerception) -> None:
        (seen,) = eye.see([page(side=300)], "base")
        assert seen.tokens is not None
        assert seen.tokens.values.shape == (21, 40) and len(seen.tokens.sees) == 21
        assert seen.tokens.sees[0].right == 75 and seen.tokens.sees[-1].right == 300

    def test_a_blank_page_is_not_read(self, eye: DeepEncoderPerception) -> None:
        """A model asked about nothing invents something; its tokens can still be had."""
        pages = [png(Pictures.new("RGB", (200, 100), c)) for c in ("white", "black", "#808080")]
        for reading in eye.read(pages):
            assert reading.warnings == ("blank",) and not reading.blocks and not reading.text
            assert reading.tokens is not None

    def test_a_page_that_loops_is_flagged_and_kept(self, eye: DeepEncoderPerception) -> None:
        (reading,) = eye.read([page()])
        assert reading.warnings and set(reading.warnings) <= {"loop", "cut"} and reading.output

    def test_other_modes_and_tasks_are_refused(self, eye: DeepEncoderPerception) -> None:
        with pytest.raises(UsageError, match="no mode 'large-ish'"):
            eye.see([page()], "large-ish")
        with pytest.raises(UsageError, match="no task"):
            eye.read([page()], task="translate")


BAD: dict[str, bytes] = {
    "nothing": b"",
    "text": b"not a picture",
    "cut short": page().data[:200],
    "cut jpeg": png(Pictures.effect_noise((64, 64), 90), "JPEG").data[:900],
    "a bomb": png(Pictures.new("1", (9000, 9000))).data,
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>',
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_are_named(eye: DeepEncoderPerception, name: str) -> None:
    with pytest.raises(DataError, match="picture 1"):
        eye.see([page(), Image(BAD[name])])


def sixteen_bits() -> Image:
    values = np.full((60, 80), 65535, np.uint16)
    values[20:40, 20:60] = 0
    return png(Pictures.fromarray(values))


def turned() -> Image:
    picture = Pictures.new("RGB", (90, 40), "white")
    picture.paste("black", (0, 0, 20, 40))
    exif = Pictures.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    return png(picture, "JPEG", exif=exif)


def animated() -> Image:
    frames = [Pictures.new("RGB", (30, 30), colour) for colour in ("white", "black")]
    frames[0].paste("black", (0, 0, 15, 15))
    buffer = BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return Image(buffer.getvalue(), "image/gif")


def glass() -> Image:
    picture = Pictures.new("RGBA", (40, 40), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (10, 10, 30, 30))
    return png(picture)


ODD: dict[str, Image] = {
    "one pixel": png(Pictures.new("RGB", (1, 1), "red")),
    "a strip": png(Pictures.effect_noise((20000, 30), 80)),
    "grey": png(Pictures.effect_noise((50, 40), 80)),
    "cmyk": png(Pictures.effect_noise((50, 40), 80).convert("CMYK"), "JPEG"),
    "palette": png(Pictures.effect_noise((50, 40), 80).convert("P")),
    "sixteen bits": sixteen_bits(),
    "turned": turned(),
    "animated": animated(),
    "transparent": glass(),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_are_seen(random_model: DeepEncoderModel, name: str) -> None:
    for mode in ("tiny", "base", "gundam"):
        (looked,) = random_model.look([ODD[name]], mode)
        assert len(looked.tokens) == looked.plan.positions
        assert bool(torch.isfinite(looked.tokens).all())


def test_odd_pictures_show_what_they_should() -> None:
    from agentkit_deepencoder.pictures import decode

    grey = np.asarray(decode(sixteen_bits()))
    assert grey[0, 0, 0] == 255 and grey[30, 40, 0] == 0, "16 bits were clipped to 8"
    upright = decode(turned())
    assert upright.size == (40, 90) and upright.getpixel((20, 5))[0] < 40
    assert decode(glass()).getpixel((0, 0)) == (255, 255, 255), "what is transparent is paper"
    assert decode(animated()).getpixel((20, 20)) == (255, 255, 255), "the first frame"


# -- a server --------------------------------------------------------------------------------------

ASKED: list[dict[str, Any]] = []
SAID = "<|ref|>title<|/ref|><|det|>[[0, 0, 500, 100]]<|/det|>\n# Ships\n\n"


class Server(BaseHTTPRequestHandler):
    """Stands for vLLM's server: a fake, because the model takes a GPU. It keeps what it was asked
    and says one grounded answer, as vLLM streams."""

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        ASKED.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece, finish in ((SAID, None), ("", "stop")):
            choice = {"index": 0, "delta": {"content": piece}, "finish_reason": finish}
            event = {"id": "1", "object": "chat.completion.chunk", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")


@pytest.fixture
def server() -> Iterator[str]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    ASKED.clear()
    yield f"http://127.0.0.1:{made.server_address[1]}/v1"
    made.shutdown()
    made.server_close()
    thread.join()


def test_a_server_reads_by_configuration(server: str) -> None:
    overrides = [
        "models.big.use=openai",
        f"models.big.base_url={server}",
        "models.big.model=deepseek-ai/DeepSeek-OCR",
        "models.big.context=8192",
        "perceptions.eye.use=deepencoder",
        "perceptions.eye.model=big",
        "perceptions.eye.task=markdown",
    ]
    picture = page()
    with agentkit.load(overrides=overrides, environ={}) as kit:
        eye = kit.part("perception", "eye")
        assert isinstance(eye, DeepEncoderPerception) and not eye.info.gives_tokens
        (reading,) = eye.read([picture])
        with pytest.raises(UsageError, match="leave it out"):
            eye.see([picture], "tiny")
    assert reading.text == "# Ships" and reading.blocks[0].label == "title"
    (asked,) = ASKED
    shown, text = asked["messages"][0]["content"]
    assert base64.b64decode(shown["image_url"]["url"].partition(",")[2]) == picture.data
    assert text["text"] == "<|grounding|>Convert the document to markdown."
    assert asked["skip_special_tokens"] is False and asked["temperature"] == 0
    assert asked["vllm_xargs"] == {
        "ngram_size": 30,
        "window_size": 90,
        "whitelist_token_ids": [128821, 128822],
    }


def test_the_guard_of_a_server_can_be_left_out() -> None:
    assert "vllm_xargs" not in server_body(page(), "x", 0, 90)
