// Elements of the timeline. Loaded before `timeline.js`.

function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "g", "clipPath", "defs", "title"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const ICONS = {
  play: "M5 3l8 5-8 5z", pause: "M4 3h3v10H4zM9 3h3v10H9z",
  undo: "M6 3L2.5 6.5 6 10M3 6.5h6a3.5 3.5 0 010 7H6", redo: "M10 3l3.5 3.5L10 10M13 6.5H7a3.5 3.5 0 000 7h3",
  plus: "M8 3v10M3 8h10", minus: "M3 8h10", cross: "M4 4l8 8M12 4l-8 8", fold: "M5 6.5l3 3 3-3",
  loop: "M3 7V6a2 2 0 012-2h8l-2.5-2.5M13 9v1a2 2 0 01-2 2H3l2.5 2.5",
  help: "M5.7 6a2.3 2.3 0 114 1.6C8.6 8.6 8 9 8 10.2M8 12.8v.2",
};
const icon = (name) => make("svg", {viewBox: "0 0 16 16", "aria-hidden": "true", class: `tl-icon is-${name}`}, make("path", {d: ICONS[name]}));
const button = (act, name, ...inside) => make("button", {
  type: "button", class: "tl-button", "data-act": act, "aria-label": inside.length ? name : null, title: inside.length ? name : null,
}, ...(inside.length ? inside : [name]));
const toggle = (act, name, ...inside) => {
  const made = button(act, name, ...inside);
  made.setAttribute("aria-pressed", "false");
  return made;
};
const isOn = (made) => made.getAttribute("aria-pressed") === "true";
const turn = (made, on) => made.setAttribute("aria-pressed", String(on));
