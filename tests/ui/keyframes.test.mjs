// Keyframe maths, snapping and undo of the timeline. Run by `node --test`; see test_keyframes.py.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {test} from "node:test";

const read = (name) => readFileSync(new URL(`../../ui/timeline/${name}.js`, import.meta.url), "utf8");
const source = read("keyframes") + read("plots");
const names = "{clamp, round, valueAt, snapTime, uncovered, UndoStack, KeyframeList, keyPath}";
const {clamp, round, valueAt, snapTime, uncovered, UndoStack, KeyframeList, keyPath} = new Function(`${source}\nreturn ${names};`)();

const FRAME = 1 / 25;
const CLOCK = {frame: FRAME, fade: 0.3, longest: 60};
const key = (time, value, easing = "linear") => ({time, value, easing});
const pose = (keys, at, end = 4) => valueAt(keys, true, at, end, CLOCK);
const expression = (keys, at, end = 4) => valueAt(keys, false, at, end, CLOCK);

test("without keyframes the head is free and an expression rests", () => {
  assert.equal(pose([], 1), null);
  assert.equal(expression([], 1), 0);
});

test("each easing goes its way from one value to the next", () => {
  const halfway = (easing) => pose([key(1, 10, easing), key(2, 20)], 1.25);
  assert.equal(halfway("linear"), 12.5);
  assert.equal(halfway("ease"), 10 + 10 * (0.25 ** 2 * 2.5));
  assert.equal(halfway("hold"), 10);
  assert.equal(halfway("free"), null);
  assert.equal(pose([key(1, 10, "free"), key(2, 20)], 1), 10); // the keyframe itself is kept
});

test("the head is free before its first keyframe and holds its last", () => {
  const keys = [key(1, 10), key(2, 20)];
  assert.equal(pose(keys, 0.9), null);
  assert.equal(pose(keys, 3), 20);
  assert.equal(pose([key(1, 10), key(2, 20, "free")], 2), 20);
  assert.equal(pose([key(1, 10), key(2, 20, "free")], 2.1), null);
});

test("an expression fades in before its first keyframe and out after its last", () => {
  const keys = [key(1, 0.8)];
  assert.equal(expression(keys, 0.7), 0);
  assert.ok(Math.abs(expression(keys, 0.85) - 0.4) < 1e-9);
  assert.equal(expression(keys, 1), 0.8);
  assert.ok(Math.abs(expression(keys, 1.15) - 0.4) < 1e-9);
  assert.equal(expression(keys, 1.3), 0);
  assert.equal(expression([key(0, 0.8)], 0), 0.8); // no fade before the take
  assert.equal(expression([key(4 - FRAME, 0.8)], 4), 0.8); // nor after it
});

test("the line of an expression ends with the take, where its value is", () => {
  for (const time of [2, 3.9]) {
    const keys = [key(time, 0.8)];
    const drawn = keyPath(keys, false, 4, (second) => second, ({value}) => value, 0, CLOCK);
    const [, ...parts] = drawn.split("C");
    const [x, y] = parts.at(-1).split(" ").at(-1).split("H")[0].split(",").map(Number);
    assert.ok(Math.abs(x - Math.min(time + CLOCK.fade, 4)) < 1e-9);
    assert.ok(Math.abs(y - expression(keys, x)) < 1e-9);
  }
});

test("the keyframes that are given stay as they are", () => {
  const keys = [key(1, 0.8, "hold")];
  expression(keys, 2);
  assert.deepEqual(keys, [key(1, 0.8, "hold")]);
});

test("a time snaps to the nearest edge of a word within reach, or else to a frame", () => {
  assert.equal(snapTime(1.013, [0.95, 1.02, 1.03], 0.05, CLOCK), 1.02);
  assert.equal(snapTime(1.013, [1.1], 0.05, CLOCK), 1);
  assert.equal(snapTime(1, [1.08], 0.5, CLOCK), 1.08); // two frames away
  assert.equal(snapTime(1, [1.09], 0.5, CLOCK), 1);
  assert.equal(snapTime(1.03, [], 0.05, CLOCK), 1.04);
  assert.equal(snapTime(0.01, [0], 0.05, CLOCK), 0); // an edge at 0 is an edge
  assert.equal(snapTime(-1, [], 0.05, CLOCK), 0);
  assert.equal(snapTime(99, [], 0.05, CLOCK), CLOCK.longest);
});

test("a picked keyframe put upon another of its channel takes its place", () => {
  const at = (id, channel, time) => ({id, channel, time});
  const keys = [at(1, "yaw", 1), at(2, "yaw", 1.004), at(3, "pitch", 1), at(4, "yaw", 1.006)];
  const ids = (picked) => uncovered(keys, new Set(picked)).map(({id}) => id);
  assert.deepEqual(ids([1]), [1, 3, 4]);
  assert.deepEqual(ids([]), [1, 2, 3, 4]);
  assert.deepEqual(ids([1, 2]), [1, 2, 3]); // what is picked together stays
});

test("changes are undone and redone in order, until another is made", () => {
  const edits = new UndoStack(200);
  edits.changed("a"); // a -> b
  edits.changed("b"); // b -> c
  assert.equal(edits.undo("c"), "b");
  assert.equal(edits.undo("b"), "a");
  assert.equal(edits.undo("a"), undefined);
  assert.equal(edits.redo("a"), "b");
  edits.changed("b"); // b -> d
  assert.equal(edits.redo("d"), undefined);
  assert.equal(edits.undo("d"), "b");
  assert.equal(edits.undo("b"), "a");
});

test("nothing to undo leaves nothing to redo", () => {
  const edits = new UndoStack(200);
  assert.equal(edits.undo("a"), undefined);
  assert.equal(edits.redo("a"), undefined);
});

test("the oldest changes are forgotten", () => {
  const edits = new UndoStack(2);
  for (const state of ["a", "b", "c"]) edits.changed(state);
  assert.deepEqual([edits.undo("d"), edits.undo("c"), edits.undo("b")], ["c", "b", undefined]);
});

test("numbers are held and rounded", () => {
  assert.deepEqual([clamp(-1, 0, 2), clamp(3, 0, 2), clamp(1, 0, 2)], [0, 2, 1]);
  assert.equal(round(1.23456, 2), 1.23);
});

test("the list keeps its order, and what is picked", () => {
  const list = new KeyframeList(["yaw", "smile"]);
  list.load([["smile", 1, 0.5, "ease"], ["yaw", 2, 9, "hold"], ["ears", 1, 1, "ease"], ["yaw", null, 1, "ease"]]);
  assert.deepEqual(list.rows, [["yaw", 2, 9, "hold"], ["smile", 1, 0.5, "ease"]]);
  const [late, smile] = list.keys;
  const early = list.add({channel: "yaw", time: 2, value: 1, easing: "ease"});
  list.pick(early.id);
  list.settle();
  assert.deepEqual(list.keys, [early, smile], "it takes the place of the one that it covers");
  assert.equal(list.find(late.id), undefined);
  list.pickMore(smile.id, true);
  assert.deepEqual(list.chosen(), [early, smile]);
  list.pickMore(early.id, false);
  assert.equal(list.picked.size, 2, "a drag of several begins on one of them");
  list.pickMore(early.id, true);
  assert.deepEqual(list.chosen(), [smile]);
  list.pickMore(early.id, false);
  assert.deepEqual(list.chosen(), [early]);
});
