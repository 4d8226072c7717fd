// The lines of the canvas: ruler, sound, instruction, lanes of keyframes, curves of the last take. Loaded before `timeline.js`.
//
// Given: the `list` of keyframes, the channels `known` by name, names of `folded` lanes, `sizes` as
// in `timeline.js`, and places in px: `x(second)`, `y(channel, value)`, `wide()` of all, `end()` in
// seconds, `scale()` in px a second.

const FINE = [0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]; // seconds between two numbers of the ruler
const CLAUSE = 26; // px, from one row of the instruction to the next
const LETTER = 5.6; // px per letter, roughly; words that do not fit are left out

function makeLines({say, list, known, folded, sizes: {TALL, FLAT}, x, y, wide, end, scale, config}) {
  const title = (words) => make("span", {class: "tl-title"}, words);
  const rest = (at) => make("path", {class: "tl-rest", d: `M${x(0)},${at}H${x(end())}`});
  const drawing = (height, ...inside) => make("svg", {class: "tl-plot", width: wide(), height, "aria-hidden": "true"}, ...inside);

  function line(kind, label, inside, attributes, height = null) {
    const area = make("div", {class: "tl-track", ...attributes}, ...inside);
    if (height) area.style.height = `${height}px`;
    return make("div", {class: `tl-line is-${kind}`}, make("div", {class: "tl-label"}, ...[label].flat()), area);
  }

  function ruler(head) {
    const every = FINE.find((s) => s * scale() >= 52) ?? 30;
    const fine = every / (every === 0.5 || every === 5 || every === 0.1 ? 5 : every === 0.04 ? 1 : 4);
    const marks = [];
    for (let i = 0; i * fine <= end() + 1e-6; i++) {
      marks.push(make("i", {style: `left:${x(i * fine)}px`}));
    }
    for (let i = 0; i * every <= end() + 1e-6; i++) {
      const at = round(i * every, 2);
      marks.push(make("span", {style: `left:${x(at)}px`}, `${at}`));
    }
    return line("ruler", title(say("line.seconds")), [...marks, head], {});
  }

  function sound({peaks = [], seconds = 0, words: timed = []}) {
    if (!peaks.length) return null;
    const height = timed.length ? 70 : 46;
    const wave = make("path", {class: "tl-wave", d: wavePath(peaks, seconds, x, 24)});
    const ticks = timed.map(([, start]) => make("path", {class: "tl-word-tick", d: `M${x(start)},0V${height}`}));
    const texts = timed.map(([word, start, stop], i) => {
      const place = x(timed[i + 1]?.[1] ?? Math.max(stop, seconds)) - x(start);
      return make("button", {
        type: "button", class: "tl-word", "data-act": "word", "data-word": i, tabindex: i ? -1 : 0,
        style: `left:${x(start)}px;width:${Math.max(place, 3)}px`, "aria-label": say("line.word", {word}), title: word,
      }, place - 4 < LETTER * word.length ? "" : word);
    });
    return line("sound", title(say("line.sound")), [drawing(height, ...ticks, wave), ...texts], {"data-seek": true}, height);
  }

  function instruction(clauses) {
    if (!clauses.length) return null;
    const ends = []; // in seconds, of the rows: clauses at the same time stand one below another
    const boxes = clauses.map(([start, stop, action, words]) => {
      const free = ends.findIndex((end) => end < start + config.frame / 2);
      const row = free < 0 ? ends.length : free;
      ends[row] = stop;
      return make("span", {
        class: "tl-clause", title: `${words}: ${clock(start)} – ${clock(stop)}`,
        style: `left:${x(start)}px;top:${6 + row * CLAUSE}px;width:${Math.max(6, x(stop) - x(start) - 2)}px`,
      }, action);
    });
    return line("clauses", title(say("line.clauses")), boxes, {"data-seek": true}, 8 + ends.length * CLAUSE);
  }

  function lanePath(c) {
    const low = folded.has(c.name);
    const at = (key) => (low ? FLAT / 2 : y(c, key.value));
    return keyPath(list.track(c.name), c.pose, end(), x, at, low ? FLAT / 2 : y(c, 0), config);
  }

  function lane(c) {
    const low = folded.has(c.name), height = low ? FLAT : TALL;
    const curve = make("path", {class: "tl-curve", d: lanePath(c), "data-curve": c.name});
    const fold = make("button", {type: "button", class: "tl-fold", "data-act": "fold", "data-lane": c.name, "aria-expanded": String(!low), title: c.label},
      title(c.label));
    const tool = (act, name) => {
      const words = say(`line.${act}`, {lane: c.label});
      return make("button", {type: "button", class: "tl-tool", "data-act": act, "data-lane": c.name, "aria-label": words, title: words}, icon(name));
    };
    const tools = make("span", {class: "tl-tools"}, make("output", {class: "tl-now", "data-now": c.name}), tool("add", "plus"), tool("drop", "cross"));
    const drawn = drawing(height, rest(low ? FLAT / 2 : y(c, c.rest)), curve);
    const node = line(`lane is-${c.group}${low ? " is-low" : ""}`, [fold, tools], [drawn, ...list.track(c.name).map(dot)], {"data-lane": c.name}, height);
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
      "aria-label": keyName(key), "aria-pressed": String(list.picked.has(key.id)), "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown Delete",
    });
  }

  // `curve`: what was made of a channel, and what was wanted. It can be held if it is of head pose.
  function trace(c, {result: made, target: wanted} = {}, held = false) {
    if (!made) return null;
    const all = [...made, ...(wanted ?? []).filter((v) => v !== null)];
    const low = Math.min(c.low, ...all), high = Math.max(c.high, ...all);
    const height = 38, at = (value) => round(5 + (1 - (value - low) / (high - low)) * (height - 10), 2);
    const drawn = (values) => tracePath(values, x, at, config.frame);
    const grip = (values) => (held && known[c.name]?.pose && values ? make("path", {class: "tl-grip", d: drawn(values)}, make("title", {}, say("line.grip"))) : null);
    return line("trace", title(say(`trace.${c.name}`)), [drawing(height,
      rest(at(c.rest)),
      wanted ? make("path", {class: "tl-target", d: drawn(wanted)}) : null,
      make("path", {class: "tl-made", d: drawn(made)}), grip(wanted), grip(made))],
    {"data-seek": true, "data-trace": c.name, "data-each": (high - low) / (height - 10)}, height);
  }

  // The curves of a take by channel, and above them their heading; only this while they are folded.
  function traces(curves, unfolded, held) {
    const lines = config.curves.map((c) => trace(c, curves?.[c.name], held)).filter(Boolean);
    if (!lines.length) return [];
    const fold = make("button", {type: "button", class: "tl-fold", "data-act": "traces", "aria-expanded": String(unfolded)}, title(say("line.take")));
    const kinds = ["result", "target"].filter((kind) => config.curves.some((c) => curves[c.name]?.[kind]));
    const legend = make("span", {class: "tl-legend"}, ...kinds.flatMap((kind) => [make("i", {class: `is-${kind}`}), say(`line.${kind}`)]));
    return [line("legend", fold, [legend], {"data-seek": true}, FLAT), ...(unfolded ? lines : [])];
  }

  return {ruler, sound, instruction, lane, lanePath, keyName, traces};
}
