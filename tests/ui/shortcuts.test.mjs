// Keys of the timeline. Run by `node --test`; see test_keyframes.py.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {test} from "node:test";

const source = readFileSync(new URL("../../ui/timeline/shortcuts.js", import.meta.url), "utf8");
const {SHORTCUTS, actFor} = new Function(`${source}\nreturn {SHORTCUTS, actFor};`)();
const press = (key, ...held) => ({key, ctrlKey: held.includes("ctrl"), metaKey: held.includes("meta"), shiftKey: held.includes("shift")});

test("the same key does what fits the place", () => {
  assert.equal(actFor(press("ArrowLeft"), "head"), "frameBack");
  assert.equal(actFor(press("ArrowLeft"), "keyframe"), "earlier");
  assert.equal(actFor(press("ArrowLeft"), "word"), "wordBack");
  assert.equal(actFor(press("ArrowLeft"), undefined), undefined);
  assert.equal(actFor(press(" "), "word"), "word");
  assert.equal(actFor(press(" "), "keyframe"), "play");
});

test("Shift strengthens a key unless it is a key of its own", () => {
  assert.equal(actFor(press("ArrowUp", "shift"), "keyframe"), "raise");
  assert.equal(actFor(press("Z", "ctrl", "shift"), undefined), "redo");
  assert.equal(actFor(press("z", "meta"), undefined), "undo");
  assert.equal(actFor(press("?", "shift"), undefined), "help");
  assert.equal(actFor(press("l"), undefined), "forwards");
  assert.equal(actFor(press("l", "ctrl"), undefined), undefined); // the browser's own
});

test("no key has two meanings in one place", () => {
  for (const place of new Set(SHORTCUTS.map((row) => row.at))) {
    const keys = SHORTCUTS.filter((row) => row.at === place).flatMap((row) => Object.keys(row.acts));
    assert.equal(new Set(keys).size, keys.length);
  }
});
