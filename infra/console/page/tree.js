// Elements are made anew at each look and then laid over those that are there: what is in focus, open or scrolled stays.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Attributes that are null, undefined or false are left out; children are elements, texts or lists. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same in a drawing. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** Makes the children of an element those that are given. */
export function put(element, ...children) {
  const wanted = element.cloneNode(false);
  filled(wanted, {}, children);
  lay(element, wanted);
}

// What the reader opened stays open, however often the page is drawn anew.
const READERS = new Set(["open"]);

function morph(there, wanted) {
  if (there.nodeType === Node.TEXT_NODE) {
    if (there.nodeValue !== wanted.nodeValue) there.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name, value } of wanted.attributes) {
    if (!READERS.has(name) && there.getAttribute(name) !== value) there.setAttribute(name, value);
  }
  for (const { name } of [...there.attributes]) {
    if (!READERS.has(name) && !wanted.hasAttribute(name)) there.removeAttribute(name);
  }
  lay(there, wanted);
}

function lay(there, wanted) {
  const keyed = new Map();
  for (const child of there.childNodes) {
    const key = keyOf(child);
    if (key) keyed.set(key, child);
  }
  let place = there.firstChild;
  for (const child of [...wanted.childNodes]) {
    const key = keyOf(child);
    let match = key ? keyed.get(key) : place;
    if (match && !(alike(match, child) && keyOf(match) === key)) match = null;
    if (!match) {
      there.insertBefore(child, place);
      continue;
    }
    if (match === place) place = place.nextSibling;
    else there.insertBefore(match, place);
    morph(match, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);
const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;
