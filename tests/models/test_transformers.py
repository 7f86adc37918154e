"""The part: chat answers in batches, streamed, stopped, seeded, cancelled; weights and states."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from agentkit.capabilities import (
    CallContext,
    Cancel,
    Completion,
    Delta,
    Draw,
    Embed,
    Grammar,
    Grammars,
    Hidden,
    Image,
    LanguageModel,
    Logprobs,
    Message,
    Request,
    Tokens,
    ToolSpec,
    Weights,
)
from agentkit.errors import ContextOverflow, GrammarDeadEnd, Unsupported, UsageError
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.models.engine.engine import SLOTS
from agentkit.settings import Settings
from agentkit.testing.tiny import tiny_model_folder, write_byte_tokenizer
from tests.models.folders import other_family_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("tiny") / "model")


def kit_on(folder: Path, **settings: Any) -> Kit:
    kit = Kit(Host.load(), Settings())
    kit.define(
        "model",
        "tiny",
        use="transformers",
        model=str(folder),
        **{"dtype": "fp32", "threads": 1, **settings},
    )
    return kit


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[LanguageModel]:
    threads = torch.get_num_threads()
    with kit_on(folder) as kit:
        yield kit.model("tiny")
    torch.set_num_threads(threads)


def ask(text: str, seed: int = 0, **settings: Any) -> Request:
    made = {"max_tokens": 24, "temperature": 1.0, "context": CallContext(seed=seed), **settings}
    return Request.of(text, **made)


def requests() -> list[Request]:
    """Eight that differ in everything that can differ within a batch."""
    texts = ["a", "what?", "x" * 70, "y" * 200, "Grüße", "{}", "go on", "z" * 130]
    how: list[dict[str, Any]] = [
        {},
        {"temperature": 0.0},
        {"top_p": 0.5},
        {"max_tokens": 3},
        {"logprobs": 2},
        {"grammar": Grammar("json", {"type": "object", "properties": {"a": {"type": "boolean"}}})},
        {"temperature": 0.4},
        {"stop": ("e", "a")},
    ]
    return [ask(t, seed=i, **h) for i, (t, h) in enumerate(zip(texts, how))]


def plain(completion: Completion) -> tuple[Any, ...]:
    return completion.ids, completion.text, completion.finish, completion.logprobs


def test_the_same_seed_gives_the_same_tokens_in_every_batch(model: LanguageModel) -> None:
    asked = requests()
    together = model.generate(asked)
    assert [plain(c) for c in together] == [plain(model.generate([r])[0]) for r in asked]
    backward = model.generate(asked[::-1])[::-1]
    assert [plain(c) for c in together] == [plain(c) for c in backward]
    other = model.generate([ask(r.messages[0].text, seed=99) for r in asked])
    assert all(a.ids != b.ids for a, b in zip(together, other))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_tokens_in_another_process(
    model: LanguageModel, folder: Path
) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_transformers import *;"
        "kit = kit_on(Path(sys.argv[2]));"
        "print(json.dumps([c.ids for c in kit.model('tiny').generate(requests())]))"
    )
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", script, here, str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [list(c.ids) for c in model.generate(requests())]


@pytest.mark.slow
def test_a_program_may_end_while_a_model_works(folder: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_transformers import *;"
        "import threading; begun = threading.Event();"
        "kit = kit_on(Path(sys.argv[2])); model = kit.model('tiny');"
        "work = lambda: model.generate([Request.of('x', max_tokens=400, temperature=1.0)] * 8,"
        " on_delta=lambda delta: begun.set());"
        "threading.Thread(target=work, daemon=True).start(); begun.wait()"
    )
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", script, here, str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_what_is_asked_for_is_what_comes(model: LanguageModel) -> None:
    made = model.generate(requests())
    assert len(made[3].ids) == 3 and made[3].finish == "length"
    assert [len(t.top) for t in made[4].logprobs] == [2] * len(made[4].ids)
    for token, drawn in zip(made[4].logprobs, made[4].ids):
        assert token.id == drawn and token.logprob <= token.top[0][1] >= token.top[1][1]
    assert isinstance(json.loads(made[5].text), dict) and made[5].finish == "stop"
    assert not set("ea") & set(made[7].text)
    for one, request in zip(made, requests()):
        assert one.path == ("tiny",) and one.usage.completion == one.usage.spent == len(one.ids)
        tokens = model.ability(Tokens)
        assert one.usage.prompt == len(tokens.render(request))
        assert one.finish == "length" or len(one.ids) < request.max_tokens or one.finish == "stop"


def test_greedy_answers_are_those_of_the_plain_library(model: LanguageModel) -> None:
    asked = [ask(t, temperature=0.0, max_tokens=40) for t in ("a", "what?", "x" * 70, "y" * 200)]
    made = model.generate(asked)
    tokens = model.ability(Tokens)
    with model.ability(Weights).borrow("read") as module:
        for request, one in zip(asked, made):
            ids = tokens.render(request)
            out = module.generate(
                torch.tensor([ids]), max_new_tokens=40, do_sample=False, pad_token_id=259
            )
            assert tuple(out[0, len(ids) :].tolist()) == one.ids


def test_text_streams_and_never_changes(model: LanguageModel) -> None:
    asked, seen = requests(), [""] * 8

    def listen(delta: Delta) -> None:
        assert delta.text
        seen[delta.index] += delta.text

    made = model.generate(asked, on_delta=listen)
    assert seen == [c.text for c in made]
    assert [plain(c) for c in made] == [plain(c) for c in model.generate(asked)]


def test_several_answers_to_one_request(model: LanguageModel) -> None:
    one = model.generate([ask("hello", seed=5, n=4)])[0]
    assert len(one.others) == 3 and len({c.ids for c in (one, *one.others)}) == 4
    assert one.ids == model.generate([ask("hello", seed=5)])[0].ids
    assert one.usage.prompt > 0 == one.others[0].usage.prompt


def test_tools_are_called_in_valid_json(model: LanguageModel) -> None:
    tool = ToolSpec(
        "look_up",
        "Looks a word up.",
        {
            "type": "object",
            "properties": {"word": {"type": "string", "maxLength": 6}},
            "required": ["word"],
        },
    )
    forced = Grammar("regex", "[a-z]{3}")
    kinds = set()
    for seed in range(12):
        request = ask("look", seed=seed, tools=(tool,), grammar=forced, max_tokens=150)
        seen: list[str] = []
        one = model.generate([request], on_delta=lambda d, seen=seen: seen.append(d.text))[0]
        kinds.add(one.finish)
        assert "".join(seen) == one.text
        for call in one.tool_calls:
            assert call.name == "look_up" and len(call.arguments["word"]) <= 6
    assert kinds <= {"stop", "tool_calls"}


def test_a_request_that_fails_leaves_the_others_alone(model: LanguageModel) -> None:
    good = ask("hello", seed=1)
    impossible = ask("x", grammar=Grammar("json", {"enum": []}))
    picture = Request((Message.user(Image(b"...")),))
    made = model.generate([impossible, good, picture])
    assert [c.finish == "error" for c in made] == [True, False, True]
    assert made[0].error and "picture" in made[2].error
    assert made[1].ids == model.generate([good])[0].ids
    with pytest.raises(GrammarDeadEnd):
        model.ability(Grammars).check_grammar(Grammar("json", {"enum": []}))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(()), "no messages"),
        (Request.of("x", max_tokens=0), "max_tokens"),
        (Request.of("x", n=0), "n is 0"),
        (Request.of("x", temperature=float("nan")), "temperature"),
        (Request.of("x", top_p=0.0), "top_p"),
        (Request.of("x", logprobs=50), "alternatives"),
        (Request.of("\ud800"), "Unicode"),
        (Request((Message("judge", ()),)), "role"),  # type: ignore[arg-type]
    ],
)
def test_wrong_requests_are_refused(model: LanguageModel, request_: Request, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        model.generate([ask("fine"), request_])


def test_a_prompt_that_does_not_fit_is_refused_before_any_computing(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "agentkit.models.engine.decoder.Decoder.read",
        lambda *_: pytest.fail("something was computed"),
    )
    with pytest.raises(ContextOverflow) as caught:
        model.generate([ask("fine"), ask("x" * 2000)])
    assert caught.value.details["limit"] == 1024
    with pytest.raises(ContextOverflow):
        model.generate([ask("fine", max_tokens=1020)])
    assert model.generate([]) == []


def test_cancelling_between_tokens(model: LanguageModel) -> None:
    cancel, seen = Cancel(), []

    def listen(delta: Delta) -> None:
        seen.append(delta)
        cancel.set()

    long = ask("hello", max_tokens=900, grammar=Grammar("regex", "[a-z]{900}"))
    one = model.generate([long], on_delta=listen, cancel=cancel)[0]
    assert one.finish == "cancelled" and 0 < len(one.ids) < 900
    assert one.text == "".join(d.text for d in seen)
    assert model.generate([ask("hello")], cancel=cancel)[0].finish == "cancelled"


@pytest.mark.slow
def test_a_listener_that_fails_stops_its_call_and_no_other(model: LanguageModel) -> None:
    long = ask("hello", max_tokens=600, grammar=Grammar("regex", "[a-z]{900}"))
    wanted = model.generate([long])[0].ids
    made: list[Completion] = []
    other = threading.Thread(target=lambda: made.extend(model.generate([long])))
    other.start()

    def listen(delta: Delta) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.generate([long], on_delta=listen)
    other.join()
    assert made[0].ids == wanted


def test_threads_share_the_batch(model: LanguageModel) -> None:
    asked = requests()
    wanted = [c.ids for c in model.generate(asked)]
    made: dict[int, tuple[int, ...]] = {}

    def call(i: int) -> None:
        made[i] = model.generate([asked[i]])[0].ids

    threads = [threading.Thread(target=call, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [made[i] for i in range(8)] == wanted


def test_who_gives_up_while_waiting_for_a_place_costs_no_step(model: LanguageModel) -> None:
    """All places are taken; one more that is cancelled meanwhile never gets a place."""
    cancel, left = Cancel(), Cancel()
    long = ask("hello", max_tokens=900, grammar=Grammar("regex", "[a-z]{900}"), n=SLOTS)
    begun = threading.Event()
    made: list[Completion] = []

    def occupy() -> None:
        made.extend(model.generate([long], on_delta=lambda _: begun.set(), cancel=cancel))

    occupied = threading.Thread(target=occupy)
    occupied.start()
    assert begun.wait(60)
    late: list[Completion] = []
    waiting = threading.Thread(
        target=lambda: late.extend(model.generate([ask("late", max_tokens=4)], cancel=left))
    )
    waiting.start()
    left.set()
    waiting.join(60)
    assert late[0].finish == "cancelled" and late[0].usage.completion == 0
    assert not made, "the others were to be at work still"
    cancel.set()
    occupied.join()


def test_a_step_that_dies_fails_its_rows_and_no_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer more than places: when a step dies, the one that waits is answered."""
    from agentkit.models.engine.slab import Slab

    real, steps = Slab.step, iter(range(10**6))

    def dies_once(self: Slab, ids: Any) -> Any:
        if next(steps) == 3:
            raise MemoryError("no room for a tensor")
        return real(self, ids)

    with kit_on(folder) as kit:
        model = kit.model("tiny")
        asked = [ask(str(n), seed=n, max_tokens=8) for n in range(SLOTS + 1)]
        wanted = model.generate(asked)[-1].ids
        monkeypatch.setattr(Slab, "step", dies_once)
        made = model.generate(asked)
        assert {c.finish for c in made[:SLOTS]} == {"error"} and "no room" in made[0].error
        assert made[SLOTS].ids == wanted and made[SLOTS].finish != "error"
        assert model.generate(asked)[-1].ids == wanted  # and everything goes on


