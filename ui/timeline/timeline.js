// The timeline: sound, words, clauses, a lane of keyframes per channel, and the curves of the last take.
// CONFIG and the other scripts of this folder stand above this one. Gradio gives element, props, trigger and watch.
// The value is {keys, span}: rows [channel, second, value, easing], and [start, end] or null. The server validates it.
const {channels, easings, curves: plots, face, frame} = CONFIG;
const words = CONFIG.words[navigator.language] ?? CONFIG.words[navigator.language.split("-")[0]] ?? CONFIG.words.en;
const say = (key, values = {}) =>
  (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const known = Object.fromEntries(channels.map((c) => [c.name, {...c, label: say(`channel.${c.name}`)}]));
// px: heights of lanes, and margins around the keyframes; a finger needs 44
const [TALL, FLAT, EDGE, SIDE] = matchMedia("(pointer: coarse)").matches ? [88, 44, 22, 22] : [60, 24, 9, 13];
const NARROW = 480; // px
const TEXT = "text", EDIT = "edit"; // tabs; keyframes do not count on the Text tab
const LETTER = 5.6; // px per letter, roughly; words that do not fit are left out
const CLOSE = 7; // px, the reach of snapping to words
const LONGEST = CONFIG.longest, STEPS = 200; // seconds; steps to undo

let keys = []; // {id, channel, time, value, easing}, in order of channel and time
let picked = new Set(); // ids
const opened = new Set(), folded = new Set(); // lanes shown without keys; collapsed lanes
let clipboard = [];
let zoom = 1, scale = 60, span = null, held = null, serial = 0, tapped = null;
let unfolded = null; // whether the curves are shown; by default where there is room

// Gradio rebuilds this when its page is shown again, with only the latest update.
window.timelineKept ??= {edits: new UndoStack(STEPS)};
const kept = window.timelineKept, {edits} = kept;
const PROPERTIES = Object.keys({tab: 0, take: 0, speech: 0, reading: 0});
function keep() {
  for (const name of PROPERTIES) if (props[name] !== undefined) kept[name] = props[name];
}

// Helpers

const digits = (c) => (c.step >= 1 ? 1 : 2);
const shown = (c, value) => `${round(value, digits(c))}${c.unit}`;
const clock = (second) => `${second.toFixed(2)} s`;
const order = Object.fromEntries(channels.map((c, i) => [c.name, i]));
const sorted = () => keys.sort((a, b) => order[a.channel] - order[b.channel] || a.time - b.time);
const track = (name) => keys.filter((key) => key.channel === name);
const chosen = () => keys.filter((key) => picked.has(key.id));
// The playing video: the segments during a run, or else the last take.
const film = () => {
  const parts = document.querySelector(CONFIG.films.parts);
  if (parts?.offsetParent) return parts;
  return take().seconds ? document.querySelector(CONFIG.films.whole) : null;
};
// On the Edit tab all is of the open take; elsewhere what the form has beyond it comes first.
const take = () => kept.take ?? {};
const editing = () => kept.tab === EDIT;
const audio = () => (!editing() && kept.speech?.seconds ? kept.speech : take().audio) ?? {};
const reading = () => (!editing() && kept.reading?.clauses ? kept.reading : take().reading) ?? {};
const clauses = () => ([TEXT, EDIT].includes(kept.tab) ? (reading().clauses ?? []) : []);
const keyed = () => kept.tab !== TEXT; // keyframes belong to the Pose tab

// The frame, built once

const play = button("play", say("line.play"), icon("play"));
const time = make("output", {class: "tl-time"});
const undo = button("undo", say("line.undo"), icon("undo"));
const redo = button("redo", say("line.redo"), icon("redo"));
const snap = toggle("snap", say("line.snap"));
snap.title = say("line.snap.info");
turn(snap, true);
const loop = toggle("loop", say("line.loop"), icon("loop"));
const bar = make("div", {class: "tl-bar", role: "toolbar", "aria-label": say("line.tools")},
  play, loop, time,
  make("span", {class: "tl-gap"}),
  undo, redo,
  snap,
  button("out", say("line.out"), icon("minus")), button("fit", say("line.fit")), button("in", say("line.in"), icon("plus")),
  button("help", say("line.help"), icon("help")),
);
const canvas = make("div", {class: "tl-canvas"});
const scroll = make("div", {class: "tl-scroll", tabindex: "-1"}, canvas);
const head = make("div", {class: "tl-head", role: "slider", tabindex: "0", "aria-label": say("line.head"), "aria-valuemin": 0});
const needle = make("div", {class: "tl-needle", "aria-hidden": "true"});
const band = make("div", {class: "tl-band", hidden: true, "aria-hidden": "true"});
const more = make("select", {class: "tl-more", "aria-label": say("line.lane")});
const picture = make("svg", {class: "tl-face", viewBox: "-0.8 -0.68 1.6 1.72", role: "img", "aria-label": say("line.sketch")});
const name = make("span", {class: "tl-name"});
const second = make("input", {type: "number", min: 0, max: LONGEST, step: frame, inputmode: "decimal", "data-field": "time"});
const amount = make("input", {type: "number", inputmode: "decimal", "data-field": "value"});
const easing = make("select", {"data-field": "easing", "aria-label": say("line.easing")});
const fields = make("div", {class: "tl-fields", role: "group", "aria-label": say("line.key")},
  name,
  make("label", {}, make("span", {}, say("line.second")), second),
  make("label", {}, make("span", {}, say("line.value")), amount),
  make("label", {}, make("span", {}, say("line.easing")), easing),
  button("remove", say("line.remove"), icon("cross")),
);
const hint = make("p", {class: "tl-hint"});
const from = make("input", {type: "number", min: 0, max: LONGEST, step: frame, "data-span": 0, inputmode: "decimal"});
const until = make("input", {type: "number", min: 0, max: LONGEST, step: frame, "data-span": 1, inputmode: "decimal"});
const spans = make("div", {class: "tl-fields", role: "group", "aria-label": say("line.span")},
  make("span", {class: "tl-name"}, say("line.span")),
  make("label", {}, make("span", {}, say("line.from")), from),
  make("label", {}, make("span", {}, say("line.until")), until),
  button("edit", say("line.edit")),
  button("clearSpan", say("line.clear_span"), icon("cross")),
);
const text = make("textarea", {class: "tl-text", rows: 6, spellcheck: "false", "aria-label": say("line.json.label")});
const json = make("div", {class: "tl-json", hidden: true}, text, make("div", {class: "tl-row-of"},
  button("copy", say("line.json.copy")), button("apply", say("line.json.apply")), button("json", say("line.json.close"))));
const edited = spans.querySelector('[data-act="edit"]'), dropped = spans.querySelector('[data-act="clearSpan"]');
const keysOf = (row) => Object.keys(row.acts).map((key) => make("kbd", {}, key.replace(/Arrow(\w+)/, (_, way) => ({Left: "←", Right: "→", Up: "↑", Down: "↓"})[way])));
const help = make("dialog", {class: "tl-help", "aria-label": say("line.help")},
  make("table", {}, ...SHORTCUTS.map((row) => make("tr", {}, make("td", {}, ...keysOf(row)), make("td", {}, say(`line.keys.${row.text}`))))),
  make("form", {method: "dialog"}, make("button", {class: "tl-button"}, say("line.json.close"))));
const announced = make("div", {class: "tl-announced", role: "status"});
const foot = make("div", {class: "tl-foot"}, face ? picture : null, make("div", {class: "tl-panel"},
  hint, fields, spans,
  make("div", {class: "tl-row-of"}, more, button("json", say("line.json")), button("clear", say("line.clear")))));
const whole = make("div", {class: "tl"}, bar, scroll, foot, json, help, announced);
element.replaceChildren(whole);

// Values over time

const keyValue = (name, at) => valueAt(track(name), known[name].pose, at, length(), CONFIG);
// The value of a channel at a second, of the keyframes or on the Text tab of the instruction.
const valueNow = (now) => (keyed()
  ? (channel) => keyValue(channel, now)
  : (channel) => valueAt((reading().tracks?.[channel] ?? []).map(([time, value, easing]) => ({time, value, easing})), known[channel].pose, now, length(), CONFIG));
const draw = face && makeSketch(face, picture);

// Places

function length() {
  if (editing() && take().seconds) return take().seconds;
  const last = keyed() && keys.length ? Math.max(...keys.map((key) => key.time)) : 0;
  const ends = clauses().map((clause) => clause[1]);
  return clamp(Math.max(1, audio().seconds ?? 3, take().seconds ?? 0, last, ...ends), 1, LONGEST);
}
const limits = () => ({end: length(), frame}); // of a span
const labels = () => parseFloat(getComputedStyle(element).getPropertyValue("--tl-label")) || 120;
const room = () => Math.max(scroll.clientWidth - labels() - 2 * SIDE, 60);
const x = (second) => SIDE + second * scale;
const wide = () => x(length()) + SIDE;
const y = (c, value) => EDGE + (1 - (value - c.low) / (c.high - c.low)) * (TALL - 2 * EDGE);
const secondAt = (event) => {
  const box = canvas.getBoundingClientRect();
  return clamp((event.clientX - box.left - labels() - SIDE) / scale, 0, LONGEST);
};

function snapped(second) {
  if (!isOn(snap)) return round(clamp(second, 0, LONGEST), 3);
  const edges = (audio().words ?? []).flatMap(([, start, end]) => [start, end]);
  return snapTime(second, edges, CLOSE / scale, CONFIG);
}

// Shows to which word a time has snapped.
function pull(second) {
  const index = (audio().words ?? []).findIndex(([, ...edges]) => edges.some((edge) => Math.abs(edge - second) < 0.001));
  if (!isOn(snap) || index < 0) return;
  announce(say("line.snapped", {word: audio().words[index][0]}));
  canvas.querySelector(`[data-word="${index}"]`)?.animate({background: ["var(--accent)", "transparent"]}, 900);
}

// Changes: each is a step that can be undone

const rows = () => keys.map((key) => [key.channel, key.time, key.value, key.easing]);
function write(event) {
  props.value = {keys: rows(), span};
  trigger(event);
}
const load = (list) => {
  keys = (list ?? []).filter((row) => known[row[0]] && row[1] !== null && row[2] !== null)
    .map(([channel, time, value, easing]) => ({id: ++serial, channel, time, value, easing}));
  sorted();
};
let written = "[]";

function commit() {
  keys = uncovered(keys, picked);
  sorted();
  const after = JSON.stringify(rows());
  if (after !== written) {
    edits.changed(written);
    written = after;
    write("input");
  }
  render();
}

function step(state) {
  if (state === undefined) return;
  const at = keys.find((key) => `${key.id}` === document.activeElement?.dataset?.key);
  written = state;
  load(JSON.parse(written));
  picked.clear();
  write("input");
  render();
  if (!at) return;
  // Keep the focus on the same keyframe, or the nearest.
  const near = track(at.channel).sort((a, b) => Math.abs(a.time - at.time) - Math.abs(b.time - at.time));
  if (near.length) focus(near[0].id);
  else head.focus();
}

function read() {
  const before = written;
  load(props.value?.keys);
  span = props.value?.span ?? null;
  written = JSON.stringify(rows());
  if (written === before) return render();
  edits.changed(before);
  picked.clear();
  for (const lane of opened) if (track(lane).length) opened.delete(lane);
  render();
}

function add(channel, second, value) {
  const c = known[channel];
  const time = snapped(second);
  const level = value ?? keyValue(channel, time) ?? c.rest;
  const key = {id: ++serial, channel, time, value: round(clamp(level, c.low, c.high), digits(c)), easing: "ease"};
  keys.push(key);
  picked = new Set([key.id]);
  folded.delete(channel);
  go(time); // the keyframe is on the playhead, wherever it has snapped to
  commit();
  focus(key.id);
  pull(time);
}

function remove() {
  const gone = chosen();
  if (!gone.length) return;
  const lane = track(gone[0].channel);
  const next = lane.find((key) => !picked.has(key.id) && key.time > gone[0].time) ?? lane.findLast((key) => !picked.has(key.id));
  for (const key of gone) opened.add(key.channel);
  keys = keys.filter((key) => !picked.has(key.id));
  picked.clear();
  commit();
  if (next) focus(next.id);
  else canvas.querySelector(`[data-act="add"][data-lane="${gone[0].channel}"]`)?.focus();
}

function shift(list, seconds, levels) {
  const earliest = Math.min(...list.map((key) => key.time));
  const by = Math.max(seconds, -earliest);
  for (const key of list) {
    const c = known[key.channel];
    key.time = round(clamp(key.time + by, 0, LONGEST), 3);
    key.value = round(clamp(key.value + levels * c.step, c.low, c.high), digits(c));
  }
  commit();
  if (list.length === 1) announce(`${clock(list[0].time)}, ${shown(known[list[0].channel], list[0].value)}`);
}

function copy() {
  const list = chosen();
  if (!list.length) return;
  const start = Math.min(...list.map((key) => key.time));
  clipboard = list.map((key) => ({...key, time: key.time - start}));
  announce(say("line.copied", {count: list.length}));
}

function paste() {
  if (!clipboard.length) return;
  const start = snapped(playhead.now);
  const added = clipboard.map((key) => ({...key, id: ++serial, time: round(clamp(key.time + start, 0, LONGEST), 3)}));
  keys.push(...added);
  picked = new Set(added.map((key) => key.id));
  commit();
  focus(added[0].id);
}

function pick(id, also) {
  if (also) picked.has(id) ? picked.delete(id) : picked.add(id);
  else if (!picked.has(id)) picked = new Set([id]);
  mark();
}

const announce = (sentence) => { announced.textContent = sentence; };
const focus = (id) => canvas.querySelector(`[data-key="${id}"]`)?.focus({preventScroll: false});

// The playhead

const playhead = makePlayhead({
  film, end: length, span: () => span, looping: () => isOn(loop), dragged: () => held?.kind === "seek",
  alive: () => element.isConnected, moved, plays: playing, frame,
});
const {go} = playhead;

function moved(second, following) {
  point(second);
  if (!following) return;
  const left = x(second) - scroll.scrollLeft;
  if (left > room() + 2 * SIDE || left < 0) scroll.scrollLeft = x(second) - 2 * SIDE;
}

function point(now) {
  needle.style.left = `${labels() + x(now)}px`;
  head.style.left = `${x(now)}px`;
  time.replaceChildren(clock(now), make("span", {}, ` / ${clock(length())}`));
  head.setAttribute("aria-valuenow", now.toFixed(2));
  head.setAttribute("aria-valuemax", length().toFixed(2));
  head.setAttribute("aria-valuetext", clock(now));
  for (const node of canvas.querySelectorAll("[data-now]")) {
    const value = keyValue(node.dataset.now, now);
    node.textContent = value === null ? say("line.free") : shown(known[node.dataset.now], value);
  }
  const value = valueNow(now);
  draw?.((name) => value(name) ?? known[name].rest);
}

function playing(yes) {
  play.replaceChildren(icon(yes ? "pause" : "play"));
  play.title = say(yes ? "line.pause" : "line.play");
  play.setAttribute("aria-label", play.title);
}

// Drawing

const FINE = [0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

function ruler() {
  const every = FINE.find((s) => s * scale >= 52) ?? 30;
  const fine = every / (every === 0.5 || every === 5 || every === 0.1 ? 5 : every === 0.04 ? 1 : 4);
  const marks = [];
  for (let i = 0; i * fine <= length() + 1e-6; i++) {
    marks.push(make("i", {style: `left:${x(i * fine)}px`}));
  }
  for (let i = 0; i * every <= length() + 1e-6; i++) {
    const at = round(i * every, 2);
    marks.push(make("span", {style: `left:${x(at)}px`}, `${at}`));
  }
  return line("ruler", make("span", {class: "tl-title"}, say("line.seconds")), [...marks, head], {});
}

function line(kind, label, inside, attributes, height = null) {
  const area = make("div", {class: "tl-track", ...attributes}, ...inside);
  if (height) area.style.height = `${height}px`;
  return make("div", {class: `tl-line is-${kind}`}, make("div", {class: "tl-label"}, ...[label].flat()), area);
}

const drawing = (height, ...inside) => make("svg", {class: "tl-plot", width: wide(), height, "aria-hidden": "true"}, ...inside);

function sound() {
  const {peaks = [], seconds = 0, words: timed = []} = audio();
  if (!peaks.length) return null;
  const height = timed.length ? 70 : 46;
  const wave = make("path", {class: "tl-wave", d: wavePath(peaks, seconds, x, 24)});
  const ticks = timed.map(([, start]) => make("path", {class: "tl-word-tick", d: `M${x(start)},0V${height}`}));
  const texts = timed.map(([word, start, end], i) => {
    const place = x(timed[i + 1]?.[1] ?? Math.max(end, seconds)) - x(start);
    return make("button", {
      type: "button", class: "tl-word", "data-act": "word", "data-word": i, tabindex: i ? -1 : 0,
      style: `left:${x(start)}px;width:${Math.max(place, 3)}px`, "aria-label": say("line.word", {word}), title: word,
    }, place - 4 < LETTER * word.length ? "" : word);
  });
  return line("sound", make("span", {class: "tl-title"}, say("line.sound")), [drawing(height, ...ticks, wave), ...texts], {"data-seek": true}, height);
}

function instruction() {
  const list = clauses();
  if (!list.length) return null;
  const boxes = list.map(([start, end, action, words]) => make("span", {
    class: "tl-clause", style: `left:${x(start)}px;width:${Math.max(6, x(end) - x(start) - 2)}px`, title: `${words}: ${clock(start)} – ${clock(end)}`,
  }, action));
  return line("clauses", make("span", {class: "tl-title"}, say("line.clauses")), boxes, {"data-seek": true}, 34);
}

function lanePath(c) {
  const low = folded.has(c.name);
  const at = (key) => (low ? FLAT / 2 : y(c, key.value));
  return keyPath(track(c.name), c.pose, length(), x, at, low ? FLAT / 2 : y(c, 0), CONFIG);
}

function lane(c) {
  const low = folded.has(c.name), height = low ? FLAT : TALL, list = track(c.name);
  const rest = make("path", {class: "tl-rest", d: `M${x(0)},${low ? FLAT / 2 : y(c, c.rest)}H${x(length())}`});
  const curve = make("path", {class: "tl-curve", d: lanePath(c), "data-curve": c.name});
  const dots = list.map((key, i) => dot(key, i, list.length));
  const fold = make("button", {type: "button", class: "tl-fold", "data-act": "fold", "data-lane": c.name, "aria-expanded": String(!low), title: c.label},
    make("span", {class: "tl-title"}, c.label));
  const tools = make("span", {class: "tl-tools"},
    make("output", {class: "tl-now", "data-now": c.name}),
    make("button", {type: "button", class: "tl-tool", "data-act": "add", "data-lane": c.name, "aria-label": say("line.add", {lane: c.label}), title: say("line.add", {lane: c.label})}, icon("plus")),
    make("button", {type: "button", class: "tl-tool", "data-act": "drop", "data-lane": c.name, "aria-label": say("line.drop", {lane: c.label}), title: say("line.drop", {lane: c.label})}, icon("cross")));
  const node = line(`lane is-${c.group}${low ? " is-low" : ""}`, [fold, tools], [drawing(height, rest, curve), ...dots], {"data-lane": c.name}, height);
  node.setAttribute("role", "group");
  node.setAttribute("aria-label", c.label);
  return node;
}

const keyName = (key) => say("line.key.name", {
  lane: known[key.channel].label, second: clock(key.time), value: shown(known[key.channel], key.value), easing: say(`easing.${key.easing}`),
});

function dot(key) {
  const c = known[key.channel];
  const top = folded.has(key.channel) ? FLAT / 2 : y(c, key.value);
  return make("button", {
    type: "button", class: `tl-key is-${key.easing}`, "data-key": key.id, style: `left:${x(key.time)}px;top:${top}px`,
    "aria-label": keyName(key), "aria-pressed": String(picked.has(key.id)), "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown Delete",
  });
}

function plot(c) {
  const {result: made, target: wanted} = take().curves?.[c.name] ?? {};
  if (!made) return null;
  const all = [...made, ...(wanted ?? []).filter((v) => v !== null)];
  const low = Math.min(c.low, ...all), high = Math.max(c.high, ...all);
  const height = 38, at = (value) => round(5 + (1 - (value - low) / (high - low)) * (height - 10), 2);
  const drawn = (values) => tracePath(values, x, at, frame);
  const grip = (values) => (known[c.name]?.pose && keyed() && values ? make("path", {class: "tl-grip", d: drawn(values)}, make("title", {}, say("line.grip"))) : null);
  return line("trace", make("span", {class: "tl-title"}, say(`trace.${c.name}`)), [drawing(height,
    make("path", {class: "tl-rest", d: `M${x(0)},${at(c.rest)}H${x(length())}`}),
    wanted ? make("path", {class: "tl-target", d: drawn(wanted)}) : null,
    make("path", {class: "tl-made", d: drawn(made)}), grip(wanted), grip(made))],
  {"data-seek": true, "data-trace": c.name, "data-each": (high - low) / (height - 10)}, height);
}

function traces() {
  const lines = plots.map(plot).filter(Boolean);
  if (!lines.length) return [];
  const fold = make("button", {type: "button", class: "tl-fold", "data-act": "traces", "aria-expanded": String(unfolded)}, make("span", {class: "tl-title"}, say("line.take")));
  const legend = make("span", {class: "tl-legend"}, make("i", {class: "is-result"}), say("line.result"), make("i", {class: "is-target"}), say("line.target"));
  return [line("legend", fold, [legend], {"data-seek": true}, FLAT), ...(unfolded ? lines : [])];
}

function render() {
  whole.classList.toggle("is-open", CONFIG.tabs.includes(kept.tab));
  if (!scroll.clientWidth || held) return;
  const active = canvas.contains(document.activeElement) ? document.activeElement : null;
  const again = active?.dataset.word ? `[data-word="${active.dataset.word}"]` : active?.dataset.key ? `[data-key="${active.dataset.key}"]`
    : active?.dataset.act ? `[data-act="${active.dataset.act}"]${active.dataset.lane ? `[data-lane="${active.dataset.lane}"]` : ""}` : active === head ? ".tl-head" : null;
  scale = zoom * room() / length();
  canvas.style.width = `${labels() + wide()}px`;
  whole.classList.toggle("is-narrow", element.clientWidth < NARROW);
  unfolded ??= element.clientWidth >= NARROW;
  const lanes = keyed() ? channels.filter((c) => track(c.name).length || opened.has(c.name)).map((c) => known[c.name]) : [];
  canvas.replaceChildren(...[ruler(), sound(), instruction(), ...lanes.map(lane), ...traces()].filter(Boolean), band, needle);
  if (again) canvas.querySelector(again)?.focus({preventScroll: true});
  more.replaceChildren(make("option", {value: ""}, say("line.lane")), ...CONFIG.groups.map((group) => make("optgroup", {label: say(`line.group.${group}`)},
    ...channels.filter((c) => c.group === group && !lanes.some((open) => open.name === c.name)).map((c) => make("option", {value: c.name}, known[c.name].label)))));
  more.hidden = element.querySelector('[data-act="clear"]').hidden = element.querySelector('.tl-panel [data-act="json"]').hidden = !keyed();
  undo.disabled = !edits.past.length;
  redo.disabled = !edits.future.length;
  element.querySelector('[data-act="clear"]').disabled = !keys.length && !opened.size;
  mark();
  bandage();
  point(playhead.now);
}

// A drag moves elements without rebuilding them.
function place() {
  for (const key of keys) {
    const node = canvas.querySelector(`[data-key="${key.id}"]`);
    if (!node) continue;
    node.style.left = `${x(key.time)}px`;
    if (!folded.has(key.channel)) node.style.top = `${y(known[key.channel], key.value)}px`;
    node.setAttribute("aria-label", keyName(key));
  }
  for (const node of canvas.querySelectorAll("[data-curve]")) node.setAttribute("d", lanePath(known[node.dataset.curve]));
  mark();
  point(playhead.now);
}

function mark() {
  for (const node of canvas.querySelectorAll("[data-key]")) node.setAttribute("aria-pressed", String(picked.has(Number(node.dataset.key))));
  const list = keyed() ? chosen() : [];
  fields.hidden = !list.length;
  hint.hidden = Boolean(list.length || span);
  hint.textContent = say(editing() ? "line.hint.edit" : !keyed() ? "line.hint.text" : keys.length ? "line.hint" : "line.empty");
  if (!list.length) return;
  const [key] = list, c = known[key.channel];
  name.textContent = list.length > 1 ? say("line.several", {count: list.length}) : c.label;
  const set = (field, value) => { if (document.activeElement !== field || held) field.value = value; };
  second.disabled = list.length > 1;
  Object.assign(amount, {min: c.low, max: c.high, step: c.step});
  set(second, key.time);
  set(amount, key.value);
  easing.replaceChildren(...easings.filter((e) => e !== "free" || c.pose).map((e) => make("option", {value: e, selected: e === key.easing}, say(`easing.${e}`))));
}

function bandage() {
  band.hidden = dropped.hidden = !span;
  spans.hidden = !span && !editing();
  edited.hidden = editing(); // there the page's button renders it
  hint.hidden = Boolean(span || (keyed() && picked.size));
  [from, until].forEach((field, i) => { if (document.activeElement !== field || held) field.value = span?.[i] ?? ""; });
  for (const node of canvas.querySelectorAll("[data-word]")) node.setAttribute("aria-pressed", String(spanHas(span, audio().words[node.dataset.word])));
  if (!span) return;
  band.style.left = `${labels() + x(span[0])}px`;
  band.style.width = `${x(span[1]) - x(span[0])}px`;
}

// The only place that changes the span.
function choose(ends) {
  span = ends;
  if (!held) write("select");
  mark();
  bandage();
}

// Pointer: keyframes, the playhead, and spans

const closest = () => Math.max(1, 600 * length() / room());
function bigger(factor, event) {
  const around = event ? secondAt(event) : playhead.now;
  const offset = x(around) - scroll.scrollLeft;
  zoom = clamp(zoom * factor, 1, closest());
  render();
  scroll.scrollLeft = x(around) - offset;
}

scroll.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  bigger(event.deltaY < 0 ? 1.2 : 1 / 1.2, event);
}, {passive: false});

