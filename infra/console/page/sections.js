// What each section shows. A number that is not known is a word, never a zero.

import { h, put } from "./tree.js";
import { shape, told } from "./shapes.js";
import { bytes, deadline, has, named, percent, rate, span, t, time, whole } from "./text.js";

const PARTS_OF = {
  follow_ups: { source: "store", behind: "clocks", part: (state) => state.sections.clocks, draw: (clocks, state) => queues(clocks.follow_ups, state, "follow_ups", clocks) },
  releases: { source: "store", behind: "clocks", part: (state) => state.sections.clocks, draw: (clocks, state) => queues(clocks.releases, state, "releases", null) },
  forecast: { source: "forecast", behind: "forecast", part: (state) => state.sections.forecast, draw: forecast },
  reports: { source: "store", behind: "reports", part: (state) => state.sections.reports, draw: reports },
  checkpoints: { source: "store", behind: "checkpoints", part: (state) => state.sections.checkpoints, draw: checkpoints },
  devices: { source: "store", behind: "devices", part: (state) => state.sections.devices, draw: devices },
  dead_letters: { source: "store", behind: "dead_letters", part: (state) => state.sections.dead_letters, draw: deadLetters },
  queryable: { source: "store", behind: "queryable", part: (state) => state.sections.queryable, draw: queryable },
  partitions: { source: "kafka", behind: "partitions", part: (state) => state.sections.kafka, draw: partitions },
  audit: { source: "audit", behind: "audit", part: (state) => state.sections.audit ?? (state.sections.ledger ? {} : null), draw: audit },
  workers: { source: "workers", behind: "workers", part: (state) => state.sections.workers, draw: workers },
  parts: { source: "parts", behind: "parts", part: (state) => state.sections.parts, draw: parts },
};

/** Draws every section. `letters`: the dead letters that wait, or why they cannot be listed. */
export function drawSections(state, letters) {
  for (const [name, { source, behind, part, draw }] of Object.entries(PARTS_OF)) {
    const element = document.getElementById(name);
    const found = part(state);
    const { known } = state.sources[source];
    element.classList.toggle("last", !known);
    put(element, heading(name, { source, behind, state }), notice(source, state),
      found === null ? null : h("div", { class: "body", "data-key": "body" }, draw(found, state, letters)));
  }
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

/** Title, as of when, and what is behind it. */
export function heading(name, { source, behind, state }) {
  const from = source ? state.sources[source] : null;
  return h("div", { class: "heading", "data-key": "heading" },
    h("h2", { id: `${name}-title` }, t(`section_${name}`)),
    from?.known ? h("span", { class: "as-of" }, t("as_of", { time: time(state.as_of[behind] ?? from.taken_at, state.at) })) : null,
    h("button", { type: "button", class: "quiet", "data-act": "behind", "data-arg": behind },
      t("behind"), h("span", { class: "hidden" }, `: ${t(`section_${name}`)}`)));
}

function notice(source, state) {
  const from = state.sources[source];
  if (from.known) return null;
  const reason = from.failure ?? t(from.taken_at === null ? "not_asked_yet" : "no_news");
  const since = from.taken_at === null
    ? t("never_known", { reason })
    : t("not_known_since", { time: time(from.taken_at, state.at), reason });
  return h("p", { class: "notice", "data-key": "notice" }, shape("unknown"), h("span", {}, since,
    from.taken_at === null ? null : [" ", t("last_words_below")]));
}

// ---- pieces
const stat = (behind, label, value, state = null) =>
  h("li", { "data-key": label },
    h("button", { type: "button", class: `stat ${state ?? ""}`, "data-act": "behind", "data-arg": behind },
      h("span", { class: "value" }, state ? shape(state) : null, value), h("span", { class: "label" }, t(label))));
const stats = (...found) => h("ul", { class: "stats" }, found);

/** A table of bounded rows. Columns: [key of its head, cell of a row, class]. */
function table(name, behind, { rows, total }, columns, keyOf) {
  if (!rows.length) return null;
  // The roles are those of the elements: on a phone rows are cards, and must stay rows for who listens.
  const head = columns.map(([key, , kind]) => h("th", { scope: "col", role: "columnheader", class: kind ?? "" }, t(key)));
  const body = rows.map((row, index) =>
    h("tr", { role: "row", "data-key": keyOf ? keyOf(row) : index }, columns.map(([key, cell, kind], place) =>
      place === 0 ? h("th", { scope: "row", role: "rowheader", class: kind ?? "" }, cell(row))
        : h("td", { role: "cell", class: kind ?? "", "data-label": t(key) }, h("span", {}, cell(row))))));
  return h("div", { class: "scroll", role: "group", "aria-label": t(name), "data-key": name },
    h("table", { role: "table", "data-act": "behind", "data-arg": behind }, h("caption", {}, t(name)),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), h("tbody", { role: "rowgroup" }, body)),
    total > rows.length ? h("p", { class: "more" }, t("and_more", { n: whole(total - rows.length) })) : null);
}

