// The pointer on the canvas: it drags keyframes, curves of the take, the playhead and spans, and
// adds keyframes by a double tap. Loaded before `timeline.js`.
//
// Given: the `list` of keyframes, the channels `known` by name, names of `folded` lanes, `sizes` as
// in `timeline.js`, `curves()` of the take, `x(second)` in px and `scale()` in px a second, `secondAt(event)`, and what a
// drag does: `go(second)`, `choose(span)`, `place()` while it lasts, `commit()` at its end, `render()`
// if it is given up.

const HELD = 3; // px that a drag moves at least
const TWICE = 400, NEAR = 16; // ms and px between the taps of a double tap

function makePointer({
  canvas, head, list, known, folded, sizes: {TALL, EDGE}, curves, x, scale, secondAt, snapped, limits, frame, longest,
  go, choose, mark, place, commit, focus, add, render,
}) {
  let held = null; // {kind: keys, seek or span; at}
  let tapped = null;
  const inside = TALL - 2 * EDGE;

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
      list.pickMore(id, event.shiftKey || event.ctrlKey || event.metaKey);
      mark();
      dotted.focus({preventScroll: true});
      held = {kind: "keys", at, id, before: new Map(list.chosen().map((key) => [key.id, {...key}]))};
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
    held.moved ||= Math.hypot(dx, dy) > HELD;
    if (!held.moved) return;
    if (held.kind === "span") {
      held.span = spanBetween(snapped(held.at.second), snapped(secondAt(event)), limits());
      choose(held.span);
    } else if (held.kind === "keys") {
      if (held.trace && !held.before) grab();
      if (held.before.has(held.id)) drag(dx, dy, event.shiftKey);
    }
  });

  // With Shift a keyframe keeps its time or its value; one of a curve keeps its time.
  function drag(dx, dy, straight) {
    const grabbed = held.before.get(held.id), c = known[grabbed.channel];
    const along = !held.trace && (!straight || Math.abs(dx) >= Math.abs(dy));
    const across = held.trace || !straight || !along;
    const each = held.trace ? Number(held.trace.dataset.each) : (c.high - c.low) / inside;
    const earliest = Math.min(...[...held.before.values()].map((key) => key.time));
    const by = along ? Math.max(snapped(grabbed.time + dx / scale()) - grabbed.time, -earliest) : 0;
    const up = across && (held.trace || !folded.has(c.name)) ? -dy * each : 0;
    for (const key of list.chosen()) {
      const old = held.before.get(key.id), own = known[key.channel];
      key.time = round(clamp(old.time + by, 0, longest), 3);
      if (key.channel === c.name) key.value = round(clamp(up ? Math.round((old.value + up) / own.step) * own.step : old.value, own.low, own.high), digits(own));
    }
    list.sort();
    const key = list.find(held.id);
    go(key.time);
    place();
    if (held.trace) {
      held.ghost.style.top = `${held.at.y + dy - held.trace.getBoundingClientRect().top}px`;
      held.ghost.textContent = shown(c, key.value);
    }
  }

  // A keyframe where a curve of the take is held. The first one of its channel leaves the rest free.
  function grab() {
    const {dataset: {trace: channel}} = held.trace;
    const {result: made, target: wanted} = curves()[channel];
    const time = round(clamp(Math.round(held.at.second / frame), 0, made.length - 1) * frame, 3), i = Math.round(time / frame);
    let key = list.track(channel).find((one) => Math.abs(one.time - time) < frame / 2);
    if (!key) {
      const value = round(wanted?.[i] ?? made[i], digits(known[channel]));
      key = list.add({channel, time, value, easing: list.track(channel).length ? "ease" : "free"});
      held.fresh = true;
      list.sort();
    }
    list.pick(key.id);
    held.id = key.id;
    held.before = new Map([[key.id, {...key}]]);
    held.ghost = make("output", {class: "tl-ghost", style: `left:${x(time)}px`});
    held.trace.append(held.ghost);
  }

  function release() {
    if (!held) return;
    const {kind, moved, at, id, span} = held;
    held = null;
    if (kind === "keys") {
      if (moved) commit();
      else go(list.find(id)?.time ?? at.second); // a curve that was not moved has no keyframe
      if (list.picked.has(id)) focus(id);
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
    const twice = tapped && tapped.lane === c.name && event.timeStamp - tapped.at < TWICE && Math.abs(event.clientX - tapped.x) < NEAR;
    tapped = twice ? null : {lane: c.name, at: event.timeStamp, x: event.clientX};
    if (!twice) {
      list.pick();
      go(secondAt(event));
      mark();
      return;
    }
    const share = (event.clientY - area.getBoundingClientRect().top - EDGE) / inside;
    const level = folded.has(c.name) ? null : Math.round((c.high - share * (c.high - c.low)) / c.step) * c.step;
    add(c.name, secondAt(event), level);
  });

  return {
    get drags() { return held?.kind; },
    // Gives up a drag of keyframes.
    cancel() {
      if (held.fresh) list.remove((key) => key.id === held.id);
      for (const one of list.chosen()) Object.assign(one, held.before?.get(one.id));
      held = null;
      render();
    },
  };
}