def test_a_plain_prompt_goes_past_the_template(model: LanguageModel) -> None:
    tokens = model.ability(Tokens)
    prompt = tuple(tokens.encode("once upon"))
    assert tokens.render(Request((), prompt="once upon")) == prompt
    by_text, by_ids = model.generate(
        [Request((), prompt=p, max_tokens=6) for p in ("once upon", prompt)]
    )
    assert by_text.ids == by_ids.ids and by_text.usage.prompt == len(prompt)
    refused = model.generate([Request((), prompt="x", tools=(ToolSpec("f", "", {}),))])[0]
    assert refused.code == "unsupported" and "template" in refused.error


def test_a_call_can_be_demanded(model: LanguageModel) -> None:
    tool = ToolSpec("f", "", {"type": "object", "properties": {"a": {"type": "boolean"}}})
    asked = [ask("hi", seed=s, tools=(tool,), must_call=True, max_tokens=200) for s in range(4)]
    for completion in model.generate(asked):
        assert completion.finish == "tool_calls" and not completion.text
        assert {call.name for call in completion.tool_calls} == {"f"}


def test_two_names_on_one_folder_share_one_set_of_weights(folder: Path) -> None:
    with kit_on(folder) as kit:
        kit.define("model", "twin", use="transformers", model=str(folder), dtype="fp32")
        a, b = kit.model("tiny"), kit.model("twin")
        assert (a.info.name, b.info.name) == ("tiny", "twin")
        assert a.ability(Tokens) is b.ability(Tokens)
        assert a.info.fingerprint == b.info.fingerprint != ""
        recipe = kit.recipe("model", "tiny")
        assert recipe["loaded"] == {"fingerprint": a.info.fingerprint}