const marked = (number, state) => (number > 0 ? h("span", { class: `marked ${state}` }, shape(state), whole(number)) : whole(number));
const fine = (key, values) => h("p", { class: "fine", "data-key": "fine" }, shape("ok"), t(key, values));
const slow = (found) => (found ? (found.above ? "> " : "") + span(found.seconds) : t("unknown"));

// ---- sections
function queues(found, state, name, clocks) {
  const overdue = name === "releases" ? "held_too_long" : "overdue";
  return [
    stats(stat("clocks", overdue, whole(found.overdue), found.overdue ? "critical" : null),
      stat("clocks", "due_soon", whole(found.due_soon), found.due_soon ? "warning" : null), stat("clocks", "open", whole(found.open)),
      clocks ? stat("clocks", "breaches_recent", whole(clocks.breaches_recent)) : null),
    table(`table_${name}`, "clocks", found.queues, [
      ["class", (row) => named(row.duty)],
      ["district", (row) => named(row.district), "long"],
      [overdue, (row) => marked(row.overdue, "critical"), "n"],
      ["due_soon", (row) => marked(row.due_soon, "warning"), "n"],
      ["open", (row) => whole(row.open), "n"],
      ["oldest_due", (row) => (row.oldest_due_at === null ? t("none") : deadline(row.oldest_due_at, state.now)), "n"],
    ], (row) => `${row.duty.en}/${row.district?.en}`) ?? fine(`none_${name}`),
  ];
}

function forecast(found, state) {
  if (!found.outlooks.rows.length) return fine("none_forecast");
  return [
    h("ul", { class: "sentences" }, found.outlooks.rows.map((row) => {
      const misses = Math.round(row.will_miss);
      const values = {
        n: whole(misses), due: whole(row.due), duty: named(row.duty), district: named(row.district),
        horizon: deadline(row.horizon, state.now), pace: rate(row.pace), low: whole(Math.floor(row.low)), high: whole(Math.ceil(row.high)),
      };
      const spare = row.spare.rows.map((one) => t("spare_unit", { unit: one.unit, rate: rate(one.per_hour) })).join(t("join_list"));
      return h("li", { "data-key": `${row.duty.en}/${row.district?.en}` }, shape(misses ? "warning" : "ok"), h("div", {},
        h("strong", {}, t(misses ? "will_miss" : "will_be_done", values)), " ",
        h("span", {}, t("between", values), " ", row.error === null ? t("no_error_yet") : t("error_so_far", { error: rate(row.error) })),
        h("span", { class: "spare" }, " ", spare ? t("spare", { units: spare }) : t("no_spare"))));
    })),
    found.outlooks.total > found.outlooks.rows.length ? h("p", { class: "more" }, t("and_more", { n: whole(found.outlooks.total - found.outlooks.rows.length) })) : null,
  ];
}

