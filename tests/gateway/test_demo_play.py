"""The demo played once: every check holds, and each of them notices when what it looks at is not so."""

from __future__ import annotations

import copy
import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copying import copy_workspace, unchanged
from pas_gateway.demo import show
from pas_gateway.demo.accounts import account
from pas_gateway.demo.checks import CHECKS, Check, check_all
from pas_gateway.demo.disclosed import find_leaks
from pas_gateway.demo.letters import Letter, Post, read_post, read_topic
from pas_gateway.demo.outcomes import compare
from pas_gateway.demo.playing import Played, Step
from pas_gateway.demo.run import FORGER, play
from pas_gateway.demo.stage import choose_folder
from pas_gateway.demo.strangers import try_strangers
from pas_gateway.office import PasOffice
from pas_gateway.register import open_store
from pas_gateway.replay import Replay, Tally
from pas_schemas.codec import decode
from pas_schemas.topics import QUARANTINE, REPLIES, REPORTS
from pas_transport.console import Console
from pas_transport.log import Outgoing
from pas_transport.workspace import open_workspace

# What its tests share is made once: in one process.
pytestmark = pytest.mark.xdist_group("demo-played")

REPORTED = ("01/IR/2015/004711", "WSI/SIR/2015/000982")


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return []


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> Iterator[Played]:
    """One show with some thirty generated reports, for every test here; none may change it."""
    warned: list[str] = []
    done = play(tmp_path_factory.mktemp("demo") / "ws", 30, 11, {}, lambda sentence, hint: warned.append(sentence), steps.append)
    assert warned == []
    with unchanged(done.workspace.root):
        yield done


@pytest.fixture(scope="module")
def checked(played: Played) -> list[Check]:
    return list(check_all(played))


@pytest.fixture
def another(played: Played, tmp_path: Path) -> Played:
    """The same in a copy of its workspace, which a test may spoil."""
    root = copy_workspace(played.workspace.root, tmp_path / "ws")
    return replace(played, workspace=open_workspace(root, environment={}))


def look(number: int, played: Played) -> list[str]:
    """The mistakes that one check finds."""
    return CHECKS[number][1](played)[0]


def with_post(played: Played, office: str, change: Callable[[tuple[Letter, ...]], tuple[Letter, ...]], when: str = "last") -> Played:
    post: Post = getattr(played, when)
    return replace(played, **{when: Post({**post.letters, office: change(post.letters[office])}, post.unopened)})


def test_every_check_holds(checked: list[Check]) -> None:
    assert [(check.name, check.evidence) for check in checked if not check.holds] == []
    assert [check.name for check in checked] == [name for name, _ in CHECKS]


def test_its_history_comes_out_as_it_was(played: Played) -> None:
    """A transfer, conditions accepted, repeats and forgeries among what came: each decision is made again to the letter."""
    office, store = PasOffice.of(played.workspace), open_store(played.workspace.register_url)
    replay = Replay(office, office.rulebook, played.workspace.directory_store.read)
    with store.reading() as register:
        assert sum(replay.run(register)) > 20
    store.close()
    assert replay.tally == Tally(read=replay.tally.read)


def test_steps_are_told_as_they_are_done(steps: list[Step], played: Played) -> None:
    assert steps == played.steps
    assert len(steps) == 14
    assert all(step.seconds >= 0 and step.result for step in steps)


def test_the_show_holds_every_kind_of_end(played: Played) -> None:
    assert played.totals["quarantined"] == 3
    assert played.totals["duplicate"] >= 2
    assert played.totals["rejected"] >= 2
    assert played.receipts["conditions accepted"] >= 1
    assert played.receipts["set aside"] == 0
    assert played.receipts["taken"] == played.totals["sent"] == played.last.count
    assert played.after.unopened == played.last.unopened == ()


def test_forged_records_are_set_aside_and_the_forger_is_told(played: Played) -> None:
    with played.workspace.log() as log:
        reasons = Counter(decode(taken.value, "quarantine").datum["reason"] for taken in read_topic(log, (QUARANTINE.name,)))
    assert len(reasons) == 3
    assert reasons["WRONG_SENDER"] == 1
    told = [notice.word for letter in played.after.letters[FORGER] for notice in letter.delivery.notices]
    assert told.count("QUARANTINED") == 1


def test_it_shows_journeys_and_no_content(played: Played, checked: list[Check]) -> None:
    out = io.StringIO()
    console = Console(out=out, err=out)
    for step in played.steps:
        show.show_step(console, step)
    show.show_story(console, played)
    show.show_withheld(console, played)
    show.show_transfer(console, played)
    show.show_cases(console, played.closing)
    show.show_counts(console, played)
    for check in checked:
        show.show_check(console, check)
    show.show_end(console, played.workspace.root, 1.0, [])
    text = out.getvalue()
    assert all(report["urn"] in text for report in played.story.reports)
    assert "\x1b" not in text
    for report in (*played.reports, *played.story.later):
        assert all(item["text"] not in text for item in report["items"])
        assert all(person["family_name"] not in text for person in report["subjects"])


