"""The same events under another policy, against answers worked out by hand."""

import csv
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from infra.backtesting import read_candidate
from infra.errors import WrongSetting
from replay.backtest import Change, Comparison, Window, changes
from replay.backtest_pair import Pair
from replay.backtest_plots import Panel, Series, plot
from replay.backtest_report import Basis, document, files_of
from replay.backtest_teams import NOBODY, Team, Teams
from replay.shadow import Shadow
from replay.states import digests_of
from schemas import events
from schemas.events import Event
from schemas.policy import DEFAULT_POLICY, BadPolicy, Policy, default_policy, parse_policy, policy_text
from schemas.registry import default_registry
from schemas.topics import REFERENCE
from schemas.validity import Limits
from schemas.wire.rows import RowCodec
from streams.risk import Segment
from tests.support.batches import Sent, record_batch
from tests.support.people import DAY, HOUR, MINUTE, NOON, TOKEN, Desk

TEXT = policy_text()
OTHER = "p00" + "b" * 24
ALWAYS = Window(0, NOON + 30 * DAY)


def candidate(*edits: tuple[str, str]) -> Policy:
    """The shipped policy with some settings written over, as another version."""
    text = TEXT.replace("version = 1", "version = 2", 1)
    for old, new in edits:
        assert re.search(old, text, re.DOTALL), old
        text = re.sub(old, new, text, flags=re.DOTALL)
    return parse_policy(text)


LOWER = (r"threshold_tenths = 373", "threshold_tenths = 370")
AT_LEAST_IN_SCHOOLS = (r'(SCHOOL\]\n)comparator = "OVER"', r'\1comparator = "AT_LEAST"')
HALF_A_DAY = (r"(home_province = true\n)hours = 24", r"\1hours = 12")
TWO_DAYS = (r"(home_province = true\n)hours = 24", r"\1hours = 48")
MEDIUM_AREAS_ARE_HIGH = (r'(origin_area.levels\]\n)MEDIUM = "MEDIUM"', r'\1MEDIUM = "HIGH"')
LOW_AREAS_COUNT = (r"(origin_area.levels\]\n)", r'\1LOW = "MEDIUM"\n')


class Read:
    """What a pair of policies makes of some events, and who has the work."""

    def __init__(self, policy: Policy, published: Iterable[Event]) -> None:
        self.teams = Teams()
        self.pair = Pair(default_registry(), policy, 1, Limits(), self.teams.take)
        feed(self.pair, published)

    def compared(self, window: Window = ALWAYS) -> Comparison:
        compared = Comparison(window, self.teams)
        for token in sorted(self.pair.tokens):
            compared.add(*self.pair.conclude(token, window.begin, window.end))
        return compared


def feed(reader: Pair | Shadow, published: Iterable[Event]) -> None:
    """Batches as a broker holds them, reference data first."""
    by_topic: dict[str, list[Sent]] = {}
    for event in published:
        topic, key, row = event.record()
        value = RowCodec(default_registry(), topic).encode(row)
        by_topic.setdefault(topic, []).append(Sent(key, value, row["sent_at"]))
    for topic, sent in sorted(by_topic.items(), key=lambda item: item[0] != REFERENCE.name):
        if topic == REFERENCE.name:
            reader.add_reference([record_batch(sent)])
        else:
            reader.add(topic, 0, [record_batch(sent)])


def compare(policy: Policy, *published: Event, window: Window = ALWAYS) -> Comparison:
    return Read(policy, published).compared(window)


def test_a_lower_threshold_refers_whom_the_old_one_lets_pass() -> None:
    desk = Desk()
    cool = desk.reading(369, NOON, site="gate-1", site_kind="MOTORWAY")
    warm = desk.reading(371, NOON + MINUTE, site="gate-1", site_kind="MOTORWAY", token=OTHER)
    hot = desk.reading(373, NOON + HOUR, site="gate-1", site_kind="MOTORWAY")
    compared = compare(candidate(LOWER), cool, warm, hot)
    new = Segment(NOON + MINUTE, NOON + MINUTE + DAY, "HIGH", "temperature", "joint-control-2020@2", ("desk-1#2",))
    assert compared.changes == [Change(OTHER, new.start, new.until, None, new)]
    assert compared.transitions() == {("NONE", "HIGH"): (1, DAY)}
    gained = compared.referrals(gained=True)
    assert [(one.change.token, one.otherwise, one.decision) for one in gained] == [(OTHER, False, None)]
    assert compared.referrals(gained=False) == []
    gate = Team("site", "gate-1")
    work = {cell: (mine.high, theirs.high) for cell, (mine, theirs) in compared.workload().items()}
    assert work == {(gate, NOON): (0, 1), (gate, NOON + HOUR): (1, 1)}


