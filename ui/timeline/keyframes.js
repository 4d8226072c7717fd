// Keyframes without the DOM: values over time, snapping, undo, and the list of them. Loaded before
// `timeline.js`. A keyframe is {id, channel, time, value, easing}; times are in seconds.

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const round = (x, digits) => Number(x.toFixed(digits));

// The value of a channel's keyframes, in order of time, as `controls.curve` has it; null where the
// model is free. Head pose holds its last value; an expression fades from and to 0.
function valueAt(points, pose, at, end, {frame, fade}) {
  const line = points.map(({time, value, easing}) => ({time, value, easing}));
  if (!line.length) return pose ? null : 0;
  if (!pose) {
    if (line[0].time > 0) line.unshift({time: line[0].time - fade, value: 0, easing: "ease"});
    const last = line[line.length - 1];
    if (last.time < end - frame) {
      last.easing = "ease";
      line.push({time: last.time + fade, value: 0, easing: "hold"});
    }
  }
  const last = line[line.length - 1];
  if (at < line[0].time) return pose ? null : 0;
  if (at >= last.time) return last.easing === "free" && at > last.time ? null : last.value;
  const i = line.findIndex((key, j) => at >= key.time && at < line[j + 1].time);
  const [a, b] = [line[i], line[i + 1]];
  let share = (at - a.time) / (b.time - a.time);
  if (a.easing === "ease") share = share * share * (3 - 2 * share);
  else if (a.easing === "hold") share = 0;
  else if (a.easing === "free" && share > 0) return null;
  return a.value + share * (b.value - a.value);
}

// Where a keyframe snaps to: the nearest of the words' edges within reach and two frames, or else a frame.
function snapTime(second, edges, reach, {frame, longest}) {
  const near = edges.filter((edge) => Math.abs(edge - second) <= Math.min(reach, 2 * frame) + 1e-9);
  near.sort((a, b) => Math.abs(a - second) - Math.abs(b - second));
  return round(near[0] ?? clamp(Math.round(second / frame) * frame, 0, longest), 3);
}

// A picked keyframe that is put upon another of its channel takes its place.
function uncovered(keys, picked) {
  const covers = (other, key) => other !== key && picked.has(other.id)
    && other.channel === key.channel && Math.abs(other.time - key.time) < 0.005;
  return keys.filter((key) => picked.has(key.id) || !keys.some((other) => covers(other, key)));
}

// The undo stack: states before each of the latest changes, and undone ones.
class UndoStack {
  past = [];
  future = [];
  constructor(limit) { this.limit = limit; }
  changed(before) {
    this.past = [...this.past, before].slice(-this.limit);
    this.future = [];
  }
  // The state to go to, or undefined.
  undo(now) { return UndoStack.#move(now, this.past, this.future); }
  redo(now) { return UndoStack.#move(now, this.future, this.past); }
  static #move(now, out, into) {
    if (out.length) into.push(now);
    return out.pop();
  }
}

// Values and times as they are shown.
const digits = (c) => (c.step >= 1 ? 1 : 2);
const shown = (c, value) => `${round(value, digits(c))}${c.unit}`;
const clock = (second) => `${second.toFixed(2)} s`;

// The keyframes of all channels, by the order of `names` and by time, and the ids of the picked ones.
class KeyframeList {
  keys = [];
  picked = new Set();
  #order;
  #serial = 0;
  constructor(names) { this.#order = Object.fromEntries(names.map((name, i) => [name, i])); }
  // As rows [channel, second, value, easing]; incomplete ones are left out.
  get rows() { return this.keys.map(({channel, time, value, easing}) => [channel, time, value, easing]); }
  load(rows) {
    this.keys = [];
    for (const [channel, time, value, easing] of rows ?? []) {
      if (channel in this.#order && time !== null && value !== null) this.add({channel, time, value, easing});
    }
    this.sort();
  }
  track(name) { return this.keys.filter((key) => key.channel === name); }
  chosen() { return this.keys.filter((key) => this.picked.has(key.id)); }
  find(id) { return this.keys.find((key) => key.id === id); }
  add(key) {
    const added = {...key, id: ++this.#serial};
    this.keys.push(added);
    return added;
  }
  remove(isGone) { this.keys = this.keys.filter((key) => !isGone(key)); }
  pick(...ids) { this.picked = new Set(ids); }
  // As a click does it: alone, unless it is picked already; or also.
  pickMore(id, also) {
    if (!also && !this.picked.has(id)) this.pick(id);
    else if (also && !this.picked.delete(id)) this.picked.add(id);
  }
  sort() { this.keys.sort((a, b) => this.#order[a.channel] - this.#order[b.channel] || a.time - b.time); }
  // After a change.
  settle() {
    this.keys = uncovered(this.keys, this.picked);
    this.sort();
  }
}
