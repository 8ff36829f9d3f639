// Words, numbers and times in the language of the reader. All times are told in the zone of the deadlines.

const LANGUAGES = { en: { tag: "en", formats: "en-GB" }, zh: { tag: "zh-Hans", formats: "zh-CN" } };
const REMEMBERED = "checkline.language";

let language = "en";
let messages = {};
let zone = "UTC";
let formats = {};

export const languages = Object.keys(LANGUAGES);
export const current = () => language;

/** The language of the last visit, or that of the browser. */
export function preferred() {
  let remembered = null;
  try {
    remembered = localStorage.getItem(REMEMBERED);
  } catch {
    // a browser that keeps nothing
  }
  if (languages.includes(remembered)) return remembered;
  return (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}

export async function speak(wanted) {
  const answer = await fetch(`/page/messages.${wanted}.json`);
  if (!answer.ok) throw new Error(`no messages: ${answer.status}`);
  messages = await answer.json();
  language = wanted;
  document.documentElement.lang = LANGUAGES[wanted].tag;
  try {
    localStorage.setItem(REMEMBERED, wanted);
  } catch {
    // as above
  }
  makeFormats();
}

export function inZone(wanted) {
  if (wanted === zone) return;
  zone = wanted;
  makeFormats();
}

function makeFormats() {
  const locale = LANGUAGES[language].formats;
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone };
  const day = { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone };
  formats = {
    whole: new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }),
    tenths: new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    percent: new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }),
    clock: new Intl.DateTimeFormat("en-GB", clock),
    minute: new Intl.DateTimeFormat("en-GB", { ...clock, second: undefined }),
    day: new Intl.DateTimeFormat("sv-SE", day),
  };
}

/** A message of the page; {name} stands for a value. A key without message is a fault of ours, and is seen. */
export function t(key, values = {}) {
  const text = messages[key];
  if (text === undefined) return `⟦${key}⟧`;
  return text.replace(/\{(\w+)\}/g, (_, name) => (name in values ? values[name] : `{${name}}`));
}

export const has = (key) => key in messages;
/** A name in both languages, in this one. */
export const named = (name) => (name ? name[language] : t("not_stated"));

/** Null is never a number. */
const or = (format) => (value, ...rest) =>
  value === null || value === undefined ? t("unknown") : format(value, ...rest);

export const whole = or((value) => formats.whole.format(value));
export const percent = or((value) => formats.percent.format(value));

/** A rate, or a number that may be a fraction. */
export const rate = or((value) => (Math.abs(value) >= 100 ? formats.whole : formats.tenths).format(value));

/** A span of time from seconds: two units at most. */
export const span = or((value) => {
  const seconds = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  const parts = (...pairs) =>
    sign + pairs.filter(([n], i) => i === 0 || n > 0).map(([n, unit]) => t(unit, { n: formats.whole.format(n) })).join(t("join_units"));
  if (seconds < 0.05) return t("seconds", { n: "0" });
  if (seconds < 10) return sign + t("seconds", { n: formats.tenths.format(seconds) });
  const all = Math.round(seconds);
  if (all < 60) return parts([all, "seconds"]);
  if (all < 3600) return parts([Math.floor(all / 60), "minutes"], [all % 60, "seconds"]);
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return parts([Math.floor(minutes / 60), "hours"], [minutes % 60, "minutes"]);
  const hours = Math.round(seconds / 3600);
  return parts([Math.floor(hours / 24), "days"], [hours % 24, "hours"]);
});

export const bytes = or((value) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${(unit === 0 || size >= 100 ? formats.whole : formats.tenths).format(size)} ${units[unit]}`;
});

/** A time; with its day where that is not the day of `beside`. */
export const time = or((at, beside) => {
  const day = formats.day.format(at);
  const clock = formats.clock.format(at);
  return beside !== undefined && formats.day.format(beside) === day ? clock : `${day} ${clock}`;
});

/** A deadline: its end of day is a midnight, and called so. */
export const deadline = or((at, beside) => {
  const minute = formats.minute.format(at);
  const ends = minute === "00:00" ? at - 1 : at;
  const day = formats.day.format(ends);
  const near = beside !== undefined && formats.day.format(beside) === day;
  if (minute === "00:00") return near ? t("midnight") : t("midnight_of", { day });
  return near ? minute : `${day} ${minute}`;
});
