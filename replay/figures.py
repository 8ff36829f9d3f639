"""The published figures of each campaign."""

from replay.campaigns.campaign import Campaign
from replay.campaigns.qingdao import QINGDAO
from replay.campaigns.qingdao_figures import FIGURES as QINGDAO_FIGURES
from sinks.figures import Figure

_FIGURES = {QINGDAO.name: QINGDAO_FIGURES}


def figures_of(campaign: Campaign) -> tuple[Figure, ...]:
    """Every figure that the campaign's source published, in the order of its rows."""
    return _FIGURES[campaign.name]
