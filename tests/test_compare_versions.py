"""Two registered versions compared, through the command line; and how a word is told to be a run or a version."""

import json
import re
import shutil

import pytest
from browsing import HOSTILE, check_looks, check_prints, check_quiet, chromium
from lineage_toy import running_server
from model_samples import mixed_files, train
from tiny import cli
from version_samples import NAME, RUNS, check, make_verdict, register, registered_project

from notemill.compare import as_json, as_text, brief, compare_versions, diffs, page
from notemill.compare.check_lines import check_lines
from notemill.compare.checks import between, pair_checks
from notemill.compare.naming import Named, resolve
from notemill.compare.sides import Side
from notemill.compare.told import diff_lines
from notemill.errors import UsageError
from notemill.project import open_project
from notemill.registry import Version


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return train(folder, **mixed_files(folder))


@pytest.fixture(scope="module")
def project(tmp_path_factory, trained):
    return registered_project(tmp_path_factory.mktemp("compared") / "project", trained)


@pytest.fixture(scope="module")
def told(project):
    """{"1 2": what `--json` says}."""
    return cli("compare", "1", "challenger", "--json", project=project).json


def names(told, section):
    return [f"{row['step']} {row['name']}".strip() for row in told["sections"].get(section, [])]


def test_figures_stand_with_n_and_interval(project, told):
    assert [(one["version"], one["figure"], one["low"], one["high"], one["n"]) for one in told["figures"]] == [
        (1, 0.95, 0.93, 0.97, 171), (2, 0.963, 0.943, 0.983, 171)]
    text = cli("compare", "1", "2", project=project).out
    assert "roc_auc 0.95 (95 % interval 0.93 to 0.97), n = 171" in text
    assert "roc_auc 0.963 (95 % interval 0.943 to 0.983), n = 171" in text


def test_the_gates_paired_difference_is_told_in_either_order(project, told):
    assert told["between"]["ours"] == 2 and told["between"]["theirs"] == 1
    assert told["between"]["check"]["figure"] == 0.013 and told["error"] is None
    for order in (("1", "2"), ("2", "1")):
        words = " ".join(cli("compare", *order, project=project).out.split())
        assert "Version 2 against version 1: roc_auc 0.013 better, paired, on the same 171 rows" in words
        assert "these rows cannot tell" in words  # its interval holds 0


def test_everything_that_differs_is_named(told):
    assert names(told, "gate") == ["floor"] and names(told, "parameters") == ["train depth"]
    assert {"rows.csv", "schema"} <= set(names(told, "data"))
    assert names(told, "columns") == ["size", "renamed", "note"]
    assert names(told, "code") == ["module mixed/train.py"]
    assert names(told, "size and time") == ["train seconds", "train cpu seconds"]
    assert names(told, "card") == ["Owner"] and names(told, "libraries") == []
    assert [one["name"] for one in told["checks"] if one["differs"]] == ["metric", "floor", "champion"]


def test_code_and_words_are_shown_as_changes(told):
    changes = {one["name"]: [line for line in one["lines"] if line[0] in "+-"] for one in told["diffs"]}
    assert changes == {"cells of train": ["-both = 2", "+both = 3"], "module mixed/train.py": ["-A = 1", "+A = 2"],
                       "card: Owner": ["-A Person", "+Somebody else"]}


def test_text_fits_80_columns_and_cuts_nothing_off(project):
    text = cli("compare", "1", "2", "--all", project=project).out
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text and "number, feature" in text and "scikit-learn" in text


