// The pipeline from the devices to the tables: nodes, and the lines that events take between them.

import { h, put, s } from "./tree.js";
import { shape } from "./shapes.js";
import { bytes, current, named, rate, span, t, time, whole } from "./text.js";
import { heading } from "./sections.js";

const UNITS = {
  watermark_lag: span,
  queryable_p50: span,
  queryable_p95: span,
  queryable_p99: span,
  arrivals_per_minute: rate,
  bytes_on_disk: bytes,
};

/** Draws all stages. */
export function drawPipeline(element, state) {
  put(
    element,
    heading("pipeline", { source: null, behind: "partitions", state }),
    h("div", { class: "drawing" },
      s("svg", { class: "lines", "aria-hidden": "true", "data-key": "lines" }),
      h("ol", { class: "stages" }, state.pipeline.map((stage) => drawStage(stage, state)))),
  );
  drawLines(element, state.pipeline);
}

function drawStage(stage, state) {
  return h("li", { class: `stage ${stage.name}`, "data-key": stage.name },
    h("h3", {}, t(`stage_${stage.name}`)),
    h("ul", {}, stage.nodes.map((node) => h("li", { "data-key": node.name }, drawNode(node, state)))));
}

function drawNode(node, state) {
  const source = state.sources[node.source];
  const last = !source.known && source.taken_at !== null;
  const facts = node.facts.map((fact) => {
    const format = fact.name === "audited_at" ? (at) => time(at, state.at) : (UNITS[fact.name.replace("_above", "")] ?? whole);
    const above = fact.name.endsWith("_above") ? "> " : "";
    return h("span", { class: "fact", "data-key": fact.name },
      h("span", { class: "of" }, t(`fact_${fact.name.replace("_above", "")}`)), " ",
      h("b", {}, above + format(fact.value)));
  });
  const word = last ? t("last_words_at", { time: time(source.taken_at, state.at) }) : t(node.why ? `why_${node.why}` : `state_${node.state}`);
  return h("button", {
    type: "button", class: `node ${node.state}${last ? " last" : ""}`, "data-act": "behind", "data-arg": node.behind,
    "data-node": node.name, "data-state": node.state,
  },
    h("span", { class: "name" }, shape(node.state), h("span", { class: "label" }, named(node.label)),
      node.state === "ok" ? h("span", { class: "hidden" }, t("state_ok")) : h("span", { class: "word" }, word)),
    lagLine(node, source),
    facts.length ? h("span", { class: "facts" }, facts) : null);
}

function lagLine(node, source) {
  if (node.source !== "kafka") return null;
  if (!node.lag) return h("span", { class: "lag unknown" }, t(source.taken_at === null ? "unknown" : "no_such_topic"));
  const { events, seconds, at_least } = node.lag;
  const old = seconds === null ? t("age_unknown") : (at_least ? "≥ " : "") + span(seconds);
  return h("span", { class: "lag" }, h("b", {}, whole(events)), " ", t("events_waiting"), " · ", h("b", {}, old));
}

let drawnFor = null;

/** Lines are laid once the nodes have their places; again when these move. */
function drawLines(element, stages) {
  const drawing = element.querySelector(".drawing");
  drawnFor = { drawing, stages };
  if (!drawing.dataset.watched) {
    drawing.dataset.watched = "yes";
    new ResizeObserver(() => layLines(drawnFor)).observe(drawing);
  }
  layLines(drawnFor);
}

function layLines({ drawing, stages }) {
  const board = drawing.querySelector(".lines");
  const origin = drawing.getBoundingClientRect();
  const flat = getComputedStyle(drawing.querySelector(".stages")).flexDirection !== "row";
  if (flat) return board.replaceChildren();
  board.setAttribute("viewBox", `0 0 ${origin.width} ${origin.height}`);
  const box = (name) => drawing.querySelector(`[data-node="${name}"]`)?.getBoundingClientRect();
  const column = new Map(stages.flatMap((stage, index) => stage.nodes.map((node) => [node.name, index])));
  const lines = [];
  for (const [index, stage] of stages.entries()) {
    for (const node of stage.nodes) {
      for (const fed of node.feeds) {
        if (column.get(fed) !== index + 1) continue;
        const from = box(node.name);
        const to = box(fed);
        if (!from || !to) continue;
        const x1 = from.right - origin.left;
        const y1 = from.top + from.height / 2 - origin.top;
        const x2 = to.left - origin.left;
        const y2 = to.top + to.height / 2 - origin.top;
        const bend = (x2 - x1) / 2;
        const state = node.name === "devices" ? "ok" : node.state; // that a few are silent does not stop the others
        lines.push(s("path", { class: state, d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }));
      }
    }
  }
  // The sinks read every topic themselves: one line beneath all.
  const sinks = box("sinks");
  const inputs = stages.find((stage) => stage.name === "topics").nodes.map((node) => box(node.name)).filter(Boolean);
  if (sinks && inputs.length) {
    const x = inputs[0].left + inputs[0].width / 2 - origin.left;
    const low = Math.max(...inputs.map((one) => one.bottom)) - origin.top;
    const bottom = origin.height - 7;
    const end = sinks.left + sinks.width / 2 - origin.left;
    const r = 8;
    lines.push(s("path", { class: "bus", d: `M${x} ${low}V${bottom - r}q0 ${r} ${r} ${r}H${end - r}q${r} 0 ${r} ${-r}V${sinks.bottom - origin.top}` }));
    lines.push(s("text", { class: "bus-word", x: (x + end) / 2, y: bottom - 5, "text-anchor": "middle", lang: current() }, t("sinks_read_all")));
  }
  board.replaceChildren(...lines);
}