def test_abilities_are_declared_and_others_are_refused_by_name(model: LanguageModel) -> None:
    assert model.info.abilities == {"tokens", "hidden", "weights", "logprobs", "grammar", "answers"}
    assert model.info.context == 1024 and model.info.parameters > 100_000
    assert model.ability(Logprobs).top_logprobs == 20
    with pytest.raises(Unsupported, match=r"models\.tiny lacks the ability 'embed'"):
        model.ability(Embed)


# -- weights --------------------------------------------------------------------------------------


def logp(model: LanguageModel) -> list[float]:
    return model.ability(Tokens).score([[1, 2, 3]], [[4, 5, 6, 7]], [Draw()])[0].logp.tolist()


def test_a_private_copy_changes_nobody_else(model: LanguageModel) -> None:
    before = logp(model)
    with model.ability(Weights).borrow("private") as module:
        module(torch.tensor([[1, 2, 3]])).logits.sum().backward()
        with torch.no_grad():
            for weight in module.parameters():
                weight.add_(weight.grad)
        assert logp(model) == before
    assert logp(model) == before


def test_training_changes_what_everyone_sees(folder: Path) -> None:
    with kit_on(folder) as kit:
        model = kit.model("tiny")
        tokens, weights = model.ability(Tokens), model.ability(Weights)
        before, old = logp(model), tokens.open([[1, 2, 3]])[0]
        with weights.borrow("train") as module:
            ids = torch.tensor([[1, 2, 3, 4, 5, 6, 7]])
            module(ids, labels=ids).loss.backward()
            torch.optim.SGD(module.parameters(), lr=0.1).step()
            with pytest.raises(UsageError, match="lent to the same thread"):
                tokens.open([[9, 9]])
        after = logp(model)
        assert sum(after) > sum(before)
        with pytest.raises(UsageError, match="weights version 0"):
            tokens.extend([old], 1, [Draw()])
        with weights.borrow("read") as module:
            assert not any(w.requires_grad or w.grad is not None for w in module.parameters())
            wanted = torch.log_softmax(module(ids).logits[0, 2:6].float(), -1)
        picked = wanted[torch.arange(4), torch.tensor([4, 5, 6, 7])]
        assert torch.allclose(torch.tensor(after), picked, atol=1e-4)