def test_by_default_the_terminal_tells_what_matters_in_few_lines(project):
    brief, whole = (cli("compare", "1", "2", *more, project=project).out for more in ((), ("--all",)))
    assert len(brief.splitlines()) < 40 < len(whole.splitlines())
    blocks = {block.split("\n")[0]: " ".join(block.split()) for block in brief.split("\n\n")}
    assert {"figures", "gate", "data", "columns", "parameters", "code"} <= set(blocks)
    assert "checks" not in "".join(blocks) and "depth 3 4" in blocks["parameters"]
    rest = " ".join(brief.split("more that differs")[1].split())
    assert "size and time 2 (train seconds, train cpu seconds)" in rest and "cells of train (+1 -1 lines)" in rest
    assert "figures of checks that came out the same 3 (metric, floor, champion)" in rest and "+both = 3" not in brief
    assert "+both = 3" in whole and "scikit-learn" in whole


def test_a_version_and_itself(project):
    text = cli("compare", "1", "1", project=project).out
    assert "no differences" in text and "one and the same version" in text


# what may be said of a difference
@pytest.mark.parametrize("left, right, words", [
    (make_verdict(), make_verdict(), "but not against each other"),
    (make_verdict(), make_verdict(data="e" * 64), "on different held-out rows"),
    (make_verdict(), make_verdict(metric="accuracy"), "different metrics: roc_auc, accuracy"),
    (make_verdict(), None, "A verdict is not there any more")])
def test_two_separate_intervals_are_no_difference(left, right, words):
    """However far apart they are."""
    found = between((1, left), (2, right))
    assert words in found.words and found.check is None
    assert not re.search("significant|better|worse", found.words)


@pytest.mark.parametrize("low, high, words", [
    (0.001, 0.02, "it is better"), (-0.02, -0.001, "it is worse"), (-0.01, 0.02, "cannot tell")])
def test_a_paired_interval_says_how_sure_it_is(low, high, words):
    one = check("champion", figure=(low + high) / 2, low=low, high=high, limit=-0.05, details={"least": low})
    assert words in between((1, make_verdict()), (2, make_verdict(0.9, one, champion="version 1"))).words


def test_an_old_verdicts_bounds_are_not_called_an_interval():
    one = check("champion", figure=0.01, low=0.001, high=0.02, limit=-0.05)
    words = between((1, make_verdict()), (2, make_verdict(0.9, one, champion="version 1"))).words
    assert "each end a 95 % bound" in words and "By this interval" not in words


def test_a_comparison_with_another_champion_is_not_taken_for_this_one():
    one = check("champion", figure=0.01, low=0.001, high=0.02, limit=-0.05)
    assert between((1, make_verdict()), (2, make_verdict(0.9, one, champion="version 11"))).check is None


# what is gone
@pytest.fixture
def damaged(project, tmp_path):
    """A copy whose files of version 1 are nowhere: (root, its manifest)."""
    root = tmp_path / "project"
    shutil.copytree(project, root)
    shutil.rmtree(project.parent / "nothing", ignore_errors=True)
    records = root / ".notemill-records"
    manifests = [json.loads(path.read_text()) for path in (records / "versions").glob("*.json")]
    return root, next(one for one in manifests if one["run"] == RUNS[0])


def forget(root, sha256):
    """Take an object out of the records, and MLflow's artifacts away."""
    (root / ".notemill-records" / "objects" / sha256[:2] / sha256[2:]).unlink()


def without_artifacts(monkeypatch):
    from notemill.errors import NotemillError

    def refuse(client, name, number, records):
        raise NotemillError("x", "its files are gone or damaged")
    monkeypatch.setattr("notemill.compare.sides.fetch", refuse)


def test_files_that_are_gone_are_said_and_the_rest_is_compared(damaged, monkeypatch):
    root, manifest = damaged
    without_artifacts(monkeypatch)
    for name in ("schema.json", "verdict.json"):
        forget(root, manifest["files"][name])
    result = cli("compare", "1", "2", "--json", project=root)
    assert result.code == 0
    notes = " ".join(result.json["notes"])
    assert "version 1: gone or damaged: schema.json, verdict.json; the rest is compared" in notes
    assert "version 2: its files are gone" in notes
    assert result.json["checks"] == [] and names(result.json, "columns") == []
    assert names(result.json, "parameters") == ["train depth"]
    assert result.json["figures"][0]["figure"] == 0.95 and result.json["figures"][0]["n"] is None
    text = cli("compare", "1", "2", project=root).out
    assert "roc_auc 0.95 (no interval), n is not known" in " ".join(text.split())
    assert cli("compare", "1", "2", "--output", root / "page.html", project=root).code == 0
    assert "n is not known" in (root / "page.html").read_text()


