// What opens over the page: the query behind a number, the login, the hand-over. Escape closes them, focus returns.

import { h, put } from "./tree.js";
import { has, named, t } from "./text.js";
import { act, get } from "./session.js";

let behind = null;

const dialog = (name) => document.getElementById(name);
const close = () => h("button", { type: "button", class: "quiet", "data-act": "close" }, t("close"));
const top = (name, title) => h("div", { class: "heading" }, h("h2", { id: `${name}-title` }, title), close());

/** Shows the queries and commands behind a section's numbers. */
export async function showBehind(section) {
  behind ??= (await get("/api/behind")).document;
  const found = behind[section] ?? [];
  put(dialog("behind"), top("behind", t("behind_title", { section: t(has(`section_${section}`) ? `section_${section}` : `behind_${section}`) })),
    found.length ? found.map((one, index) => h("div", { class: "text", "data-key": `${section}/${index}` },
      h("h3", {}, named(one.title)),
      h("pre", { tabindex: "0", "aria-label": named(one.title) }, h("code", {}, one.kind === "sql" ? one.text : `$ ${one.text}`)),
      h("button", { type: "button", class: "small", "data-act": "copy", "data-arg": one.text }, t(one.kind === "sql" ? "copy_query" : "copy"),
        h("span", { class: "hidden" }, `: ${named(one.title)}`)))) : h("p", {}, t("nothing_behind")));
  dialog("behind").showModal();
}

/** Asks for name and password; resolves with whether somebody is logged in then. */
export function askLogin() {
  const box = dialog("login");
  put(box, top("login", t("log_in")),
    h("form", { novalidate: true },
      h("p", {}, t("login_why")),
      h("label", { for: "user" }, t("user")), h("input", { id: "user", name: "user", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true }),
      h("label", { for: "password" }, t("password")), h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true }),
      h("p", { class: "wrong", id: "wrong", role: "alert" }),
      h("button", { type: "submit" }, t("log_in"))));
  const form = box.querySelector("form");
  form.reset();
  box.showModal();
  box.querySelector("#user").focus();
  return new Promise((resolve) => {
    let done = false;
    form.onsubmit = async (event) => {
      event.preventDefault();
      const button = form.querySelector("[type=submit]");
      button.disabled = true;
      try {
        await act("/api/login", { user: form.user.value, password: form.password.value });
        done = true;
        box.close();
      } catch (trouble) {
        box.querySelector("#wrong").textContent = wordsOf(trouble);
        form.password.focus();
        form.password.select();
      } finally {
        button.disabled = false;
      }
    };
    box.addEventListener("close", () => {
      form.reset(); // no password stays in the page
      resolve(done);
    }, { once: true });
  });
}

export function showHandOver(markdown) {
  put(dialog("hand_over"), top("hand_over", t("hand_over_title")),
    h("pre", { tabindex: "0", "aria-label": t("hand_over_title") }, markdown),
    h("button", { type: "button", class: "small", "data-act": "copy", "data-arg": markdown }, t("copy")));
  dialog("hand_over").showModal();
}

/** What went wrong, in the reader's language where we have words for it. */
export function wordsOf(trouble) {
  const key = `problem_${trouble.problem}`;
  if (trouble.problem && has(key)) return t(key, { text: trouble.message });
  return trouble.problem ? trouble.message : t("problem_no_server");
}
