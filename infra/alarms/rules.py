"""Every kind of alarm: how bad it is, and what whoever is on duty does now.

The Prometheus alerts have the same names and carry the same words; `infra.alarms.conditions` says when each holds.
Angle brackets stand for what the alarm names: its part, its partition, its device.
"""

from infra.alarms.alarm import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "PartitionStuck",
        "critical",
        "A partition stands still although events wait on it",
        "分区停滞：有积压而不前进",
        "Find the process that owns the partition in checkline status: <group> checkline-sinks is the part sink, "
        "checkline-risk is worker-risk-N. Read the last lines of CHECKLINE_HOME/logs/<part>.log. If the part is "
        "ready and silent, kill -9 <its pid>: it is started again and goes on where it was, nothing is lost or "
        "counted twice. If it stands again at the same position, call the developers and leave it.",
        "用 checkline status 找到负责该分区的进程，查看 CHECKLINE_HOME/logs/<进程>.log 末尾。若进程在却不动，kill "
        "-9 <进程号>：会自动重启并从原处继续，不丢不重。若又停在同一位置，请联系开发人员，勿再处理。",
        "checkline lag --json",
    ),
    Rule(
        "GroupLagging",
        "warning",
        "A consumer group is late: what it reads now is old",
        "消费组滞后：正在处理的是旧数据",
        "checkline lag --watch: if the seconds fall, wait for the drain estimate. If they rise, look for one hot "
        "partition (checkline lag --json) or a full processor (top); more risk workers: checkline down; checkline "
        "up --workers 2. Until then every figure is as old as the lag says: tell those who read them.",
        "checkline lag --watch：若秒数在下降，等待清空；若上升，查看是否单一分区过热（checkline lag --json）或 CPU "
        "已满（top），可增加处理进程：checkline down; checkline up --workers 2。其间告知用数方：数据滞后。",
        "checkline lag",
    ),
    Rule(
        "GroupWithoutMembers",
        "critical",
        "Nobody reads for a consumer group",
        "消费组无成员：无人处理",
        "checkline status: the parts of the group are worker-risk-N (checkline-risk), worker-enforcement, "
        "worker-reports, worker-urgent-care, sink (checkline-sinks). If one backs off, its last words stand in "
        "CHECKLINE_HOME/logs/<part>.log; if one is ready and no member, kill -9 <its pid> and it joins anew. If "
        "nothing runs: checkline up --detach.",
        "checkline status 查看该组的进程是否在运行；反复重启的，看 CHECKLINE_HOME/logs/<进程>.log；在运行却未入组的"
        "，kill -9 <进程号>，会自动重新加入；全部未运行的，checkline up --detach。",
        "checkline status",
    ),
    Rule(
        "UnreadDataExpiring",
        "critical",
        "Unread events will soon be deleted by their retention",
        "未读数据即将过期删除",
        "Keep them longer at once, then find out why nobody reads: kafka-configs.sh --bootstrap-server <address> "
        "--alter --entity-type topics --entity-name <topic> --add-config retention.ms=-1 (undo it when the lag is "
        "gone). checkline lag says which group stands; treat that as PartitionStuck.",
        "立即延长保留时间：kafka-configs.sh --bootstrap-server <地址> --alter --entity-type topics --entity-name <"
        "主题> --add-config retention.ms=-1（消化后恢复），再用 checkline lag 查明哪个组停滞，按“分区停滞”处理。",
        "checkline lag --json",
    ),
    Rule(
        "UnreadDataLost",
        "critical",
        "Events were deleted before they were read",
        "未读数据已被删除",
        "What is gone cannot be read again: write down topic, partition and positions from the alarm. checkline "
        "audit --topic <topic> names what the tables miss; ask the sources (gateways keep a spool) to send that "
        "stretch again: identities make it safe. Say in every figure of that time that it is incomplete.",
        "已删数据无法再读：记下主题、分区、位置；checkline audit --topic <主题> 查明缺失；请来源单位（网关有缓存）"
        "重发该段，重复发送不会重复计数。该时段数据须注明不完整。",
        "checkline audit",
    ),
    Rule(
        "WorkerDown",
        "critical",
        "A worker does not run: verdicts and deadlines stand still for its partitions",
        "处理进程停止：其分区的研判与时限停滞",
        "It is started again by itself within 10 s. If checkline status shows it backing off, read "
        "CHECKLINE_HOME/logs/<part>.log: its last line is the reason. After eight failures in a row everything "
        "stops: mend the reason, then checkline up --detach. Meanwhile checkpoints decide by the written rules "
        "(checkline policy show).",
        "进程会在 10 秒内自动重启。若 checkline status 显示反复重启，看 CHECKLINE_HOME/logs/<进程>.log 最后一行。连"
        "续八次失败则全部停止：排除原因后 checkline up --detach。其间卡口按书面规定（checkline policy show）处置。",
        "checkline status",
    ),
    Rule(
        "SinkDown",
        "critical",
        "The sink does not run: tables and figures stand still",
        "入库进程停止：表与统计数字停滞",
        "It is started again by itself within 10 s. If not: CHECKLINE_HOME/logs/sink.log, last line; most often the "
        "column store does not answer (checkline sql 'SELECT 1') or the disk is full (df CHECKLINE_HOME). Nothing "
        "is lost: the log keeps it all. Publish no figures meanwhile.",
        "进程会在 10 秒内自动重启。否则看 CHECKLINE_HOME/logs/sink.log 最后一行；常见原因是列存不应答（checkline "
        "sql 'SELECT 1'）或磁盘已满（df CHECKLINE_HOME）。数据都在日志中，不会丢失。其间勿发布数字。",
        "checkline status",
    ),
    Rule(
        "PartDown",
        "critical",
        "A part of this installation does not run",
        "系统组件停止运行",
        "checkline status says which, and since when. If it backs off: CHECKLINE_HOME/logs/<part>.log, last line. "
        "If nothing runs at all: checkline up --detach.",
        "checkline status 查看是哪一个、自何时起；反复重启的看 CHECKLINE_HOME/logs/<组件>.log 最后一行；全部未运行"
        "的，checkline up --detach。",
        "checkline status",
    ),
    Rule(
        "PartRestarting",
        "critical",
        "A part ends again and again",
        "系统组件反复重启",
        "CHECKLINE_HOME/logs/<part>.log: the line before each start is the reason, most often the same one. Full "
        "disk: df. No memory: dmesg | grep -i oom. A record that it cannot take: call the developers with the line. "
        "After eight failures in a row everything stops.",
        "CHECKLINE_HOME/logs/<组件>.log 中每次启动前一行即原因。磁盘满：df；内存不足：dmesg | grep -i oom；某条记录"
        "无法处理：将该行告知开发人员。连续八次失败则全部停止。",
        "checkline status",
    ),
    Rule(
        "BrokerDown",
        "critical",
        "A broker is missing, or partitions have too few copies",
        "消息节点缺失或副本不足",
        "Of three nodes one may be missing without loss; a second one stops everything. checkline status; "
        "CHECKLINE_HOME/logs/kafka-N.log; df. On a cluster of your own: its administrators. Do not restart another "
        "node before all copies are in step again.",
        "三节点可缺一而不丢数据，再缺一则全停。checkline status；CHECKLINE_HOME/logs/kafka-N.log；df。外部集群请找"
        "其管理员。副本未同步前，勿重启其他节点。",
        "checkline status",
    ),
    Rule(
        "SourceSilent",
        "critical",
        "Something that is asked for its state does not answer: what is shown of it is old",
        "监测来源无应答：所示为旧数据",
        "Do not read its numbers as now, and do not take missing alarms for good news. kafka: checkline lag; store: "
        "checkline sql 'SELECT 1'; parts: checkline status; workers: checkline status --json (metrics); audit: "
        "checkline audit. The one that fails tells the reason in a line.",
        "其数字不是现状，没有告警也不等于正常。kafka：checkline lag；store：checkline sql 'SELECT 1'；parts："
        "checkline status；workers：checkline status --json；audit：checkline audit。哪条命令失败，其输出即原因。",
        "checkline status",
    ),
    Rule(
        "CheckpointSilent",
        "warning",
        "A checkpoint or device that should be heard of is silent",
        "卡口或设备无数据",
        "Telephone the checkpoint: is it staffed, is there power, is there network? Devices keep what they record "
        "and send it later; if people pass unrecorded, have them register on paper. A site that is closed is ended "
        "in the reference data (a version with valid_until), not ignored.",
        "电话询问卡口：是否在岗、供电、联网。设备会缓存并补传；若有人员通过而未记录，改用纸质登记。已撤卡口应在基础"
        "数据中设定截止时间（valid_until），不可置之不理。",
        'checkline sql "SELECT source, max(appended_at) AS last FROM checkline.check_ins GROUP BY source ORDER BY '
        'last"',
    ),
    Rule(
        "DeviceSkewed",
        "warning",
        "A device's clock is wrong",
        "设备时钟偏差",
        "Have the checkpoint set the device's clock (automatic time). Beyond the allowed skew its events are "
        "refused as dead letters: checkline dead-letters list --source <device>; publish them again with corrected "
        "times (checkline dead-letters show POSITION --event FILE, then retry POSITION --with FILE).",
        "通知卡口校准设备时间（自动对时）。超出允许偏差的数据成为死信：checkline dead-letters list --source <设备>"
        "；更正时间后重发（dead-letters show --event，再 retry --with）。",
        "checkline dead-letters list",
    ),
    Rule(
        "DeadLettersGrowing",
        "critical",
        "Many records cannot be used",
        "死信激增：大量记录无法使用",
        "checkline dead-letters list --topic <topic> --reason <reason>: one source, or all? One: tell its operator "
        "what checkline dead-letters show POSITION says, to be mended there. All, since an upgrade: UNKNOWN_SCHEMA "
        "means old readers. After mending: checkline dead-letters retry --all --reason <reason>.",
        "checkline dead-letters list --topic <主题> --reason <原因>：若只一个来源，将 dead-letters show 的说明告知"
        "其负责人；若全部且在升级之后，UNKNOWN_SCHEMA 说明读取端过旧。修复后：checkline dead-letters retry --all "
        "--reason <原因>。",
        "checkline dead-letters list",
    ),
    Rule(
        "AuditDifference",
        "critical",
        "The tables are not what the log says",
        "稽核不符：表与日志不一致",
        "Publish no figure now. checkline audit --repair --dry-run shows what would be mended; checkline audit "
        "--repair does it while everything runs. If differences are left, or come back: somebody writes to the "
        "tables behind the sinks; find out who before repairing again.",
        "暂停发布数字。checkline audit --repair --dry-run 查看修复方案，checkline audit --repair 在运行中修复。若仍"
        "有或再现差异，说明有人绕过入库进程改表，先查明再修复。",
        "checkline audit",
    ),
    Rule(
        "AuditStandsStill",
        "warning",
        "The rolling audit has not ended a round for too long",
        "滚动稽核停滞",
        "checkline audit runs one round by hand: if it ends, the rolling one is starved of processor time (top); if "
        "it fails, its line is the reason. Until a round ends nobody vouches for the figures.",
        "手动执行 checkline audit：能完成，则滚动稽核缺 CPU（top）；失败，则输出即原因。未完成一轮之前，数字无人担保。",
        "checkline audit",
    ),
    Rule(
        "LedgerBehind",
        "warning",
        "The ledger is behind the log: what the tables hold is not vouched for up to now",
        "台账落后于日志",
        "checkline lag for checkline-sinks: if it lags, treat that. If it does not, hours wait to be counted again: "
        "CHECKLINE_HOME/logs/sink.log. Figures of those hours are not final.",
        "checkline lag 查看 checkline-sinks：若滞后，先处理滞后；若否，则有小时待重算，看 "
        "CHECKLINE_HOME/logs/sink.log。这些小时的数字未定。",
        'checkline sql "SELECT topic, partition, max(span_end) FROM checkline.ledger FINAL GROUP BY topic, partition"',
    ),
    Rule(
        "BreachWave",
        "critical",
        "Many deadlines pass without proof at once",
        "时限集中超期",
        "checkline as-of <now> --queue: which duty, which district? First rule out a lag (checkline lag): proof may "
        "wait unread, then it is retracted by itself. If the work was not done: call the district's duty desk, hand "
        "leads to units with spare teams (the forecast on the page names them), tell the headquarters.",
        "checkline as-of <现在> --queue：查明哪类、哪个区。先排除积压（checkline lag）：证明可能未读，读到后自动撤"
        "销。确未完成的，通知该区值班室，转派有余力的单位（页面预测所列），报告指挥部。",
        'checkline sql "SELECT duty, count() FROM checkline.overdue GROUP BY duty"',
    ),
    Rule(
        "ReleaseOverdue",
        "critical",
        "People are held, or estates closed, longer than their reason",
        "超期未解除：人员隔离或小区封控已到解除条件",
        "Call the unit that holds them now: release, or state the new reason as an event. For orders: lift the "
        "closure (a version of the order with valid_until). Each hour is somebody's liberty: it is escalated like "
        "any overdue duty.",
        "立即联系执行单位：解除，或以事件说明新的理由。封控令：发布带 valid_until 的新版本予以解除。事关人身自由，"
        "与其他超期同样升级。",
        "checkline sql \"SELECT * FROM checkline.overdue WHERE duty IN ('RELEASE', 'LIFTING') ORDER BY due_at\"",
    ),
    Rule(
        "ReportsMissing",
        "warning",
        "Reports that were due did not come",
        "应报未报",
        "Urge the units (督促): the list is on the page and below. A unit without cases sends a zero report (零报告"
        "). Totals show their completeness until then: do not publish them as whole.",
        "按名单督促报送；无情况的报“零报告”。未齐之前合计须注明完整率，不得作为全数发布。",
        "checkline sql \"SELECT * FROM checkline.report_states WHERE state = 'MISSING' ORDER BY due_at\"",
    ),
    Rule(
        "TicksLate",
        "warning",
        "Deadlines are announced late",
        "时限提醒延迟",
        "checkline status --json: a worker that recovers announces when it has recovered; one that has much due at "
        "once works it off within seconds. If it lasts: top (no processor time), then more risk workers (checkline "
        "down; checkline up --workers 2). No deadline is lost: each is announced with its own time.",
        "checkline status --json：恢复中的进程恢复后即补提醒；大量同时到期数秒内可消化。持续则看 CPU（top），增加处"
        "理进程（checkline down; checkline up --workers 2）。提醒不会丢失，均带其本来时间。",
        "checkline status --json",
    ),
    Rule(
        "RecoveryStalled",
        "critical",
        "A worker's recovery does not get on",
        "处理进程恢复停滞",
        "CHECKLINE_HOME/logs/<part>.log tells the progress. If Kafka answers (checkline lag) and nothing moves for "
        "a minute: kill -9 <its pid>; it starts again from its store. If it stalls again: move workers/<part> aside "
        "and kill it once more; the changelog gives all back.",
        "CHECKLINE_HOME/logs/<进程>.log 有进度。若 Kafka 有应答（checkline lag）而一分钟不动：kill -9 <进程号>，从"
        "本地存储重来；再次停滞，将 workers/<进程> 移开后再杀，由变更日志全部恢复。",
        "checkline status --json",
    ),
    Rule(
        "Congestion",
        "warning",
        "People wait too long at a checkpoint",
        "卡口拥堵",
        "Call the checkpoint: open another lane, send staff from a quiet one nearby; readings by hand-held "
        "instrument in the waiting zone. The sources demand checks without congestion (不造成拥堵).",
        "通知卡口：增开通道，从附近空闲卡口调人，在等候区用手持仪测温。要求：检查不造成拥堵。",
        "checkline sql \"SELECT site, lane, count() FROM checkline.check_ins WHERE kind = 'PASSAGE' AND occurred_at "
        '> now() - 600 GROUP BY site, lane ORDER BY 3 DESC"',
    ),
    Rule(
        "DeadlinesWillBeMissed",
        "warning",
        "At the present pace deadlines will be missed",
        "按现进度将有时限超期",
        "There is still time: hand leads to the units with spare teams that the forecast names, or call in a team. "
        "checkline as-of <now> --queue lists what is due first. Tell the district's duty desk.",
        "尚有时间：转派给预测所列有余力的单位，或增派人员。checkline as-of <现在> --queue 按到期先后列出。通知该区"
        "值班室。",
        "checkline as-of TIME --queue",
    ),
    Rule(
        "ConflictsSeen",
        "warning",
        "Two different records under one identity: a broken or doubled device",
        "同号异文：同一标识下内容不同",
        'checkline sql "SELECT * FROM checkline.conflicts ORDER BY detected_at DESC LIMIT 20" names them; the '
        "winner counts. Have the device taken out of use and enrolled anew: it repeats numbers, or two devices "
        "share a name.",
        "按下列查询找到设备；按规则取其一计数。停用该设备并重新登记：其序号重复，或两台设备同名。",
        'checkline sql "SELECT * FROM checkline.conflicts ORDER BY detected_at DESC LIMIT 20"',
    ),
)
"""The catalogue."""

_BY_NAME = {rule.name: rule for rule in RULES}


def rule_of(name: str) -> Rule:
    """A kind of alarm by its name. One of an older journal that is known no more has no words of its own."""
    unknown = Rule(name, "warning", name, name, "see the detail", "见详情", "checkline alarms history")
    return _BY_NAME.get(name, unknown)
