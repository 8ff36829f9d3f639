"""Every number of the Weihai yearbook as a query, with its row, unit and precision, as of the end of 2020 (seed 002).

60.34 % is held as 6,034 hundredths of a per cent, a unit of its own, so that it keeps its digits and is never added to
whole per cents. Numbers of documents, dates, kinds of equipment and values of rules are no figures.
"""

from replay.campaigns.figure_queries import counted, exact, in_force, reported_as_of
from replay.campaigns.weihai_arrivals import REGISTERED, STATION_POLICE, TRANSFERRED
from replay.campaigns.weihai_calendar import AS_OF, PERIOD_UNTIL
from replay.campaigns.weihai_cases import (
    CASES,
    COAST,
    FINES_YUAN,
    FOUND,
    NOTICES,
    PERSONS,
    POLICE,
    SOLVED_ON_SITE,
    SUPERVISION,
    VESSEL_CASES,
)
from replay.campaigns.weihai_episodes import (
    CENTRAL_QUARANTINE,
    FOREIGN_ARRIVAL,
    FOREIGNERS,
    QUARANTINED,
)
from replay.campaigns.weihai_indicators import INDICATORS
from replay.campaigns.weihai_leads import (
    DATA_DESK,
    DESK_QUERIES,
    FOLLOWED_UP,
    OVERSEAS,
    POINT_TO_POINT,
    RISK_AREA,
)
from replay.campaigns.weihai_places import (
    COLD_CHAIN_FIRMS,
    CONTAINER_FIRMS,
    DEPARTMENT_STORES,
    ESTATES,
    LABORATORIES,
    LEADER,
    OPEN_ESTATES,
    PASSES,
    QUAYS,
    REGISTRY,
    STATION_SITES,
)
from replay.campaigns.weihai_places import STOCKS as RESOURCES
from replay.campaigns.weihai_reports import STOCKS, SUPPLIES
from replay.campaigns.weihai_sampling import (
    ABROAD,
    FROM_ABROAD,
    FROM_KEY_AREAS,
    KEY_AREA,
    KEY_CLASSES,
    KEY_POPULATION_TESTS,
    RETURNEES,
)
from replay.campaigns.weihai_schools import SURVEYED
from replay.campaigns.weihai_sea import CHECKED
from schemas.codes import CaseProcedure, SubjectKind, UnitOfCount
from sinks.figures import Figure

_U = UnitOfCount
_OURS = "wh-%"


def _exact(ref: str, english: str, chinese: str, unit: UnitOfCount, published: int, query: str) -> Figure:
    return exact(ref, english, chinese, unit, published, AS_OF, query)


def _many(
    ref: str,
    english: str,
    chinese: str,
    unit: UnitOfCount,
    published: int,
    query: str,
    *,
    rounded_to: int = 1,
    lower_bound: bool = False,
) -> Figure:
    """A figure of which a run at a smaller scale generates a part."""
    return Figure(ref, english, chinese, unit, published, rounded_to, lower_bound, AS_OF, query, True)


def _counted(table: str, what: str, condition: str) -> str:
    return counted(table, what, _OURS, condition, PERIOD_UNTIL)


def _registered(condition: str) -> str:
    """Entities of the registry, whether they are in force at the end of the year or were for a time."""
    return counted("reference", "uniqExact(entity_id)", REGISTRY, condition, PERIOD_UNTIL)


def _among(column: str, names: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(name) for name in names)})"


