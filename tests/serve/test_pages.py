"""What the service tells of itself: schema, card, metrics, its OpenAPI document, and a page to try it."""

import json
import re

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families


def test_the_schema_is_the_package_s(ask, packages):
    assert ask.get("/schema").json() == json.loads((packages() / "schema.json").read_text())


def test_the_card_is_text(ask, packages):
    answer = ask.get("/card")
    assert answer.text == (packages() / "card.md").read_text()
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"


def metrics(ask):
    """{(name, labels): value} as Prometheus reads it."""
    text = ask.get("/metrics").text
    return {(one.name, tuple(sorted(one.labels.items()))): one.value
            for family in text_string_to_metric_families(text) for one in family.samples}


def test_metrics_count_rows_refusals_warnings_and_time(ask, row):
    before = metrics(ask)
    ask.post("/predict", json=[row, {**row, "colour": "pink"}])
    ask.post("/predict", json={**row, "size": 99})
    ask.post("/predict?on_error=aside", json=[row, {**row, "size": 99}])
    after = metrics(ask)
    grown = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    assert grown["notemill_rows_total", (("outcome", "scored"),)] == 3
    assert grown["notemill_rows_total", (("outcome", "refused"),)] == 1
    assert grown["notemill_rows_total", (("outcome", "aside"),)] == 1
    assert grown["notemill_refusals_total", (("reason", "bad-rows"),)] == 1
    assert grown["notemill_warnings_total", (("check", "categories"),)] == 1
    assert grown["notemill_request_seconds_count", (("door", "predict"),)] == 2
    assert grown["notemill_request_seconds_bucket", (("door", "predict"), ("le", "+Inf"))] == 2
    assert 0 < grown["notemill_request_seconds_sum", (("door", "predict"),)] < 60
    info = dict(next(key for key in after if key[0] == "notemill_model_info")[1])
    assert (info["name"], info["version"], info["compiled"]) == ("plain", "3+g6e976e976e97", "true")
    assert after["notemill_in_flight", ()] == after["notemill_queued_rows", ()] == 0


def test_metrics_tell_of_the_log(ask, row, uncompiled):
    before = metrics(ask)["notemill_log_waiting_rows", ()]
    ask.post("/predict", json=[row, row])
    after = metrics(ask)
    assert after["notemill_log_waiting_rows", ()] == before + 2
    assert 0 < after["notemill_log_bytes", ()] < after["notemill_log_limit_bytes", ()] == 1024e6
    assert after["notemill_log_trouble", ()] == after["notemill_log_damaged_lines", ()] == 0
    assert "notemill_log" not in httpx.get(f"{uncompiled.url}/metrics").text  # it keeps none


def test_metrics_are_openmetrics(ask):
    answer = ask.get("/metrics")
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


# OpenAPI
@pytest.fixture
def described(ask):
    return ask.get("/openapi.json").json()


def test_the_examples_of_the_document_work(ask, described, known):
    tried = 0
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if path == "/feedback":
                continue
            given = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            answer = ask.request(method, path, json=given) if given is not None else ask.request(method, path)
            assert answer.status_code == 200, (path, answer.text)
            tried += given is not None
    assert tried == 4
    example = described["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert ask.post("/predict", json=example).json()["prediction"] == known["predictions"][0]


def test_every_address_is_in_the_document(ask, described):
    left_out = {"/", "/docs", "/openapi.json", "/healthz", "/v2/models/plain/versions/3+g6e976e976e97"}
    for path in described["paths"]:
        assert ask.options(path).status_code == 405  # it is there
    assert not left_out & set(described["paths"])


def test_a_row_is_described_as_the_schema_has_it(described, packages):
    size = json.loads((packages() / "schema.json").read_text())["columns"][0]
    ends = size["min"], size["max"]
    cells = described["components"]["schemas"]["Row"]["properties"]
    assert cells["size"] == {"type": ["number", "null"], "minimum": -5, "maximum": 30,
                             "description": "In cm. Training had {} to {}.".format(*ends)}
    assert cells["flag"]["type"] == "boolean" and cells["at"]["format"] == "date-time"
    assert described["components"]["schemas"]["Row"]["required"] == ["size", "colour", "flag", "at"]


# the page
def test_the_page_needs_nothing_from_elsewhere(ask):
    answer = ask.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.findall(r"(?:src|href)=\"(?!/openapi|#)|https?://|@import|\burl\(", answer.text)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "connect-src 'self'" in policy


def test_home_leads_to_the_page(ask):
    assert (ask.get("/").status_code, ask.get("/").headers["location"]) == (307, "/docs")


@pytest.mark.slow
def test_the_page_in_a_browser(service, known):
    import browsing

    with browsing.chromium() as browser:
        page = browser.new_page()
        faults, asked = [], []
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{service.url}/docs#bad-rows")
        page.get_by_role("button", name="Predict").click()
        page.locator("#took", has_text="200").wait_for()
        assert known["predictions"][0] in page.locator("#answer").inner_text()
        assert page.locator("#cells tr").count() == 4 and page.locator("tr#bad-rows").is_visible()
        page.locator("#row").fill('{"size": 99}')
        page.get_by_role("button", name="Predict").click()
        page.locator("#took", has_text="422").wait_for()
    assert all(url.startswith(service.url) for url in asked)
    assert [fault for fault in faults if "422" not in fault] == []


def test_health(ask):
    assert ask.get("/v2/health/live").json() == {"live": True}
    assert ask.get("/v2/health/ready").json() == ask.get("/healthz").json() == {"ready": True}
    assert ask.get("/ping").status_code == 200
