// Spans without the DOM: [start, end] in seconds, or null. Loaded before `timeline.js`.

// Between two seconds, inside the take; null if shorter than a frame.
function spanBetween(a, b, {end, frame}) {
  const [start, stop] = [Math.min(a, b), Math.max(a, b)].map((second) => round(clamp(second, 0, end), 2));
  return stop - start < frame - 1e-9 ? null : [start, stop];
}

// With its start (0) or end (1) moved; the other one moves to the take's edge if it is in the way.
function spanWithEnd(span, which, second, {end, frame}) {
  const old = span ?? [0, end];
  const other = which === 0 ? (second < old[1] ? old[1] : end) : (second > old[0] ? old[0] : 0);
  return spanBetween(second, other, {end, frame});
}

// Of a word [text, start, end]; `extend` adds it to the span.
function spanOfWord(span, [, start, stop], extend, limits) {
  const [first, last] = extend && span ? span : [start, stop];
  return spanBetween(Math.min(first, start), Math.max(last, stop), limits);
}

const spanHas = (span, [, start, stop]) => Boolean(span && start < span[1] - 0.005 && stop > span[0] + 0.005);