def test_loading_weights_by_name(folder: Path, tmp_path: Path) -> None:
    with kit_on(folder) as kit, kit_on(tiny_model_folder(tmp_path / "b", seed=1)) as other:
        model, source = kit.model("tiny"), other.model("tiny")
        tokens, weights = model.ability(Tokens), model.ability(Weights)
        with source.ability(Weights).borrow("read") as module:
            tensors = dict(module.state_dict())
        before, old = logp(model), tokens.open([[1, 2, 3]])[0]
        with pytest.raises(UsageError, match="no tensor"):
            weights.load({"nonsense": torch.zeros(1)}, version=1)
        with pytest.raises(UsageError, match="shape"):
            weights.load({"model.norm.weight": torch.zeros(7)}, version=1)
        assert logp(model) == before
        weights.load(tensors, version=5)
        assert logp(model) == logp(source) != before
        with pytest.raises(UsageError, match="version 0, the model has version 5"):
            tokens.extend([old], 1, [Draw()])
        span = tokens.extend(tokens.open([[1, 2, 3]]), 2, [Draw(stop_ids=())])[0]
        assert span.version.tolist() == [5, 5]
        with pytest.raises(UsageError, match="not newer"):
            weights.load(tensors, version=5)


# -- hidden states --------------------------------------------------------------------------------


