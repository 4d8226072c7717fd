// The stage of the Live tab: opens camera or microphone and a WebRTC connection to the studio.
// CONFIG stands above this script. Gradio gives element, props, trigger and watch; the value is the
// offer, {kind, sdp}. The state tells the answer, the time that is left, and the end.
const words = CONFIG.words[navigator.language] ?? CONFIG.words[navigator.language.split("-")[0]] ?? CONFIG.words.en;
const GATHER = 3000; // ms, the longest wait for candidates of the connection
const MEDIA = {
  mirror: {video: {width: 640, height: 480, frameRate: {ideal: 25, max: 30}}},
  voice: {audio: {echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1}},
};
// Why a browser gives neither camera nor microphone, by the name of its error.
const REFUSALS = {NotAllowedError: "denied", NotFoundError: "missing", OverconstrainedError: "missing", NotReadableError: "busy"};

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const film = make("video", {class: "lv-film", playsinline: "", autoplay: "", "aria-label": words.film});
const own = make("video", {class: "lv-own", playsinline: "", autoplay: "", "aria-label": words.own});
film.muted = own.muted = true;
const left = make("output", {class: "lv-left"});
const title = make("p", {role: "status"}), more = make("p");
const place = make("span", {class: "lv-place status-queue", "data-words": words.place});
const instead = make("button", {type: "button"}, words.instead);
const note = make("div", {class: "lv-note"}, title, more, place, instead);
const recalibrate = make("button", {type: "button", title: words["recalibrate.info"]}, words.recalibrate);
const hear = make("input", {type: "checkbox"});
const keep = make("button", {type: "button"}, words.keep);
const kept = make("span", {class: "lv-info"});
const hearing = make("label", {}, hear, words.hear);
const bar = make("div", {class: "lv-bar"}, recalibrate, hearing, keep, kept);
const root = make("div", {class: "lv card", hidden: ""}, make("div", {class: "lv-stage"}, film, own, left, note), bar);
element.replaceChildren(root);

let number = 0; // of the offer
let phase, kind = "mirror", media = null, connection = null, channel = null, deadline = null, ticking = 0, keepable = false;

// What the stage shows: "idle", "asking" (for the camera), "waiting" (for the engine), "connecting",
// "preparing" (until the first picture), "live". A sentence tells why it is idle.
function show(now, why = "") {
  phase = root.dataset.phase = now;
  const live = phase === "live";
  const of = (key) => words[`${key}.${kind}`] ?? words[key];
  title.textContent = why ? of(why) : live ? "" : of(phase);
  more.textContent = phase === "idle" && !why ? of("idle.hint") : why ? (words[`${why}.hint`] ?? "") : "";
  note.hidden = live;
  place.hidden = phase !== "waiting";
  if (place.hidden) place.textContent = "";
  instead.hidden = !(why === "unconnected" && kind === "voice");
  own.hidden = !(media && kind === "mirror");
  left.hidden = !live || deadline === null;
  recalibrate.hidden = !live || kind !== "mirror";
  hearing.hidden = !live || kind !== "voice";
  keep.hidden = kept.hidden = live || !keepable;
  kept.textContent = of("keep.info");
  bar.hidden = !live && keep.hidden;
}

function tick() {
  const seconds = Math.max(0, Math.round((deadline - performance.now()) / 1000));
  left.textContent = words.left.replace("{time}", `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
}

function end(why = "") {
  for (const track of media?.getTracks() ?? []) track.stop();
  connection?.close();
  clearInterval(ticking);
  media = connection = channel = film.srcObject = own.srcObject = null;
  deadline = null;
  show("idle", why);
}

// All candidates are part of the offer: the studio gets it in one message.
const gathered = (peer) => new Promise((done) => {
  const check = () => { if (peer.iceGatheringState === "complete") done(); };
  peer.addEventListener("icegatheringstatechange", check);
  setTimeout(done, GATHER);
  check();
});

async function start() {
  kind = document.querySelector("#live-kind input:checked")?.value ?? "mirror";
  if (!window.RTCPeerConnection) return end("unsupported");
  if (!navigator.mediaDevices) return end("insecure");
  keepable = false;
  number += 1;
  show("asking");
  try {
    media = await navigator.mediaDevices.getUserMedia(MEDIA[kind]);
  } catch (error) {
    return end(REFUSALS[error.name] ?? "denied");
  }
  if (phase !== "asking") return end();
  const mine = new RTCPeerConnection({iceServers: CONFIG.servers});
  connection = mine;
  for (const track of media.getTracks()) {
    mine.addTrack(track, media);
    track.onended = () => end("gone");
  }
  if (kind === "voice") mine.addTransceiver("video", {direction: "recvonly"});
  channel = mine.createDataChannel("orders");
  mine.ontrack = (event) => { film.srcObject = event.streams[0]; };
  mine.onconnectionstatechange = () => {
    if (mine.connectionState === "connected") show("preparing");
    if (mine.connectionState === "failed") end(phase === "connecting" ? "unconnected" : "gone");
  };
  own.srcObject = kind === "mirror" ? media : null;
  await mine.setLocalDescription();
  await gathered(mine);
  if (connection !== mine) return;
  show("waiting");
  props.value = {kind, number, sdp: mine.localDescription.sdp};
  trigger("start");
}

function stop() {
  const waiting = phase === "waiting";
  end();
  if (waiting) trigger("stop"); // it leaves the queue
}

function told(state) {
  if (state.phase === "kept") {
    keepable = false;
    return phase === "idle" ? show(phase) : undefined;
  }
  if (state.number !== number) return; // of an earlier session
  keepable = state.keep ?? false;
  if (!connection) return show(phase); // stopped meanwhile
  if (state.phase === "answer" && phase === "waiting") {
    show("connecting");
    connection.setRemoteDescription({type: "answer", sdp: state.sdp});
  } else if (state.phase === "live" && state.left !== null) {
    deadline = performance.now() + 1000 * state.left;
    clearInterval(ticking);
    ticking = setInterval(tick, 250);
    tick();
    show(phase);
  } else if (state.phase === "over") {
    end(state.why);
  }
}

film.addEventListener("playing", () => { if (connection) show("live"); });
recalibrate.addEventListener("click", () => { if (channel?.readyState === "open") channel.send(CONFIG.recalibrate); });
hear.addEventListener("change", () => { film.muted = !hear.checked; });
keep.addEventListener("click", () => {
  keepable = false;
  show("idle", "saving");
  trigger("keep");
});
instead.addEventListener("click", () => trigger("instead"));
document.addEventListener("click", (event) => {
  if (!element.isConnected) return; // Gradio has rebuilt the stage
  if (event.target.closest("#live-start") && phase === "idle") start();
  if (event.target.closest("#live-stop")) stop();
});
watch(Object.keys({tab: 0}), () => {
  root.hidden = props.tab !== CONFIG.tab;
  if (root.hidden && phase !== "idle") stop();
});
watch(Object.keys({state: 0}), () => { if (props.state) told(props.state); });
show("idle");
