"""What people decide takes effect, through policy and under as many signatures as the rulebook asks; what may not count changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import RunPas
from gateway.deciding import DUTY, FIRST, HEAD, OTHER, Bench, person_key
from gateway.desk import Desk, Row, copy_estate
from gateway.judging import Sent
from gateway.postgres import PrivatePostgres
from gateway.test_on_postgres import settle
from pas_consumers import Inbox
from pas_gateway.casebook import item_ref
from pas_gateway.commands.deciding import read_text
from pas_gateway.hearing import check_shape
from pas_gateway.offering import find_deliberation, find_open, read_texts
from pas_gateway.policy.rulings import Rulings
from pas_gateway.register import schema
from pas_gateway.signatures import RefusedStatementError
from pas_gateway.vault import lock_statement
from pas_schemas.clock import from_ms, parse_time, show_time
from pas_schemas.errors import KeyringError, MisuseError, RegisterError
from pas_schemas.models.decision import Decision, RuledPair, Second
from pas_schemas.models.report import RiskAssessment
from pas_schemas.rules import explain_reason
from pas_schemas.sealing import KeyLock, SigningKey
from pas_transport.appointing import Post, appoint, dismiss, read_person_request, write_person_request
from pas_transport.example_people import PASSPHRASE
from pas_transport.issuing import change
from pas_transport.keyring import add_person_key
from pas_transport.sending import send_statement
from pas_transport.statements import sign_said
from producers.samples import make_declarations, make_handling, make_item

SECRET_TOO = make_handling(reasons="Live.", internal_recipients=["fib:01"], review_by="2099-01-01")
RISK = {"summary": "Necessary.", "authorised_by": "d-insp-01", "authorised_at": "2015-11-16T10:00:00Z"}


@pytest.fixture
def bench(desk: Desk, pristine: Path) -> Bench:
    # The directory is changed here too.
    shutil.copytree(pristine / "keys" / "root", desk.workspace.keys_dir / "root")
    return Bench(desk)


def publish(bench: Bench, **changes: Any) -> str:
    """A report that is decided; its URN."""
    report = bench.desk.write(**changes)
    bench.desk.publish(report)
    bench.desk.run()
    return str(report["urn"])


def texts(sent: list[Sent], office: str) -> list[Row]:
    """The disclosures an office's topic holds, bodies and all."""
    return [one.datum["body"] for one in sent if one.office == office and one.datum["kind"] == "DISCLOSURE"]


def one_item(**changes: Any) -> Row:
    return {"items": [make_item(**changes)]}


CATA = {"declarations": make_declarations(terrorism=True)}
CODE_2 = {**one_item(handling="2"), "handling": make_handling(risk_assessment=RISK)}