def test_a_lost_manifest_leaves_what_the_tags_say(damaged, monkeypatch):
    root, manifest = damaged
    without_artifacts(monkeypatch)
    (root / ".notemill-records" / "versions" / f"{manifest['content']}.json").unlink()
    told = cli("compare", "1", "2", "--json", project=root).json
    assert "only what MLflow's tags say of it is compared" in told["notes"][0]
    assert {"run", "content"} <= set(names(told, "version")) and names(told, "libraries") == []


def test_a_lost_module_is_no_change_of_code(damaged, monkeypatch):
    root, manifest = damaged
    without_artifacts(monkeypatch)
    forget(root, manifest["code"]["mixed/train.py"])
    told = cli("compare", "1", "2", "--json", project=root).json
    assert "gone or damaged: mixed/train.py" in " ".join(told["notes"])
    assert not any(one["name"].startswith("module") for one in told["diffs"])


def test_a_run_that_is_not_here_is_said(damaged):
    root, _ = damaged
    shutil.rmtree(root / ".notemill" / "runs" / RUNS[0])
    told = cli("compare", "1", "2", "--json", project=root).json
    assert f"version 1: its run {RUNS[0]} is not recorded here" in " ".join(told["notes"])
    assert not any(one["name"].startswith("cells") for one in told["diffs"])
    assert names(told, "parameters") == ["train depth"]


# a run, or a version?
KNOWN = {"1", "7", "1234", "champion", "beef"}
ALL = ["20260101-000000-1234", "20260101-000001-beef", "20260101-000002-00a7", "20260101-000003-99a7",
       "20260101-000004-5678"]


@pytest.mark.parametrize("word, expected", [
    ("7", ("version", "7")), ("champion", ("version", "champion")), ("demo/1234", ("version", "1234")),
    ("20260101-000001-beef", ("run", "20260101-000001-beef")), ("latest", ("run", "latest")),
    ("00a7", ("run", "20260101-000002-00a7")), ("5678", ("run", "20260101-000004-5678")),
    ("8", ("run", "20260101-000004-5678"))])
def test_a_word_is_a_run_or_a_version(word, expected):
    assert resolve(word, "demo", ALL, lambda: KNOWN) == Named(*expected)


@pytest.mark.parametrize("word, words", [
    ("1234", "is a registered version, and the end of run 20260101-000000-1234"),
    ("beef", "is a registered version, and the end of run"), ("a7", "could be several"),
    ("nine", "neither a run of this project nor a registered version"), ("", "neither a run")])
def test_what_could_be_both_or_nothing_is_said(word, words):
    with pytest.raises(UsageError, match=words):
        resolve(word, "demo", ALL, lambda: KNOWN)


@pytest.mark.parametrize("word, kind", [
    ("00a7", "run"), ("5678", "run"), ("beef", "run"), ("8", "version"), ("4321", "version"), ("champion", "version")])
def test_where_only_mlflow_knows_runs_go_first_but_for_short_numbers(word, kind):
    """A server is not asked, and 4 s not spent, for two runs."""
    assert resolve(word, "demo", ALL, lambda: None).kind == kind


def test_a_run_and_a_version_are_not_compared(project):
    result = cli("compare", "1", RUNS[0][-4:], project=project)
    assert result.code == 2 and "two of a kind can be compared" in result.err


def test_runs_are_compared_as_before(project):
    result = cli("compare", "aaaa", RUNS[1], "--json", project=project)
    assert result.code == 0 and result.json["left"] == RUNS[0]
    assert [row["name"] for row in result.json["sections"]["parameters"]] == ["depth"]