def test_hidden_states_add_up(model: LanguageModel) -> None:
    sites = [f"{site}.{n}" for n in (0, 1) for site in ("resid_pre", "attn_out", "mlp_out")]
    sites += ["resid_post.0", "resid_post.1"]
    found = model.ability(Hidden).hidden([[1, 2, 3], [4]], sites)
    assert {site: [t.shape for t in found[site]] for site in sites} == {
        site: [(3, 96), (1, 96)] for site in sites
    }
    for n in (0, 1):
        for i in range(2):
            parts = [found[f"{site}.{n}"][i] for site in ("resid_pre", "attn_out", "mlp_out")]
            assert torch.allclose(sum(parts), found[f"resid_post.{n}"][i], atol=1e-4)
    assert torch.equal(found["resid_post.0"][0], found["resid_pre.1"][0])
    for wrong in ("resid_post.2", "nonsense", "mlp_out"):
        with pytest.raises(UsageError, match="no hidden states"):
            model.ability(Hidden).hidden([[1]], [wrong])
    with pytest.raises(UsageError, match="no tokens"):
        model.ability(Hidden).hidden([[]], ["mlp_out.0"])
    with model.ability(Weights).borrow("read") as module:
        layers = module.get_decoder().layers
        assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in layers)


@pytest.mark.parametrize("kind", ["gpt2", "gemma3"])
def test_hidden_states_of_other_families_add_up(kind: str, tmp_path: Path) -> None:
    (other_family_folder if kind == "gpt2" else sliding_folder)(tmp_path / "model")
    with kit_on(tmp_path / "model") as kit:
        sites = [f"{site}.1" for site in ("resid_pre", "attn_out", "mlp_out", "resid_post")]
        found = kit.model("tiny").ability(Hidden).hidden([[1, 2, 3, 4]], sites)
        *parts, after = (found[site][0] for site in sites)
        assert after.shape == (4, 48) and torch.allclose(sum(parts), after, atol=1e-4)


# -- models that the engine does not read ---------------------------------------------------------


def sliding_folder(made: Path) -> None:
    """A Gemma 3 whose first layer sees 16 tokens."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    config = Gemma3TextConfig(
        vocab_size=260,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=3,
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=16,
        max_position_embeddings=512,
        layer_types=["sliding_attention", "full_attention"],
        bos_token_id=256,
        eos_token_id=258,
        pad_token_id=259,
    )
    torch.manual_seed(0)
    Gemma3ForCausalLM(config).save_pretrained(made)
    write_byte_tokenizer(made)


def test_a_model_with_a_sliding_window_answers_but_has_no_tokens(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    made = tmp_path / "slides"
    sliding_folder(made)
    with kit_on(made) as kit:
        model = kit.model("tiny")
        assert "tokens" not in model.info.abilities and not model.info.exact
        with pytest.raises(Unsupported, match=r"lacks the ability 'tokens': .*gemma3"):
            model.ability(Tokens)
        seen: list[str] = []
        greedy = ask("hello " * 8, temperature=0.0, max_tokens=12)
        one = model.generate([greedy], on_delta=lambda d: seen.append(d.text))[0]
        assert one.text == "".join(seen) and len(one.ids) == 12
        two = model.generate([ask("b", seed=3), ask("b", seed=3), greedy])
        assert two[0].ids == two[1].ids and two[2].ids == one.ids
        with model.ability(Weights).borrow("read") as loaded:
            tokenizer = AutoTokenizer.from_pretrained(made)
            ids = tokenizer.encode(
                f"<|im_start|>system\n<|im_end|>\n<|im_start|>user\n{'hello ' * 8}<|im_end|>\n"
                "<|im_start|>assistant\n"
            )
            assert len(ids) == one.usage.prompt
            out = loaded.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False)
        assert tuple(out[0, len(ids) :].tolist()) == one.ids
