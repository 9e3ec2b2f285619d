"""docs/consumers.md on Lambda: what adapters make of the event that a function gets."""

from pathlib import Path

import pytest

from tests.consumers.conftest import needs_node, statuses_on_the_page
from tests.consumers.functions import node_function, python_function

RESOLVERS = ("LambdaFunctionUrlResolver", "APIGatewayHttpResolver")
MODELS = ("LambdaFunctionUrlModel", "APIGatewayProxyEventV2Model")
PYTHON = {
    "plain_function.py": ("without an adapter", ()),
    "mangum_function.py": ("Mangum", ["fastapi_app.py"]),
    "apig_wsgi_function.py": ("apig-wsgi", ["django_app.py"]),
    "serverless_wsgi_function.py": ("serverless-wsgi", ["flask_app.py"]),
    "powertools_function.py": ("Powertools for Python 3.37, either resolver", ()),
    "powertools_model_function.py": ("Powertools for Python 3.37, either model", ()),
    "powertools_usual_function.py": ("resolver's `decoded_body`", ()),
}
NODE = {
    ("plain-function.mjs", None): "without an adapter",
    ("powertools-function.mjs", None): "Powertools for TypeScript",
    ("serverless-http.mjs", "express.mjs"): "serverless-http",
    ("serverless-express.mjs", "express.mjs"): "@codegenie/serverless-express",
    ("fastify-aws-lambda.mjs", "fastify.mjs"): "@fastify/aws-lambda",
    ("hono-aws-lambda.mjs", "hono.mjs"): "hono/aws-lambda",
    ("serverless-http.mjs", "express-usual.mjs"): "either Express adapter",
    ("serverless-express.mjs", "express-usual.mjs"): "either Express adapter",
    ("hono-aws-lambda.mjs", "hono-usual.mjs"): "Hono's adapter",
}


@pytest.mark.parametrize("name", PYTHON)
def test_a_function_in_python_does_to_bodies_what_the_page_says(name: str, tmp_path: Path) -> None:
    row, needed = PYTHON[name]
    assert python_function(name, tmp_path, *needed) == statuses_on_the_page(row)


@pytest.mark.parametrize(
    ("name", "swap"),
    [("powertools_function.py", RESOLVERS), ("powertools_model_function.py", MODELS)],
)
def test_what_takes_an_http_apis_event_takes_this_one(
    name: str, swap: tuple[str, str], tmp_path: Path
) -> None:
    row, _ = PYTHON[name]
    assert python_function(name, tmp_path, swap=swap) == statuses_on_the_page(row)


def test_an_application_that_takes_one_host_alone_takes_the_one_that_the_page_names(
    tmp_path: Path,
) -> None:
    one_host = """ALLOWED_HOSTS=["spectrum-forwarder.internal"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"]"""
    told = python_function(
        "apig_wsgi_function.py",
        tmp_path,
        "django_app.py",
        swap=('ALLOWED_HOSTS=["*"]', one_host),
    )
    assert told == statuses_on_the_page("apig-wsgi")


def test_what_the_application_refuses_is_raised_for_lambda_to_repeat(tmp_path: Path) -> None:
    told = python_function("raising_function.py", tmp_path, "fastapi_app.py")
    assert told == statuses_on_the_page("Mangum") | {"forged": "RuntimeError"}


@needs_node
@pytest.mark.parametrize(("name", "base"), NODE)
def test_a_function_on_node_does_to_bodies_what_the_page_says(
    name: str, base: str | None, tmp_path: Path
) -> None:
    assert node_function(name, tmp_path, base) == statuses_on_the_page(NODE[name, base])
