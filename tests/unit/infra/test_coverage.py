"""Coverage of the rows of the source documents: the table, homes, marked tests, and what is a gap."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

from infra.cli import main
from infra.coverage import proving
from infra.coverage.homes import Unresolved, resolve, unresolved
from infra.coverage.judging import judge
from infra.coverage.marks import refuse_unknown_rows
from infra.coverage.outcomes import MarkedTest, Outcome
from infra.coverage.proving import Proof, prove, repository
from infra.coverage.table import Row, UnknownRow, chosen, rows
from infra.errors import MissingPart, PartFailed
from schemas.policy import parse_policy, policy_text

ROWS_OF_DOCUMENT = {"A000": 20, "A001": 20, "A002": 37, "A003": 12, "A004": 23}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_all_112_rows_are_in_the_table_each_once_and_in_order() -> None:
    expected = [f"{document}-{n:02}" for document, last in ROWS_OF_DOCUMENT.items() for n in range(1, last + 1)]
    assert [row.ref for row in rows()] == expected
    assert len(expected) == 112


def test_every_row_is_named_in_both_languages() -> None:
    for row in rows():
        assert CHINESE.search(row.name_zh), row.ref
        assert not CHINESE.search(row.name_en), row.ref


def test_an_id_that_no_document_has_is_refused() -> None:
    with pytest.raises(UnknownRow, match="A000-99"):
        chosen(["A000-01", "A000-99"])
    assert [row.ref for row in chosen(["A004-02", "A000-01"])] == ["A000-01", "A004-02"]


@pytest.mark.parametrize(
    "home",
    [
        "event:follow-ups/LEAD_OPENED",
        "event:follow-ups/LEAD_OPENED.lead_source",
        "reference:RISK_AREA.tier",
        "code:CaseCategory/WILDLIFE",
        "rule:streams.enforcement.case_of",
        "rule:schemas.policy.PolicyBook.in_effect",
        "deadline:joint-control-2020/HOURS_24",
        "risk:joint-control-2020/symptoms",
        "view:checkline.lead_states",
        "view:checkline_restricted.urgent_care",
        "figure:A000-06",
        "figure:A000-06/total",
        "campaign:qingdao-2020-02-20",
    ],
)
def test_a_home_that_is_there_resolves(home: str) -> None:
    resolve(home)


@pytest.mark.parametrize(
    ("home", "reason"),
    [
        ("event:follow-ups/LEAD_LOST", "no event of kind LEAD_LOST"),
        ("event:check-ins/LEAD_OPENED", "no event of kind LEAD_OPENED on check-ins"),
        ("event:follow-ups/LEAD_OPENED.passport", "no field passport"),
        ("reference:CONTINENT", "no event of kind CONTINENT"),
        ("code:CaseCategory/REFUSAL", "no such code"),
        ("code:Absent/REFUSAL", "no such code"),
        ("code:StrEnum/REFUSAL", "no such code"),
        ("rule:absent.rule", "No module named"),
        ("rule:streams.enforcement.absent", "has no attribute 'absent'"),
        ("deadline:joint-control-2020/HOURS_25", "the policy states HOURS_24, HOURS_48, SAME_DAY"),
        ("deadline:absent-2020/HOURS_24", "no policy named absent-2020"),
        ("risk:joint-control-2020/mood", "the policy states"),
        ("view:checkline.absent", "no migration makes it"),
        ("figure:A000-0", "no campaign has such a figure"),
        ("figure:A000-06/totals", "no campaign has such a figure"),
        ("campaign:absent", "there is"),
        ("text:anything", "no such kind of home"),
        ("nothing", "no such kind of home"),
    ],
)
def test_a_home_that_is_not_there_says_so(home: str, reason: str) -> None:
    with pytest.raises(Unresolved, match=reason) as caught:
        resolve(home)
    assert str(caught.value).startswith(home)


@pytest.mark.parametrize("one", rows(), ids=lambda one: one.ref)
def test_every_home_of_every_row_is_there(one: Row) -> None:
    assert unresolved(one.homes) == []


@pytest.mark.parametrize("name", ["qingdao-2020", "dazhou-2020", "weihai-2020", "quanzhou-2020", "bayannur-2020"])
def test_every_rule_that_a_policy_takes_from_its_own_source_is_a_home_of_that_row(name: str) -> None:
    policy = parse_policy(policy_text(name), name)
    homes = {one.ref: one.homes for one in rows()}
    parts = {
        "duty": policy.duties,
        "schedule": policy.schedules,
        "programme": policy.programmes,
        "admission": policy.admission,
        "flow": policy.flows,
        "measure": policy.measures,
        "population": policy.populations,
        "reserve": policy.reserves,
    }
    stated = [(rule.source[:7], f"{kind}:{name}/{rule.name}") for kind, rules in parts.items() for rule in rules]
    own = [(ref, home) for ref, home in stated if ref in homes]
    assert own
    assert [(ref, home) for ref, home in own if home not in homes[ref]] == []


def test_every_row_is_claimed_by_a_test() -> None:
    proof = prove(repository(), run=False)
    assert [judged.row.ref for judged in judge(rows(), proof.tests, run=False) if judged.holds is False] == []


def row(ref: str = "A000-01", *homes: str) -> Row:
    return Row(ref=ref, name_en="one", name_zh="一", carrier="DI", homes=homes or ("event:reports/INDICATOR",))


def marked(node: str, outcome: Outcome, *refs: str) -> MarkedTest:
    return MarkedTest(node, frozenset(refs or ("A000-01",)), outcome)


def test_a_row_holds_by_its_homes_and_all_its_tests() -> None:
    passed = [marked("t.py::test_one[a]", Outcome.PASSED), marked("t.py::test_one[b]", Outcome.PASSED)]
    (judged,) = judge([row()], passed)
    assert judged.as_json() == {
        "ref": "A000-01",
        "name_en": "one",
        "name_zh": "一",
        "carrier": "DI",
        "home": "event:reports/INDICATOR",
        "test": "t.py::test_one",
        "holds": True,
    }


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SKIPPED, Outcome.NOT_RUN])
def test_one_test_that_did_not_pass_is_a_gap(outcome: Outcome) -> None:
    tests = [marked("t.py::test_one", Outcome.PASSED), *(marked(f"t.py::test_two[{n}]", outcome) for n in (1, 2))]
    (judged,) = judge([row()], tests)
    assert (judged.holds, judged.gaps) == (False, (f"{outcome.value}: t.py::test_two (2)",))


def test_a_row_without_a_test_of_its_own_is_a_gap() -> None:
    (judged,) = judge([row()], [marked("t.py::test_one", Outcome.PASSED, "A000-02")])
    assert (judged.holds, judged.gaps) == (False, ("no test",))


def test_a_row_whose_home_is_gone_is_a_gap_whatever_its_tests_say() -> None:
    (judged,) = judge([row("A000-01", "view:checkline.absent")], [marked("t.py::test_one", Outcome.PASSED)])
    assert (judged.holds, judged.gaps) == (False, ("view:checkline.absent: no migration makes it",))


def test_what_was_not_run_holds_nothing() -> None:
    (judged,) = judge([row()], [marked("t.py::test_one", Outcome.NOT_RUN)], run=False)
    assert judged.holds is None


TREE = """
import pytest

