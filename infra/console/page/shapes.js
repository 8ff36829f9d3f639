// A state is a word, a shape and a colour: each alone tells it.

import { h, s } from "./tree.js";
import { t } from "./text.js";

const DRAWN = {
  // a diamond with a cross, a triangle with a mark, a disc with a tick, a broken ring with a question
  critical: [
    s("path", { class: "body", d: "M8 .3L15.7 8 8 15.7.3 8z" }),
    s("path", { class: "mark", d: "M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6" }),
  ],
  warning: [s("path", { class: "body", d: "M8 1.2L15.4 14.6H.6z" }), s("path", { class: "mark", d: "M8 6v4M8 12v.6" })],
  ok: [s("circle", { class: "body", cx: 8, cy: 8, r: 7 }), s("path", { class: "mark", d: "M4.6 8.2l2.4 2.4 4.4-5" })],
  unknown: [
    s("circle", { class: "ring", cx: 8, cy: 8, r: 6.4 }),
    s("path", { class: "query", d: "M5.9 6.2a2.1 2.1 0 1 1 3.2 1.8c-.8.5-1.1.9-1.1 1.6M8 11.6v.5" }),
  ],
};
const SHAPE_OF = { critical: "critical", warning: "warning", ok: "ok", unknown: "unknown", stopped: "critical", late: "warning" };

/** The shape of a severity or a state, without words. */
export function shape(state) {
  const name = SHAPE_OF[state];
  return s("svg", { class: `shape ${name}`, viewBox: "0 0 16 16", "aria-hidden": "true", "data-shape": name },
    DRAWN[name].map((part) => part.cloneNode(true)));
}

/** Shape and word. */
export const told = (state, key = `state_${state}`) =>
  h("span", { class: `told ${SHAPE_OF[state]}` }, shape(state), h("span", { class: "word" }, t(key)));