// The nearest of the keyframes at a pointer; those close together overlap.
function keyAt({clientX, clientY}) {
  const far = (node) => {
    const box = node.getBoundingClientRect();
    return Math.hypot(clientX - box.left - box.width / 2, clientY - box.top - box.height / 2);
  };
  return document.elementsFromPoint(clientX, clientY).filter((node) => node.dataset.key).sort((a, b) => far(a) - far(b))[0];
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button || event.target.closest("[data-act], .tl-label")) return;
  const dotted = keyAt(event), grip = event.target.closest(".tl-grip");
  const at = {x: event.clientX, y: event.clientY, second: secondAt(event)};
  if (dotted) {
    const id = Number(dotted.dataset.key);
    pick(id, event.shiftKey || event.ctrlKey || event.metaKey);
    dotted.focus({preventScroll: true});
    held = {kind: "keys", at, id, before: new Map(chosen().map((key) => [key.id, {...key}]))};
    event.preventDefault();
  } else if (grip) {
    held = {kind: "keys", at, trace: event.target.closest("[data-trace]")};
    event.preventDefault();
  } else if (event.target.closest(".tl-head")) {
    head.focus({preventScroll: true});
    held = {kind: "seek", at};
    event.preventDefault();
  } else if (event.target.closest(".is-ruler")) {
    held = {kind: "span", at};
  } else if (event.target.closest("[data-seek]")) {
    held = {kind: "seek", at};
    go(at.second);
  } else return;
  canvas.setPointerCapture(event.pointerId);
});

