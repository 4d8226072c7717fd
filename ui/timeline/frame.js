// The elements that stay: toolbar, canvas, fields, JSON and the list of keys. Loaded before `timeline.js`.

function makeFrame(say, {longest, frame, face}) {
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

  const picture = make("svg", {class: "tl-face", viewBox: "-0.8 -0.68 1.6 1.72", role: "img", "aria-label": say("line.sketch")});
  const hint = make("p", {class: "tl-hint"});
  const number = (attributes) => make("input", {type: "number", inputmode: "decimal", ...attributes});
  const seconds = (attributes) => number({min: 0, max: longest, step: frame, ...attributes});
  const label = (word, field) => make("label", {}, make("span", {}, say(word)), field);
  const name = make("span", {class: "tl-name"});
  const second = seconds({"data-field": "time"});
  const amount = number({"data-field": "value"});
  const easing = make("select", {"data-field": "easing", "aria-label": say("line.easing")});
  const fields = make("div", {class: "tl-fields", role: "group", "aria-label": say("line.key")},
    name, label("line.second", second), label("line.value", amount), label("line.easing", easing),
    button("remove", say("line.remove"), icon("cross")),
  );
  const from = seconds({"data-span": 0});
  const until = seconds({"data-span": 1});
  const edited = button("edit", say("line.edit"));
  const dropped = button("clearSpan", say("line.clear_span"), icon("cross"));
  const spans = make("div", {class: "tl-fields", role: "group", "aria-label": say("line.span")},
    make("span", {class: "tl-name"}, say("line.span")), label("line.from", from), label("line.until", until), edited, dropped);
  const more = make("select", {class: "tl-more", "aria-label": say("line.lane")});
  const clear = button("clear", say("line.clear"));
  const exchange = button("json", say("line.json"));
  const foot = make("div", {class: "tl-foot"}, face ? picture : null, make("div", {class: "tl-panel"},
    hint, fields, spans, make("div", {class: "tl-row-of"}, more, exchange, clear)));

  const text = make("textarea", {class: "tl-text", rows: 6, spellcheck: "false", "aria-label": say("line.json.label")});
  const json = make("div", {class: "tl-json", hidden: true}, text, make("div", {class: "tl-row-of"},
    button("copy", say("line.json.copy")), button("apply", say("line.json.apply")), button("json", say("line.json.close"))));
  const sign = (key) => key.replace(/Arrow(\w+)/, (_, way) => ({Left: "←", Right: "→", Up: "↑", Down: "↓"})[way]);
  const help = make("dialog", {class: "tl-help", "aria-label": say("line.help")},
    make("table", {}, ...SHORTCUTS.map((row) => make("tr", {},
      make("td", {}, ...Object.keys(row.acts).map((key) => make("kbd", {}, sign(key)))),
      make("td", {}, say(`line.keys.${row.text}`))))),
    make("form", {method: "dialog"}, make("button", {class: "tl-button"}, say("line.json.close"))));
  const announced = make("div", {class: "tl-announced", role: "status"});
  const whole = make("div", {class: "tl"}, bar, scroll, foot, json, help, announced);

  return {
    whole, play, time, undo, redo, snap, loop, canvas, scroll, head, needle, band,
    picture, hint, name, second, amount, easing, fields, from, until, edited, dropped, spans,
    more, clear, exchange, text, json, help, announced,
  };
}