def test_one_person_decides_where_one_is_enough(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    assert texts(bench.desk.run(), "governor:WSI") == []
    bench.send(bench.decision(urn, office="governor:WSI"))
    sent = bench.desk.run()
    assert len(texts(sent, "governor:WSI")) == 1
    assert bench.outcome(urn, "governor:WSI") == ("release", "H1-PRISON")
    # What was not decided waits on, and the case with it.
    assert bench.outcome(urn, "cat-a-team") == ("hold", "R-CATA")
    assert bench.state(urn) == "OPEN"
    bench.send(bench.decision(urn, "REFUSE", office="cat-a-team"))
    sent = bench.desk.run()
    assert bench.outcome(urn, "cat-a-team") == ("refuse", "R-CATA")
    assert (bench.state(urn), texts(sent, "cat-a-team"), len(texts(sent, "governor:WSI"))) == ("DECIDED", [], 1)
    assert bench.events() == [("DECISION", ["RELEASE"]), ("DECISION", ["REFUSE"])]


@pytest.mark.parametrize("held", [CATA, CODE_2, {"protective_marking": "CONFIDENTIAL"}, {"priority": "THREAT_TO_LIFE"}], ids=str)
def test_two_people_decide_where_the_rulebook_asks_for_two(bench: Bench, held: Row) -> None:
    """A threat to life alone is no reason for two; over what its handling code held it would be."""
    urn = publish(bench, **(one_item() | held | {"risk_tags": ["FIREARMS"]}))
    digest = bench.send(bench.decision(urn, office="governor:WSI"))
    sent = bench.desk.run()
    if "priority" in held:
        assert len(texts(sent, "governor:WSI")) == 1
        return
    assert (bench.state(urn), texts(sent, "governor:WSI")) == ("PROPOSED", [])
    bench.send(bench.agree(digest))
    sent = bench.desk.run()
    assert len(texts(sent, "governor:WSI")) == 1
    assert bench.events() == [("DECISION", ["RELEASE"]), ("SECOND", ["AGREED"])]


def test_both_signatures_may_come_in_one_batch(bench: Bench) -> None:
    urn = publish(bench, **CATA)
    digest = bench.send(bench.decision(urn, office="security:WSI"))
    bench.send(bench.agree(digest))
    assert len(texts(bench.desk.run(), "security:WSI")) == 1
    assert bench.state(urn) == "DECIDED"


def test_both_signatures_in_one_batch_leave_the_rest_of_the_case_open(bench: Bench) -> None:
    """What waits there still is nobody's proposal."""
    urn = publish(bench, **(one_item() | {"risk_tags": ["ESCAPE"], "declarations": make_declarations(terrorism=True)}))
    digest = bench.send(bench.decision(urn, office="governor:WSI"))
    bench.send(bench.agree(digest))
    assert len(texts(bench.desk.run(), "governor:WSI")) == 1
    assert bench.outcome(urn, "cat-a-team")[0] == "hold"
    assert bench.state(urn) == "OPEN"


def test_what_was_decided_holds_again_for_a_rule_nobody_saw(bench: Bench) -> None:
    """Released to the Governor; then the prisoner becomes Category A, and another Governor's prison receives him."""
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    bench.send(bench.decision(urn))
    bench.desk.run()
    assert bench.state(urn) == "DECIDED"
    bench.desk.move(hours_ago=0, prison="BAI", category="A", event="RECEIVED")
    bench.desk.run()
    assert bench.outcome(urn, "governor:BAI") == ("hold", "G-CATA")
    assert bench.outcome(urn, "cat-a-team") == ("hold", "G-CATA")
    assert bench.state(urn) == "OPEN"


def test_repeats_of_a_statement_count_once(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    said = bench.decision(urn)
    for _ in range(3):
        bench.send(said)
    bench.desk.run()
    bench.send(said)
    bench.desk.run()
    assert bench.events() == [("DECISION", ["RELEASE"])]
    assert bench.stored(urn) == 1


# --- what may not count --------------------------------------------------------------------------------------------------

Bad = Callable[[Bench, str], Decision]


def change_directory(bench: Bench, *, leaves: str | None = None, joins: str | None = None, **post: Any) -> None:
    desk = bench.desk

    def edit(snapshot: Any, now: Any) -> Any:
        if leaves:
            snapshot = dismiss(snapshot, "pas", leaves, now)
        if joins:
            key = SigningKey.generate()
            add_person_key(desk.workspace.keys_dir, "pas", joins, KeyLock.begin(PASSPHRASE).lock(key))
            wanted = Post("pas", "reviewer", frozenset(post.get("roles", {"review", "approve"})), None, frozenset(post.get("recused", ())))
            snapshot = appoint(snapshot, read_person_request(write_person_request(joins, wanted, key, now)), now)
        return snapshot

    change(desk.workspace, edit)
    desk.__dict__.pop("office", None)
    desk.__dict__.pop("pipeline", None)


def without_role(bench: Bench, urn: str) -> Decision:
    change_directory(bench, joins="a-clerk", roles={"consent"})
    return bench.decision(urn, person="a-clerk", post="reviewer")


def recused(bench: Bench, urn: str) -> Decision:
    change_directory(bench, joins="from-the-force", recused={"01"})
    return bench.decision(urn, person="from-the-force", post="reviewer")


def recused_from_the_prison(bench: Bench, urn: str) -> Decision:
    change_directory(bench, joins="from-the-prison", recused={"WSI"})
    return bench.decision(urn, person="from-the-prison", post="reviewer")


CONCERNED: dict[str, tuple[Row, str, str]] = {
    "the prison whose staff it concerns": ({"declarations": make_declarations(concerns_staff=["BAI"])}, "BAI", "pio:WSI"),
    "any prison, where any prison's staff may be": ({"declarations": make_declarations(concerns_staff=["UNKNOWN"])}, "LEI", "pio:WSI"),
    "any prison, where staff nobody named is corrupt": ({"risk_tags": ["CORRUPTION"]}, "LEI", "pio:WSI"),
    "the prison that holds its subject": ({"risk_tags": ["ESCAPE"]}, "WSI", "cat-a-team"),
    "another agency that wrote it": ({"originator": "lea:93", "risk_tags": ["ESCAPE"]}, "93", "cat-a-team"),
}


@pytest.mark.parametrize("name", CONCERNED)
def test_who_comes_from_where_it_concerns_decides_nothing(bench: Bench, pristine: Path, name: str) -> None:
    """Whichever office the decision is about; whoever comes from elsewhere may take it."""
    shutil.copytree(pristine / "keys" / "lea.93", bench.desk.workspace.keys_dir / "lea.93")
    changes, code, office = CONCERNED[name]
    urn = publish(bench, **(one_item() | changes))
    change_directory(bench, joins="from-there", recused={code})
    change_directory(bench, joins="from-elsewhere", recused={"30", "pas"})
    bench.send(bench.decision(urn, person="from-there", office=office))
    bench.desk.run()
    assert (bench.events(), bench.outcome(urn, office)[0]) == ([("DECISION_REFUSED", ["RECUSED"])], "hold")
    bench.send(bench.decision(urn, person="from-elsewhere", office=office))
    bench.desk.run()
    assert (bench.events()[1:], bench.outcome(urn, office)[0]) == ([("DECISION", ["RELEASE"])], "release")


def test_a_decision_stands_though_its_subject_is_moved_to_where_its_author_comes_from(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    change_directory(bench, joins="from-there", recused={"BAI"})
    bench.send(bench.decision(urn, person="from-there", office="cat-a-team"))
    bench.desk.run()
    bench.desk.move(hours_ago=0, prison="BAI")
    bench.desk.run()
    assert bench.outcome(urn, "cat-a-team") == ("release", "H1-PRISON")


def left(bench: Bench, urn: str) -> Decision:
    said = bench.decision(urn, person=DUTY)
    change_directory(bench, leaves=DUTY)
    return said.model_copy(update={"at": bench.desk.workspace.clock.now()})


def careful(bench: Bench, urn: str, **assessed: str) -> Decision:
    """A sanitised text of code 2 with its own risk assessment."""
    risk = RiskAssessment.model_validate(RISK | assessed)
    return bench.decision(urn, "SANITISE", office="governor:WSI", text="Be careful.", grade="B22", item=0, assessment=risk)


REFUSED: dict[str, tuple[str, Bad]] = {
    "without the role": ("ROLE", without_role),
    "of the originating force": ("RECUSED", recused),
    "of the prison concerned": ("RECUSED", recused_from_the_prison),
    "somebody who left": ("PERSON", left),
    "nobody of that name": ("PERSON", lambda bench, urn: bench.decision(urn).model_copy(update={"person": "nobody"})),
    "another's post": ("POST", lambda bench, urn: bench.decision(urn).model_copy(update={"post": "head-of-pas"})),
    "a stale view": ("VIEW", lambda bench, urn: bench.decision(urn).model_copy(update={"view": bytes(16)})),
    "no such case": ("CASE", lambda bench, urn: bench.decision(urn).model_copy(update={"case": "0" * 16})),
    "an old statement": ("STALE", lambda bench, urn: bench.decision(urn, at=bench.desk.workspace.clock.now() - timedelta(hours=25))),
    "a clock that jumped": ("STALE", lambda bench, urn: bench.decision(urn, at=bench.desk.workspace.clock.now() + timedelta(hours=1))),
    "a pair that waits nowhere": (
        "PAIR",
        lambda bench, urn: bench.decision(urn).model_copy(
            update={"pairs": (bench.decision(urn).pairs[0].model_copy(update={"office": "lea:91"}),)}
        ),
    ),
    "a rule that does not hold it": (
        "PAIR",
        lambda bench, urn: bench.decision(urn).model_copy(
            update={"pairs": (bench.decision(urn).pairs[0].model_copy(update={"rules": ("R-CATA", "G-CATA")}),)}
        ),
    ),
    "no pair at all": ("PAIR", lambda bench, urn: bench.decision(urn).model_copy(update={"pairs": ()})),
    "a reason that is none": ("REASON", lambda bench, urn: bench.decision(urn, "NOTE", reasons=("R-NOBODY",))),
    "a text for a release": ("SHAPE", lambda bench, urn: bench.decision(urn, text="Words.")),
    "a question without words": ("SHAPE", lambda bench, urn: bench.decision(urn, "RETURN")),
    "a grade by who does not evaluate": ("GRADE", lambda bench, urn: bench.decision(urn, grade="B21")),
    "a text that tells its source": (
        "TEXT",
        lambda bench, urn: bench.decision(urn, "SANITISE", office="governor:WSI", text="A CHIS was tasked.", grade="B21", item=0),
    ),
    "a code that binds": (
        "GRADE",
        lambda bench, urn: bench.decision(urn, "SANITISE", office="governor:WSI", text="Be careful.", grade="B25", item=0),
    ),
    "a code 2 nobody assessed": (
        "RISK",
        lambda bench, urn: bench.decision(urn, "SANITISE", office="governor:WSI", text="Be careful.", grade="B22", item=0),
    ),
    "a code 2 that is still to be assessed": ("RISK", lambda bench, urn: careful(bench, urn, authorised_at="2099-01-01T00:00:00Z")),
    "a code 2 assessed by who decides": ("CREATOR", lambda bench, urn: careful(bench, urn, authorised_by=FIRST)),
}


def test_a_decision_that_may_not_count_changes_nothing(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    before = (bench.docket(urn).verdicts, bench.listed())
    expected: list[tuple[str, list[str]]] = []
    for told, (name, (word, make)) in enumerate(REFUSED.items(), 1):
        said = make(bench, urn)
        bench.send(said, key_of=said.person if name != "nobody of that name" else FIRST)
        sent = bench.desk.run()
        expected.append(("DECISION_REFUSED", [word]))
        assert bench.events() == expected, name
        assert (bench.docket(urn).verdicts, bench.listed()) == before, name
        assert (bench.stored(urn), texts(sent, "governor:WSI"), texts(sent, "cat-a-team")) == (0, [], []), name
        why = [notice["why"] for one in sent if one.office == "pas" for notice in one.datum["notices"] if notice["word"] == "REFUSED"]
        assert len(why) == told, name
        assert all(sentence.endswith(".") and "\n" not in sentence for sentence in why)


def test_no_text_is_written_from_one_that_waits_for_its_originators_consent(bench: Bench) -> None:
    """Code 5 goes no further without the originator, in other words neither; once it has agreed, PAS may give less than the text."""
    handling = make_handling(conditions="Not on the wing.", risk_assessment=RISK)
    urn = publish(bench, **one_item(handling="5"), handling=handling, addressees=["security"])
    bench.desk.move(prison="BAI", hours_ago=0)
    bench.desk.run()
    assert bench.outcome(urn, "security:BAI") == ("hold", "R-FOLLOW")

    def sanitise(reason: str) -> list[Row]:
        said = bench.decision(urn, "SANITISE", office="security:BAI", text="Be careful.", grade="B21", item=0, reason=reason)
        bench.send(bench.agree(bench.send(said)))
        return texts(bench.desk.run(), "security:BAI")

    assert sanitise("It is needed.") == []
    assert ("DECISION_REFUSED", ["CONSENT"]) in bench.events()
    bench.send(bench.consent("force:01"))
    bench.desk.run()
    [text] = sanitise("It is needed, and agreed.")
    assert [item["grade"] for item in text["items"]] == ["B21"]


def test_nobody_outside_pas_writes_what_pas_signs(bench: Bench) -> None:
    urn = publish(bench, originator="security:WSI", addressees=["force:01"], **one_item())
    bench.two(urn, "SANITISE", owner="pio:WSI", office="force:01", text="Be careful.", grade="B21")
    assert (bench.events()[0], texts(bench.desk.run(), "force:01")) == (("DECISION_REFUSED", ["OFFICE"]), [])
    assert bench.outcome(urn, "force:01") == ("hold", "R-EVALUATE")


def test_whoever_owns_no_case_hears_no_more_than_that(bench: Bench) -> None:
    """An office that signs a decision on another's case is told the same as for a case that there is not."""
    urn = publish(bench, originator="security:WSI", addressees=["force:01"], **one_item())
    theirs = bench.decision(urn, owner="pio:WSI", office="force:01")
    key = person_key(bench.desk.workspace, "force:01", "example-force-01-1")
    for case in (theirs.case, "0" * 16):
        said = theirs.model_copy(update={"case": case, "office": "force:01", "person": "example-force-01-1", "post": "first"})
        send_statement(bench.desk.workspace, "force:01", sign_said(key, said))
    sent = [one.datum for one in bench.desk.run() if one.office == "force:01" and one.datum["kind"] == "NOTICE"]
    told = [(datum["urn"], notice) for datum in sent for notice in datum["notices"]]
    assert [(urn, notice["word"], notice["case"]) for urn, notice in told] == [("", "REFUSED", None)] * 2
    assert len({notice["why"] for _, notice in told}) == 1


def test_a_decision_signed_by_another_counts_for_nothing(bench: Bench) -> None:
    urn = publish(bench, **CATA)
    digest = bench.send(bench.decision(urn))
    bench.send(bench.agree(digest, OTHER), key_of=FIRST)
    sent = bench.desk.run()
    assert bench.events() == [("DECISION", ["RELEASE"]), ("DECISION_REFUSED", ["SIGNATURE"])]
    assert (bench.state(urn), texts(sent, "security:WSI")) == ("PROPOSED", [])
    assert [notice["why"] for one in sent for notice in one.datum["notices"] if notice["word"] == "REFUSED"] == [
        "The statement is not signed with that person's key."
    ]


def test_nobody_is_two_people(bench: Bench) -> None:
    urn = publish(bench, **CATA)
    digest = bench.send(bench.decision(urn))
    bench.desk.run()
    bench.send(bench.agree(digest, FIRST))
    bench.send(bench.decision(urn, reason="Once more."))
    bench.send(bench.agree(bytes(32), OTHER))
    sent = bench.desk.run()
    refused = [words for name, words in bench.events() if name == "DECISION_REFUSED"]
    assert refused == [["TWICE"], ["TWICE"], ["CASE"]]
    assert (bench.state(urn), texts(sent, "security:WSI")) == ("PROPOSED", [])


def test_whoever_authorised_the_assessment_does_not_decide(bench: Bench) -> None:
    handling = make_handling(risk_assessment=RISK | {"authorised_by": FIRST})
    urn = publish(bench, risk_tags=["FIREARMS"], handling=handling, **one_item(handling="2"))
    bench.send(bench.decision(urn))
    digest = bench.send(bench.decision(urn, person=OTHER))
    bench.send(bench.agree(digest, FIRST))
    sent = bench.desk.run()
    assert [words for name, words in bench.events() if name == "DECISION_REFUSED"] == [["CREATOR"], ["CREATOR"]]
    assert texts(sent, "governor:WSI") == []
    bench.send(bench.agree(digest, HEAD))
    assert len(texts(bench.desk.run(), "governor:WSI")) == 1


def test_whoever_authorised_a_new_grades_assessment_does_not_agree_with_it(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    digest = bench.send(careful(bench, urn, authorised_by=OTHER))
    bench.send(bench.agree(digest, OTHER))
    sent = bench.desk.run()
    assert [words for name, words in bench.events() if name == "DECISION_REFUSED"] == [["CREATOR"]]
    assert texts(sent, "governor:WSI") == []
    bench.send(bench.agree(digest, HEAD))
    assert len(texts(bench.desk.run(), "governor:WSI")) == 1


def test_each_refusal_is_an_error_of_its_own(bench: Bench) -> None:
    """One that was raised before would keep the frames of every time, with what they hold, for as long as a gateway runs."""
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    lacking = bench.decision(urn, "SANITISE", office="governor:WSI", text="Be careful.", item=0)
    refused = []
    for _ in range(2):
        with pytest.raises(RefusedStatementError) as found:
            check_shape(lacking)
        refused.append(found.value)
    assert refused[0] is not refused[1]


def test_a_decided_case_is_not_decided_again(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    late = bench.decision(urn, "REFUSE", person=OTHER)
    bench.send(bench.decision(urn))
    bench.send(late)
    sent = bench.desk.run()
    assert bench.events() == [("DECISION", ["RELEASE"]), ("DECISION_REFUSED", ["DECIDED"])]
    assert bench.outcome(urn, "governor:WSI")[0] == "release"
    assert len(texts(sent, "governor:WSI")) == 1


def test_a_deputy_stands_in_until_leaving(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    bench.send(bench.decision(urn, person=DUTY, post="head-of-pas", office="governor:WSI"))
    bench.desk.run()
    assert bench.events() == [("DECISION", ["RELEASE"])]
    late = bench.decision(urn, person=DUTY, post="head-of-pas")
    change_directory(bench, leaves=DUTY)
    bench.send(late.model_copy(update={"at": bench.desk.workspace.clock.now()}))
    sent = bench.desk.run()
    assert bench.events()[-1] == ("DECISION_REFUSED", ["PERSON"])
    told = [(one.office, notice["word"]) for one in sent for notice in one.datum["notices"]]
    assert ("pas", "REFUSED") in told


def test_when_a_statement_was_signed_is_its_authors_own_word(bench: Bench) -> None:
    """Whoever has left, or whose key was ended, dates nothing back to when it still counted: the log's time is asked as well."""
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    earlier = bench.desk.workspace.clock.now() - timedelta(minutes=1)
    change_directory(bench, leaves=DUTY)
    bench.send(bench.decision(urn, person=DUTY, post="head-of-pas", office="governor:WSI", at=earlier))
    sent = bench.desk.run()
    assert bench.events() == [("DECISION_REFUSED", ["PERSON"])]
    assert texts(sent, "governor:WSI") == []
    told = {notice["why"] for one in sent if one.office == "pas" for notice in one.datum["notices"] if notice["word"] == "REFUSED"}
    assert "That person's post or key had ended when the log took the statement." in told


def test_a_statement_in_another_offices_name_is_set_aside(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    forged = sign_said(bench.desk.workspace.keyring("pas").person_key(FIRST, PASSPHRASE), bench.decision(urn))
    send_statement(bench.desk.workspace, "force:01", forged)
    bench.desk.run()
    assert bench.events() == []
    assert bench.stored(urn) == 0


def test_what_the_command_refuses_at_pas_is_on_record(bench: Bench, pas: RunPas) -> None:
    """Nothing is sent, so the gateway never hears of it: who tried, and what was wrong, stands in the audit all the same."""
    root = bench.desk.workspace.root
    (root / "words").write_text(PASSPHRASE)
    (root / "wrong").write_text("another passphrase")
    urn = publish(bench, **CATA)
    case = bench.case(urn)
    change_directory(bench, joins="a-clerk", roles={"consent"})
    change_directory(bench, joins="from-the-prison", recused={"WSI"})
    change_directory(bench, leaves=HEAD)

    def run(*words: str, person: str = FIRST, file: str = "words", code: int = 1) -> None:
        signed = ("--reason", "It is necessary.", "--person", person, "--passphrase-file", file)
        pas("cases", *words, *signed, cwd=root, code=code)

    decide = ("decide", case, "--choice", "RELEASE", "--all", "--legal-basis", "OTHER")
    run(*decide, file="wrong")
    run(*decide, person="a-clerk")
    run(*decide, person="from-the-prison")
    run(*decide, person=HEAD)
    run("decide", "0123", *decide[2:])
    tried = [["KEY"], ["ROLE"], ["RECUSED"], ["KEY"], ["CASE"]]
    assert bench.events() == [("DECISION_REFUSED", word) for word in tried]
    run(*decide, code=0)
    bench.desk.run()
    run("second", case)
    run("second", case, person=OTHER, file="wrong")
    assert bench.events()[len(tried) :] == [("DECISION", ["RELEASE"]), ("DECISION_REFUSED", ["TWICE"]), ("DECISION_REFUSED", ["KEY"])]
    # Misuse is no try, and what another office types is no business of PAS's register.
    run("decide", case, "--choice", "RELEASE", "--legal-basis", "OTHER", code=2)
    run("decide", case, "--as", "pio:WSI", *decide[2:], person="example-pio-wsi-1")
    assert len(bench.events()) == len(tried) + 3
    assert (bench.state(urn), bench.stored(urn)) == ("PROPOSED", 1)


# --- with the database, and one person's key -------------------------------------------------------------------------------


def insert(bench: Bench, urn: str, *statements: bytes) -> None:
    """Rows written by hand, as somebody with the database, and even the register's own key, could write them."""
    from hashlib import sha256

    docket = bench.docket(urn)
    with bench.desk.store.writing() as register:
        for data in statements:
            digest = sha256(data).digest()
            register.execute(schema.statements.insert(), {
                "id": digest[:16], "report": docket.id, "owner": "pas", "digest": digest, "at_ms": 0,
                "sealed": lock_statement(data, digest[:16], bench.office.register_key),
            })  # fmt: skip
        register.execute(schema.cases.update().values(state="DECIDED"))


def forge(bench: Bench, said: Decision | Second, key: SigningKey) -> bytes:
    return sign_said(key, said)


def test_with_the_database_and_one_persons_key_no_release_can_be_made(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **(one_item() | CATA))
    mine = bench.desk.workspace.keyring("pas").person_key(FIRST, PASSPHRASE)
    first = forge(bench, bench.decision(urn), mine)
    from hashlib import sha256

    digest = sha256(first).digest()
    again = forge(bench, bench.decision(urn, reason="Once more."), mine)
    insert(
        bench, urn, first, again,
        forge(bench, bench.agree(digest, FIRST), mine),  # the same person as the second
        forge(bench, bench.agree(digest, OTHER), mine),  # another's name under one's own key
        forge(bench, bench.agree(digest, OTHER), SigningKey.generate()),  # another's name under no key
        forge(bench, bench.agree(digest, HEAD).model_copy(update={"person": "nobody"}), mine),
        forge(bench, bench.decision(urn, person=OTHER), mine),
        first[:-1] + bytes([first[-1] ^ 1]),
    )  # fmt: skip
    for hour in (3, 2, 1):  # whatever makes policy run again
        bench.desk.move(hours_ago=hour, event="STATUS", prison=None)
        sent = bench.desk.run()
        assert texts(sent, "governor:WSI") == texts(sent, "cat-a-team") == texts(sent, "security:WSI") == []
    assert bench.outcome(urn, "governor:WSI") == ("hold", "G-CATA")


def test_a_row_of_two_good_signatures_counts_and_one_of_them_moved_elsewhere_does_not(bench: Bench) -> None:
    """The same rows would count, were both signatures there: what kept the others out is the signature, and nothing else."""
    from hashlib import sha256

    urn = publish(bench, risk_tags=["ESCAPE"], **(one_item() | CATA))
    ring = bench.desk.workspace.keyring("pas")
    first = forge(bench, bench.decision(urn), ring.person_key(FIRST, PASSPHRASE))
    second = forge(bench, bench.agree(sha256(first).digest()), ring.person_key(OTHER, PASSPHRASE))
    other = publish(bench, risk_tags=["ESCAPE"], **(one_item() | CATA))
    insert(bench, other, first, second)  # a decision on another report's case
    bench.desk.move(hours_ago=3, event="STATUS", prison=None)
    assert texts(bench.desk.run(), "governor:WSI") == []
    with bench.desk.store.writing() as register:
        register.execute(schema.statements.delete())
    insert(bench, urn, first, second)
    bench.desk.move(hours_ago=2, event="STATUS", prison=None)
    assert len(texts(bench.desk.run(), "governor:WSI")) == 1


def test_an_approval_is_made_where_signatures_are_verified_and_nowhere_else(bench: Bench) -> None:
    import copy
    import pickle

    from pas_gateway.approval import Approval
    from pas_gateway.drafts import NotApprovedError, about, disclose
    from pas_schemas.errors import MisuseError

    with pytest.raises(MisuseError):
        Approval(b"r" * 16, 0, "governor:WSI", frozenset({"R-SENIORITY"}), frozenset({FIRST, OTHER}))
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    bench.send(bench.decision(urn))
    bench.desk.run()
    docket = bench.docket(urn)
    approval = docket.judged.approved.approvals[0, "governor:WSI"]
    for make in (copy.copy, copy.deepcopy, pickle.dumps, lambda one: replace(one, item=1)):
        with pytest.raises((MisuseError, ValueError)):
            make(approval)  # type: ignore[operator]  # each takes one
    outcome = next(one for one in docket.judged.verdicts.outcomes if one.office == "governor:WSI")
    office, one = bench.office, docket.judged.one
    now = bench.desk.workspace.clock.now()
    said = about(one.report, docket.id, 0)
    for approvals in ({}, {(0, "cat-a-team"): approval}):
        with pytest.raises(NotApprovedError):
            list(disclose(said, one.source, outcome, office.snapshot.at(now), office.rulebook, now, accepted=False, approvals=approvals))
    good = {(0, "governor:WSI"): approval}
    assert (
        len(list(disclose(said, one.source, outcome, office.snapshot.at(now), office.rulebook, now, accepted=False, approvals=good))) == 1
    )
    elsewhere = replace(said, report=b"x" * 16)
    with pytest.raises(NotApprovedError):
        list(disclose(elsewhere, one.source, outcome, office.snapshot.at(now), office.rulebook, now, accepted=False, approvals=good))


def test_without_statements_nothing_is_asked_of_signatures(bench: Bench) -> None:
    urn = publish(bench, **one_item())
    assert bench.docket(urn).judged.approved.rulings is not None
    assert not bench.docket(urn).judged.approved.rulings
    assert not Rulings()


def test_a_wrong_passphrase_is_told_and_nothing_is_decided(bench: Bench) -> None:
    with pytest.raises(KeyringError, match="does not open"):
        bench.desk.workspace.keyring("pas").person_key(FIRST, "example passphrasf")


# --- owners outside PAS, returned cases, silence, consent -------------------------------------------------------------------


def test_the_conduit_evaluates_from_its_inbox_alone(bench: Bench) -> None:
    urn = publish(bench, originator="security:WSI", urn="WSI/IR/2015/000001", addressees=["force:01", "security:BAI"], **one_item())
    [case] = bench.own_cases("pio:WSI")
    refs = {(notice.item, notice.office): notice.ref for notice in case.notices}
    said = Decision.model_validate({
        "case": case.id, "view": case.view, "office": "pio:WSI", "person": "example-pio-wsi-1", "post": "first", "choice": "RELEASE",
        "pairs": (RuledPair(item=refs[0, "force:01"], office="force:01", rules=("R-EVALUATE",)),), "grade": "C31",
        "reason": "Evaluated.", "legal_basis": "POLICING_PURPOSE", "at": bench.desk.workspace.clock.now(),
    })  # fmt: skip
    bench.send(said.model_copy(update={"grade": "C31"}))
    bench.desk.run()
    assert bench.events() == [("DECISION_REFUSED", ["GRADE"])]  # intelligence 3 names what corroborates it
    bench.send(said.model_copy(update={"grade": "C41"}))
    [body] = texts(bench.desk.run(), "force:01")
    assert (body["items"][0]["grade"], body["items"][0]["regraded"]) == ("B21", "C41")
    [case] = bench.own_cases("pio:WSI")
    assert {notice.office for notice in case.notices} == {"security:BAI"}
    bench.send(bench.decision(urn, "REFUSE", owner="pio:WSI", office="security:BAI"))
    bench.desk.run()
    assert bench.own_cases("pio:WSI") == []


def evaluated(bench: Bench, **assessed: str) -> str:
    """A prison's report that the conduit graded code 2 and let go to one force; another force waits for it too."""
    named = ["force:01", "force:06"]
    said = {"originator": "security:WSI", "urn": "WSI/IR/2015/000001", "addressees": named, "risk_tags": ["ESCAPE"]}
    urn = publish(bench, **said, **one_item())
    risk = RiskAssessment.model_validate(RISK | assessed)
    bench.two(urn, owner="pio:WSI", office="force:01", grade="B22", assessment=risk)
    assert bench.outcome(urn, "force:01") == ("release", "H2-POLICE")
    return urn


def test_what_the_conduit_graded_code_2_is_released_by_two_wherever_else_it_goes(bench: Bench) -> None:
    urn = evaluated(bench)
    digest = bench.send(bench.decision(urn, owner="pio:WSI", office="force:06"))
    assert texts(bench.desk.run(), "force:06") == []
    assert bench.state(urn, "pio:WSI") == "PROPOSED"
    bench.send(bench.agree(digest, "example-pio-wsi-2", "pio:WSI"))
    assert [body["items"][0]["regraded"] for body in texts(bench.desk.run(), "force:06")] == ["B22"]


def test_whoever_authorised_an_assessment_that_counts_already_decides_no_more_on_the_report(bench: Bench) -> None:
    urn = evaluated(bench, authorised_by=OTHER)
    bench.send(bench.decision(urn, person=OTHER))
    digest = bench.send(bench.decision(urn, person=FIRST))
    bench.send(bench.agree(digest, OTHER))
    sent = bench.desk.run()
    assert [words for name, words in bench.events() if name == "DECISION_REFUSED"] == [["CREATOR"], ["CREATOR"]]
    assert texts(sent, "governor:WSI") == []


def test_a_sanitised_text_takes_the_items_place_and_is_signed_by_pas(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    bench.two(urn, "SANITISE", office="governor:WSI", text="An escape is planned; no more can be said.", grade="B21")
    [body] = texts(bench.desk.run(), "governor:WSI")
    item = body["items"][0]
    assert item["sanitised"]
    assert item["signature"]
    assert body["risk_tags"] == []
    assert bench.outcome(urn, "governor:WSI", 0) == ("refuse", "R-SENIORITY")
    assert bench.outcome(urn, "governor:WSI", 1)[0] == "release"
    with Inbox.of(bench.desk.workspace, "governor:WSI", post="duty-governor", person="ref-1") as inbox:
        intake = inbox.take()
        assert intake.aside == ()
        shown = [held.delivery.body for held in inbox.list().held if held.delivery.kind == "DISCLOSURE"]
    assert [one.items[0].text for one in shown if one] == ["An escape is planned; no more can be said."]
    # Whoever is then given the fuller item is not sent the sanitised one besides.
    assert bench.outcome(urn, "cat-a-team") == ("hold", "R-CATA")


def test_a_sanitised_text_goes_to_whom_it_was_written_for_and_no_further(bench: Bench) -> None:
    """The prison's PIO may not have the item, nor learn that there is one: of the text in its place nobody decided for it."""
    handling = make_handling(conditions="Not on the wing.", risk_assessment=RISK)
    changes = {"originator": "force:06", "addressees": ["security:BAI"], "handling": handling, "risk_tags": ["ESCAPE"]}
    urn = publish(bench, **one_item(handling="5"), **changes)
    assert (bench.outcome(urn, "pio:WSI"), bench.outcome(urn, "security:BAI")) == (("refuse", "H5-POLICE"), ("hold", "R-WHEREABOUTS"))
    bench.two(urn, "SANITISE", office="security:BAI", text="Be careful.", grade="B21", item=0)
    sent = bench.desk.run()
    assert [item["grade"] for body in texts(sent, "security:BAI") for item in body["items"]] == ["B21"]
    assert [(one.office, one.datum["kind"]) for one in sent if one.office in ("pio:WSI", "governor:WSI", "cat-a-team")] == []
    words = {outcome.office: v.word for outcome in bench.docket(urn).verdicts.outcomes for v in outcome.verdicts if v.item == 1}
    # Rules 3 and 4 hold it for whom they hold any text on an escape.
    assert words == {"security:BAI": "release", "cat-a-team": "hold", "governor:BAI": "hold", "governor:WSI": "hold"}


def test_a_sanitised_text_leaves_with_the_prisoner_where_the_item_would(bench: Bench) -> None:
    """An office reached by role has it while its prison holds him; one that the originator named by its id keeps it."""
    urn = publish(bench, **CATA, addressees=["security", "governor:WSI"])
    for office in ("security:WSI", "governor:WSI"):
        bench.two(urn, "SANITISE", office=office, text=f"Be careful at {office}.", grade="B21", item=0)
        assert len(texts(bench.desk.run(), office)) == 1
    bench.desk.move(prison="BAI", hours_ago=0)
    sent = bench.desk.run()
    kinds = {office: [one.datum["kind"] for one in sent if one.office == office] for office in ("security:WSI", "governor:WSI")}
    assert kinds == {"security:WSI": ["DISCLOSURE", "WITHDRAWAL"], "governor:WSI": ["DISCLOSURE"]}
    assert "security:WSI" not in {outcome.office for outcome in bench.docket(urn).verdicts.outcomes}


def test_one_person_alone_writes_no_text(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], **one_item())
    bench.send(bench.decision(urn, "SANITISE", office="governor:WSI", text="An escape is planned.", grade="B21"))
    sent = bench.desk.run()
    assert (bench.state(urn), texts(sent, "governor:WSI")) == ("PROPOSED", [])


def secret(**changes: Any) -> Row:
    handling = make_handling(reasons="Live.", internal_recipients=["fib:01"], review_by="2099-01-01")
    return {"items": [make_item(handling="4")], "handling": handling, "risk_tags": ["ESCAPE"], **changes}


def test_silence_is_accepted_until_a_date_and_asked_for_again(bench: Bench) -> None:
    urn = publish(bench, **secret())
    assert bench.state(urn, "fib:01") == "OPEN"
    until = show_time(bench.desk.workspace.clock.now() + timedelta(seconds=1))
    answer = {"reasons": ("R-SENIORITY",), "officer": "example-fib-01-1", "rank": "superintendent", "until": until}
    for wrong, word in (
        ({"officer": "example-fib-01-2"}, "RANK"), ({"rank": "constable"}, "RANK"), ({"officer": "nobody"}, "RANK"),
        ({"until": "2001-01-01"}, "UNTIL"), ({"until": "2099-01-01"}, "UNTIL"), ({"until": None}, "SHAPE"),
    ):  # fmt: skip
        bench.send(bench.decision(urn, "ACCEPT_SILENCE", owner="fib:01", person="example-fib-01-2", **(answer | wrong)))
        bench.desk.run()
        assert bench.events()[-1] == ("DECISION_REFUSED", [word])
    until = show_time(bench.desk.workspace.clock.now() + timedelta(days=7))
    bench.send(bench.decision(urn, "ACCEPT_SILENCE", owner="fib:01", person="example-fib-01-2", **(answer | {"until": until})))
    bench.desk.run()
    assert bench.state(urn, "fib:01") == "ACCEPTED"
    assert bench.own_cases("fib:01") == []
    pipeline = bench.desk.pipeline
    assert pipeline.end_silences() is None
    later = replace(pipeline, office=replace(pipeline.office, clock=LaterClock(pipeline.office.clock.now() + timedelta(days=8))))
    plan = later.end_silences()
    assert plan is not None
    later.commit(plan)
    assert later.end_silences() is None
    assert bench.state(urn, "fib:01") == "OPEN"
    # Its deliveries are sealed a week from now: no log that is here takes them.
    assert [(draft.office, [word["rule"] for word in draft.notices]) for draft in plan.drafts] == [("fib:01", ["R-SENIORITY"])]
    assert plan.drafts[0].notices[0]["why"] == explain_reason("R-SENIORITY", holds=False)
    assert bench.events()[-1][0] == "SILENCE_ENDED"


def test_silence_before_one_governor_is_none_before_the_next(bench: Bench) -> None:
    """Secrecy is decided, never fallen into: in another prison it is another's risk. To court and back changes nothing."""
    urn = publish(bench, **secret())
    until = show_time(bench.desk.workspace.clock.now() + timedelta(days=7))
    answer = {"reasons": ("R-SENIORITY",), "officer": "example-fib-01-1", "rank": "superintendent", "until": until}
    bench.send(bench.decision(urn, "ACCEPT_SILENCE", owner="fib:01", **answer))
    bench.desk.run()
    for event, prison in (("ABSENT", "WSI"), ("RECEIVED", "WSI")):
        bench.desk.move(hours_ago=0, event=event, prison=prison)
        bench.desk.run()
        assert (bench.state(urn, "fib:01"), silent_until(bench)) == ("ACCEPTED", [parse_time(until)])
    bench.desk.move(hours_ago=0, prison="BAI")
    bench.desk.run()
    assert (bench.state(urn, "fib:01"), silent_until(bench)) == ("OPEN", [None])
    assert [case.id for case in bench.own_cases("fib:01")] == [bench.case(urn, "fib:01")]
    bench.send(bench.decision(urn, "ACCEPT_SILENCE", owner="fib:01", **answer))
    bench.desk.run()
    assert (bench.state(urn, "fib:01"), silent_until(bench)) == ("ACCEPTED", [parse_time(until)])


def silent_until(bench: Bench) -> list[Any]:
    with bench.desk.store.reading() as register:
        rows = register.execute(schema.cases.select().where(schema.cases.c.owner == "fib:01")).all()
    return [from_ms(row.silent_until_ms) if row.silent_until_ms is not None else None for row in rows]


class LaterClock:
    def __init__(self, now: Any) -> None:
        self._now = now

    def now(self) -> Any:
        return self._now


def test_what_comes_from_visor_goes_out_under_a_recorded_permission(bench: Bench) -> None:
    urn = publish(bench, declarations=make_declarations(visor_derived=True), **one_item())
    permission = {"reference": "VISOR-17", "given_by": "visor-manager-2", "given_at": "2015-11-17"}
    bench.send(bench.decision(urn, office="security:WSI"))
    bench.desk.run()
    assert bench.events() == [("DECISION_REFUSED", ["VISOR"])]
    # One that is still to be given is none.
    bench.send(bench.decision(urn, office="security:WSI", permission=permission | {"given_at": "2099-01-01"}))
    assert texts(bench.desk.run(), "security:WSI") == []
    assert bench.events() == [("DECISION_REFUSED", ["VISOR"])] * 2
    bench.send(bench.decision(urn, office="security:WSI", permission=permission))
    [body] = texts(bench.desk.run(), "security:WSI")
    assert body["obligations"] == ["DO_NOT_QUOTE_VISOR"]
    # The permission is for what was asked: everybody else waits on.
    assert bench.outcome(urn, "pio:WSI") == ("hold", "G-VISOR")
    [stored] = [one.said for one in bench.docket(urn).signed]
    assert isinstance(stored, Decision)
    assert stored.permission is not None
    assert stored.permission.model_dump() == permission


def test_a_reason_that_holds_nothing_is_noted(bench: Bench) -> None:
    urn = publish(bench, addressees=["inspector:hmip"], items=[make_item(subjects=[])], subjects=[])
    reasons = bench.docket(urn).case("pas")
    assert reasons is not None
    assert reasons.reasons == ("R-NOBODY",)
    bench.send(bench.decision(urn, "NOTE", reasons=("R-NOBODY",)))
    bench.desk.run()
    assert bench.state(urn) == "DECIDED"


FIVE = {
    **one_item(handling="5"),
    "handling": make_handling(conditions="Ask first.", risk_assessment=RISK),
    "addressees": ["security"],
}


def followed(bench: Bench) -> str:
    """A code 5 report on somebody who has moved since: BAI waits for the originator's consent."""
    urn = publish(bench, **FIVE)
    bench.desk.move(hours_ago=0, prison="BAI", event="RECEIVED")
    bench.desk.run()
    assert bench.outcome(urn, "security:BAI") == ("hold", "R-FOLLOW")
    return urn


def test_code_5_follows_with_consent_and_two_people(bench: Bench) -> None:
    urn = followed(bench)
    bench.send(bench.decision(urn))
    bench.desk.run()
    assert bench.events() == [("DECISION_REFUSED", ["CONSENT"])]
    bench.send(bench.decision(urn, "RETURN", asks="CONSENT"))
    bench.desk.run()
    assert bench.state(urn) == "RETURNED"
    bench.send(bench.consent("force:01"))
    bench.desk.run()
    # The originator's person is one of two; somebody at PAS is the other, and PAS hears that the case is with it again.
    assert bench.outcome(urn, "security:BAI") == ("hold", "R-FOLLOW")
    assert (bench.state(urn), told_answered(bench, "pas")) == ("OPEN", [bench.case(urn)])
    bench.send(bench.decision(urn))
    sent = bench.desk.run()
    assert bench.outcome(urn, "security:BAI") == ("release", "H5-PRISON")
    assert [one.datum["kind"] for one in sent if one.office == "security:BAI"] == ["CONDITIONS"]


def test_a_decision_that_was_refused_counts_no_more_when_it_is_sent_again(bench: Bench) -> None:
    """By now it would: but its author was told that it changes nothing, and whoever has the office's key could send it."""
    urn = followed(bench)
    said = bench.decision(urn)
    bench.send(said)
    bench.desk.run()
    assert bench.events() == [("DECISION_REFUSED", ["CONSENT"])]
    bench.send(bench.consent("force:01"))
    bench.desk.run()
    before = len(bench.desk.run())
    bench.send(said)
    assert len(bench.desk.run()) == before
    assert (bench.events()[-1], bench.outcome(urn, "security:BAI")) == (("CONSENT", ["GRANT"]), ("hold", "R-FOLLOW"))
    bench.send(bench.decision(urn))
    bench.desk.run()
    assert bench.outcome(urn, "security:BAI") == ("release", "H5-PRISON")


def told_answered(bench: Bench, owner: str) -> list[str]:
    """The cases of which an owner heard that the originator has answered."""
    words = [word for one in bench.desk.run() if one.office == owner for word in one.datum["notices"]]
    return [word["case"] for word in words if word["why"].startswith("The originator has answered")]


def test_who_returned_a_case_hears_when_its_question_is_answered(bench: Bench) -> None:
    """PAS of an answer that leaves its case waiting, and of none that settles it; a new grade answers once two have signed it."""
    bench.desk.move(hours_ago=0.5, prison="BAI")
    urn = publish(bench, hours_ago=0.1, risk_tags=["ESCAPE"], **one_item())
    item = {"office": "governor:BAI"}
    bench.send(bench.decision(urn, "RETURN", asks="CODE_2", **item))
    bench.desk.run()
    assert (bench.state(urn), told_answered(bench, "pas")) == ("RETURNED", [])
    graded = bench.send(bench.consent("force:01", "REGRADE", grade="B22", assessment=RiskAssessment(**RISK)))
    bench.desk.run()
    assert (bench.state(urn), told_answered(bench, "pas")) == ("RETURNED", [])
    bench.send(bench.agree(graded, "example-force-01-2", "force:01"))
    bench.desk.run()
    assert (bench.state(urn), told_answered(bench, "pas")) == ("OPEN", [bench.case(urn)])


def test_an_originator_that_refuses_is_heard_at_once(bench: Bench) -> None:
    urn = followed(bench)
    bench.send(bench.consent("force:01", "REFUSE"))
    bench.desk.run()
    assert bench.outcome(urn, "security:BAI") == ("refuse", "R-FOLLOW")


def test_nobody_consents_for_another(bench: Bench) -> None:
    urn = followed(bench)
    said = bench.consent("force:01")
    bench.send(said.model_copy(update={"office": "fib:01", "person": "example-fib-01-1", "post": "first"}))
    bench.send(said.model_copy(update={"item": bytes(8)}))
    bench.send(said.model_copy(update={"recipient": "lea:91"}))
    sent = bench.desk.run()
    assert [words for _, words in bench.events()] == [["CASE"], ["PAIR"], ["PAIR"]]
    # Who names what is another's hears that it counts for nothing, and nothing of what it is.
    [datum] = [one.datum for one in sent if one.office == "fib:01"]
    assert (datum["urn"], [notice["why"] for notice in datum["notices"]]) == ("", ["That office owns no such case."])
    assert bench.outcome(urn, "security:BAI") == ("hold", "R-FOLLOW")


# --- a Governor who is left in silence ----------------------------------------------------------------------------------------

SILENT = {**FIVE, "addressees": ["pio"], "risk_tags": ["ESCAPE"]}


def silent_pair(bench: Bench, urn: str, governor: str = "governor:WSI", item: int = 0) -> Row:
    """A decision's words on an item, and a Governor who is neither released nor held anything of it."""
    ref = item_ref(bench.office.register_id_key, bench.docket(urn).id, "pas", item)
    return {"pairs": (RuledPair(item=ref, office=governor, rules=("R-SENIORITY",)),)}


def ask_consent(bench: Bench, urn: str, choice: str = "GRANT") -> None:
    bench.send(bench.decision(urn, "RETURN", asks="CONSENT", **silent_pair(bench, urn)))
    bench.desk.run()
    assert bench.state(urn) == "RETURNED"
    bench.send(bench.consent("force:01", choice))
    bench.desk.run()


def test_silence_is_ended_by_two_people_with_the_originators_consent(bench: Bench) -> None:
    """Disclose, one of rule 4's answers: it counts as naming, and code 5 goes no further without its originator."""
    urn = publish(bench, **SILENT)
    case = bench.docket(urn).case("pas")
    assert case is not None
    assert case.reasons == ("R-SENIORITY",)
    for wrong, word in (
        (silent_pair(bench, urn), "CONSENT"), (silent_pair(bench, urn, "governor:BAI"), "PAIR"), (silent_pair(bench, urn, item=1), "PAIR"),
        ({"pairs": ()}, "PAIR"),
    ):  # fmt: skip
        bench.send(bench.decision(urn, **wrong))
        bench.desk.run()
        assert bench.events()[-1] == ("DECISION_REFUSED", [word])
    bench.send(bench.decision(urn, "REFUSE", **silent_pair(bench, urn)))
    bench.desk.run()
    assert bench.events()[-1] == ("DECISION_REFUSED", ["REASON"])
    shown = find_deliberation(bench.desk.store, bench.office, bench.case(urn))
    assert shown["left_out"] == [{"item": 0, "office": "governor:WSI"}]
    typed = find_open(bench.desk.store, bench.office, bench.case(urn))
    assert typed.choose((), ["governor:WSI"], False) == silent_pair(bench, urn)["pairs"]
    with pytest.raises(MisuseError, match="Nothing waits"):
        typed.choose((), (), True)
    ask_consent(bench, urn)
    assert "governor:WSI" not in {one.office for one in bench.desk.run()}
    digest = bench.send(bench.decision(urn, **silent_pair(bench, urn)))
    assert "governor:WSI" not in {one.office for one in bench.desk.run()}
    assert bench.state(urn) == "PROPOSED"
    bench.send(bench.agree(digest))
    sent = bench.desk.run()
    assert bench.outcome(urn, "governor:WSI") == ("release", "H5-PRISON")
    assert [one.datum["kind"] for one in sent if one.office == "governor:WSI"] == ["CONDITIONS"]
    assert (bench.state(urn), bench.docket(urn).case("pas")) == ("DECIDED", None)


def test_in_the_place_of_silence_pas_writes_a_text(bench: Bench) -> None:
    urn = publish(bench, **SILENT)
    said = {"text": "An escape is planned; no more can be said.", "grade": "B21"}
    bench.send(bench.decision(urn, "SANITISE", **said, **silent_pair(bench, urn)))
    bench.desk.run()
    assert bench.events()[-1] == ("DECISION_REFUSED", ["CONSENT"])
    ask_consent(bench, urn)
    bench.two(urn, "SANITISE", **said, **silent_pair(bench, urn))
    [body] = texts(bench.desk.run(), "governor:WSI")
    assert body["items"][0]["sanitised"]
    assert bench.outcome(urn, "governor:WSI", 1) == ("release", "H1-PRISON")
    # Of a code 1 text on an escape rule 3 asks what it asks of any.
    case = bench.docket(urn).case("pas")
    assert case is not None
    assert case.reasons == ("R-CATA",)


def test_an_originator_may_insist_on_silence(bench: Bench) -> None:
    """Then somebody answers for it, until a date."""
    urn = publish(bench, **SILENT)
    ask_consent(bench, urn, "REFUSE")
    bench.send(bench.decision(urn, **silent_pair(bench, urn)))
    bench.desk.run()
    assert bench.events()[-1] == ("DECISION_REFUSED", ["CONSENT"])
    assert bench.state(urn) in ("OPEN", "RETURNED")


# --- what a person at PAS reads before deciding, and another database --------------------------------------------------------


def test_whoever_reads_a_held_text_at_pas_is_on_record(bench: Bench) -> None:
    urn = publish(bench, risk_tags=["ESCAPE"], items=[make_item(), make_item(text="Kept at home.", handling="4")], handling=SECRET_TOO)
    texts_of = read_texts(bench.desk.store, bench.office, bench.case(urn), FIRST)
    assert texts_of == [{"item": 0, "grade": "B21", "text": "A parcel will come over the wall at the weekend."}]
    assert bench.events()[-1] == ("CONSULTED", [])
    with pytest.raises(RegisterError, match="nobody of that reference"):
        read_texts(bench.desk.store, bench.office, bench.case(urn), "example-pio-wsi-1")


def test_what_may_be_privileged_is_read_by_its_originator_alone(bench: Bench) -> None:
    item = make_item(text="He spoke to his solicitor about the escape.")
    urn = publish(bench, risk_tags=["ESCAPE"], items=[item])
    with pytest.raises(RegisterError, match="privileged"):
        read_texts(bench.desk.store, bench.office, bench.case(urn), FIRST)


def test_decisions_are_kept_in_postgresql_as_well(pristine: Path, tmp_path: Path, postgres: PrivatePostgres) -> None:
    workspace = settle(copy_estate(pristine, tmp_path / "shared").root, postgres.url(postgres.make_database(), password=None))
    with Desk(workspace) as desk:
        desk.move()
        desk.run()
        bench = Bench(desk)
        urn = publish(bench, risk_tags=["ESCAPE"], **(one_item() | CATA))
        bench.two(urn, office="governor:WSI")
        assert len(texts(desk.run(), "governor:WSI")) == 1
        bench.send(bench.decision(urn, "REFUSE"))
        desk.run()
        assert (bench.state(urn), bench.stored(urn)) == ("DECIDED", 3)


@pytest.mark.parametrize(("data", "told"), [(b"x" * 400_001, "is larger than"), (b"\xff", "cannot be read"), (None, "cannot be read")])
def test_a_text_that_cannot_be_a_reports_is_told(tmp_path: Path, data: bytes | None, told: str) -> None:
    """However long the file is, no more of it is read than a report may have."""
    if data is not None:
        (tmp_path / "text").write_bytes(data)
    with pytest.raises(MisuseError, match=told):
        read_text(tmp_path / "text")