def test_exactly_37_3_in_a_school_is_refused_by_at_least_and_not_by_over() -> None:
    desk = Desk()
    at_school = desk.reading(373, NOON, site_kind="SCHOOL", slot="MORNING")
    over = desk.reading(374, NOON, site_kind="SCHOOL", slot="MORNING", token=OTHER)
    compared = compare(candidate(AT_LEAST_IN_SCHOOLS), at_school, over)
    assert [(one.token, one.transition) for one in compared.changes] == [(TOKEN, ("NONE", "HIGH"))]
    # One kind of site has its own threshold: elsewhere 37.3 is referred under both.
    elsewhere = desk.reading(373, NOON, site_kind="WORKPLACE")
    assert compare(candidate(AT_LEAST_IN_SCHOOLS), elsewhere).changes == []


def test_twelve_hours_in_place_of_twenty_four_gain_a_breach_and_forty_eight_avoid_one() -> None:
    desk = Desk()
    opened = desk.lead("lead-1", NOON)
    assigned = desk.event(events.LeadDispatched, NOON + HOUR, lead_id="lead-1", unit="team-7")
    done = desk.verified("lead-1", NOON + 20 * HOUR)
    compared = compare(candidate(HALF_A_DAY), opened, assigned, done)
    (breach,) = compared.breaches
    assert (breach.gained, breach.lead_id, breach.deadline_class) == (True, "lead-1", "HOURS_24")
    assert breach.baseline is not None
    assert breach.candidate is not None
    assert (breach.baseline.due_at, breach.candidate.due_at) == (NOON + 24 * HOUR, NOON + 12 * HOUR)
    assert (breach.baseline.done_at, breach.candidate.done_at) == (NOON + 20 * HOUR, NOON + 20 * HOUR)
    assert compared.moved_deadlines == 1
    assert compared.changes == []
    team = Team("unit", "team-7")
    due = {cell: (mine.due, theirs.due) for cell, (mine, theirs) in compared.workload().items()}
    assert due == {(team, NOON + 12 * HOUR): (0, 1), (team, NOON + 24 * HOUR): (1, 0)}

    late = desk.lead("lead-2", NOON), desk.verified("lead-2", NOON + 30 * HOUR)
    (avoided,) = compare(candidate(TWO_DAYS), *late).breaches
    assert (avoided.gained, avoided.lead_id) == (False, "lead-2")
    # Missed under both: late by twenty-four hours and by twelve.
    assert compare(candidate(HALF_A_DAY), *late).breaches == []


def test_a_breach_counts_where_its_deadline_lies() -> None:
    lead = Desk().lead("lead-1", NOON)
    ends = {
        hours: compare(candidate(HALF_A_DAY), lead, window=Window(0, NOON + hours * HOUR)) for hours in (12, 13, 25)
    }
    assert [len(compared.breaches) for compared in ends.values()] == [0, 1, 0]
    after = Window(NOON + 13 * HOUR, NOON + 14 * HOUR)
    assert compare(candidate(HALF_A_DAY), lead, window=after).breaches == []


def test_another_rule_of_tiers_changes_whoever_came_from_there() -> None:
    desk = Desk()
    medium = desk.passage(NOON, origin_area="area-1", origin_tier="MEDIUM")
    low = desk.passage(NOON, origin_area="area-2", origin_tier="LOW", token=OTHER)
    compared = compare(candidate(MEDIUM_AREAS_ARE_HIGH), medium, low)
    assert compared.transitions() == {("MEDIUM", "HIGH"): (1, 14 * DAY)}
    compared = compare(candidate(LOW_AREAS_COUNT), medium, low)
    assert compared.transitions() == {("NONE", "MEDIUM"): (1, 14 * DAY)}
    assert [one.token for one in compared.changes] == [OTHER]


def test_the_tier_of_a_notice_counts_under_the_candidate_too() -> None:
    notice = events.RiskArea.model_validate(
        {"source": "hq", "sequence": 1, "occurred_at": NOON - DAY, "sent_at": NOON - DAY, "zone_offset_minutes": 480}
        | {"entity_id": "area-2", "tier": "LOW", "valid_from": NOON - DAY}
    )
    passage = Desk().passage(NOON, origin_area="area-2")
    assert compare(candidate(LOW_AREAS_COUNT), notice, passage).transitions() == {("NONE", "MEDIUM"): (1, 14 * DAY)}


def test_a_candidate_judges_only_what_was_sent_while_it_is_valid() -> None:
    later = candidate(LOWER, (r"valid_from = [^\n]+", "valid_from = 2020-02-20T00:00:00+08:00"))
    desk = Desk()
    before, after = desk.reading(371, NOON), desk.reading(371, NOON + DAY, token=OTHER)
    assert [one.token for one in compare(later, before, after).changes] == [OTHER]