canvas.addEventListener("pointermove", (event) => {
  if (!held) return;
  if (held.kind === "seek") go(secondAt(event));
  const [dx, dy] = [event.clientX - held.at.x, event.clientY - held.at.y];
  held.moved ||= Math.hypot(dx, dy) > 3;
  if (!held.moved) return;
  if (held.kind === "span") {
    choose(spanBetween(snapped(held.at.second), snapped(secondAt(event)), limits()));
    return;
  }
  if (held.trace && !held.before) grab();
  if (held.kind === "keys" && held.before.has(held.id)) {
    const grabbed = held.before.get(held.id), c = known[grabbed.channel];
    const along = !held.trace && (!event.shiftKey || Math.abs(dx) >= Math.abs(dy));
    const across = held.trace || !event.shiftKey || !along;
    const each = held.trace ? Number(held.trace.dataset.each) : (c.high - c.low) / (TALL - 2 * EDGE);
    const earliest = Math.min(...[...held.before.values()].map((key) => key.time));
    const by = along ? Math.max(snapped(grabbed.time + dx / scale) - grabbed.time, -earliest) : 0;
    const up = across && (held.trace || !folded.has(c.name)) ? -dy * each : 0;
    for (const key of chosen()) {
      const old = held.before.get(key.id), own = known[key.channel];
      key.time = round(clamp(old.time + by, 0, LONGEST), 3);
      if (key.channel === c.name) key.value = round(clamp(up ? Math.round((old.value + up) / own.step) * own.step : old.value, own.low, own.high), digits(own));
    }
    sorted();
    const key = keys.find((one) => one.id === held.id);
    go(key.time);
    place();
    if (held.trace) {
      held.ghost.style.top = `${held.at.y + dy - held.trace.getBoundingClientRect().top}px`;
      held.ghost.textContent = shown(c, key.value);
    }
  }
});

