// Keyframes without the DOM: values over time, snapping, undo. Loaded before `timeline.js`. A keyframe is {id, channel, time, value, easing}; times are in seconds.

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