def test_a_failed_check_is_shown_as_one(played: Played) -> None:
    out = io.StringIO()
    failed = Check("Nothing withheld was sealed to anybody", False, "pio:ZZI holds it")
    show.show_check(Console(out=out), failed)
    show.show_end(Console(out=out), played.workspace.root, 1.0, [failed])
    assert "pio:ZZI holds it" in out.getvalue()
    assert "1 check failed: Nothing withheld" in out.getvalue()
    assert "Every check holds" not in out.getvalue()


# --- each check sees what it is there to see --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer["outcomes"][0]["items"][0].update(verdict="release"),
        lambda answer: answer["outcomes"][0]["items"][0].update(rule="H1-OWN"),
        lambda answer: answer["outcomes"].pop(),
        lambda answer: answer["outcomes"][1]["obligations"].append("EVALUATE"),
        lambda answer: answer["cases"].clear(),
        lambda answer: answer["gates"].append({"gate": "G-CATA", "effect": "hold"}),
        lambda answer: answer.update(status="REJECTED"),
    ],
)
def test_another_story_is_noticed(played: Played, change: Callable[[dict[str, Any]], object]) -> None:
    expected = copy.deepcopy(played.story.expected)
    change(expected[0])
    other = replace(played, story=replace(played.story, expected=expected))
    assert look(0, other) == [f"{REPORTED[0]} came out otherwise than expected.ndjson says"]


def test_a_lost_or_added_attempt_is_noticed(played: Played) -> None:
    story = played.story
    assert compare(story.reports, story.expected, [story.reports[0]], played.decided) == []
    assert compare(story.reports, story.expected, [], played.decided) == [REPORTED[0]]
    assert compare(story.reports, story.expected, [story.reports[0], story.reports[1]], played.decided) == [REPORTED[1]]
    missing = {name: traced for name, traced in played.decided.items() if name[1] != REPORTED[1]}
    assert compare(story.reports, story.expected, [story.reports[0]], missing) == [REPORTED[1]]


def test_an_untold_originator_is_noticed(played: Played) -> None:
    """Without its ACCEPTED notice a report has no end; a second one is one too many."""
    told = [letter for letter in played.last.letters["force:01"] if letter.delivery.urn == REPORTED[0]]
    notice = next(letter for letter in told if any(one.word == "ACCEPTED" for one in letter.delivery.notices))
    untold = with_post(played, "force:01", lambda letters: tuple(letter for letter in letters if letter is not notice))
    twice = with_post(played, "force:01", lambda letters: (*letters, notice))
    for other, times in ((untold, 0), (twice, 2)):
        found = look(2, other)
        assert f"{REPORTED[0]} was sent, and accepted {times} times" in found


def test_an_untold_refusal_is_noticed(played: Played) -> None:
    def keep(letters: tuple[Letter, ...]) -> tuple[Letter, ...]:
        return tuple(letter for letter in letters if not any(notice.word == "REJECTED" for notice in letter.delivery.notices))

    found = look(2, with_post(played, "security:LEI", keep))
    assert "of LEI/SIR/2015/000400 there are 1 refusals, and its originator was told 0 times" in found


def test_a_record_nobody_took_in_is_noticed(another: Played) -> None:
    with another.workspace.log() as log:
        (taken,) = [taken for taken in read_topic(log, (REPORTS.name,)) if taken.offset == 0 and taken.partition.number == 0]
        log.append([Outgoing(REPORTS.name, bytes(16), b"no record"), Outgoing(REPORTS.name, taken.key, taken.value)])
        found = account(log, PasOffice.of(another.workspace), another.after)
    assert sum("cannot be opened and is not in quarantine" in problem for problem in found.problems) == 1
    mistakes = look(2, another)
    assert any("the gateway counted" in mistake for mistake in mistakes)


def test_an_answer_to_nothing_is_noticed(another: Played) -> None:
    with another.workspace.log() as log:
        reply = next(read_topic(log, (REPLIES.name,)))
        log.append([Outgoing(REPLIES.name, bytes(16), reply.value)])
        found = account(log, PasOffice.of(another.workspace), another.after)
    assert any("answers what its office was never sent" in problem for problem in found.problems)