// A keyframe where a curve of the take is held. The first one of its channel leaves the rest free.
function grab() {
  const {dataset: {trace: channel}} = held.trace;
  const {result: made, target: wanted} = take().curves[channel];
  const time = round(clamp(Math.round(held.at.second / frame), 0, made.length - 1) * frame, 3), i = Math.round(time / frame);
  let key = track(channel).find((one) => Math.abs(one.time - time) < frame / 2);
  if (!key) {
    const value = round(wanted?.[i] ?? made[i], digits(known[channel]));
    key = {id: ++serial, channel, time, value, easing: track(channel).length ? "ease" : "free"};
    held.fresh = true;
    keys.push(key);
    sorted();
  }
  picked = new Set([key.id]);
  held.id = key.id;
  held.before = new Map([[key.id, {...key}]]);
  held.ghost = make("output", {class: "tl-ghost", style: `left:${x(time)}px`});
  held.trace.append(held.ghost);
}

function release() {
  if (!held) return;
  const {kind, moved, at, id} = held;
  held = null;
  if (kind === "keys") {
    if (moved) commit();
    else if (at && !id) go(at.second); // a curve that was not moved
    else go(keys.find((key) => key.id === id)?.time ?? playhead.now);
    if (picked.has(id)) focus(id);
  } else if (kind === "span") {
    choose(moved ? span : null);
    if (!moved) go(at.second);
  }
}
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);