def _isolation_and_tests() -> list[Figure]:
    quarantine = f"kind = 'QUARANTINE_STARTED' AND programme = '{CENTRAL_QUARANTINE}' AND place = 'INSTITUTIONAL'"
    classes = _among("population", tuple(one.population for one in KEY_CLASSES))
    taken = "kind = 'TEST_TAKEN'"

    def tests(condition: str) -> str:
        return _counted("follow_ups", "uniqExact(task)", f"{taken} AND {condition}")

    time = _U.PERSON_TIME
    return [
        _many(
            "A002-01/quarantined",
            "central quarantines",
            "集中医学隔离2594人次",
            time,
            QUARANTINED,
            _counted("follow_ups", "uniqExact(task)", quarantine),
        ),
        _many(
            "A002-02/returnees",
            "tests of people who return",
            "检测各类返威人员19043人次",
            time,
            RETURNEES,
            tests("population LIKE 'RETURNEE_%'"),
        ),
        _many(
            "A002-02/abroad",
            "of them: entered the country outside the province",
            "其中省外入境2100人次",
            time,
            FROM_ABROAD,
            tests(f"population = '{ABROAD}'"),
        ),
        _many(
            "A002-02/key-areas",
            "of them: from key epidemic areas",
            "其中各疫情重点地区到威返威人员1.6万人次",
            time,
            FROM_KEY_AREAS,
            tests(f"population = '{KEY_AREA}'"),
            rounded_to=1000,
        ),
        _exact(
            "A002-03/classes",
            "classes of key populations",
            "16类重点人群",
            _U.CLASS,
            len(KEY_CLASSES),
            _counted("follow_ups", "uniqExact(population)", f"{taken} AND {classes}"),
        ),
        _many(
            "A002-03/tests",
            "tests of key populations",
            "检测61837人次",
            time,
            KEY_POPULATION_TESTS,
            tests(classes),
        ),
        _exact(
            "A002-26/foreigners",
            "foreigners received",
            "全年接收入境到威外国人661人",
            _U.PERSON,
            FOREIGNERS,
            _counted(
                "follow_ups",
                "uniqExact(token)",
                f"kind = 'FOLLOW_UP_STARTED' AND programme = '{FOREIGN_ARRIVAL}'",
            ),
        ),
    ]


def _leads() -> list[Figure]:
    time = _U.PERSON_TIME

    def verified(programme: str) -> str:
        opened = f"kind = 'LEAD_OPENED' AND programme = '{programme}'"
        leads = f"SELECT lead_id FROM checkline.valid_follow_ups WHERE {opened}"
        return _counted("follow_ups", "uniqExact(lead_id)", f"kind = 'LEAD_VERIFIED' AND lead_id IN ({leads})")

    pushed = f"kind = 'LEAD_OPENED' AND programme = '{OVERSEAS}'"
    queries = f"kind = 'ATTEMPT' AND method = 'SYSTEM' AND unit = '{DATA_DESK}'"
    return [
        _many(
            "A002-06/followed-up",
            "follow-ups of people from overseas and risk areas",
            "累计随访境外入鲁和风险地区到威人员38340人次",
            time,
            FOLLOWED_UP,
            verified(RISK_AREA),
        ),
        _exact(
            "A002-06/leaders",
            "leader in charge of a station's follow-up team",
            "由1名派出所领导专管",
            _U.PERSON,
            1,
            in_force("max(quantity)", REGISTRY, f"kind = 'RESOURCE' AND item = '{LEADER}'", PERIOD_UNTIL),
        ),
        _exact(
            "A002-09/queries",
            "followed up and checked through platforms",
            "通过各类数据平台随访、核录2386人次",
            time,
            DESK_QUERIES,
            _counted("follow_ups", "count()", queries),
        ),
        _exact(
            "A002-10/point-to-point",
            "point-to-point pushes of people from overseas",
            "推送“点对点”境外返鲁人员信息393人次",
            time,
            POINT_TO_POINT,
            _counted("follow_ups", "uniqExact(lead_id)", pushed),
        ),
    ]


def _resources() -> list[Figure]:
    return [
        _exact(
            f"{row}/{item}",
            english,
            chinese,
            unit,
            quantity,
            in_force("sum(quantity)", REGISTRY, f"kind = 'RESOURCE' AND item = '{item}'", PERIOD_UNTIL),
        )
        for item, row, quantity, unit, english, chinese in RESOURCES
    ]


