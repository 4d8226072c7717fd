// A player of several takes: one clock, one scrubber, the sound of one of them.
// CONFIG stands above this script. Gradio gives element, props and watch; the value is
// {takes: [{name, title, video}], columns}, where video is a file of Gradio's with its address.
const words = CONFIG.words[navigator.language] ?? CONFIG.words[navigator.language.split("-")[0]] ?? CONFIG.words.en;
const SPEEDS = [1, 0.5, 0.25];
const APART = 0.06; // s, the largest drift between videos

let films = [];
let audible = 0;
let drawing = 0;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const grid = make("div", {class: "cp-grid"});
const play = make("button", {type: "button", class: "cp-play"});
const seek = make("input", {type: "range", class: "cp-seek", min: 0, max: 0, step: CONFIG.frame, value: 0, "aria-label": words.seek});
const clock = make("span", {class: "cp-clock"});
const speed = make("select", {class: "cp-speed", "aria-label": words.speed},
  ...SPEEDS.map((rate) => make("option", {value: rate}, `${rate}×`)));
const root = make("div", {class: "cp", role: "group", tabindex: 0, "aria-label": words.label},
  grid, make("div", {class: "cp-bar"}, play, seek, clock, speed));
element.replaceChildren(root);

// The longest video is the clock; shorter ones stop at their last frame.
const leader = () => films.reduce((a, b) => ((b.duration || 0) > (a?.duration || 0) ? b : a), films[0]);
const length = () => leader()?.duration || 0;
const playing = () => Boolean(leader() && !leader().paused && !leader().ended);
const within = (film, time) => Math.min(time, Math.max((film.duration || 0) - CONFIG.frame / 2, 0));

function show() {
  const now = leader()?.currentTime ?? 0;
  seek.max = length();
  seek.value = now;
  seek.setAttribute("aria-valuetext", `${now.toFixed(2)} s`);
  clock.textContent = `${now.toFixed(1)} / ${length().toFixed(1)} s`;
  play.textContent = playing() ? "❚❚" : "►";
  play.setAttribute("aria-label", playing() ? words.pause : words.play);
}

function follow() {
  const first = leader();
  for (const film of films) {
    if (film === first) continue;
    const wanted = within(film, first.currentTime);
    if (Math.abs(film.currentTime - wanted) > APART) film.currentTime = wanted;
  }
  show();
  drawing = playing() ? requestAnimationFrame(follow) : 0;
}

function move(time) {
  for (const film of films) film.currentTime = within(film, Math.min(Math.max(time, 0), length()));
  show();
}

function pause() {
  for (const film of films) film.pause();
  move(leader()?.currentTime ?? 0);
}

async function start() {
  if (!films.length) return;
  const first = leader();
  if (first.ended || first.currentTime >= length() - CONFIG.frame) move(0);
  const going = films.filter((film) => film === first || film.currentTime < film.duration - CONFIG.frame);
  await Promise.allSettled(going.map((film) => film.play()));
  if (!drawing) drawing = requestAnimationFrame(follow);
}

const toggle = () => (playing() ? pause() : start());

function playSound(index) {
  if (!films[index]) return;
  audible = index;
  films.forEach((film, i) => { film.muted = i !== audible; });
  for (const button of grid.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.sound) === audible));
  }
}

function draw() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  for (const film of films) film.pause();
  const takes = props.value?.takes ?? [];
  films = takes.map((take) => {
    const film = make("video", {src: take.video.url, preload: "auto", playsinline: "", "aria-label": `${take.name}: ${take.title}`});
    film.muted = true;
    film.playbackRate = film.defaultPlaybackRate = Number(speed.value);
    for (const event of ["loadedmetadata", "seeked", "pause", "ended", "playing"]) film.addEventListener(event, show);
    return film;
  });
  root.hidden = !takes.length; // Gradio does not hide this kind of component
  const columns = Math.max(1, Math.min(props.value?.columns ?? 2, takes.length));
  grid.style.setProperty("--columns", columns);
  grid.style.setProperty("--rows", Math.ceil(takes.length / columns));
  grid.replaceChildren(...takes.map((take, i) => {
    const button = make("button", {type: "button", "data-sound": i, "aria-label": `${words.sound} ${take.name}`, title: words.sound},
      make("b", {}, take.name), make("span", {}, take.title));
    return make("figure", {class: "cp-take"}, films[i], make("figcaption", {}, button));
  }));
  playSound(0);
  show();
}

play.addEventListener("click", toggle);
seek.addEventListener("input", () => { const time = Number(seek.value); for (const film of films) film.pause(); move(time); });
speed.addEventListener("change", () => { for (const film of films) film.playbackRate = Number(speed.value); });
grid.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) playSound(Number(button.dataset.sound));
  else if (event.target.closest("video")) toggle();
});

root.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === speed) return;
  const now = leader()?.currentTime ?? 0;
  const step = event.shiftKey ? 1 : CONFIG.frame;
  const onButton = event.target.tagName === "BUTTON";
  if ((event.key === " " && !onButton) || event.key === "k") toggle();
  else if (event.key === "ArrowLeft") { pause(); move(now - step); }
  else if (event.key === "ArrowRight") { pause(); move(now + step); }
  else if (event.key === "Home") move(0);
  else if (event.key === "End") { pause(); move(length()); }
  else if (/^[1-9]$/.test(event.key)) playSound(Number(event.key) - 1);
  else return;
  event.preventDefault();
});

watch("value", draw);
draw();
