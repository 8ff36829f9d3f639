"""Campaigns by name."""

from types import MappingProxyType

from replay.campaigns.bayannur import BAYANNUR
from replay.campaigns.campaign import Campaign
from replay.campaigns.dazhou import DAZHOU
from replay.campaigns.qingdao import QINGDAO
from replay.campaigns.quanzhou import QUANZHOU
from replay.campaigns.weihai import WEIHAI

CAMPAIGNS: MappingProxyType[str, Campaign] = MappingProxyType(
    {campaign.name: campaign for campaign in (QINGDAO, DAZHOU, WEIHAI, QUANZHOU, BAYANNUR)}
)


class UnknownCampaign(LookupError):
    """There is no campaign of that name; the text names those there are."""


def campaign_named(name: str) -> Campaign:
    """The campaign of a name. Raises `UnknownCampaign`."""
    try:
        return CAMPAIGNS[name]
    except KeyError:
        raise UnknownCampaign(f"no campaign named {name}: there is {', '.join(CAMPAIGNS)}") from None