def _registry() -> list[Figure]:
    closed = "kind = 'CLOSURE_ORDER' AND category = 'ESTATE_CLOSURE'"
    of_kind = "SELECT entity_id FROM checkline.valid_reference WHERE kind = 'SITE' AND category = 'OPEN_ESTATE'"
    hours = "dateDiff('hour', min(valid_from), max(valid_from))"

    def unit(category: str) -> str:
        return _registered(f"kind = 'UNIT' AND category = '{category}'")

    return [
        _exact(
            "A002-04/institutions",
            "institutions that can test",
            "4家机构具备核酸检测能力",
            _U.OFFICE,
            LABORATORIES,
            unit("PCR_LABORATORY"),
        ),
        _exact(
            "A002-17/passes",
            "emergency vehicle passes",
            "车辆通行证45份",
            _U.COPY,
            PASSES,
            _registered("kind = 'PASS' AND category = 'EMERGENCY_SUPPLIES_VEHICLE'"),
        ),
        _exact(
            "A002-18/cold-chain",
            "cold-chain food carriers",
            "从事冷链食品运输企业12家",
            _U.OFFICE,
            COLD_CHAIN_FIRMS,
            unit("COLD_CHAIN"),
        ),
        _exact(
            "A002-18/container",
            "container carriers outside the cold chain",
            "从事非冷链集装箱运输企业33家",
            _U.OFFICE,
            CONTAINER_FIRMS,
            unit("NON_COLD_CONTAINER"),
        ),
        _exact(
            "A002-19/estates",
            "estates closed",
            "132个住宅小区全封闭管理",
            _U.PLACE,
            ESTATES,
            counted("reference", "uniqExact(parent)", REGISTRY, closed, PERIOD_UNTIL),
        ),
        _exact(
            "A002-19/open-estates",
            "open estates closed for the time being",
            "72个开放式小区临时封闭",
            _U.PLACE,
            OPEN_ESTATES,
            counted("reference", "uniqExact(parent)", REGISTRY, f"{closed} AND parent IN ({of_kind})", PERIOD_UNTIL),
        ),
        Figure(
            "A002-19/closing-hours",
            "hours in which the open estates were closed (a day and a half)",
            "仅用1天半时间",
            _U.HOUR,
            36,
            12,
            False,
            AS_OF,
            counted("reference", hours, REGISTRY, f"{closed} AND parent IN ({of_kind})", PERIOD_UNTIL),
            False,
        ),
        _exact(
            "A002-21/department-stores",
            "department stores",
            "4家大型百货商场",
            _U.OFFICE,
            DEPARTMENT_STORES,
            _registered("kind = 'SITE' AND category = 'DEPARTMENT_STORE'"),
        ),
    ]


def _passages() -> list[Figure]:
    stations, quays = (_among("site", tuple(site.id for site in sites)) for sites in (STATION_SITES, QUAYS))
    arrived = f"kind = 'PASSAGE' AND subject_kind = 'PERSON' AND {stations}"
    named = {
        SubjectKind.VEHICLE: ("vehicles", "vehicles checked (more than 3,200)", "检查车辆3200余辆", _U.VEHICLE),
        SubjectKind.VESSEL: ("vessels", "vessels putting to sea (more than 1,500)", "出海船舶1500余艘", _U.VESSEL),
        SubjectKind.PERSON: ("persons", "persons checked (more than 3,000)", "人员3000余人", _U.PERSON),
    }

    def at_quays(kind: SubjectKind) -> str:
        passed = f"kind = 'PASSAGE' AND subject_kind = '{kind.value}' AND {quays}"
        return _counted("check_ins", "uniqExact(token)", passed)

    at_sea = [
        _many(f"A002-11/{part}", english, chinese, unit, checked.number, at_quays(checked.kind), lower_bound=True)
        for checked in CHECKED
        for part, english, chinese, unit in (named[checked.kind],)
    ]
    transfers = f"kind = 'TRANSFER_STARTED' AND unit = '{STATION_POLICE}'"
    return [
        *at_sea,
        _many(
            "A002-12/registered",
            "arrivals registered at the stations",
            "登记核录到威人员信息82340人次",
            _U.PERSON_TIME,
            REGISTERED,
            _counted("check_ins", "uniqExact(passage_id)", arrived),
        ),
        _exact(
            "A002-13/transferred",
            "travellers transferred for code or temperature (more than 200)",
            "协助转运黄码红码人员、体温超高旅客200余人次",
            _U.PERSON_TIME,
            TRANSFERRED,
            _counted("follow_ups", "uniqExact(task)", transfers),
        )._replace(lower_bound=True),
        _exact(
            "A002-14/zones",
            "zones of a station (listed, not numbered)",
            "设有测温区、留观区、验码区和中高风险地区到威处置区",
            _U.PLACE,
            4,
            _counted("check_ins", "uniqExact(zone)", f"{arrived} AND zone != 'NOT_STATED'"),
        ),
        _exact(
            "A002-25/surveyed",
            "pupils and teachers asked after travel (more than 100)",
            "累计摸排100余人次",
            _U.PERSON_TIME,
            SURVEYED,
            _counted("follow_ups", "count()", "kind = 'ATTEMPT' AND unit = 'wh-education'"),
        )._replace(lower_bound=True),
    ]


