// Asks for the state whenever there is a new one, draws it, and says loudly when there is none.

import { drawAlarms, say } from "./alarms.js";
import { drawPipeline } from "./drawing.js";
import { askLogin, showBehind, showHandOver, wordsOf } from "./dialogs.js";
import { drawSections } from "./sections.js";
import { act, forget, get, recall, user } from "./session.js";
import { shape } from "./shapes.js";
import { current, inZone, languages, preferred, span, speak, t, time } from "./text.js";
import { h, put } from "./tree.js";

const QUIET_SECONDS = 8;
const OLD_SECONDS = 15;
const POLL_SECONDS = 5;
const LETTERS_SECONDS = 5;
const RECONNECT_SECONDS = 20;

const byId = (id) => document.getElementById(id);
const seconds = () => performance.now() / 1000;

let state = null;
let letters = null;
let lettersAt = -Infinity;
let look = { age: null, heardAt: null, failure: null }; // the age of what is shown, at the time we heard of it
let contact = null; // when the server last answered
let failed = false; // the last question had no answer
let refreshing = false;
let told = false;

// ---- asking
async function refresh() {
  if (refreshing) return;
  refreshing = true;
  try {
    const answer = await get("/api/state");
    state = answer.document;
    heard(JSON.parse(answer.headers.get("Checkline-Look")));
    inZone(state.zone);
    if (seconds() - lettersAt > LETTERS_SECONDS) await refreshLetters();
    draw();
  } catch (trouble) {
    if (trouble.problem) heard({ age_seconds: null, failure: trouble.message });
    else failed = true;
  } finally {
    refreshing = false;
    drawTop();
  }
}

async function refreshLetters() {
  lettersAt = seconds();
  try {
    letters = (await get("/api/letters")).document;
  } catch (trouble) {
    letters = { problem: wordsOf(trouble) };
  }
}

function heard({ age_seconds: age, failure }) {
  contact = seconds();
  failed = false;
  look = { age, heardAt: contact, failure };
}

function listen() {
  const stream = new EventSource("/api/changes");
  let tag = null;
  stream.addEventListener("look", (event) => {
    const about = JSON.parse(event.data);
    const old = about.tag === tag;
    tag = about.tag;
    if (old || about.tag === null) heard(about);
    else refresh();
  });
  stream.onerror = () => {
    // Too many watch, or the server has gone: one question tells which.
    refresh();
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, RECONNECT_SECONDS * 1000);
  };
}

// ---- drawing
function draw() {
  if (!state) return;
  drawAlarms(byId("alarms"), state);
  drawPipeline(byId("pipeline"), state);
  drawSections(state, letters);
}

const ageNow = () => (look.age === null ? null : look.age + seconds() - look.heardAt);

function drawTop() {
  const age = ageNow();
  const lost = failed || (contact !== null && seconds() - contact > QUIET_SECONDS);
  const blind = !lost && (age === null ? contact !== null : age > OLD_SECONDS);
  document.title = titleOf(lost || blind);
  byId("skip").textContent = t("skip");
  put(byId("top"),
    h("div", { class: "brand" }, h("h1", {}, "Checkline ", h("span", {}, t("operations")))),
    h("div", { class: `fresh ${lost || blind ? "bad" : ""}` }, state === null ? t("asking") : [
      h("span", { class: "clock" }, shape(lost || blind ? "critical" : "ok"), " ", t("shown", { time: time(state.at), age: span(age) })),
      state.clock === "event" ? h("span", { class: "event-clock" }, t("event_clock", { time: time(state.now) })) : null,
      h("span", { class: "zone" }, state.zone)]),
    h("div", { class: "tools" },
      h("div", { class: "languages", role: "group", "aria-label": t("language") }, languages.map((one) =>
        h("button", { type: "button", lang: one === "zh" ? "zh-Hans" : one, "data-act": "language", "data-arg": one, "aria-pressed": String(one === current()) }, one === "zh" ? "中文" : "English"))),
      user() ? [h("button", { type: "button", class: "quiet", "data-act": "hand-over" }, t("take_hand_over")),
        h("button", { type: "button", class: "quiet", "data-act": "logout" }, t("log_out", { user: user() }))]
        : h("button", { type: "button", class: "quiet", "data-act": "login" }, t("log_in"))));
  put(byId("foot"), h("p", {}, t("foot")), h("p", {}, h("a", { href: "/metrics" }, t("scrape"))));
  const banner = byId("lost");
  banner.hidden = !(lost || blind);
  document.documentElement.classList.toggle("is-lost", lost || blind);
  const values = { time: time(state?.at ?? null), age: span(age), reason: look.failure ?? t("no_news") };
  put(banner, shape("critical"), h("strong", {}, t(lost ? "lost" : "blind")), " ", h("span", {}, t(state === null ? "lost_nothing" : lost ? "lost_detail" : "blind_detail", values)));
  if ((lost || blind) && !told) say(t(lost ? "lost" : "blind"));
  told = lost || blind;
}

function titleOf(bad) {
  if (bad) return `✕ ${t("lost")} · Checkline`;
  const count = state?.alarms.alarms.total ?? 0;
  return count ? `(${count}) Checkline ${t("operations")}` : `Checkline ${t("operations")}`;
}

function tell(text) {
  byId("said").textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => (byId("said").textContent = ""), 12_000);
}

// ---- doing
/** Does something in the reader's name, after a login where there is none. */
async function does(path, body, done) {
  if (!user() && !(await askLogin())) return;
  drawTop();
  try {
    done(await act(path, body));
  } catch (trouble) {
    if (trouble.problem === "login_needed") {
      forget();
      drawTop();
    }
    tell(wordsOf(trouble));
  }
  lettersAt = -Infinity;
  await refresh();
}

const ACTS = {
  behind: (arg) => showBehind(arg),
  close: (_, element) => element.closest("dialog").close(),
  copy: (arg) => navigator.clipboard.writeText(arg).then(() => tell(t("copied")), () => tell(t("not_copied"))),
  language: async (arg) => {
    await speak(arg);
    draw();
    drawTop();
  },
  login: async () => {
    if (await askLogin()) lettersAt = -Infinity;
    drawTop();
    await refresh();
  },
  logout: () => does("/api/logout", {}, () => tell(t("logged_out"))),
  acknowledge: (arg) => does("/api/acknowledge", { identity: arg }, () => {
    tell(t("acknowledged_now"));
    byId("main").focus({ preventScroll: true }); // its button is gone
  }),
  retry: (arg) => does("/api/retry", { position: arg }, ({ outcome }) => tell(outcome)),
  "hand-over": () => does("/api/hand-over", {}, ({ markdown }) => showHandOver(markdown)),
};

document.addEventListener("click", (event) => {
  const element = event.target.closest("[data-act]");
  if (!element || (element.tagName === "TABLE" && !event.target.closest("td, tbody th"))) return;
  if (String(getSelection()) && element.tagName === "TABLE") return;
  Promise.resolve(ACTS[element.dataset.act](element.dataset.arg, element)).catch((trouble) => tell(wordsOf(trouble)));
});

await speak(preferred());
drawTop();
await Promise.all([recall().catch(() => (failed = true)), refresh()]);
drawTop();
listen();
setInterval(() => {
  if (contact === null || seconds() - contact > POLL_SECONDS) refresh();
  drawTop();
}, 1000);
