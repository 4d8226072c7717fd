// The sketch: the mean face, moved by controls. Loaded before `timeline.js`.

// Draws into `picture`; the result takes a function that gives the value of a channel by name.
function makeSketch(face, picture) {
  const isIris = (i) => face.irises.includes(i);
  const lids = face.irises.map((iris, i) => make("clipPath", {id: `tl-lid-${iris}`}, make("path", {"data-lid": face.eyes[i]})));
  const limbs = face.lines.map((_, i) => make("path", {class: isIris(i) ? "is-iris" : "", "clip-path": isIris(i) ? `url(#tl-lid-${i})` : null}));
  picture.replaceChildren(make("defs", {}, ...lids), ...limbs);
  return (of) => {
    const [yaw, pitch, roll] = ["yaw", "pitch", "roll"].map((name) => of(name) * Math.PI / 180);
    const [cy, sy, cp, sp, cr, sr] = [yaw, pitch, roll].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]);
    const turn = [[cr * cy, -sr * cp - cr * sy * -sp, -sr * sp - cr * sy * cp], [sr * cy, cr * cp - sr * sy * -sp, cr * sp - sr * sy * cp]];
    const amounts = face.channels.map((name) => of(name));
    const [right, down, size] = [of("x"), -of("y"), of("scale")];
    const points = face.points.map(([px, py, pz], i) => {
      let [qx, qy] = [px, py];
      amounts.forEach((amount, c) => {
        if (!amount) return;
        qx += amount * face.shifts[c][2 * i];
        qy += amount * face.shifts[c][2 * i + 1];
      });
      return turn.map((row, axis) => round((axis ? down : right) * 1000 + size * (row[0] * qx + row[1] * qy + row[2] * pz), 1) / 1000);
    });
    let start = 0;
    face.lines.forEach(([count, closed], i) => {
      const d = `M${points.slice(start, start + count).map((p) => p.join(",")).join("L")}${closed ? "Z" : ""}`;
      limbs[i].setAttribute("d", d);
      picture.querySelector(`[data-lid="${i}"]`)?.setAttribute("d", d);
      start += count;
    });
  };
}