def _enforcement() -> list[Figure]:
    case, person, piece = _U.CASE, _U.PERSON, _U.PIECE

    def enforced(what: str, condition: str) -> str:
        return _counted("enforcement", what, condition)

    def cases(procedure: CaseProcedure) -> str:
        return f"kind = 'CASE_REGISTERED' AND procedure = '{procedure.value}' AND unit = '{POLICE}'"

    def persons(procedure: CaseProcedure) -> str:
        of_kind = f"SELECT case_id FROM checkline.valid_enforcement WHERE {cases(procedure)}"
        disposed = f"kind = 'DISPOSITION' AND party = 'PERSON' AND case_id IN ({of_kind})"
        return enforced("uniqExact(party_token)", disposed)

    administrative, criminal = CaseProcedure.ADMINISTRATIVE, CaseProcedure.CRIMINAL
    found = f"kind = 'FINDING' AND unit = '{SUPERVISION}'"
    noticed = f"kind = 'SUPERVISORY_NOTICE' AND unit = '{SUPERVISION}'"
    return [
        _exact(
            "A002-11/vessel-cases",
            "administrative cases of vessels",
            "办理船舶行政案件26起",
            case,
            VESSEL_CASES,
            enforced("uniqExact(case_id)", "kind = 'CASE_REGISTERED' AND category = 'VESSEL'"),
        ),
        _exact(
            "A002-11/fines",
            "fines",
            "罚款3.55万元",
            _U.YUAN,
            FINES_YUAN,
            enforced("sum(amount_yuan)", f"kind = 'DISPOSITION' AND unit = '{COAST}'"),
        )._replace(rounded_to=100),
        _exact(
            "A002-31/administrative",
            "administrative cases tied to the epidemic",
            "办理涉疫情行政案件3起",
            case,
            CASES[administrative],
            enforced("uniqExact(case_id)", cases(administrative)),
        ),
        _exact(
            "A002-31/punished",
            "persons punished",
            "处罚2人",
            person,
            PERSONS[administrative],
            persons(administrative),
        ),
        _exact(
            "A002-31/criminal",
            "criminal cases tied to the epidemic",
            "办理涉疫情刑事案件18起",
            case,
            CASES[criminal],
            enforced("uniqExact(case_id)", cases(criminal)),
        ),
        _exact(
            "A002-31/measures",
            "persons under coercive measures",
            "采取强制措施3人",
            person,
            PERSONS[criminal],
            persons(criminal),
        ),
        _exact(
            "A002-32/problems",
            "problems found",
            "排查发现问题286个",
            piece,
            FOUND,
            enforced("uniqExact(case_id)", found),
        ),
        _exact(
            "A002-32/solved-on-site",
            "of them solved on the spot",
            "现场督导解决232个",
            piece,
            SOLVED_ON_SITE,
            enforced("uniqExact(case_id)", f"{found} AND solved_on_site"),
        ),
        _exact(
            "A002-32/notices",
            "of them followed by a notice",
            "作出监督提示54个",
            piece,
            NOTICES,
            enforced("uniqExact(case_id)", noticed),
        ),
    ]


def _supplies() -> list[Figure]:
    source = f"{SUPPLIES}-reports"
    figures = []
    for stock in STOCKS:
        line = f"kind = 'SUPPLIES' AND item = '{stock.item}'"
        for part, chinese, what, published, rounded_to in (
            ("received", stock.words[0], "sum(received)", stock.received, stock.rounded_to),
            ("issued", stock.words[1], "sum(issued)", stock.issued, stock.rounded_to),
            (
                "in-stock",
                stock.words[2],
                "argMax(in_stock, (occurred_at, sequence))",
                stock.in_stock,
                stock.in_stock_rounded_to,
            ),
        ):
            query = counted("reports", what, source, line, PERIOD_UNTIL)
            english, ref = f"{stock.name_en} {part.replace('-', ' ')}", f"A002-28/{stock.item}-{part}"
            figure = _exact(ref, english, chinese, _U.ARTICLE, published, query)
            figures.append(figure._replace(rounded_to=rounded_to))
    return figures


FIGURES: tuple[Figure, ...] = tuple(
    sorted(
        [
            *_isolation_and_tests(),
            *_leads(),
            *_resources(),
            *_registry(),
            *_passages(),
            *_enforcement(),
            *_supplies(),
            *(reported_as_of(one, AS_OF, PERIOD_UNTIL) for one in INDICATORS),
        ],
        key=lambda figure: figure.ref.partition("/")[0],
    )
)
"""In the order of their rows."""