def test_a_key_that_opens_anothers_record_is_noticed(played: Played) -> None:
    """The record of one office laid into another's topic: its own key fails, and a stranger's opens it."""
    letters = {**played.after.letters, "pio:BAI": played.after.letters["security:BAI"]}
    trial = try_strangers(played.workspace, Post(letters, ()), 1)
    assert trial.own == trial.locks - 1
    assert "security:BAI opens what is for pio:BAI" in trial.opened


def test_a_trial_tries_every_pair(played: Played) -> None:
    trial = try_strangers(played.workspace, played.after, 2)
    assert not trial.opened
    assert trial.locks == len(played.after.letters) == trial.own
    assert trial.tries == trial.pairs == trial.locks * (trial.keys - 1)
    assert trial.keys == 467


def test_a_held_item_that_was_sent_is_noticed(played: Played) -> None:
    """Had policy held for pio:WSI what it was sent, the check would say so."""
    held = copy.deepcopy(dict(played.decided))
    for outcome in held["force:01", REPORTED[0]]["outcomes"]:
        for item in outcome["items"]:
            item["verdict"] = "hold" if outcome["office"] == "pio:WSI" else item["verdict"]
    found = find_leaks(played.reports, [held], played.before)
    assert f"pio:WSI was given more of {REPORTED[0]} than was released to it" in found.leaks
    assert not find_leaks(played.reports, [played.decided], played.before).leaks


def test_a_text_before_the_conditions_is_noticed(played: Played) -> None:
    def turn(letters: tuple[Letter, ...]) -> tuple[Letter, ...]:
        return tuple(letter for letter in letters if letter.delivery.kind != "CONDITIONS")

    assert look(5, with_post(played, "security:LEI", turn, "after")) == ["security:LEI was sent DISCLOSURE"]


def test_a_transfer_that_did_not_happen_is_noticed(played: Played) -> None:
    found = look(6, replace(played, final=played.settled))
    assert "governor:BAI is not hold by R-SENIORITY" in found
    assert "security:WSI was not withdrawn" in found


def test_a_governor_who_was_not_briefed_is_noticed(played: Played) -> None:
    [mistake] = look(7, with_post(played, "governor:BAI", lambda _letters: ()))
    assert mistake.startswith("governor:BAI was given 0 texts")
    assert look(7, replace(played, closing=played.final)) == ["governor:BAI has not said what was done"]


def test_silence_that_nobody_asks_about_again_is_noticed(played: Played) -> None:
    def forget(letters: tuple[Letter, ...]) -> tuple[Letter, ...]:
        last = max((one for one in letters if one.delivery.urn == "01/IR/2015/004790"), key=lambda one: one.delivery.n)
        return tuple(one for one in letters if one is not last)

    assert look(8, with_post(played, "fib:01", forget)) == ["fib:01 heard that its case waits, waits no longer"]


@pytest.mark.parametrize("again", [False, True])
def test_a_rung_left_out_or_climbed_twice_is_noticed(played: Played, again: bool) -> None:
    def change(letters: tuple[Letter, ...]) -> tuple[Letter, ...]:
        rung = next(one for one in letters if any(word.word == "OVERDUE" for word in one.delivery.notices))
        return (*letters, rung) if again else tuple(one for one in letters if one is not rung)

    assert look(9, with_post(played, "security:LEI", change)) == [f"security:LEI was told {3 if again else 1} times and not twice"]


def test_an_inbox_that_misses_something_is_noticed(another: Played) -> None:
    shutil.rmtree(another.workspace.inbox_dir("pio:LEI"))
    assert look(len(CHECKS) - 1, another) == ["the inbox of pio:LEI is not what its topic holds"]


def test_a_check_that_cannot_look_fails(another: Played) -> None:
    shutil.rmtree(another.workspace.keys_dir / "pas")
    found = next(check for check in check_all(another) if check.name == CHECKS[2][0])
    assert not found.holds
    assert "keys of pas" in found.evidence


def test_post_is_read_with_the_offices_own_keys(another: Played) -> None:
    """With another's keys in its place, an office's records are told as unopened."""
    keys = another.workspace.keys_dir
    shutil.rmtree(keys / "security.LEI")
    shutil.copytree(keys / "security.BAI", keys / "security.LEI")
    with another.workspace.log() as log:
        post = read_post(another.workspace, log)
    assert {taken.partition.topic for taken in post.unopened} == {"pas.deliveries.security.LEI"}
    assert post.count + len(post.unopened) == another.last.count


def test_a_folder_is_chosen_that_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert choose_folder(Path("here")) == tmp_path / "here"
    assert choose_folder(None) == tmp_path / "demo"
    (tmp_path / "demo").mkdir()
    other = choose_folder(None)
    assert other.name == "demo"
    assert other.parent != tmp_path
    assert not other.exists()
