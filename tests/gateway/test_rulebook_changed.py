"""What is open when the rulebook changes: decided by the new one, never sent by who says no, and nobody is left without a word."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.deciding import DUTY, HEAD, Bench
from gateway.desk import Desk
from gateway.judging import Sent
from gateway.test_decisions import CATA, FIVE, SILENT, one_item, publish, texts
from pas_consumers import Inbox
from pas_gateway.filing import read_verdicts
from pas_gateway.register import queries
from pas_schemas.clock import show_time

OWN_5 = '[matrix.5]\nown = { named = "release", other = "refuse" }'
RANKS = '["superintendent", "chief-superintendent", "governing-governor"]'


@pytest.fixture
def bench(desk: Desk, pristine: Path) -> Bench:
    shutil.copytree(pristine / "keys" / "root", desk.workspace.keys_dir / "root")
    return Bench(desk)


def change_rulebook(bench: Bench, old: str, new: str) -> None:
    """The gateway goes by it from now on."""
    path = bench.desk.workspace.root / "rulebook.toml"
    before = path.read_text()
    assert before.count(old) == 1, old
    path.write_text(before.replace(old, new))
    bench.desk.turn(seconds=0)


def made_by(bench: Bench, urn: str) -> str:
    """The digest of the rulebook that a report's decision names."""
    with bench.desk.store.reading() as register:
        [kept] = queries.find_kept(register, [bench.docket(urn).id])
    return read_verdicts(kept.verdicts, kept.id, bench.office.register_key).rulebook


def told(sent: list[Sent], office: str) -> list[str]:
    return [word["why"] for one in sent if one.office == office for word in one.datum["notices"]]


def test_a_decision_that_one_may_make_now_counts_when_a_second_agrees(bench: Bench) -> None:
    """Until then it was refused as one that counts already, and nothing ever went out."""
    urn = publish(bench, **CATA)
    digest = bench.send(bench.decision(urn, office="security:WSI"))
    bench.desk.run()
    assert bench.state(urn) == "PROPOSED"
    before = made_by(bench, urn)
    change_rulebook(bench, 'gates = ["G-CATA", "G-PASO"]', 'gates = ["G-PASO"]')
    bench.send(bench.agree(digest))
    assert len(texts(bench.desk.run(), "security:WSI")) == 1
    assert bench.state(urn) == "DECIDED"
    assert before != made_by(bench, urn) == bench.office.rulebook.digest
    bench.send(bench.agree(digest, DUTY))
    bench.desk.run()
    assert bench.events()[-1] == ("DECISION_REFUSED", ["DECIDED"])


def test_a_release_by_one_waits_for_two_once_two_must_decide(bench: Bench) -> None:
    """What an office has stays with it; what goes out from now on is decided by the rulebook of now."""
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    bench.send(bench.decision(urn, office="governor:WSI"))
    bench.desk.run()
    change_rulebook(bench, 'codes = ["2", "3", "5"]', 'codes = ["1", "2", "3", "5"]')
    bench.desk.move(hours_ago=0, prison="BAI", event="RECEIVED", category="C")
    bench.desk.run()
    assert (bench.state(urn), bench.outcome(urn, "governor:BAI")) == ("OPEN", ("hold", "R-SENIORITY"))
    digest = bench.send(bench.decision(urn, office="governor:BAI"))
    assert texts(bench.desk.run(), "governor:BAI") == []
    bench.send(bench.agree(digest))
    assert len(texts(bench.desk.run(), "governor:BAI")) == 1


def test_whoever_agrees_is_asked_of_the_rank_and_date_of_now(bench: Bench) -> None:
    """Silence of a rank that counts no more, or until a day that has passed, is accepted by nobody's agreement."""
    urn = publish(bench, **SILENT)
    until = show_time(bench.desk.workspace.clock.now() + timedelta(hours=2))
    said = {"officer": HEAD, "rank": "superintendent", "until": until, "reasons": ("R-SENIORITY",)}
    digest = bench.send(bench.decision(urn, "ACCEPT_SILENCE", **said))
    bench.desk.run()
    change_rulebook(bench, RANKS, '["chief-superintendent"]')
    bench.send(bench.agree(digest))
    bench.desk.run()
    assert (bench.state(urn), bench.events()[-1]) == ("PROPOSED", ("DECISION_REFUSED", ["RANK"]))
    change_rulebook(bench, '["chief-superintendent"]', RANKS)
    bench.desk.turn(hours=3)
    bench.send(bench.agree(digest))
    bench.desk.run()
    assert (bench.state(urn), bench.events()[-1]) == ("PROPOSED", ("DECISION_REFUSED", ["UNTIL"]))