// A double tap on a lane adds a keyframe; a single one moves the playhead.
canvas.addEventListener("click", (event) => {
  const area = event.target.closest(".tl-track[data-lane]");
  if (!area || event.target.closest("[data-key]")) return;
  const c = known[area.dataset.lane];
  const twice = tapped && tapped.lane === c.name && event.timeStamp - tapped.at < 400 && Math.abs(event.clientX - tapped.x) < 16;
  tapped = twice ? null : {lane: c.name, at: event.timeStamp, x: event.clientX};
  if (!twice) {
    picked.clear();
    go(secondAt(event));
    mark();
    return;
  }
  const share = (event.clientY - area.getBoundingClientRect().top - EDGE) / (TALL - 2 * EDGE);
  const level = folded.has(c.name) ? null : Math.round((c.high - share * (c.high - c.low)) / c.step) * c.step;
  add(c.name, secondAt(event), level);
});

// Buttons and fields

const ACTS = {
  play: () => playhead.toggle(),
  snap: () => turn(snap, !isOn(snap)),
  loop: () => turn(loop, !isOn(loop)),
  help: () => help.showModal(),
  undo: () => step(edits.undo(written)),
  redo: () => step(edits.redo(written)),
  in: () => bigger(1.5),
  out: () => bigger(1 / 1.5),
  fit() { // the span if there is one, then all
    const close = span ? clamp(0.9 * length() / (span[1] - span[0]), 1, closest()) : 1;
    zoom = Math.abs(zoom - close) > 0.01 ? close : 1;
    render();
    scroll.scrollLeft = zoom > 1 ? x(span[0]) - 0.05 * room() : 0;
  },
  add: (lane) => add(lane, playhead.now),
  drop(lane) {
    opened.delete(lane);
    picked.clear();
    keys = keys.filter((key) => key.channel !== lane);
    commit();
    more.focus();
  },
  fold(lane) { folded.has(lane) ? folded.delete(lane) : folded.add(lane); render(); },
  traces() { unfolded = !unfolded; render(); },
  remove,
  clear() { keys = []; opened.clear(); picked.clear(); commit(); more.focus(); },
  clearSpan() { choose(null); head.focus(); },
  edit() { trigger("apply"); },
  word: (_, event) => chooseWord(wordAt(event), event.shiftKey),
  json() {
    json.hidden = !json.hidden;
    if (!json.hidden) { text.value = ""; trigger("copy"); text.focus(); }
  },
  async copy() {
    text.select();
    try { await navigator.clipboard.writeText(text.value); } catch { document.execCommand("copy"); }
    announce(say("line.json.copied"));
  },
  apply() { trigger("submit", {json: text.value}); },
  // By keys only
  backwards: () => playhead.shuttle(-1),
  halt: () => playhead.stop(),
  forwards: () => playhead.shuttle(1),
  frameBack: (_, event) => stepTo(playhead.now - stride(event) * frame),
  frameOn: (_, event) => stepTo(playhead.now + stride(event) * frame),
  secondBack: () => go(playhead.now - 1),
  secondOn: () => go(playhead.now + 1),
  toStart: () => go(0),
  toEnd: () => go(length()),
  from: () => limit(0),
  until: () => limit(1),
  copyKeys: () => Boolean(picked.size) && copy(),
  cutKeys() {
    if (!picked.size) return false;
    copy();
    return remove();
  },
  pasteKeys: paste,
  earlier: (_, event) => shift(chosen(), -stride(event) * frame, 0),
  later: (_, event) => shift(chosen(), stride(event) * frame, 0),
  raise: (_, event) => shift(chosen(), 0, stride(event)),
  lower: (_, event) => shift(chosen(), 0, -stride(event)),
  exact() { second.focus(); second.select(); },
  pickAll(_, event) {
    const own = keys.find((one) => `${one.id}` === event.target.dataset.key);
    picked = new Set(track(own.channel).map((one) => one.id));
    mark();
  },
  pickNone() { picked.clear(); mark(); },
  wordBack: (_, event) => event.target.previousElementSibling?.focus(),
  wordOn: (_, event) => event.target.nextElementSibling?.focus(),
};