@pytest.mark.row("A000-01", "A000-02")
@pytest.mark.parametrize("n", [1, 2])
def test_parametrised(n): assert n

@pytest.mark.row("A000-03")
def test_failing(): assert 1 == 2

@pytest.mark.row("A000-04")
def test_skipped(): pytest.skip("not here")

@pytest.mark.row("A000-05")
@pytest.mark.xfail
def test_expected_to_fail(): assert 1 == 2

@pytest.fixture
def torn():
    yield
    raise OSError("cannot be cleared away")

@pytest.mark.row("A000-06")
def test_torn(torn): pass

@pytest.mark.row("A000-07")
class TestOfClass:
    @pytest.mark.row("A000-08")
    def test_within(self): pass

def test_unmarked(): raise AssertionError("must not run")
"""


def grown(root: Path, text: str = TREE) -> Path:
    """A repository with a few tests."""
    (root / "tests").mkdir()
    (root / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n", encoding="utf-8")
    (root / "tests" / "test_tree.py").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """What became of all tests of a repository."""
    return prove(grown(tmp_path_factory.mktemp("tree")))


def outcomes(proof: Proof) -> dict[str, str]:
    return {test.node.removeprefix("tests/test_tree.py::"): test.outcome.value for test in proof.tests}


def test_marked_tests_are_run_and_no_others(proof: Proof) -> None:
    assert outcomes(proof) == {
        "test_parametrised[1]": "passed",
        "test_parametrised[2]": "passed",
        "test_failing": "failed",
        "test_skipped": "skipped",
        "test_expected_to_fail": "skipped",
        "test_torn": "failed",
        "TestOfClass::test_within": "passed",
    }
    assert {test.node.partition("::")[2]: set(test.rows) for test in proof.tests}["TestOfClass::test_within"] == {
        "A000-07",
        "A000-08",
    }


def test_only_tests_of_the_rows_asked_for_are_run_and_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    tree = grown(tmp_path)
    (tree / "tests" / "test_broken.py").write_text("import absent", encoding="utf-8")
    proof = prove(tree, ["A000-03", "A000-07"])
    assert outcomes(proof) == {"test_failing": "failed", "TestOfClass::test_within": "passed"}
    assert proof.uncollected == ("tests/test_broken.py",)


def test_listing_runs_nothing(tmp_path: Path) -> None:
    assert set(outcomes(prove(grown(tmp_path), run=False)).values()) == {"not run"}


def test_a_tree_without_marked_tests_proves_nothing(tmp_path: Path) -> None:
    assert prove(grown(tmp_path, "def test_one(): pass")).tests == ()


def test_a_run_that_gives_no_answer_is_no_proof(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tree = grown(tmp_path, "import pytest\n@pytest.mark.row('A000-99')\ndef test_one(): pass")
    with pytest.raises(PartFailed, match="pytest ended with status 4"):
        prove(tree)
    assert "test_tree.py::test_one: no source document has a row A000-99" in capfd.readouterr().err


class Marked(NamedTuple):
    """What is asked of a test when its marks are read."""

    mark: pytest.Mark
    nodeid: str = "t.py::test_one"

    def iter_markers(self, name: str) -> list[pytest.Mark]:
        return [self.mark]


@pytest.mark.parametrize(
    "mark",
    [
        pytest.mark.row("A000-99"),
        pytest.mark.row("A0"),
        pytest.mark.row(),
        pytest.mark.row(also="A000-02"),
        pytest.mark.row("A000-01", also="A000-02"),
        pytest.mark.row("A000-01", "A000-21"),
    ],
)
def test_a_mark_that_names_no_row_is_refused(mark: pytest.MarkDecorator) -> None:
    refuse_unknown_rows([cast(pytest.Item, Marked(pytest.mark.row("A000-01").mark))])
    with pytest.raises(pytest.UsageError, match=r"t\.py::test_one: "):
        refuse_unknown_rows([cast(pytest.Item, Marked(mark.mark))])


def test_without_the_repository_there_is_nothing_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = SimpleNamespace(__file__=str(tmp_path / "site-packages" / "infra" / "__init__.py"))
    monkeypatch.setattr(proving, "infra", installed)
    with pytest.raises(MissingPart, match="working copy of the repository"):
        repository()


def status_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["checkline", "coverage", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def on_tree(proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command counts what `proof` holds."""

    def proven(root: Path, refs: list[str], run: bool) -> Proof:
        tests = [test if run else test._replace(outcome=Outcome.NOT_RUN) for test in proof.tests]
        return proof._replace(tests=tuple(test for test in tests if not refs or test.rows & set(refs)))

    monkeypatch.setattr(proving, "prove", proven)


