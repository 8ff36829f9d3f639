"""What a home remembers of a campaign."""

import json
from pathlib import Path

import pytest

from infra.campaigning import account_file, account_of, find_campaign, publish_campaign
from infra.errors import CannotRun, MissingPart, WrongSetting
from infra.home import Home
from infra.settings import read_settings

NAME = "qingdao-2020-02-20"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(read_settings(home=tmp_path / "home", clock="event"))


def remember(home: Home, **account: object) -> None:
    file = account_file(home, NAME)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"campaign": NAME, **account}), encoding="utf-8")


def test_another_scale_in_the_same_home_is_refused_before_anything_is_published(home: Home) -> None:
    remember(home, scale=0.01)
    with pytest.raises(WrongSetting, match=r"scale: .*at scale 0.01, and at 1 "):
        publish_campaign(home, find_campaign(NAME), 1.0, lambda _: None)


def test_a_wall_clock_home_takes_no_campaign(tmp_path: Path) -> None:
    wall = Home.open(read_settings(home=tmp_path / "wall", clock="wall"))
    with pytest.raises(WrongSetting, match="brings its own time"):
        publish_campaign(wall, find_campaign(NAME), None, lambda _: None)


def test_a_home_holds_one_campaign_with_its_time_and_its_policy(home: Home) -> None:
    remember(home, scale=0.01)
    with pytest.raises(WrongSetting, match=f"holds {NAME}, whose time and policies are not those of dazhou-2020"):
        publish_campaign(home, find_campaign("dazhou-2020"), None, lambda _: None)


def test_a_campaign_that_was_broken_off_claims_no_figures(home: Home) -> None:
    remember(home, scale=0.01, unfinished=True)
    with pytest.raises(MissingPart, match="in part only"):
        account_of(home, NAME)


def test_an_unknown_campaign_names_those_there_are() -> None:
    with pytest.raises(CannotRun, match=NAME):
        find_campaign("nowhere")