function reports(found, state) {
  const came = found.expected ? (found.expected - found.missing) / found.expected : null;
  return [
    stats(stat("reports", "missing_reports", whole(found.missing), found.missing ? "warning" : null),
      stat("reports", "expected_reports", whole(found.expected)), stat("reports", "completeness", found.expected ? percent(came) : t("nothing_expected"))),
    table("table_missing", "reports", found.units, [
      ["unit", (row) => row.unit],
      ["district", (row) => named(row.district), "long"],
      ["schedule", (row) => named(row.schedule), "long"],
      ["indicator", (row) => row.indicator],
      ["due_at", (row) => deadline(row.due_at, state.now), "n"],
    ]) ?? (found.expected ? fine("none_missing") : h("p", { class: "plain" }, t("nothing_expected_yet"))),
    table("table_totals", "reports", found.totals, [
      ["schedule", (row) => named(row.schedule)],
      ["indicator", (row) => row.indicator],
      ["period", (row) => [row.date, " ", row.slot]],
      ["missing", (row) => marked(row.missing, "warning"), "n"],
      ["expected", (row) => whole(row.expected), "n"],
      ["completeness", (row) => percent(row.completeness), "n"],
    ]),
  ];
}

function checkpoints(found) {
  if (!found.lanes.rows.length) return h("p", { class: "plain" }, t("none_checkpoints"));
  return [
    stats(stat("checkpoints", "passages_per_minute", rate(found.per_minute)), stat("checkpoints", "lanes", whole(found.lanes.total))),
    table("table_lanes", "checkpoints", found.lanes, [
      ["site", (row) => [row.congested ? [shape("warning"), h("span", { class: "word" }, t("congested")), " "] : null, row.site]],
      ["district", (row) => named(row.district), "long"],
      ["lane", (row) => row.lane],
      ["per_minute", (row) => rate(row.per_minute), "n"],
      ["waiting", (row) => (row.waiting === null ? t("no_decisions") : whole(row.waiting)), "n"],
      ["wait_p50", (row) => (row.wait ? slow(row.wait.p50) : t("no_decisions")), "n"],
      ["wait_p95", (row) => (row.wait ? slow(row.wait.p95) : t("no_decisions")), "n"],
    ], (row) => `${row.site}/${row.lane}`),
  ];
}

function devices(found) {
  const place = [["device", (row) => row.device], ["site", (row) => row.site ?? t("not_stated")], ["district", (row) => named(row.district), "long"]];
  const silence = (row) => (row.silent_seconds === null ? t("never_heard_of") : span(row.silent_seconds));
  const skew = (row) => (row.skew_seconds === null ? t("unknown") : `${row.skew_seconds > 0 ? "+" : ""}${span(row.skew_seconds)}`);
  const key = (row) => row.device;
  const well = !found.silent.total && !found.skewed.total && !found.gaps.total;
  return [
    stats(stat("devices", "silent", whole(found.silent.total), found.silent.total ? "warning" : null),
      stat("devices", "skewed", whole(found.skewed.total), found.skewed.total ? "warning" : null),
      stat("devices", "with_gaps", whole(found.gaps.total), found.gaps.total ? "warning" : null), stat("devices", "expected", whole(found.expected))),
    found.known === 0 ? h("p", { class: "plain" }, t("none_devices")) : well ? fine("all_devices_well") : null,
    table("table_silent", "devices", found.silent, [...place, ["silent_for", silence, "n"]], key),
    table("table_skewed", "devices", found.skewed, [...place, ["skew", skew, "n"]], key),
    table("table_gaps", "devices", found.gaps, [...place, ["missing_counters", (row) => whole(row.missing), "n"]], key),
  ];
}

function deadLetters(found, state, letters) {
  const arrived = found.topics.rows.reduce((sum, row) => sum + row.recent_arrived, 0);
  const refused = found.topics.rows.reduce((sum, row) => sum + row.recent_refused, 0);
  const lately = t("lately", { span: span(state.thresholds.lately_seconds) });
  return [
    stats(stat("dead_letters", "waiting_letters", whole(found.open), found.open ? "warning" : null),
      stat("dead_letters", "recent_letters", whole(found.recent)),
      stat("dead_letters", "refused_share", arrived ? percent(refused / arrived) : t("nothing_arrived"))),
    h("p", { class: "plain" }, lately),
    table("table_reasons", "dead_letters", found.reasons, [
      ["reason", (row) => named(row.reason)],
      ["topic", (row) => named(row.topic)],
      ["waiting_letters", (row) => marked(row.open, "warning"), "n"],
      ["recent", (row) => whole(row.recent), "n"],
    ], (row) => `${row.topic.en}/${row.code}`) ?? fine("none_dead_letters"),
    waiting(letters, state),
    table("table_arrivals", "dead_letters", found.topics, [
      ["topic", (row) => named(row.topic)],
      ["arrived", (row) => whole(row.arrived), "n"],
      ["refused", (row) => whole(row.refused), "n"],
      ["repeats", (row) => whole(row.repeats), "n"],
      ["conflicts", (row) => marked(row.conflicts, "warning"), "n"],
    ], (row) => row.topic.en),
  ];
}

