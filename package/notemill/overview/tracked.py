"""What is tracked of the project and what is not, in words, from facts alone."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from notemill import lineage
from notemill.errors import NotemillError
from notemill.lineage.uri import embedded_path
from notemill.overview.gate import asked
from notemill.overview.grouped import grouped
from notemill.project import Project
from notemill.registry import open_records

TRACKED, PARTLY, NOT, UNKNOWN = "tracked", "partly", "not tracked", "not known"
MOST = 20           # items of a statement
BESIDE = {"notebooks": ("notebook that is no step", "notebooks that are no steps"),
          "modules": ("module that no step imports", "modules that no step imports"),
          "tables": ("table that no step declares", "tables that no step declares")}
READ = re.compile(r"reads (.+) (?:more files that are|which is) not among its inputs")


def statement(topic: str, state: str, words: str, items: Sequence[str] = ()) -> dict:
    """One topic; of very many items only the first."""
    return {"topic": topic, "state": state, "words": words, "items": [str(item) for item in items[:MOST]],
            "more": max(0, len(items) - MOST)}


def statements(project: Project, facts: Mapping, records: Sequence[Mapping]) -> list[dict]:
    """All topics, in the order in which they are shown."""
    return [outside_data(facts), undeclared(facts), code(facts), beside(facts), in_git(facts), libraries(records),
            variables(facts), secrets(facts), contract(project), gate(facts), mlflow(project, facts),
            registered(project, facts)]


def count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def outside_data(facts: Mapping) -> dict:
    found = [f"{step['step']}.{name}: {source}" for step in facts["steps"] for name, source in step["sources"].items()]
    if not found:
        return statement("Data from outside", NOT, "No step declares data from outside: what notebooks fetch "
                         "themselves, nobody notices when it changes.")
    return statement("Data from outside", TRACKED, f"{count(len(found), 'declared input')}, by whole content (sha256): "
                     "other content, and the step runs again.", found)


def undeclared(facts: Mapping) -> dict:
    """Files that steps were seen reading."""
    steps = facts["steps"]
    seen = [f"{step['step']}: {text}" for step in steps for text in step["warnings"] if READ.search(text)]
    if seen:
        return statement("Files read without being declared", NOT, "Steps were seen reading files of the project that "
                         "are not among their inputs. A change of these is not noticed: declare them as inputs.", seen)
    if not any(step["run"] for step in steps):
        return statement("Files read without being declared", UNKNOWN, "No run yet that could have been watched.")
    return statement("Files read without being declared", TRACKED, "None was seen in the last runs. Only files within "
                     "the project are watched, and only in Python steps without a kernel of their own.")


def code(facts: Mapping) -> dict:
    steps = facts["steps"]
    bad = [f"{step['notebook']}: {step['problem']}" for step in steps if step["problem"]]
    modules = sorted({path for step in steps for path in step["modules"]})
    notebooks = {step["notebook"] for step in steps}
    words = (f"The code of {count(len(notebooks), 'notebook')} and of {count(len(modules), 'module')} that they "
             "import: a change runs what depends on it again. Comments, layout, text and outputs do not count.")
    if bad:
        return statement("Code", PARTLY, words + " Some cannot be read:", bad)
    return statement("Code", TRACKED, words, [*sorted(notebooks), *modules])


def beside(facts: Mapping) -> dict:
    """What lies in the project and in no fingerprint; what git ignores comes last, and alone it is no matter."""
    files = facts["files"]
    ignored = set(files["ignored"])
    kept, left = (list(beside_lines(files, lambda name, side=side: (name in ignored) is side))
                  for side in (False, True))
    number = sum(len(files[key]) for key in BESIDE)
    rest = "" if files["whole"] else " Only the first 5,000 files were looked at."
    if not kept:
        but = f", but for {count(number, 'file')} that git ignores" if left else ""
        return statement("Files beside", TRACKED, f"No notebook, module or table lies beside the pipeline{but}.{rest}",
                         left)
    among = f", {len(ignored):,} of them ignored by git" if ignored else ""
    return statement("Files beside", NOT, f"{count(number, 'file')} in the project{among}, on which, by its record, no "
                     f"result depends: a change of these runs nothing.{rest}", [*kept, *left])


def beside_lines(files: Mapping, wanted: Callable[[str], bool]) -> Iterator[str]:
    for key, (one, many) in BESIDE.items():
        yield from grouped([name for name in files[key] if wanted(name)], one, many, MOST // 2)


def in_git(facts: Mapping) -> dict:
    git = facts["git"]
    if git is None:
        return statement("Git", NOT, "The project is in no git repository, or git is not installed: a run's record "
                         "holds digests, but nobody can look up the source that they stand for.")
    loose = [*git["changed"], *git["untracked"]]
    if not git["commit"]:
        return statement("Git", NOT, "There is no commit yet.", loose)
    items = [line for state in ("changed", "untracked") for line in grouped(git[state], state, state, MOST // 2)]
    at = f"Commit {git['commit'][:12]} on {git['branch']}"
    if loose:
        return statement("Git", PARTLY, f"{at}; {len(git['committed'])} of the pipeline's files are committed as they "
                         f"are, {len(loose)} are not. Runs keep the difference.", items)
    files = f"all {len(git['committed'])} files of the pipeline"
    return statement("Git", TRACKED, f"{at}: {files} are committed as they are.")


def libraries(records: Sequence[Mapping]) -> dict:
    python = next((found for record in reversed(records)
                   if (found := (record.get("environment") or {}).get("python"))), None)
    if python is None:
        return statement("Libraries", UNKNOWN, "No run yet.")
    return statement("Libraries", TRACKED, f"Python {python} in the last run, and each installed distribution with its "
                     "version. A step runs again when one that it imports changes; system libraries do not count.")


def variables(facts: Mapping) -> dict:
    names = sorted({name for step in facts["steps"] for name in step["env"]})
    if not names:
        return statement("Environment variables", TRACKED, "None is declared: steps see a short, fixed list (PATH, "
                         "HOME, LANG, TZ, MLFLOW_*, threads), and no other can steer them.")
    return statement("Environment variables", TRACKED, "Declared under env: part of what a result depends on. All "
                     "others but a short, fixed list are kept from the steps.", names)


def secrets(facts: Mapping) -> dict:
    names = sorted({name for step in facts["steps"] for name in step["secrets"]})
    if not names:
        return statement("Secrets", TRACKED, "None is declared.")
    return statement("Secrets", NOT, "By name only, and on purpose: their values are recorded nowhere, taken out of "
                     "all outputs, and another value runs nothing again.", names)


def contract(project: Project) -> dict:
    path = project.pipeline.contract
    if path is None:
        return statement("Contract of the data", NOT, "None: whatever the source table holds reaches the steps. "
                         "contract: contract.yaml in pipeline.yaml would check it first.")
    return statement("Contract of the data", TRACKED, f"{project.name_of(path)}: the source table is held against it "
                     "before any step sees it.")


def gate(facts: Mapping) -> dict:
    found = facts["gate"]
    if not found["configured"]:
        return statement("Judgement", NOT, "pipeline.yaml has no gate section: no model is judged, none can be "
                         "registered.")
    yes, no = list(asked(found)), list(asked(found, False))
    last = f" The last verdict: {found['verdict']}, run {found['run']}." if found["verdict"] else " Not judged yet."
    return statement("Judgement", PARTLY if no else TRACKED, f"The gate is asked for {count(len(yes), 'check')} and "
                     f"not for {len(no)}.{last}")


def mlflow(project: Project, facts: Mapping) -> dict:
    """Where lineage goes, whether it can go there, and what waits."""
    uri = lineage.tracking_uri(project.root, project.environ)
    shown, waiting = lineage.shown_uri(uri), facts["runs"]["pending"]
    held = f" {count(len(waiting), 'run waits', 'runs wait')} here to be sent." if waiting else ""
    path = embedded_path(uri)
    if path and not path.exists():
        where = project.name_of(path)
        return statement("MLflow", UNKNOWN, f"{where}, the database in the project, is not there yet: the first run "
                         f"makes it.{held}", waiting)
    try:
        lineage.check_reachable(uri, project.environ)
    except NotemillError as error:
        return statement("MLflow", PARTLY if facts["runs"]["count"] else UNKNOWN,
                         f"{error.where} {error.got}. Runs are recorded here, and sent later.{held}", waiting)
    where = f"{project.name_of(path)}, the database in the project" if path else shown
    return statement("MLflow", PARTLY if waiting else TRACKED, f"Lineage goes to {where}.{held}", waiting)


def registered(project: Project, facts: Mapping) -> dict:
    """What registered versions are made of has to outlive the cache."""
    try:
        root = open_records(project).root
    except NotemillError as error:
        return statement("Records", UNKNOWN, f"{error.where} {error.got}")
    return statement("Records", *records_words(project, facts, root))


def records_words(project: Project, facts: Mapping, root: Path | None) -> tuple[str, str]:
    versions = facts["versions"]
    if not versions["count"]:
        return (TRACKED, "No version is registered yet, so there is nothing to keep.") if versions["known"] else (
            UNKNOWN, "Whether versions are registered could not be asked.")
    if root is None:
        return TRACKED, f"What {count(versions['count'], 'version')} are made of lies in a shared place."
    here = project.name_of(root)
    if facts["git"] and facts["git"]["records"]:
        return TRACKED, f"What registered versions are made of lies in {here}, and is committed."
    return PARTLY, (f"What registered versions are made of lies in {here} on this machine, and in MLflow. It is in no "
                    "commit: make a backup of it.")
