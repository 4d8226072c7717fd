// Spans of the timeline. Run by `node --test`; see test_keyframes.py.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {test} from "node:test";

const read = (name) => readFileSync(new URL(`../../ui/timeline/${name}.js`, import.meta.url), "utf8");
const names = "{spanBetween, spanWithEnd, spanOfWord, spanHas}";
const {spanBetween, spanWithEnd, spanOfWord, spanHas} = new Function(`${read("keyframes")}${read("spans")}\nreturn ${names};`)();

const TAKE = {end: 4, frame: 0.04};
const ONE = ["one", 0.5, 0.8], TWO = ["two", 0.9, 1.4], THREE = ["three", 2, 2.25];

test("a span is inside the take, in order, and at least a frame long", () => {
  assert.deepEqual(spanBetween(2, 1, TAKE), [1, 2]);
  assert.deepEqual(spanBetween(-1, 9, TAKE), [0, 4]);
  assert.deepEqual(spanBetween(1, 1.04, TAKE), [1, 1.04]);
  assert.equal(spanBetween(1, 1.03, TAKE), null);
  assert.equal(spanBetween(5, 6, TAKE), null);
});

test("an end moves, and the other one makes room for it", () => {
  assert.deepEqual(spanWithEnd([1, 2], 0, 1.5, TAKE), [1.5, 2]);
  assert.deepEqual(spanWithEnd([1, 2], 1, 3, TAKE), [1, 3]);
  assert.deepEqual(spanWithEnd([1, 2], 0, 3, TAKE), [3, 4]);
  assert.deepEqual(spanWithEnd([1, 2], 1, 0.5, TAKE), [0, 0.5]);
  assert.deepEqual(spanWithEnd(null, 0, 1, TAKE), [1, 4]);
  assert.equal(spanWithEnd([1, 2], 0, 4, TAKE), null);
});

test("a word selects its own span, or extends the selected one to both sides", () => {
  assert.deepEqual(spanOfWord([1, 2], TWO, false, TAKE), [0.9, 1.4]);
  assert.deepEqual(spanOfWord([0.9, 1.4], THREE, true, TAKE), [0.9, 2.25]);
  assert.deepEqual(spanOfWord([0.9, 1.4], ONE, true, TAKE), [0.5, 1.4]);
  assert.deepEqual(spanOfWord(null, TWO, true, TAKE), [0.9, 1.4]);
});

test("a span has the words that it touches", () => {
  assert.deepEqual([ONE, TWO, THREE].map((word) => spanHas([0.8, 2], word)), [false, true, false]);
  assert.equal(spanHas(null, ONE), false);
});
