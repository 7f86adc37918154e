"""A shop: products by category, a cart, orders, reviews."""

from __future__ import annotations

from html import escape
from typing import Any

from agentkit_web.session import Response
from agentkit_web.sites.html import button, fields, missing, page, table

NAV = {"Products": "/", "Cart": "/cart"}


class Shop:
    """state: products {name: {category, price, about}}, cart {name: count}, orders, reviews."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def respond(self, method: str, path: str, query: str, body: str) -> Response:
        values = fields(body if method == "POST" else query)
        if path == "/":
            return self._list(values.get("category", ""))
        if path.startswith("/product/"):
            return self._product(path.removeprefix("/product/"), method, values)
        if path == "/cart":
            return self._cart(method, values)
        if path == "/order":
            return self._order(method, values)
        return missing(NAV)

    def _list(self, category: str) -> Response:
        products = self.state["products"]
        kinds = sorted({p["category"] for p in products.values()})
        options = "".join(
            f"<option{' selected' if kind == category else ''}>{escape(kind)}</option>"
            for kind in ("", *kinds)
        )
        rows = [
            (f'<a href="/product/{_slug(name)}">{escape(name)}</a>', f"{p['price']:.2f}")
            for name, p in products.items()
            if category in ("", p["category"])
        ]
        choose = (
            f'<form action="/"><label>Category <select name="category">{options}</select></label>'
            "<button>Show</button></form>"
        )
        return page("Shop", choose + table(("Product", "Price"), rows), NAV)

    def _product(self, slug: str, method: str, values: dict[str, str]) -> Response:
        name = next((n for n in self.state["products"] if _slug(n) == slug), None)
        if name is None:
            return missing(NAV)
        note = ""
        if method == "POST" and values.get("review"):
            given = int(values.get("stars") or 0)
            self.state["reviews"].append(
                {"product": name, "stars": given, "text": values["review"]}
            )
            note = "Thank you for your review."
        elif method == "POST":
            count = values.get("count", "1")
            if count.isdigit() and 0 < int(count) < 100:
                cart = self.state["cart"]
                cart[name] = cart.get(name, 0) + int(count)
                note = f"{name} is in your cart."
            else:
                note = "How many? A number from 1 to 99."
        product = self.state["products"][name]
        stars = "".join(f"<option>{n}</option>" for n in range(1, 6))
        body = (
            f"<p>{escape(product['about'])}</p><p>Price: {product['price']:.2f}</p>"
            '<form method="post"><label>Count <input name="count" value="1"></label>'
            "<button>Add to cart</button></form><h2>Review</h2>"
            f'<form method="post"><label>Stars <select name="stars">{stars}</select></label>'
            '<label>Your review <textarea name="review"></textarea></label>'
            "<button>Send review</button></form>"
        )
        return page(name, body, NAV, note)

    def _cart(self, method: str, values: dict[str, str]) -> Response:
        cart = self.state["cart"]
        if method == "POST":
            cart.pop(values.get("remove", ""), None)
        rows = [
            (escape(name), str(count), button("/cart", f"Remove {name}", remove=name))
            for name, count in cart.items()
        ]
        body = table(("Product", "Count", ""), rows) if rows else "<p>Your cart is empty.</p>"
        order = (
            '<form method="post" action="/order"><label>Name <input name="name"></label>'
            '<label>City <input name="city"></label><button>Place order</button></form>'
        )
        return page("Cart", body + (order if rows else ""), NAV)

    def _order(self, method: str, values: dict[str, str]) -> Response:
        name, city = values.get("name", "").strip(), values.get("city", "").strip()
        if method != "POST" or not self.state["cart"]:
            return missing(NAV)
        if not name or not city:
            return page("Cart", '<p><a href="/cart">Back</a></p>', NAV, "Name and city are needed.")
        order = {"name": name, "city": city, "items": dict(self.state["cart"])}
        self.state["orders"].append(order)
        self.state["cart"].clear()
        return page("Thank you", f"<p>Order {len(self.state['orders'])} is on its way.</p>", NAV)


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
