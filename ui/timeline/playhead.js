// The playhead and the player, each following the other; without a player it moves by the clock. Loaded before `timeline.js`.
//
// Given: `film()` is the player or null, `end()` the last second, `span()` what is repeated while
// `looping()`, `dragged()` whether a pointer has the playhead, `alive()` whether the timeline is
// still on the page. `moved(second, following)` and `plays(yes)` draw.

const FASTEST = 4; // times real time, forwards and backwards

function makePlayhead({film, end, span, looping, dragged, alive, moved, plays, frame}) {
  let now = 0, sought = null;
  let rate = 0; // 0 while it stands; backwards below
  let began = null; // where and when it began to move by the clock

  const last = () => Math.max(end(), film()?.duration || 0);
  const moving = () => Boolean(began || (film() && !film().paused));
  const ends = () => (looping() && span()) || [0, last()];

  function go(second) {
    set(second);
    const video = film();
    if (video && video.readyState > 0) {
      sought = Math.min(now, video.duration);
      video.currentTime = sought;
    }
  }

  function set(second, following = false) {
    now = clamp(second, 0, last());
    moved(now, following);
  }

  // At a rate; the player cannot play backwards.
  function run(speed) {
    const video = film(), [first, stop] = ends();
    rate = speed;
    if (speed > 0 && (now < first || now >= stop - frame / 2)) go(first);
    if (speed < 0 && now <= first) go(stop);
    if (video && speed > 0) {
      began = null;
      video.playbackRate = speed;
      video.play().catch(() => plays(false)); // the browser may refuse, or load another video
    } else {
      video?.pause();
      began = {at: performance.now(), second: now};
      tick();
    }
    plays(true);
  }

  function stop() {
    const video = film();
    rate = 0;
    began = null;
    if (video) {
      video.pause();
      video.playbackRate = 1;
    }
    plays(false);
  }

  function tick() {
    if (!began || !alive()) return;
    const [first, stopAt] = ends();
    let at = began.second + rate * (performance.now() - began.at) / 1000;
    const over = rate > 0 ? at >= stopAt : at <= first;
    if (over && looping()) {
      at = rate > 0 ? first : stopAt;
      began = {at: performance.now(), second: at};
    }
    if (over || Math.abs(at - now) >= frame) go(clamp(at, first, stopAt));
    if (over && !looping()) stop();
    else requestAnimationFrame(tick);
  }

  function follow() {
    const video = film();
    if (!video || !alive()) return;
    if (looping() && span() && video.currentTime >= span()[1] && !video.paused) go(span()[0]);
    else if (!dragged()) set(video.currentTime, true);
    if (!video.paused) requestAnimationFrame(follow);
  }

  const MEDIA = ["play", "pause", "timeupdate", "seeked", "loadedmetadata", "ended"];
  function onMedia(event) {
    if (!alive()) {
      for (const type of MEDIA) document.removeEventListener(type, onMedia, true);
      return;
    }
    const video = film();
    if (event.target !== video || began) return;
    if (event.type === "ended" && looping()) return run(rate || 1);
    plays(!video.paused);
    // The event of our own seek: the playhead may be behind the end of the video.
    if (sought !== null && Math.abs(video.currentTime - sought) < 0.05 && video.paused) {
      if (event.type === "seeked") sought = null;
      return;
    }
    if (event.type !== "loadedmetadata" || video.currentTime > 0) follow();
  }
  for (const type of MEDIA) document.addEventListener(type, onMedia, true);

  return {
    get now() { return now; },
    go,
    stop,
    toggle() { moving() ? stop() : run(1); },
    // Each further press in the same direction doubles the rate.
    shuttle(direction) {
      run(moving() && rate * direction > 0 ? Math.sign(rate) * Math.min(2 * Math.abs(rate), FASTEST) : direction);
    },
  };
}
