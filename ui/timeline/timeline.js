// The timeline: sound, words, clauses, a lane of keyframes per channel, and the curves of the last take.
// CONFIG and the other scripts of this folder stand above this one. Gradio gives element, props, trigger and watch.
// The value is {keys, span}: rows [channel, second, value, easing], and [start, end] or null. The server validates it.
const {channels, easings, face, frame} = CONFIG;
const words = CONFIG.words[navigator.language] ?? CONFIG.words[navigator.language.split("-")[0]] ?? CONFIG.words.en;
const say = (key, values = {}) =>
  (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const known = Object.fromEntries(channels.map((c) => [c.name, {...c, label: say(`channel.${c.name}`)}]));
// px: heights of lanes, and margins around the keyframes; a finger needs 44
const SIZES = matchMedia("(pointer: coarse)").matches ? {TALL: 88, FLAT: 44, EDGE: 22, SIDE: 22} : {TALL: 60, FLAT: 24, EDGE: 9, SIDE: 13};
const {TALL, EDGE, SIDE} = SIZES;
const NARROW = 480; // px
const TEXT = "text", EDIT = "edit"; // tabs; keyframes do not count on the Text tab
const CLOSE = 7; // px, the reach of snapping to words
const LONGEST = CONFIG.longest, STEPS = 200; // seconds; steps to undo

const list = new KeyframeList(channels.map((c) => c.name));
const opened = new Set(), folded = new Set(); // lanes shown without keys; collapsed lanes
let clipboard = [];
let zoom = 1, scale = 60, span = null;
let unfolded = null; // whether the curves are shown; by default where there is room

// Gradio rebuilds this when its page is shown again, with only the latest update.
window.timelineKept ??= {edits: new UndoStack(STEPS)};
const kept = window.timelineKept, {edits} = kept;
const PROPERTIES = Object.keys({tab: 0, take: 0, speech: 0, reading: 0});
function keep() {
  for (const name of PROPERTIES) if (props[name] !== undefined) kept[name] = props[name];
}

// Helpers

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

const {
  whole, play, time, undo, redo, snap, loop, canvas, scroll, head, needle, band,
  picture, hint, name, second, amount, easing, fields, from, until, edited, dropped, spans,
  more, clear, exchange, text, json, help, announced,
} = makeFrame(say, CONFIG);
element.replaceChildren(whole);

// Values over time

const keyValue = (name, at) => valueAt(list.track(name), known[name].pose, at, length(), CONFIG);
// The value of a channel at a second, of the keyframes or on the Text tab of the instruction.
const valueNow = (now) => (keyed()
  ? (channel) => keyValue(channel, now)
  : (channel) => valueAt((reading().tracks?.[channel] ?? []).map(([time, value, easing]) => ({time, value, easing})), known[channel].pose, now, length(), CONFIG));
const draw = face && makeSketch(face, picture);

// Places

function length() {
  if (editing() && take().seconds) return take().seconds;
  const last = keyed() ? Math.max(0, ...list.keys.map((key) => key.time)) : 0;
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

function write(event) {
  props.value = {keys: list.rows, span};
  trigger(event);
}
let written = "[]";

function commit() {
  list.settle();
  const after = JSON.stringify(list.rows);
  if (after !== written) {
    edits.changed(written);
    written = after;
    write("input");
  }
  render();
}

function step(state) {
  if (state === undefined) return;
  const at = list.find(Number(document.activeElement?.dataset?.key));
  written = state;
  list.load(JSON.parse(written));
  list.pick();
  write("input");
  render();
  if (!at) return;
  // Keep the focus on the same keyframe, or the nearest.
  const near = list.track(at.channel).sort((a, b) => Math.abs(a.time - at.time) - Math.abs(b.time - at.time));
  if (near.length) focus(near[0].id);
  else head.focus();
}

function read() {
  const before = written;
  list.load(props.value?.keys);
  span = props.value?.span ?? null;
  written = JSON.stringify(list.rows);
  if (written === before) return render();
  edits.changed(before);
  list.pick();
  for (const lane of opened) if (list.track(lane).length) opened.delete(lane);
  render();
}

function add(channel, second, value) {
  const c = known[channel];
  const time = snapped(second);
  const level = value ?? keyValue(channel, time) ?? c.rest;
  const key = list.add({channel, time, value: round(clamp(level, c.low, c.high), digits(c)), easing: "ease"});
  list.pick(key.id);
  folded.delete(channel);
  go(time); // the keyframe is on the playhead, wherever it has snapped to
  commit();
  focus(key.id);
  pull(time);
}

function remove() {
  const gone = list.chosen();
  if (!gone.length) return;
  const lane = list.track(gone[0].channel), isLeft = (key) => !gone.includes(key);
  const next = lane.find((key) => isLeft(key) && key.time > gone[0].time) ?? lane.findLast(isLeft);
  for (const key of gone) opened.add(key.channel);
  list.remove((key) => gone.includes(key));
  list.pick();
  commit();
  if (next) focus(next.id);
  else canvas.querySelector(`[data-act="add"][data-lane="${gone[0].channel}"]`)?.focus();
}

function shift(seconds, levels) {
  const moved = list.chosen();
  const earliest = Math.min(...moved.map((key) => key.time));
  const by = Math.max(seconds, -earliest);
  for (const key of moved) {
    const c = known[key.channel];
    key.time = round(clamp(key.time + by, 0, LONGEST), 3);
    key.value = round(clamp(key.value + levels * c.step, c.low, c.high), digits(c));
  }
  commit();
  if (moved.length === 1) announce(`${clock(moved[0].time)}, ${shown(known[moved[0].channel], moved[0].value)}`);
}

function copy() {
  const copied = list.chosen();
  if (!copied.length) return;
  const start = Math.min(...copied.map((key) => key.time));
  clipboard = copied.map((key) => ({...key, time: key.time - start}));
  announce(say("line.copied", {count: copied.length}));
}

function paste() {
  if (!clipboard.length) return;
  const start = snapped(playhead.now);
  const added = clipboard.map((key) => list.add({...key, time: round(clamp(key.time + start, 0, LONGEST), 3)}));
  list.pick(...added.map((key) => key.id));
  commit();
  focus(added[0].id);
}

const announce = (sentence) => { announced.textContent = sentence; };
const focus = (id) => canvas.querySelector(`[data-key="${id}"]`)?.focus({preventScroll: false});

// The playhead

const playhead = makePlayhead({
  film, end: length, span: () => span, looping: () => isOn(loop), dragged: () => pointer.drags === "seek",
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

const {ruler, sound, instruction, lane, lanePath, keyName, traces} = makeLines({
  say, list, known, folded, sizes: SIZES, x, y, wide, end: length, scale: () => scale, config: CONFIG,
});

function render() {
  whole.classList.toggle("is-open", CONFIG.tabs.includes(kept.tab));
  if (!scroll.clientWidth || pointer.drags) return;
  const active = canvas.contains(document.activeElement) ? document.activeElement : null;
  const again = active?.dataset.word ? `[data-word="${active.dataset.word}"]` : active?.dataset.key ? `[data-key="${active.dataset.key}"]`
    : active?.dataset.act ? `[data-act="${active.dataset.act}"]${active.dataset.lane ? `[data-lane="${active.dataset.lane}"]` : ""}` : active === head ? ".tl-head" : null;
  scale = zoom * room() / length();
  canvas.style.width = `${labels() + wide()}px`;
  whole.classList.toggle("is-narrow", element.clientWidth < NARROW);
  unfolded ??= element.clientWidth >= NARROW;
  const lanes = keyed() ? channels.filter((c) => list.track(c.name).length || opened.has(c.name)).map((c) => known[c.name]) : [];
  canvas.replaceChildren(...[ruler(head), sound(audio()), instruction(clauses()), ...lanes.map(lane), ...traces(take().curves, unfolded, keyed())].filter(Boolean), band, needle);
  if (again) canvas.querySelector(again)?.focus({preventScroll: true});
  more.replaceChildren(make("option", {value: ""}, say("line.lane")), ...CONFIG.groups.map((group) => make("optgroup", {label: say(`line.group.${group}`)},
    ...channels.filter((c) => c.group === group && !lanes.some((open) => open.name === c.name)).map((c) => make("option", {value: c.name}, known[c.name].label)))));
  more.hidden = clear.hidden = exchange.hidden = !keyed();
  undo.disabled = !edits.past.length;
  redo.disabled = !edits.future.length;
  clear.disabled = !list.keys.length && !opened.size;
  mark();
  bandage();
  point(playhead.now);
}

// A drag moves elements without rebuilding them.
function place() {
  for (const key of list.keys) {
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
  for (const node of canvas.querySelectorAll("[data-key]")) node.setAttribute("aria-pressed", String(list.picked.has(Number(node.dataset.key))));
  const chosen = keyed() ? list.chosen() : [];
  fields.hidden = !chosen.length;
  hint.hidden = Boolean(chosen.length || span);
  hint.textContent = say(editing() ? "line.hint.edit" : !keyed() ? "line.hint.text" : list.keys.length ? "line.hint" : "line.empty");
  if (!chosen.length) return;
  const [key] = chosen, c = known[key.channel];
  name.textContent = chosen.length > 1 ? say("line.several", {count: chosen.length}) : c.label;
  second.disabled = chosen.length > 1;
  Object.assign(amount, {min: c.low, max: c.high, step: c.step});
  set(second, key.time);
  set(amount, key.value);
  easing.replaceChildren(...easings.filter((e) => e !== "free" || c.pose).map((e) => make("option", {value: e, selected: e === key.easing}, say(`easing.${e}`))));
}

// What is being typed stays.
function set(field, value) {
  if (document.activeElement !== field || pointer.drags) field.value = value;
}

function bandage() {
  band.hidden = dropped.hidden = !span;
  spans.hidden = !span && !editing();
  edited.hidden = editing(); // there the page's button renders it
  hint.hidden = Boolean(span || (keyed() && list.picked.size));
  [from, until].forEach((field, i) => { set(field, span?.[i] ?? ""); });
  for (const node of canvas.querySelectorAll("[data-word]")) node.setAttribute("aria-pressed", String(spanHas(span, audio().words[node.dataset.word])));
  if (!span) return;
  band.style.left = `${labels() + x(span[0])}px`;
  band.style.width = `${x(span[1]) - x(span[0])}px`;
}

// The only place that changes the span.
function choose(ends) {
  span = ends;
  if (!pointer.drags) write("select");
  mark();
  bandage();
}

// Pointer and zoom

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

const pointer = makePointer({
  canvas, head, list, known, folded, sizes: SIZES, curves: () => take().curves, x, scale: () => scale, secondAt, snapped, limits, frame, longest: LONGEST,
  go, choose, mark, place, commit, focus, add, render,
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
    list.pick();
    list.remove((key) => key.channel === lane);
    commit();
    more.focus();
  },
  fold(lane) { folded.has(lane) ? folded.delete(lane) : folded.add(lane); render(); },
  traces() { unfolded = !unfolded; render(); },
  remove,
  clear() { list.load([]); opened.clear(); list.pick(); commit(); more.focus(); },
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
  copyKeys: () => Boolean(list.picked.size) && copy(),
  cutKeys() {
    if (!list.picked.size) return false;
    copy();
    return remove();
  },
  pasteKeys: paste,
  earlier: (_, event) => shift(-stride(event) * frame, 0),
  later: (_, event) => shift(stride(event) * frame, 0),
  raise: (_, event) => shift(0, stride(event)),
  lower: (_, event) => shift(0, -stride(event)),
  exact() { second.focus(); second.select(); },
  pickAll(_, event) {
    const own = list.find(Number(event.target.dataset.key));
    list.pick(...list.track(own.channel).map((one) => one.id));
    mark();
  },
  pickNone() { list.pick(); mark(); },
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
    for (const key of list.chosen()) key.easing = event.target.value === "free" && !known[key.channel].pose ? key.easing : event.target.value;
    commit();
  } else if (field && Number.isFinite(value)) {
    for (const key of list.chosen()) {
      const c = known[key.channel];
      if (field === "time") key.time = round(clamp(value, 0, LONGEST), 3);
      else key.value = round(clamp(value, c.low, c.high), 3);
    }
    commit();
    if (field === "time") go(list.chosen()[0].time);
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
  if (event.key === "Escape" && pointer.drags === "keys") pointer.cancel();
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

canvas.addEventListener("focusin", (event) => {
  const dotted = event.target.closest("[data-key]");
  if (!dotted || pointer.drags) return;
  list.pickMore(Number(dotted.dataset.key), false);
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
    props.value = {keys: list.rows, span};
  }
  render();
  if (playhead.now > length()) go(length());
});
watch(Object.keys({controls: 0}), () => { if (!json.hidden) text.value = props.controls?.text ?? ""; });
keep();
list.load(props.value?.keys);
span = props.value?.span ?? null;
written = JSON.stringify(list.rows);
render();