def test_the_policy_in_effect_under_another_name_changes_nothing() -> None:
    desk = Desk()
    published = [
        desk.reading(380, site_kind="SCHOOL", slot="NOON"),
        desk.passage(health_code="YELLOW", symptoms=["FEVER"]),
        desk.lead("lead-1"),
        desk.verified("lead-1", NOON + 30 * HOUR),
    ]
    compared = compare(candidate((r"source = ", "source = ")), *published)
    assert (compared.changes, compared.breaches, compared.moved_deadlines) == ([], [], 0)
    assert compared.persons == 1
    assert all(mine == theirs for mine, theirs in compared.workload().values())
    same = Read(default_policy(), published)
    compared = same.compared()
    assert compared.baseline.digests == compared.candidate.digests
    assert compared.baseline.digests == digests_of(same.pair.baseline.conclusions(0), ALWAYS.end)


def test_only_what_lies_in_the_window_is_compared() -> None:
    warm = Desk().reading(371, NOON)
    compared = compare(candidate(LOWER), warm, window=Window(NOON + HOUR, NOON + 3 * HOUR))
    assert [(one.start, one.until) for one in compared.changes] == [(NOON + HOUR, NOON + 3 * HOUR)]
    assert compared.transitions() == {("NONE", "HIGH"): (1, 2 * HOUR)}
    assert compared.workload() == {}  # the person came before
    assert compare(candidate(LOWER), warm, window=Window(NOON + DAY, NOON + 2 * DAY)).changes == []


def test_what_was_really_decided_stands_beside_what_would_have_been_advised() -> None:
    desk = Desk()
    warm = desk.reading(371, NOON)
    referred = desk.event(events.Decision, NOON + MINUTE, decision="REFERRED", decided_by_role="nurse")
    wrongly = desk.event(events.Decision, NOON, decision="REFERRED", decided_by_role="nurse", token=OTHER)
    mended = desk.event(
        events.Correction,
        NOON + HOUR,
        corrects_source=wrongly.source,
        corrects_sequence=wrongly.sequence,
        reason="another person",
        token=OTHER,
    )
    compared = compare(candidate(LOWER), warm, referred, wrongly, mended)
    assert set(compared.decided()) == {TOKEN}
    (gained,) = compared.referrals(gained=True)
    assert gained.decision is not None
    assert (gained.decision.event, gained.decision.role) == (str(referred.identity), "nurse")


def segment(start: int, until: int, level: str) -> Segment:
    return Segment(start, until, level, "rule", "policy", (f"e#{start}",))


def test_changes_follow_both_timelines() -> None:
    baseline = [segment(0, 10, "MEDIUM"), segment(10, 20, "HIGH"), segment(30, 40, "MEDIUM")]
    other = [segment(5, 15, "HIGH"), segment(30, 35, "MEDIUM"), segment(35, 40, "MEDIUM")]
    found = [(one.start, one.until, *one.transition) for one in changes(TOKEN, baseline, other, Window(0, 100))]
    assert found == [(0, 5, "MEDIUM", "NONE"), (5, 10, "MEDIUM", "HIGH"), (15, 20, "HIGH", "NONE")]


def test_a_lead_belongs_to_the_last_unit_named_in_any_order() -> None:
    desk = Desk()
    steps = [
        desk.event(events.LeadDispatched, NOON, lead_id="lead-1", unit="team-1"),
        desk.event(events.LeadRerouted, NOON + HOUR, lead_id="lead-1", unit="team-2"),
    ]
    for order in (steps, steps[::-1]):
        assert Read(default_policy(), order).teams.of_lead("lead-1") == Team("unit", "team-2")
    assert Teams().of_lead("lead-1") == NOBODY


BASIS = Basis("p@2", "00", 0, None, ["p@1"], "0", "00", [], None, None)


def test_the_documents_hold_all_and_are_the_same_each_time() -> None:
    desk = Desk()
    published = [
        desk.reading(371, NOON + number * HOUR, token=f"p00{'a' * 22}{end}") for number, end in enumerate(ENDS)
    ]
    published += [desk.lead("lead-1", NOON), desk.verified("lead-1", NOON + 20 * HOUR)]
    policy = candidate(LOWER, HALF_A_DAY)
    files, again = (files_of(BASIS, compare(policy, *order)) for order in (published, published[::-1]))
    assert files == again
    found = json.loads(files["backtest.json"])
    assert found == document(BASIS, compare(policy, *published))
    assert len(list(csv.DictReader(io.StringIO(files["verdict-changes.csv"])))) == len(ENDS)
    assert len(list(csv.DictReader(io.StringIO(files["referrals.csv"])))) == len(ENDS)
    (breach,) = csv.DictReader(io.StringIO(files["breaches.csv"]))
    assert (breach["change"], breach["baseline_outcome"], breach["candidate_outcome"]) == ("GAINED", "MET", "LATE")
    assert "... and 2 more in `referrals.csv`" in files["summary.md"]
    for name in ("verdict-changes.svg", "workload.svg"):
        assert "persons / hour" in " ".join(ElementTree.fromstring(files[name]).itertext())


