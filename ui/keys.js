// The keyframe editor: a plot to see and drag, and one row of plain form fields for each keyframe.
// Gradio gives element, props, trigger and watch. The value is a list of rows
// [channel, second, value, easing]; nothing here is trusted by the server.
const {channels, easings, words} = props;
const COLOURS = ["#328571", "#b7791f", "#5b6fb5", "#a2557f", "#4b8f3a", "#8a6d5a", "#3a8ea8"];
const WIDTH = 600, HEIGHT = 128, TOP = 10, BOTTOM = 108;
const plot = element.querySelector(".keys-plot");
const list = element.querySelector(".keys-list");
const empty = element.querySelector(".keys-empty");
const number = (text) => (text === "" ? null : Number(text));
const info = Object.fromEntries(channels.map((c, i) => [c.name, {...c, colour: COLOURS[i % COLOURS.length]}]));

let rows = [];
let dragged = null;

function read() {
  rows = Array.isArray(props.value) ? props.value.map((row) => [...row]) : [];
  draw();
}

function commit() {
  props.value = rows.map((row) => [...row]);
  trigger("input");
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function choice(options, value, label, at, column) {
  const node = make("select", {"aria-label": label, "data-row": at, "data-column": column});
  for (const [name, shown] of options) {
    const option = make("option", {value: name}, shown);
    option.selected = name === value;
    node.append(option);
  }
  return node;
}

function field(value, label, at, column, limits) {
  const node = make("input", {
    type: "number", "aria-label": label, "data-row": at, "data-column": column,
    min: limits[0], max: limits[1], step: limits[2], inputmode: "decimal",
  });
  node.value = value ?? "";
  return node;
}

function draw() {
  empty.hidden = rows.length > 0;
  plot.style.display = rows.length ? "" : "none";
  list.replaceChildren(...rows.map((row, i) => {
    const channel = info[row[0]] ?? {low: -100, high: 100, step: 0.1, colour: "#777"};
    const dot = make("span", {class: "keys-dot", "aria-hidden": "true"});
    dot.style.background = channel.colour;
    const remove = make("button", {type: "button", class: "keys-remove", "data-remove": i, "aria-label": `${words.remove} ${i + 1}`}, "×");
    return make("div", {class: "keys-row", role: "group", "aria-label": `${words.key} ${i + 1}`},
      dot,
      choice(channels.map((c) => [c.name, c.label]), row[0], words.channel, i, 0),
      field(row[1], words.second, i, 1, [0, 120, 0.1]),
      field(row[2], words.value, i, 2, [channel.low, channel.high, channel.step]),
      choice(easings, row[3], words.easing, i, 3),
      remove,
    );
  }));
  sketch();
}

// The plot: each channel from its lowest to its highest value, the middle line at rest.
const last = () => Math.max(1, ...rows.map((row) => row[1] || 0)) * 1.04;
const left = (second) => 8 + (second / last()) * (WIDTH - 16);
function height(name, value) {
  const {low, high, rest} = info[name];
  const share = value >= rest ? 0.5 + 0.5 * (value - rest) / (high - rest) : 0.5 - 0.5 * (rest - value) / Math.max(rest - low, 1e-6);
  return BOTTOM - (BOTTOM - TOP) * Math.min(Math.max(share, 0), 1);
}

function curve(from, to) {
  const [x0, y0, x1, y1] = [left(from[1]), height(from[0], from[2]), left(to[1]), height(to[0], to[2])];
  const middle = (x0 + x1) / 2;
  if (from[3] === "hold") return `M${x0},${y0}H${x1}V${y1}`;
  if (from[3] === "linear") return `M${x0},${y0}L${x1},${y1}`;
  return `M${x0},${y0}C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
}

function sketch() {
  const shape = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const nodes = [shape("line", {x1: 8, x2: WIDTH - 8, y1: (TOP + BOTTOM) / 2, y2: (TOP + BOTTOM) / 2, class: "keys-rest"})];
  const step = [0.5, 1, 2, 5, 10, 30].find((s) => last() / s <= 8) ?? 30;
  for (let second = 0; second <= last(); second += step) {
    nodes.push(shape("line", {x1: left(second), x2: left(second), y1: TOP, y2: BOTTOM, class: "keys-tick"}));
    const text = shape("text", {x: left(second), y: HEIGHT - 6, "text-anchor": "middle"});
    text.textContent = `${second} s`;
    nodes.push(text);
  }
  for (const name of new Set(rows.map((row) => row[0]))) {
    if (!info[name]) continue;
    const track = rows.map((row, i) => [...row, i]).filter((row) => row[0] === name && row[1] !== null && row[2] !== null);
    track.sort((a, b) => a[1] - b[1]);
    track.slice(1).forEach((to, i) => nodes.push(shape("path", {
      d: curve(track[i], to), stroke: info[name].colour, class: track[i][3] === "free" ? "keys-curve is-free" : "keys-curve",
    })));
    for (const row of track) {
      nodes.push(shape("circle", {cx: left(row[1]), cy: height(name, row[2]), r: 7, fill: info[name].colour, "data-drag": row[4], class: "keys-handle"}));
    }
  }
  plot.replaceChildren(...nodes);
}

element.addEventListener("change", (event) => {
  const {row, column} = event.target.dataset;
  if (row === undefined) return;
  const at = Number(column);
  const before = rows[row][0];
  rows[row][at] = at === 1 || at === 2 ? number(event.target.value) : event.target.value;
  if (at === 0 && before !== event.target.value) {
    rows[row][2] = info[event.target.value].rest;
    draw();
    list.querySelector(`[data-row="${row}"][data-column="0"]`).focus();
  } else {
    sketch();
  }
  commit();
});

element.addEventListener("click", (event) => {
  const {remove} = event.target.dataset;
  if (remove !== undefined) {
    rows.splice(Number(remove), 1);
  } else if (event.target.closest(".keys-add")) {
    const end = rows[rows.length - 1];
    rows.push(end ? [end[0], Math.round(((end[1] ?? 0) + 0.5) * 100) / 100, info[end[0]]?.rest ?? 0, end[3]] : [channels[0].name, 0, channels[0].rest, easings[0][0]]);
  } else if (event.target.closest(".keys-clear")) {
    rows = [];
  } else {
    return;
  }
  draw();
  commit();
});

plot.addEventListener("pointerdown", (event) => {
  if (event.target.dataset.drag === undefined) return;
  dragged = Number(event.target.dataset.drag);
  plot.setPointerCapture(event.pointerId);
  event.preventDefault();
});
plot.addEventListener("pointermove", (event) => {
  if (dragged === null) return;
  const box = plot.getBoundingClientRect();
  const {low, high, rest, step} = info[rows[dragged][0]];
  const share = (BOTTOM - (event.clientY - box.top) / box.height * HEIGHT) / (BOTTOM - TOP);
  const value = share >= 0.5 ? rest + (share - 0.5) * 2 * (high - rest) : rest - (0.5 - share) * 2 * (rest - low);
  rows[dragged][2] = Number((Math.round(Math.min(Math.max(value, low), high) / step) * step).toFixed(2));
  sketch();
});
plot.addEventListener("pointerup", () => {
  if (dragged === null) return;
  dragged = null;
  draw();
  commit();
});

watch("value", read);
read();