def test_what_the_border_would_refuse_now_goes_to_nobody_new_without_a_person(bench: Bench) -> None:
    """A marking that is accepted no more: what is live under it follows no prisoner by itself."""
    urn = publish(bench, protective_marking="PROTECT", **one_item())
    assert len(texts(bench.desk.run(), "security:WSI")) == 1
    change_rulebook(bench, '"PROTECT", ', "")
    bench.desk.move(hours_ago=0, prison="BAI", event="RECEIVED", category="C")
    sent = bench.desk.run()
    assert (texts(sent, "pio:BAI"), bench.outcome(urn, "pio:BAI")) == ([], ("hold", "G-MARKING"))
    bench.send(bench.decision(urn, office="pio:BAI"))
    assert len(texts(bench.desk.run(), "pio:BAI")) == 1


@pytest.mark.parametrize("choice", ["REFUSE", "RETURN"])
def test_nobody_who_says_no_sends_what_the_new_rules_hold_no_longer(bench: Bench, choice: str) -> None:
    """Every decision has a report decided again; one against an office was what gave it the text."""
    change_rulebook(bench, 'high = ["A", ', 'high = ["A", "C", ')
    urn = publish(bench, **one_item())
    assert bench.outcome(urn, "security:WSI") == ("hold", "G-CATA")
    change_rulebook(bench, 'high = ["A", "C", ', 'high = ["A", ')
    asks = {"asks": "REGRADE", "pairs": ()} if choice == "RETURN" else {}
    bench.send(bench.decision(urn, choice, **asks))
    sent = bench.desk.run()
    assert (bench.events(), texts(sent, "security:WSI")) == ([("DECISION_REFUSED", ["HELD"])], [])
    assert "By today's rules that office may have what waits there, and a word against it would only send it." in told(sent, "pas")
    assert (bench.state(urn), bench.outcome(urn, "security:WSI")) == ("OPEN", ("hold", "G-CATA"))
    bench.send(bench.decision(urn))
    assert len(texts(bench.desk.run(), "security:WSI")) == 1


def test_an_originator_that_says_no_sends_nothing_either(bench: Bench) -> None:
    """A contracted prison's office waits for its consent, until the rulebook says that it need not."""
    bench.desk.move(hours_ago=0.5, prison="DGI")
    bench.desk.run()
    urn = publish(bench, **{**FIVE, "addressees": ["security:DGI"]}, hours_ago=0.1)
    assert bench.outcome(urn, "security:DGI") == ("hold", "H5-NONPROS")
    bench.send(bench.decision(urn, "RETURN", asks="CONSENT", office="security:DGI"))
    bench.desk.run()
    cells = 'named = "release", other = "refuse" }\nnonpros = { named = "{}", other = "refuse" }\n\n[deadlines.read]'
    change_rulebook(bench, cells.replace("{}", "hold"), cells.replace("{}", "release"))
    bench.send(bench.consent("force:01", "REFUSE"))
    sent = bench.desk.run()
    assert [one.datum["kind"] for one in sent if one.office == "security:DGI"] == []
    assert bench.events()[-1] == ("DECISION_REFUSED", ["HELD"])


@pytest.mark.parametrize("addressed", ["pio", "pio:WSI"])
def test_who_accepts_conditions_of_a_text_that_is_refused_since_is_told(bench: Bench, addressed: str) -> None:
    """Whose standing access has ended loses the conditions too; whoever was addressed by id keeps them, and hears that no text follows."""
    publish(bench, **{**FIVE, "addressees": [addressed]})
    with reader(bench) as inbox:
        [conditions] = inbox.take().new
    change_rulebook(bench, OWN_5, '[matrix.5]\nown = "refuse"')
    with reader(bench) as inbox:
        inbox.accept(conditions.id)
        inbox.send()
    sent = bench.desk.run()
    assert texts(sent, "pio:WSI") == []
    with reader(bench) as inbox:
        [answer] = inbox.take().new
    assert answer.kind == ("WITHDRAWAL" if addressed == "pio" else "NOTICE")
    if answer.kind == "NOTICE":
        assert told(sent, "pio:WSI") == ["The text of these conditions is not released any more: none follows."]
    assert reader_is_told_once(bench)


def reader(bench: Bench) -> Inbox:
    return Inbox.of(bench.desk.workspace, "pio:WSI", post="duty-officer", person="x1")


def reader_is_told_once(bench: Bench) -> bool:
    """What has it decided again later says nothing anew."""
    before = len(bench.desk.run())
    bench.desk.move(hours_ago=0, event="STATUS", prison=None, category="B")
    return len(bench.desk.run()) == before