ENDS = ["aa", "ab", "ac", "ad", "ae", "af", "ag", "ah", "ai", "aj", "ak", "al"]


def test_a_plot_goes_by_the_day_where_there_are_too_many_hours() -> None:
    counts = dict.fromkeys(range(440000, 440000 + 24 * 100, 5), 1)
    text = plot("Counts", [Panel("panel", "persons / {bin}", [Series("changes", counts)])])
    assert "Counts, by day" in text
    assert "persons / day" in text
    assert "there is none" in plot("Counts", [Panel("panel", "persons / {bin}", [Series("changes", {})])])


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ((r"hours = 336", "hours = 0"), "risk.origin_area.hours"),
        ((r"YELLOW = ", "GREEN = "), "risk.health_code.levels.GREEN"),
        (
            (r'(origin_area.levels\]\n)MEDIUM = "MEDIUM"', r'\1NOT_STATED = "MEDIUM"'),
            "risk.origin_area.levels.NOT_STATED",
        ),
        ((r'comparator = "OVER"', 'comparator = "ABOUT"'), "risk.temperature.by_site_kind.SCHOOL.comparator"),
    ],
)
def test_a_bad_candidate_is_answered_by_the_setting(edit: tuple[str, str], says: str) -> None:
    with pytest.raises(BadPolicy, match=re.escape(says)):
        candidate(edit)


def test_a_candidate_is_a_file_or_a_shipped_policy(tmp_path: Path) -> None:
    assert read_candidate(DEFAULT_POLICY).policy == default_policy()
    file = tmp_path / "mine.toml"
    file.write_text(TEXT, encoding="utf-8")
    assert read_candidate(str(file)) == read_candidate(DEFAULT_POLICY)
    file.write_text(TEXT.replace("[follow_up]", "[follow-up]"), encoding="utf-8")
    for name, says in (
        ("no-such", "no policy named no-such"),
        (str(file), "mine.toml: follow"),
        ("no.toml", "no.toml: "),
    ):
        with pytest.raises(WrongSetting, match=says):
            read_candidate(name)


def shadow(policy: Policy) -> Shadow:
    return Shadow(default_registry(), policy, 1, Limits())


def test_a_shadow_tells_of_each_person_once_and_keeps_count() -> None:
    beside, desk = shadow(candidate(LOWER)), Desk()
    warm = desk.reading(371, NOON)
    feed(beside, [warm, desk.reading(360, NOON, token=OTHER)])
    (told,) = beside.settle(NOON)
    assert (told.token, [one.transition for one in told.changes]) == (TOKEN, [("NONE", "HIGH")])
    assert beside.counts(NOON).transitions == {("NONE", "HIGH"): 1}
    feed(beside, [warm])
    assert beside.settle(NOON) == []
    feed(beside, [desk.reading(365, NOON, token=TOKEN, confirms_source="desk-1", confirms_sequence=1)])
    (told,) = beside.settle(NOON + 1)
    assert told.changes == []  # settled at once under both
    assert beside.counts(NOON).persons == 0


def test_a_shadow_tells_of_a_deadline_when_its_time_has_come() -> None:
    beside, desk = shadow(candidate(HALF_A_DAY)), Desk()
    feed(beside, [desk.lead("lead-1", NOON)])
    assert beside.settle(NOON) == []
    assert beside.settle(NOON + 12 * HOUR - 1) == []
    (told,) = beside.settle(NOON + 12 * HOUR)
    assert [(one.gained, one.lead_id) for one in told.breaches] == [(True, "lead-1")]
    assert beside.counts(NOON)[-2:] == (1, 0)
    (told,) = beside.settle(NOON + 24 * HOUR)  # missed under both
    assert told.breaches == []


def test_a_shadow_lets_go_of_what_is_past_its_end() -> None:
    beside, desk = shadow(candidate(LOWER)), Desk()
    feed(beside, [desk.reading(371, NOON)])
    beside.settle(NOON)
    beside.settle(NOON + 60 * DAY)
    assert beside.counts(NOON).persons == 1
    beside.settle(NOON + 100 * DAY)
    assert beside.counts(NOON).persons == 0
