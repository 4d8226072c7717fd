// Curves as SVG paths. Loaded before `timeline.js`. `x(second)` and `at(value)` give places in px.

// A waveform of peaks from 0 to 100, mirrored about `middle`.
function wavePath(peaks, seconds, x, middle) {
  const each = seconds / peaks.length;
  const edge = (side) => peaks.map((peak, i) => `${round(x((i + 0.5) * each), 1)},${round(middle + side * (1 + 0.2 * peak), 1)}`);
  return `M${x(0)},${middle}L${edge(-1).join("L")}L${x(seconds)},${middle}L${edge(1).reverse().join("L")}Z`;
}

// The keyframes of a channel, as `valueAt` has them. `rest` is the place of an expression's 0.
function keyPath(list, pose, end, x, at, rest, {frame, fade}) {
  if (!list.length) return "";
  // `share`: of the way, if it is not drawn to its end.
  const ease = (x0, y0, x1, y1, share = 1) => {
    const [third, rise] = [share * (x1 - x0) / 3, share * share * (y1 - y0)];
    return `C${x0 + third},${y0} ${x0 + 2 * third},${y0 + rise} ${x0 + 3 * third},${y0 + rise * (3 - 2 * share)}`;
  };
  const first = list[0], last = list[list.length - 1];
  let d = `M${x(first.time)},${at(first)}`;
  if (!pose && first.time > 0) {
    const start = Math.max(0, first.time - fade);
    d = `M${x(0)},${rest}H${x(start)}${ease(x(start), rest, x(first.time), at(first))}`;
  }
  list.slice(1).forEach((to, i) => {
    const [x0, y0, x1, y1] = [x(list[i].time), at(list[i]), x(to.time), at(to)];
    if (list[i].easing === "hold") d += `H${x1}V${y1}`;
    else if (list[i].easing === "linear") d += `L${x1},${y1}`;
    else if (list[i].easing === "free") d += `M${x1},${y1}`;
    else d += ease(x0, y0, x1, y1);
  });
  if (pose) return last.easing === "free" ? d : `${d}H${x(end)}`;
  if (last.time >= end - frame) return d;
  const faded = Math.min(1, (end - last.time) / fade);
  return `${d}${ease(x(last.time), at(last), x(last.time + fade), rest, faded)}H${x(end)}`;
}

// A value a frame; null leaves a gap.
function tracePath(values, x, at, frame) {
  let d = "", pen = false;
  values.forEach((value, i) => {
    if (value !== null) d += `${pen ? "L" : "M"}${round(x(i * frame), 1)},${at(value)}`;
    pen = value !== null;
  });
  return d;
}
