"""Flask with Flask-Limiter and each of its strategies, on loopback."""

from flask import Flask, request
from flask_limiter import Limiter
from waitress import serve

app = Flask(__name__)


def limiter(strategy):
    return Limiter(
        lambda: request.headers.get("x-user", "nobody"),
        app=app,
        storage_uri="memory://",
        strategy=strategy,
        headers_enabled=True,
    )


def route(path, strategy):
    handler = limiter(strategy).limit("10 per 2 seconds")(lambda: {"item": 1})
    app.add_url_rule(path, endpoint=path, view_func=handler)


route("/fixed", "fixed-window")
route("/moving", "moving-window")
route("/sliding", "sliding-window-counter")
serve(app, host="127.0.0.1", port=18454, threads=16)