const stride = (event) => (event.shiftKey ? 10 : 1);
function stepTo(second) {
  playhead.stop();
  go(round(second, 3));
}
const wordAt = (event) => Number(event.target.closest("[data-word]").dataset.word);

element.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]");
  if (act && !act.disabled) ACTS[act.dataset.act](act.dataset.lane, event);
});

element.addEventListener("change", (event) => {
  const {field, span: end} = event.target.dataset;
  const value = event.target.value === "" ? NaN : Number(event.target.value);
  if (event.target === more && more.value) {
    const lane = more.value;
    opened.add(lane);
    render();
    canvas.querySelector(`[data-act="add"][data-lane="${lane}"]`)?.focus();
  } else if (field === "easing") {
    for (const key of chosen()) key.easing = event.target.value === "free" && !known[key.channel].pose ? key.easing : event.target.value;
    commit();
  } else if (field && Number.isFinite(value)) {
    for (const key of chosen()) {
      const c = known[key.channel];
      if (field === "time") key.time = round(clamp(value, 0, LONGEST), 3);
      else key.value = round(clamp(value, c.low, c.high), 3);
    }
    commit();
    if (field === "time") go(chosen()[0].time);
    mark();
  } else if (end !== undefined && Number.isFinite(value)) {
    choose(spanWithEnd(span, Number(end), value, limits()));
  }
});
element.addEventListener("focusout", (event) => { if (event.target.dataset.field || event.target.dataset.span) { mark(); bandage(); } });