function waiting(letters, state) {
  if (!letters) return null;
  if (letters.problem) return h("p", { class: "notice", "data-key": "letters" }, shape("unknown"), t("letters_unknown", { reason: letters.problem }));
  return table("table_letters", "dead_letters", { rows: letters.letters, total: letters.letters.length }, [
    ["position", (row) => h("code", {}, row.position)],
    ["reason", (row) => [h("code", {}, row.reason), row.field ? ` ${row.field}` : "", row.detail ? h("span", { class: "detail" }, row.detail) : null], "long"],
    ["arrived_at", (row) => time(row.appended_at, state.at), "n"],
    ["action", (row) => h("button", { type: "button", class: "small", "data-act": "retry", "data-arg": row.position },
      t("retry"), h("span", { class: "hidden" }, ` ${row.position}`))],
  ], (row) => row.position);
}

function queryable(found) {
  const { together } = found;
  return [
    together || found.not_read_back ? stats(...(together ? ["p50", "p95", "p99"].map((share) => stat("queryable", share, slow(together[share]))) : []),
      stat("queryable", "not_read_back", whole(found.not_read_back), found.not_read_back ? "critical" : null), stat("queryable", "on_disk", bytes(found.bytes_on_disk)))
      : h("p", { class: "plain" }, t("no_rows_lately")),
    table("table_delays", "queryable", found.delays, [
      ["topic", (row) => named(row.topic)],
      ["district", (row) => named(row.district), "long"],
      ["p50", (row) => slow(row.delay.p50), "n"],
      ["p95", (row) => slow(row.delay.p95), "n"],
      ["p99", (row) => slow(row.delay.p99), "n"],
      ["rows", (row) => whole(row.delay.observations), "n"],
    ], (row) => `${row.topic.en}/${row.district?.en}`),
  ];
}

function partitions(found) {
  const well = found.brokers >= found.brokers_expected && !found.under_replicated;
  return [
    stats(stat("partitions", "brokers", t("of", { n: whole(found.brokers), all: whole(found.brokers_expected) }), well ? null : "critical"),
      stat("partitions", "under_replicated", whole(found.under_replicated), found.under_replicated ? "warning" : null)),
    table("table_groups", "partitions", { rows: found.groups, total: found.groups.length }, [
      ["group", (row) => h("code", {}, row.group)],
      ["group_state", (row) => (has(`group_${row.state}`) ? t(`group_${row.state}`) : row.state)],
      ["members", (row) => whole(row.members), "n"],
      ["rebalances", (row) => whole(row.rebalances), "n"],
      ["lag_events", (row) => (row.lag ? whole(row.lag.events) : t("unknown")), "n"],
      ["lag_seconds", (row) => (row.lag && row.lag.seconds !== null ? (row.lag.at_least ? "≥ " : "") + span(row.lag.seconds) : t("unknown")), "n"],
    ], (row) => row.group),
    table("table_partitions", "partitions", found.partitions, [
      ["partition", (row) => h("code", {}, `${row.topic}/${row.partition}`)],
      ["group", (row) => h("code", {}, row.group.replace(/^checkline-/, ""))],
      ["lag_events", (row) => whole(row.lag), "n"],
      ["lag_seconds", (row) => span(row.lag_seconds), "n"],
      ["still_for", (row) => span(row.commit_age_seconds), "n"],
      ["drained_in", (row) => (row.drain_seconds === null ? t("does_not_shrink") : span(row.drain_seconds)), "n"],
      ["kept_for", (row) => (row.retention_seconds === null ? t("kept") : row.retention_seconds < 0 ? t("may_be_gone") : span(row.retention_seconds)), "n"],
      ["lost_records", (row) => marked(row.lost, "critical"), "n"],
    ], (row) => `${row.group}/${row.topic}/${row.partition}`) ?? fine("none_partitions"),
  ];
}

