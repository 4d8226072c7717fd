// When all events of a page have ended, Gradio's server closes the page's stream of messages. If the
// page sends an event before it hears of that, it opens no stream for it, and waits forever. So here
// the stream goes on, unseen by the page, as long as an event that was sent has not ended.
{
  const {fetch} = window;
  const sent = new Set(); // events that have not ended
  const ended = new Set(); // maybe before the answer to what sent them

  const read = async (request, answer, page) => {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const messages = (rest + part.value).split("\n\n");
      rest = messages.pop();
      for (const message of messages) {
        const {msg, event_id} = JSON.parse(message.slice("data:".length));
        if (msg === "process_completed") {
          ended.add(event_id);
          sent.delete(event_id);
        }
        if (msg === "close_stream" && sent.size) return read(request, await fetch(request), page);
        page.enqueue(new TextEncoder().encode(`${message}\n\n`));
        if (msg === "close_stream") return page.close();
      }
    }
    page.close();
  };

  window.fetch = async (resource, options) => {
    const answer = await fetch(resource, options);
    const {pathname} = new URL(resource.url ?? resource, location.href);
    if (answer.ok && pathname.endsWith("/queue/join")) {
      const {event_id} = await answer.clone().json();
      if (!ended.has(event_id)) sent.add(event_id);
    }
    if (!answer.ok || !pathname.endsWith("/queue/data")) return answer;
    const start = (page) => {
      read(resource, answer, page)
        .catch((error) => page.error(error))
        .finally(() => sent.clear());
    };
    return new Response(new ReadableStream({start}), answer);
  };
}
