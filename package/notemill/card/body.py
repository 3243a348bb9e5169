"""The sections of a card, in the order of Mitchell et al. 2019, "Model Cards for Model Reporting"."""

from collections.abc import Mapping

from notemill.card.analyses import analyses
from notemill.card.blocks import Note, Say, Section, Words
from notemill.card.data import evaluation, training
from notemill.card.details import details, factors, metrics
from notemill.card.human import GENERATED, TITLES, Human
from notemill.card.human import Section as Written
from notemill.card.origin import origin

NOT_STATED = "not stated"


def sections(facts: Mapping, human: Human) -> list[Section]:
    """All of a card but its title."""
    return [Section("Model details", tuple(details(facts))),
            *(written(human, key, facts) for key in ("owner", "risk", "intended", "out_of_scope")),
            Section("Factors", tuple(factors(facts))), Section("Metrics", tuple(metrics(facts))),
            Section("Evaluation data", tuple(evaluation(facts))), Section("Training data", tuple(training(facts))),
            Section("Quantitative analyses", tuple(analyses(facts))),
            *(written(human, key, facts) for key in ("ethics", "caveats")),
            *(other(human, one) for one in human.others),
            Section("Lineage, environment and cost", tuple(origin(facts)))]


# what people wrote
def written(human: Human, key: str, facts: Mapping) -> Section:
    section = human.section(key)
    said = [Say(f"{facts['risk']}, as the pipeline declares.")] if key == "risk" else []
    if not section.is_written:
        missing = f"reasons: {NOT_STATED}" if said else NOT_STATED
        return Section(TITLES[key], (*said, Note(missing, missing=True)), human=True, key=key)
    return Section(TITLES[key], (*said, Words(section.text), Note(signature(human, section))), human=True, key=key)


def other(human: Human, section: Written) -> Section:
    """People's own section, under its own heading."""
    title = section.title or "In the words of its people"
    if title in (*GENERATED, *TITLES.values()):
        title = f"{title}, in the words of its people"
    return Section(title, (Words(section.text), Note(signature(human, section))), human=True)


def signature(human: Human, section: Written) -> str:
    """Whose words these are, and until when they hold."""
    if section.reviewed is None:
        return (f"Written by {section.reviewer}" if section.reviewer else "Written by hand") + "; not reviewed."
    due = human.due(section.reviewed).isoformat()
    return (f"Written by hand; reviewed by {section.reviewer or 'nobody named'} on {section.reviewed.isoformat()}, "
            f"to be reviewed again by {due}.")
