// Open alarms, the worst first; new ones are told to who listens instead of looking.

import { h, put } from "./tree.js";
import { shape, told } from "./shapes.js";
import { named, span, t, time, whole } from "./text.js";
import { heading } from "./sections.js";

const IN_FULL = 6;
let heard = null;

/** Draws the alarms. */
export function drawAlarms(element, state) {
  const { failure, alarms, critical, warning } = state.alarms;
  const silent = Object.entries(state.sources).filter(([, source]) => !source.known).map(([name]) => t(`source_${name}`));
  const rest = alarms.rows.slice(IN_FULL);
  const beyond = alarms.total - alarms.rows.length;
  put(element,
    heading("alarms", { source: null, behind: "alarms", state }),
    h("p", { class: "tally", "data-key": "tally" },
      critical ? h("span", { class: "told critical" }, shape("critical"), h("span", { class: "word" }, t("n_critical", { n: whole(critical) }))) : null,
      warning ? h("span", { class: "told warning" }, shape("warning"), h("span", { class: "word" }, t("n_warning", { n: whole(warning) }))) : null,
      failure ? h("span", { class: "told unknown" }, shape("unknown"), h("span", { class: "word" }, t("alarms_unknown"))) : null,
      !failure && !alarms.total ? (silent.length ? h("span", { class: "told unknown" }, shape("unknown"), h("span", { class: "word" }, t("no_alarms_but")))
        : told("ok", "no_alarms")) : null,
      silent.length ? h("span", { class: "silent" }, t("sources_silent", { sources: silent.join(t("join_list")) })) : null),
    alarms.rows.length ? h("ul", { class: "alarms", "data-key": "list" }, alarms.rows.slice(0, IN_FULL).map((alarm) => draw(alarm, state))) : null,
    rest.length ? h("details", { class: "rest", "data-key": "rest" }, h("summary", {}, t("more_alarms", { n: whole(rest.length) })),
      h("ul", { class: "alarms" }, rest.map((alarm) => draw(alarm, state)))) : null,
    beyond > 0 ? h("p", { class: "more" }, t("and_more", { n: whole(beyond) })) : null);
  announce(failure ? [] : alarms.rows);
}

function draw(alarm, state) {
  const since = t("since", { time: time(alarm.raised_at, state.at), span: span((state.at - alarm.raised_at) / 1000) });
  const progress = [
    alarm.acknowledged_at ? t("acknowledged", { by: alarm.acknowledged_by, time: time(alarm.acknowledged_at, state.at) }) : null,
    alarm.cleared_at ? t("cleared", { time: time(alarm.cleared_at, state.at) }) : null,
    alarm.level ? t("escalated", { level: whole(alarm.level) }) : null,
  ].filter(Boolean);
  return h("li", { class: `alarm ${alarm.severity}${alarm.acknowledged_at ? " taken" : ""}`, "data-key": alarm.identity, "data-severity": alarm.severity },
    h("div", { class: "what" },
      h("h3", {}, told(alarm.severity, `severity_${alarm.severity}`), " ", named(alarm.title)),
      h("p", { class: "subject" }, h("code", {}, alarm.subject), " ", named(alarm.detail)),
      h("p", { class: "times" }, since, progress.map((one) => [" · ", h("b", {}, one)]))),
    alarm.remedy ? h("details", { class: "remedy", "data-key": "remedy", open: alarm.severity === "critical" && !alarm.acknowledged_at },
      h("summary", {}, t("remedy"), h("span", { class: "hidden" }, `: ${named(alarm.title)}, ${alarm.subject}`)),
      h("p", {}, named(alarm.remedy)),
      alarm.behind ? h("p", { class: "command" }, h("code", {}, alarm.behind),
        h("button", { type: "button", class: "small", "data-act": "copy", "data-arg": alarm.behind }, t("copy"), h("span", { class: "hidden" }, `: ${alarm.behind}`))) : null) : null,
    alarm.acknowledged_at ? null : h("button", { type: "button", class: "take", "data-key": "take", "data-act": "acknowledge", "data-arg": alarm.identity },
      t("acknowledge"), h("span", { class: "hidden" }, ` ${named(alarm.title)}, ${alarm.subject}`)));
}

/** Says what is new. What was open when the page was opened is read by whoever reads the page. */
function announce(rows) {
  const known = new Set(rows.map((alarm) => alarm.identity));
  if (heard !== null) {
    const fresh = rows.filter((alarm) => !heard.has(alarm.identity));
    if (fresh.length) say(fresh.map((alarm) => t("announced", { severity: t(`severity_${alarm.severity}`), title: named(alarm.title), subject: alarm.subject })).join(" "));
  }
  heard = known;
}

export function say(text) {
  document.getElementById("announcer").textContent = text;
}