def test_an_unknown_version_is_said(project):
    result = cli("compare", "1", "17", "--json", project=project)
    assert result.code == 2 and "the versions and aliases are: 1, 2, challenger" in result.json["error"]["allowed"]


def test_a_server_that_is_away_is_said(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = cli("compare", "1", "2", project=project)
    assert result.code == 1 and "cannot be reached" in result.err


@pytest.mark.slow
def test_over_a_server_and_on_a_machine_that_has_nothing_but_it(tmp_path, trained, monkeypatch):
    """Both commands: what the records do not hold comes from the server, checked."""
    with running_server(tmp_path / "server") as server:
        root = registered_project(tmp_path / "project", trained, server.uri)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        shutil.rmtree(root / ".notemill-records")
        before = cli("report", "--json", project=root).json["versions"]
        told = cli("compare", "1", "challenger", "--json", project=root).json
        after = cli("report", "--json", project=root).json["versions"]
    assert told["between"]["check"]["figure"] == 0.013 and names(told, "parameters") == ["train depth"]
    assert before["known"] and [(row["figure"], row["n"]) for row in before["rows"]] == [(0.963, None), (0.95, None)]
    assert [(row["figure"], row["n"]) for row in after["rows"]] == [(0.963, 171), (0.95, 171)]


# the page
@pytest.fixture(scope="module")
def hostile(tmp_path_factory, trained):
    """A third version whose words are hostile, beside a page of it."""
    root = registered_project(tmp_path_factory.mktemp("hostile") / "project", trained)
    record = open_project(root).record(RUNS[1])
    record["steps"][0]["params"] = {HOSTILE: f"{HOSTILE}\x1b[31m", "long": "x" * 3000, "odd": "\ud800"}
    verdict = make_verdict(0.5, check(f"custom.{HOSTILE}", "refused", 0.1, 0.0, 0.2, hint=HOSTILE * 20),
                           check("slices", "warned", 0.4, limit=0.5, details={"parts": [
                               {"name": HOSTILE, "outcome": "refused", "figure": 0.1, "n": 3},
                               {"name": "wide" * 60, "outcome": "passed", "figure": 0.2, "n": 3}]}),
                           metric=HOSTILE, config={HOSTILE: [HOSTILE]})
    register(root, trained, record, verdict, human=f"# {HOSTILE}\n\n{HOSTILE}\x1b[2J\n",
             code={"mixed/train.py": f"# {HOSTILE}\n" + "long = '" + "y" * 400 + "'\n"}, metric=HOSTILE)
    page = root / "page.html"
    result = cli("compare", "1", "3", "--all", "--output", page, project=root)
    assert result.code == 0, result.err
    return page


def test_the_page_is_quiet_and_reads_well(hostile, project):
    plain = project / "compare.html"
    assert f"report: {plain}" in cli("compare", "1", "2", "--output", plain, project=project).out
    text = hostile.read_text()
    assert HOSTILE not in text and "&lt;script&gt;" in text
    with chromium() as browser:
        for path in (hostile, plain):
            check_quiet(browser, path)
            check_looks(browser, path)
        check_prints(browser, plain)


def test_hostile_words_steer_no_terminal(hostile):
    for more in ((), ("--all",)):
        result = cli("compare", "1", "3", *more, project=hostile.parent)
        assert "\x1b" not in result.out and max(map(len, result.out.splitlines())) <= 80


def test_a_page_that_cannot_be_written_is_said(project, tmp_path):
    (tmp_path / "folder.html").mkdir()
    result = cli("compare", "1", "2", "--output", tmp_path / "folder.html", project=project)
    assert result.code == 2 and "is no plain file" in result.err
    assert cli("compare", "1", "2", "--output", tmp_path / "no" / "x.html", project=project).code == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "folder.html"]


# parts
def test_of_very_many_changed_lines_the_terminal_shows_the_first():
    lines = list(diff_lines([f"+{n}" for n in range(100)], 80))
    assert lines[39:] == ["  +39", "  and 60 lines more: --output FILE.html has them"]