function limit(which) {
  choose(spanWithEnd(span, which, playhead.now, limits()));
  if (span) announce(`${say("line.span")} ${clock(span[0])} – ${clock(span[1])}`);
}

function chooseWord(index, extend) {
  const word = audio().words[index];
  go(extend && span ? Math.min(span[0], word[1]) : word[1]);
  choose(spanOfWord(span, word, extend, limits()));
}

element.addEventListener("keydown", (event) => {
  const {target} = event;
  if (target.closest("input, select, textarea, dialog")) return;
  if (event.key === "Escape" && held?.kind === "keys") undrag();
  else {
    const at = target === head ? "head" : target.closest("[data-key]") ? "keyframe" : target.closest("[data-word]") ? "word" : undefined;
    // A button's own keys press it.
    if (!at && target.closest("button") && ["Enter", " "].includes(event.key)) return;
    const act = actFor(event, at);
    if (!act || ACTS[act](undefined, event) === false) return;
  }
  event.preventDefault();
  event.stopPropagation();
});

function undrag() {
  if (held.fresh) keys = keys.filter((key) => key.id !== held.id);
  for (const one of chosen()) Object.assign(one, held.before?.get(one.id));
  held = null;
  render();
}

canvas.addEventListener("focusin", (event) => {
  const dotted = event.target.closest("[data-key]");
  if (!dotted || held) return;
  const id = Number(dotted.dataset.key);
  if (!picked.has(id)) picked = new Set([id]);
  mark();
  point(playhead.now);
});

const drawn = new ResizeObserver(() => render());
drawn.observe(scroll);
watch("value", read);
watch(PROPERTIES, () => {
  keep();
  if (span && span[1] > (take().seconds ?? LONGEST)) { // another take, too short for it
    span = null;
    props.value = {keys: rows(), span};
  }
  render();
  if (playhead.now > length()) go(length());
});
watch(Object.keys({controls: 0}), () => { if (!json.hidden) text.value = props.controls?.text ?? ""; });
keep();
load(props.value?.keys);
span = props.value?.span ?? null;
written = JSON.stringify(rows());
render();