function audit(found, state) {
  const { ledger } = state.sections;
  const differs = found.differences > 0;
  return [
    found.finished_at === undefined ? null : [
      h("p", { class: "verdict", "data-key": "verdict" }, told(differs ? "critical" : "ok", differs ? "audit_differs" : "audit_holds"), " ",
        t("audit_round", { time: time(found.finished_at, state.at), span: span(found.seconds) })),
      found.checks.length ? h("ul", { class: "checks" }, found.checks.map((check) => h("li", { "data-key": check.name },
        shape(check.differences ? "critical" : "ok"), has(`check_${check.name}`) ? t(`check_${check.name}`) : check.name, " ", h("b", {}, whole(check.differences))))) : null,
      found.places.rows.length ? h("ul", { class: "places" }, found.places.rows.map((place) => h("li", {}, place))) : null,
    ],
    ledger ? h("div", { "data-key": "ledger" }, stats(stat("ledger", "uncounted", whole(ledger.uncounted), ledger.uncounted ? "warning" : null)),
      table("table_ledger", "ledger", ledger.partitions, [
        ["partition", (row) => `${named(row.topic)}/${row.partition}`],
        ["covered_until", (row) => whole(row.covered_until), "n"],
        ["uncounted", (row) => whole(row.uncounted), "n"],
      ], (row) => `${row.topic.en}/${row.partition}`)) : null,
  ];
}

function workers(found) {
  const rows = found.rows;
  if (!rows.length) return h("p", { class: "plain" }, t("none_workers"));
  const recovering = rows.filter((row) => row.recovering);
  return [
    recovering.length ? h("ul", { class: "sentences" }, recovering.map((row) => h("li", { "data-key": row.part }, shape("warning"),
      h("div", {}, h("strong", {}, t("recovers", { part: row.part, n: whole(row.recovery_remaining), span: span(row.recovery_seconds) })))))) : null,
    table("table_workers", "workers", found, [
      ["part", (row) => h("code", {}, row.part)],
      ["recovery", (row) => (row.recovering ? t("recovering") : row.recovery_seconds === null ? t("unknown") : t("recovered_in", { span: span(row.recovery_seconds) }))],
      ["watermark_lag", (row) => span(row.watermark_lag), "n"],
      ["due_waiting", (row) => whole(row.due_waiting), "n"],
      ["tick_p99", (row) => (row.tick_lateness ? slow(row.tick_lateness.p99) : t("unknown")), "n"],
      ["store", (row) => bytes(row.store_bytes), "n"],
      ["memory", (row) => bytes(row.resident_bytes), "n"],
    ], (row) => row.part),
  ];
}

const PART_STATES = { ready: "ok", starting: "warning", waiting: "warning", "backing off": "critical", failed: "critical", stopped: "critical" };

function parts(found, state) {
  if (!found.rows.length) return h("p", { class: "plain" }, t("none_parts"));
  return table("table_parts", "parts", found, [
    ["part", (row) => h("code", {}, row.name)],
    ["state", (row) => told(PART_STATES[row.state] ?? "unknown", has(`part_${row.state}`) ? `part_${row.state}` : "state_unknown")],
    ["restarts", (row) => marked(row.restarts, "warning"), "n"],
    ["since_column", (row) => sinceOf(row.since, state), "n"],
    ["memory", (row) => bytes(row.resident_bytes), "n"],
    ["processor", (row) => span(row.cpu_seconds), "n"],
  ], (row) => row.name);
}

function sinceOf(since, state) {
  const at = Date.parse(since);
  return Number.isNaN(at) ? since : time(at, state.at);
}