def test_other_words_are_no_other_result():
    left, right = (make_verdict(0.9, check("slices", "warned", 0.8, hint=hint)) for hint in ("so", "or so"))
    assert not any(pair.differs for pair in pair_checks(left, right))
    assert pair_checks(left, make_verdict(0.9, check("slices", "warned", 0.7)))[-1].differs


def loss(*figures, worst):
    """calibration.loss as a verdict has it: its figures are those of its worst part."""
    parts = [{"name": name, "outcome": "passed", "figure": figure, "low": figure - 1, "high": figure + 1, "n": 171,
              "limit": 5.0, "hint": None} for name, figure in zip(("Brier score", "log loss"), figures, strict=True)]
    return check("calibration.loss", "passed", *(parts[worst][key] for key in ("figure", "low", "high")), limit=5.0,
                 details={"parts": parts})


def test_figures_of_different_things_are_no_pair():
    one, two = make_verdict(0.9, loss(0.01, 0.3, worst=0)), make_verdict(0.9, loss(0.02, 0.4, worst=1))
    other, same = pair_checks(one, two)[-1], pair_checks(one, make_verdict(0.9, loss(0.02, 0.4, worst=0)))[-1]
    assert other.of == ("Brier score", "log loss") and same.of == ("", "")
    shown, paired = page.check_row(other, 1), page.check_row(same, 1)
    assert [side["plot"] for side in shown["sides"]] == [None, None] and all(side["plot"] for side in paired["sides"])
    assert all(side["plot"] for part in shown["parts"] for side in part["sides"])
    text = "\n".join(check_lines([other], ["1", "2"], 120, lambda part: False))
    assert "calibration.loss (Brier score)  1" in text and "(log loss)" in text


def test_figures_of_another_metric_are_no_pair():
    pairs = {pair.name: pair for pair in pair_checks(make_verdict(0.9), make_verdict(0.4, metric="log_loss"))}
    assert pairs["metric"].of == pairs["floor"].of == ("roc_auc", "log_loss") and pairs["value"].of == ("", "")


def test_an_outcome_or_a_limit_is_a_change_and_a_figure_is_none():
    def changed(left, right):
        pairs = pair_checks(make_verdict(0.9, left), make_verdict(0.9, right))
        told = "".join(brief.check_block(pairs, ["1", "2"], 80))
        assert pairs[-1].changed == (pairs[-1].name in told) and "metric" not in told
        return pairs[-1].changed
    assert not changed(check("skew", figure=0.1, limit=1), check("skew", figure=0.2, limit=1))
    assert changed(check("skew", figure=0.1, limit=1), check("skew", figure=0.1, limit=2))
    assert changed(check("skew", figure=0.1), check("skew", "warned", figure=0.1))
    assert changed(loss(0.01, 0.3, worst=0), {**loss(0.01, 0.3, worst=0), "details": {"parts": [
        {"name": "log loss", "outcome": "warned", "figure": 0.3}]}})


def test_sections_of_a_card():
    text = "---\nowner: x\n---\n# Card\n<!-- ## No\nnothing -->\n## Use\n\nFor this.\n\n## Empty\n\n## Other #\nB\n"
    assert diffs.sections_of(text) == {"before the first heading": "---\nowner: x\n---", "Use": "For this.",
                                       "Other": "B"}


@pytest.mark.parametrize("figure", [None, float("nan")])
def test_versions_of_which_nothing_is_left_can_be_compared(figure):
    """Tags are anybody's: a figure there may be none."""
    one, two = (Side(Version(n, str(n) * 64, f"r{n}", "2026", "passed", "r2", figure, "", ())) for n in (1, 2))
    made = compare_versions(one, two, NAME)
    text = as_text(made)
    json.dumps(as_json(made), allow_nan=False)
    assert "no figure is known" in text and "A verdict is not there any more" in " ".join(text.split())
