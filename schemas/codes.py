"""Every enumeration of the domain, with its English and Chinese names.

The member's name is what stands in Avro, in JSON and in ClickHouse; the names are what people read. ``NOT_STATED`` is
a value like any other (column readers take no nullable enumerations).
"""

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """A bilingual code: the value is the wire symbol; ``english`` and ``chinese`` are names for people."""

    english: str
    chinese: str

    def __new__(cls, symbol: str, english: str, chinese: str) -> Self:
        member = str.__new__(cls, symbol)
        member._value_ = symbol
        member.english = english
        member.chinese = chinese
        return member


class SiteKind(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    MOTORWAY = "MOTORWAY", "motorway exit", "高速公路卡口"
    ROAD = "ROAD", "national or provincial road", "国省道卡口"
    RAIL = "RAIL", "railway station", "火车站"
    AIRPORT = "AIRPORT", "airport", "机场"
    COACH = "COACH", "coach station", "汽车站"
    SEAPORT = "SEAPORT", "port or quay", "码头"
    BORDER = "BORDER", "land border crossing", "边境口岸"
    COMMUNITY = "COMMUNITY", "residential estate or village", "小区、村庄"
    SCHOOL = "SCHOOL", "school", "学校"
    WORKPLACE = "WORKPLACE", "workplace", "用工单位"
    VENUE = "VENUE", "shop, market, hotel or other venue", "公共场所"
    HOSPITAL = "HOSPITAL", "hospital", "医院"
    QUARANTINE_SITE = "QUARANTINE_SITE", "central quarantine site", "集中隔离点"
    LODGING = "LODGING", "hotel, homestay or other lodging", "旅店、民宿"
    CUSTODY = "CUSTODY", "prison or other place of custody", "监管场所"


class Zone(Code):
    """The four zones of a checkpoint (A002-14)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    MEASURING = "MEASURING", "measuring zone", "测温区"
    WAITING = "WAITING", "waiting zone", "留观区"
    CODE_CHECK = "CODE_CHECK", "code check zone", "验码区"
    RISK_AREA_HANDLING = "RISK_AREA_HANDLING", "handling of arrivals from risk areas", "中高风险地区到威处置区"


class Direction(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    ENTERING = "ENTERING", "entering", "进"
    LEAVING = "LEAVING", "leaving", "出"


class SubjectKind(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    PERSON = "PERSON", "person", "人员"
    VEHICLE = "VEHICLE", "vehicle", "车辆"
    VESSEL = "VESSEL", "vessel", "船舶"


class Role(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    RESIDENT = "RESIDENT", "resident", "居民"
    PUPIL = "PUPIL", "pupil", "学生"
    STAFF = "STAFF", "staff", "教职工、员工"
    OUTSIDER = "OUTSIDER", "outsider who needs to enter", "外来人员"
    TRADER = "TRADER", "market trader", "市场业户"
    TRAVELLER = "TRAVELLER", "traveller", "旅客"
    DRIVER = "DRIVER", "driver", "司机"


class HealthCode(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    GREEN = "GREEN", "green code", "绿码"
    YELLOW = "YELLOW", "yellow code", "黄码"
    RED = "RED", "red code", "红码"
    NONE_SHOWN = "NONE_SHOWN", "no code shown", "未出示"


class RiskTier(Code):
    """Tier of a risk area (中高风险地区)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    LOW = "LOW", "low risk", "低风险"
    MEDIUM = "MEDIUM", "medium risk", "中风险"
    HIGH = "HIGH", "high risk", "高风险"


class DecisionOutcome(Code):
    """What a person in charge did; the verdict was advice."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    ADMITTED = "ADMITTED", "admitted", "放行"
    REFUSED = "REFUSED", "refused", "劝返"
    REFERRED = "REFERRED", "referred to health service", "转送"
    RELEASED = "RELEASED", "released", "解除"


class ThermometryMethod(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    AXILLARY = "AXILLARY", "axillary", "腋温"
    ORAL = "ORAL", "oral", "口温"
    RECTAL = "RECTAL", "rectal", "肛温"
    NON_CONTACT = "NON_CONTACT", "non-contact", "额温枪"
    THERMAL_IMAGER = "THERMAL_IMAGER", "thermal imager", "热成像"


class Slot(Code):
    """Slot of the day of a scheduled check (一日三检)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    MORNING = "MORNING", "morning", "晨检"
    NOON = "NOON", "noon", "午检"
    EVENING = "EVENING", "evening", "晚检"


class LeadSource(Code):
    """The five sources of leads (A000-02)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    SUPERIOR_NOTICE = "SUPERIOR_NOTICE", "notice from a higher authority", "上级通报"
    BIG_DATA = "BIG_DATA", "big data analysis", "大数据分析"
    INTERREGIONAL_REQUEST = "INTERREGIONAL_REQUEST", "request from another province", "外省市协查"
    PUBLIC_REPORT = "PUBLIC_REPORT", "report from the public", "群众报告"
    CASE_OR_CONTACT = "CASE_OR_CONTACT", "confirmed or suspected case, or close contact", "确诊疑似病例和密切接触人员"


class PushMode(Code):
    """How a lead was pushed (A002-06)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    BATCH = "BATCH", "pushed in a batch", "集中推送"
    ROUTINE = "ROUTINE", "routine push", "常态化推送"


class LeadState(Code):
    """The step a lead has reached (T10): 推送、落地、核查、反馈."""

    OPENED = "OPENED", "opened", "受理"
    DISPATCHED = "DISPATCHED", "dispatched", "推送"
    LOCATED = "LOCATED", "located", "落地"
    VERIFIED = "VERIFIED", "verified", "核查"
    REPORTED_BACK = "REPORTED_BACK", "reported back", "反馈"
    CLOSED = "CLOSED", "closed with a reason", "办结"


class AttemptMethod(Code):
    """The three ways of verification (A002-37)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    SYSTEM = "SYSTEM", "system query", "系统查询"
    PHONE = "PHONE", "telephone", "电话核实"
    VISIT = "VISIT", "visit", "实地走访"


class VisitOutcome(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    SEEN_OK = "SEEN_OK", "seen, well", "已访正常"
    SEEN_NOT_OK = "SEEN_NOT_OK", "seen, not well", "已访异常"
    MISSED = "MISSED", "not met", "未遇"
    NOT_ATTEMPTED = "NOT_ATTEMPTED", "not attempted", "未访"
    UNREACHABLE = "UNREACHABLE", "cannot be reached", "失联"


class QuarantinePlace(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    INSTITUTIONAL = "INSTITUTIONAL", "central quarantine", "集中隔离"
    HOME = "HOME", "home quarantine", "居家隔离"
    HOSPITAL = "HOSPITAL", "hospital isolation", "住院隔离"


class TestResult(Code):
    __test__ = False  # not a test class

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    NEGATIVE = "NEGATIVE", "negative", "阴性"
    POSITIVE = "POSITIVE", "positive", "阳性"
    INCONCLUSIVE = "INCONCLUSIVE", "inconclusive", "待复核"


class Symptom(Code):
    """Symptoms that are reported at once (A004-02)."""

    FEVER = "FEVER", "fever", "发热"
    DRY_COUGH = "DRY_COUGH", "dry cough", "干咳"
    DIARRHOEA = "DIARRHOEA", "diarrhoea", "腹泻"
    FATIGUE = "FATIGUE", "fatigue", "乏力"
    BREATHLESSNESS = "BREATHLESSNESS", "breathlessness", "气促"


class CaseCategory(Code):
    """The six categories of epidemic-related cases (A000-06), then those of other sources (A002-11, A004-14)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    DISTURBING_ORDER = "DISTURBING_ORDER", "disturbing epidemic control", "扰乱疫情防控秩序"
    RUMOUR = "RUMOUR", "making or spreading rumours", "造谣传谣"
    COUNTERFEIT = "COUNTERFEIT", "making or selling counterfeit goods", "制假售假"
    FRAUD = "FRAUD", "epidemic-related fraud", "涉疫情诈骗"
    WILDLIFE = "WILDLIFE", "illegal sale of wild animals", "非法售卖野生动物"
    OTHER = "OTHER", "other case", "其他案件"
    MEDICAL_ORDER = "MEDICAL_ORDER", "disturbing medical order", "扰乱医疗秩序"
    MARKET_ORDER = "MARKET_ORDER", "disturbing market order", "扰乱市场秩序"
    SOCIAL_ORDER = "SOCIAL_ORDER", "disturbing social order", "扰乱社会秩序"
    SMUGGLING = "SMUGGLING", "smuggling across the border", "边境走私"
    VESSEL = "VESSEL", "case concerning a vessel", "船舶案件"


class CaseProcedure(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    ADMINISTRATIVE = "ADMINISTRATIVE", "administrative case", "行政案件"
    CRIMINAL = "CRIMINAL", "criminal case", "刑事案件"


class Conduct(Code):
    """What is corrected on the spot, by education only (A001-14, A003-12)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    GATHERING = "GATHERING", "gathering", "聚集"
    NO_MASK = "NO_MASK", "not wearing a mask", "不戴口罩"
    MINOR_TRAFFIC = "MINOR_TRAFFIC", "minor traffic offence", "轻微交通违法"
    OTHER = "OTHER", "other", "其他"


class Disposition(Code):
    """The seven dispositions of persons (A000-07), and what other sources leave unspecified."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    CRIMINAL_DETENTION = "CRIMINAL_DETENTION", "criminal detention", "刑事拘留"
    BAIL = "BAIL", "bail pending trial", "取保候审"
    RESIDENTIAL_SURVEILLANCE = "RESIDENTIAL_SURVEILLANCE", "residential surveillance", "监视居住"
    ADMINISTRATIVE_DETENTION = "ADMINISTRATIVE_DETENTION", "administrative detention", "治安拘留"
    FINE = "FINE", "fine", "罚款"
    WARNING = "WARNING", "public security warning", "治安警告"
    EDUCATION_REPRIMAND = "EDUCATION_REPRIMAND", "education and reprimand", "教育训诫"
    PENALTY_OR_MEASURE = "PENALTY_OR_MEASURE", "penalty or measure, not specified", "处罚或措施(未注明)"


class Party(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    PERSON = "PERSON", "person", "人员"
    FIRM = "FIRM", "firm", "企业"


class UnitOfCount(Code):
    """Units never add up with one another (T4)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    PERSON = "PERSON", "persons", "人"
    PERSON_TIME = "PERSON_TIME", "person-times", "人次"
    CASE = "CASE", "cases", "起"
    ITEM = "ITEM", "items", "件"
    VEHICLE = "VEHICLE", "vehicles", "辆"
    GRID = "GRID", "grids", "个(网格)"
    SQUAD = "SQUAD", "squads", "支"
    PERCENT = "PERCENT", "per cent", "%"
    PIECE = "PIECE", "pieces", "个"
    MEASURE = "MEASURE", "measures", "条"
    PLACE = "PLACE", "places", "处"
    LINE = "LINE", "telephone lines", "条(热线)"
    TONNE = "TONNE", "tonnes", "吨"
    YUAN = "YUAN", "yuan", "元"
    OFFICE = "OFFICE", "offices", "家"
    PROVINCE = "PROVINCE", "provinces", "个(省)"
    DISTRICT = "DISTRICT", "districts", "区"
    DOCUMENT = "DOCUMENT", "documents", "个(文件)"
    HOUSEHOLD = "HOUSEHOLD", "households", "户"
    COPY = "COPY", "copies", "份"
    TIME = "TIME", "times", "次"
    SESSION = "SESSION", "sessions", "场"
    HOUR = "HOUR", "hours", "小时"
    VESSEL = "VESSEL", "vessels", "艘"
    KILOGRAM = "KILOGRAM", "kilograms", "千克"
    ARTICLE = "ARTICLE", "articles of goods", "只、件、个、支、台"
    TRIP = "TRIP", "vehicle trips", "辆次"
    ROOM = "ROOM", "rooms", "间"
    SET = "SET", "sets of equipment", "套"
    GROUP = "GROUP", "groups or teams", "个(组、队)"
    SAMPLE = "SAMPLE", "samples or tests", "份(检测)"
    CLUE = "CLUE", "clues, warnings or data items", "条(线索、信息)"
    HOUSE = "HOUSE", "houses or flats", "个(房屋)"
    IMAGE = "IMAGE", "images", "个(画面)"
    DAY = "DAY", "days", "天"
    CLASS = "CLASS", "classes or kinds", "类、种"
    BASIS_POINT = "BASIS_POINT", "hundredths of a per cent", "0.01%"


class DivisionLevel(Code):
    """Level of a division; functional zones stand beside counties and are not in GB/T 2260 (T12)."""

    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    PROVINCE = "PROVINCE", "province", "省级"
    PREFECTURE = "PREFECTURE", "prefecture", "地级"
    COUNTY = "COUNTY", "county or district", "县级"
    FUNCTIONAL_ZONE = "FUNCTIONAL_ZONE", "functional zone", "功能区"
    TOWNSHIP = "TOWNSHIP", "township or street", "乡镇、街道(苏木)"
    VILLAGE = "VILLAGE", "village or community", "村、社区(嘎查)"
    GRID = "GRID", "grid", "网格"


class IndicatorNature(Code):
    NOT_STATED = "NOT_STATED", "not stated", "未说明"
    FLOW = "FLOW", "within a period", "期间量"
    SNAPSHOT = "SNAPSHOT", "at one time", "时点量"
    CUMULATIVE = "CUMULATIVE", "since a beginning", "累计量"
    RATE = "RATE", "ratio or rate", "比率"


class RiskLevel(Code):
    """Advice of a verdict, lowest first; ``ERROR`` means that a rule failed and says nothing about the person."""

    NONE = "NONE", "no known risk", "未见风险"
    MEDIUM = "MEDIUM", "attention", "关注"
    HIGH = "HIGH", "refer", "建议转送"
    ERROR = "ERROR", "rule failed", "规则出错"


class DeadlineClass(Code):
    """The classes of deadlines that the first version of `sla-events` knows (A002-06); a policy may name others."""

    HOURS_24 = "HOURS_24", "within 24 hours", "24小时"
    HOURS_48 = "HOURS_48", "within 48 hours", "48小时"
    SAME_DAY = "SAME_DAY", "same calendar day", "当日清零"
    OTHER = "OTHER", "another, named by the policy", "其他(由方案规定)"


class ClockSubject(Code):
    """Whom or what a clock binds."""

    PERSON = "PERSON", "person", "人员"
    UNIT = "UNIT", "unit", "单位"
    ORDER = "ORDER", "order", "管控令"


class ClockOutcome(Code):
    """What is proven of a clock as of a time."""

    OPEN = "OPEN", "open", "进行中"
    MET = "MET", "done in time", "按时完成"
    LATE = "LATE", "done late", "超时完成"
    BREACHED = "BREACHED", "overdue, no proof", "超时未完成"
    WITHDRAWN = "WITHDRAWN", "withdrawn", "撤销"


class Refusal(Code):
    """Why a record went to the dead letters."""

    NULL_VALUE = "NULL_VALUE", "record without a value", "空值"
    TOO_SHORT = "TOO_SHORT", "shorter than the framing", "长度不足"
    FOREIGN_MAGIC = "FOREIGN_MAGIC", "not in Confluent framing", "封装不符"
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA", "schema id is not registered", "未知模式"
    OTHER_SUBJECT = "OTHER_SUBJECT", "schema id belongs to another topic", "模式不属于本主题"
    TRUNCATED = "TRUNCATED", "datum ends too early", "数据截断"
    TRAILING_BYTES = "TRAILING_BYTES", "bytes after the datum", "数据有余"
    UNDECODABLE = "UNDECODABLE", "datum does not fit its schema", "无法解码"
    BAD_KEY = "BAD_KEY", "key is missing or not of the expected shape", "键不合规"
    WRONG_PARTITION = "WRONG_PARTITION", "record lies in the wrong partition", "分区错误"
    MISSING_FIELD = "MISSING_FIELD", "a field that this kind needs is missing", "缺少字段"
    OUT_OF_RANGE = "OUT_OF_RANGE", "value outside its range", "数值越界"
    OCCURRED_AFTER_SENT = "OCCURRED_AFTER_SENT", "happened after it was sent", "发生晚于发送"
    SENT_AFTER_APPENDED = "SENT_AFTER_APPENDED", "sent after it arrived", "发送晚于到达"
    BEYOND_HORIZON = "BEYOND_HORIZON", "older than the horizon when it was sent", "超出追溯期"
    RULE_ERROR = "RULE_ERROR", "no fact could be extracted", "规则出错"
