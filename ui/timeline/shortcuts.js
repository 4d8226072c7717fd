// What keys do: one table, for the handler and for the list that `?` opens. Loaded before `timeline.js`.

// `at`: where the focus is; without it anywhere on the timeline. `text`: the key of the words
// "line.keys.…". `acts`: names of ACTS by key. With Shift as without, unless it is named.
const SHORTCUTS = [
  {text: "play", acts: {Space: "play"}},
  {text: "shuttle", acts: {J: "backwards", K: "halt", L: "forwards"}},
  {text: "frame", acts: {",": "frameBack", ".": "frameOn"}},
  {text: "span", acts: {"[": "from", "]": "until"}},
  {text: "loop", acts: {R: "loop"}},
  {text: "fit", acts: {F: "fit"}},
  {text: "zoom", acts: {"+": "in", "-": "out"}},
  {text: "undo", acts: {"Ctrl+Z": "undo", "Ctrl+Y": "redo", "Ctrl+Shift+Z": "redo"}},
  {text: "clipboard", acts: {"Ctrl+C": "copyKeys", "Ctrl+X": "cutKeys", "Ctrl+V": "pasteKeys"}},
  {text: "help", acts: {"?": "help"}},
  {at: "head", text: "head", acts: {
    ArrowLeft: "frameBack", ArrowRight: "frameOn", ArrowDown: "frameBack", ArrowUp: "frameOn",
    PageDown: "secondBack", PageUp: "secondOn", Home: "toStart", End: "toEnd",
  }},
  {at: "keyframe", text: "move", acts: {ArrowLeft: "earlier", ArrowRight: "later", ArrowUp: "raise", ArrowDown: "lower"}},
  {at: "keyframe", text: "exact", acts: {Enter: "exact"}},
  {at: "keyframe", text: "all", acts: {"Ctrl+A": "pickAll", Escape: "pickNone"}},
  {at: "keyframe", text: "remove", acts: {Delete: "remove", Backspace: "remove"}},
  {at: "word", text: "words", acts: {ArrowLeft: "wordBack", ArrowRight: "wordOn", Enter: "word", Space: "word"}},
];

// The pressed keys, as the table writes them. A sign that needs Shift is only the sign.
function chordOf({key, ctrlKey, metaKey, shiftKey}) {
  const name = key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key;
  const shifted = shiftKey && (name.length > 1 || /[A-Z]/.test(name));
  return [ctrlKey || metaKey ? "Ctrl" : "", shifted ? "Shift" : "", name].filter(Boolean).join("+");
}

// The name of the act for the pressed keys, or undefined; what is meant for the place comes first.
function actFor(event, at) {
  const chord = chordOf(event), plain = chord.replace("Shift+", "");
  const rows = [...SHORTCUTS.filter((row) => row.at === at && at), ...SHORTCUTS.filter((row) => !row.at)];
  return [chord, plain].flatMap((keys) => rows.map((row) => row.acts[keys])).find(Boolean);
}