@pytest.mark.usefixtures("on_tree")
def test_the_command_writes_one_document_and_says_no_while_a_gap_is_left(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status_of(monkeypatch, "--json") == 1
    out, err = capfd.readouterr()
    document: dict[str, list[dict[str, Any]]] = json.loads(out)
    assert list(document) == ["rows"]
    assert len(document["rows"]) == 112
    assert {frozenset(one) for one in document["rows"]} == {
        frozenset({"ref", "name_en", "name_zh", "carrier", "home", "test", "holds"})
    }
    holding = {one["ref"] for one in document["rows"] if one["holds"]}
    assert holding == {"A000-01", "A000-02", "A000-07", "A000-08"}
    assert "A000-03: failed: tests/test_tree.py::test_failing (1)" in err
    assert "A004-23: no test" in err


@pytest.mark.usefixtures("on_tree")
def test_the_command_says_yes_where_all_rows_asked_for_hold(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status_of(monkeypatch, "--row", "A000-07", "--row", "A000-01") == 0
    out, err = capfd.readouterr()
    assert [line.split()[0] for line in out.splitlines() if line.startswith("A0")] == ["A000-01", "A000-07"]
    assert "2 rows, 0 with a gap; 3 tests run in " in err


@pytest.mark.usefixtures("on_tree")
def test_the_command_lists_without_running(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert status_of(monkeypatch, "--list", "--json", "--row", "A000-03") == 0
    (listed,) = json.loads(capfd.readouterr().out)["rows"]
    assert (listed["test"], listed["holds"]) == ("tests/test_tree.py::test_failing", None)


@pytest.mark.usefixtures("on_tree")
def test_a_row_that_there_is_not_is_a_wrong_call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status_of(monkeypatch, "--row", "A009-01") == 2
    assert "A009-01" in capfd.readouterr().err


def test_the_command_needs_the_tests(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def absent() -> Path:
        raise MissingPart("the tests are not there")

    monkeypatch.setattr(proving, "repository", absent)
    assert status_of(monkeypatch) == 2
    assert capfd.readouterr() == ("", "checkline: the tests are not there\n")
