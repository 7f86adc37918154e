"""How likely does a model find an answer? Exact log-probabilities; and JSON by grammar."""

import agentkit
from agentkit.capabilities import Draw, Grammar, Request, Tokens

with agentkit.load() as kit:
    model = kit.model("small")
    tokens = model.ability(Tokens)
    prompt = tokens.render(Request.of("The capital of France is"))
    answers = [" Paris", " Lyon", " Bread"]
    targets = [tokens.encode(answer) for answer in answers]
    spans = tokens.score([prompt] * len(targets), targets, [Draw()] * len(targets))
    for answer, span in zip(answers, spans):
        print(f"{answer:8} {span.logp.sum():8.2f} nats")

    city = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}},
            "required": ["city"], "additionalProperties": False}  # fmt: skip
    request = Request.of("Name a city as JSON.", grammar=Grammar("json", city), max_tokens=40)
    print(model.generate([request])[0].text)
