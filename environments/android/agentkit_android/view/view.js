"use strict";
const screen_ = document.getElementById("screen");
const outline = document.getElementById("outline");
const problem = document.getElementById("problem");
const record = document.getElementById("record");
let size = [1, 1], mark = "", recording = false, down = null;

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  const said = await answer.json();
  problem.textContent = said.error || "";
  return said.error ? null : said;
}

async function look() {
  const seen = await ask("/state");
  if (!seen) return;
  size = seen.size;
  document.getElementById("front").textContent = `${seen.front} · ${seen.time}${seen.lost ? " · " + seen.lost : ""}`;
  recording = seen.recording.on;
  record.textContent = recording ? "Stop" : "Record";
  const told = document.getElementById("recorded");
  told.textContent = recording || seen.recording.steps ? `${seen.recording.steps} steps ` : "";
  if (!recording && seen.recording.steps) {
    const link = document.createElement("a");
    link.href = "/recording.json";
    link.textContent = "Save the demonstration";
    told.append(link);
  }
  if (seen.mark === mark) return;
  mark = seen.mark;
  screen_.src = `/screen.png?${mark}`;
  const list = document.getElementById("elements");
  list.replaceChildren(...seen.elements.map((element) => {
    const item = document.createElement("li");
    item.textContent = element.line.replace(/^\d+ /, "");
    item.onmouseenter = () => show(element.bounds);
    item.onmouseleave = () => { outline.hidden = true; };
    return item;
  }));
}

function show([left, top, right, bottom]) {
  const scale = screen_.clientWidth / size[0];
  Object.assign(outline.style, {
    left: `${left * scale}px`, top: `${top * scale}px`,
    width: `${(right - left) * scale}px`, height: `${(bottom - top) * scale}px`,
  });
  outline.hidden = false;
}

async function act(action) {
  await ask("/act", action);
  await look();
}

function at(event) {
  const box = screen_.getBoundingClientRect();
  return [
    Math.round((event.clientX - box.left) / box.width * size[0]),
    Math.round((event.clientY - box.top) / box.height * size[1]),
  ];
}

screen_.onpointerdown = (event) => { down = { point: at(event), when: event.timeStamp }; event.preventDefault(); };
screen_.onpointerup = (event) => {
  if (!down) return;
  const [x, y] = down.point, [to_x, to_y] = at(event);
  const seconds = Math.max(0.05, (event.timeStamp - down.when) / 1000);
  down = null;
  if (Math.hypot(to_x - x, to_y - y) > 40) act({ kind: "swipe", x, y, to_x, to_y, seconds: Math.min(seconds, 5) });
  else if (seconds > 0.6) act({ kind: "long-press", x, y, seconds: Math.min(seconds, 5) });
  else act({ kind: "tap", x, y });
};
for (const button of document.querySelectorAll("[data-button]"))
  button.onclick = () => act({ kind: "button", button: button.dataset.button });
document.getElementById("typing").onsubmit = async (event) => {
  event.preventDefault();
  const field = document.getElementById("text");
  await act({ kind: "type", text: field.value });
  field.value = "";
};
document.getElementById("clear").onclick = () => act({ kind: "clear-text" });
document.getElementById("recording").onsubmit = async (event) => {
  event.preventDefault();
  await ask("/record", { on: !recording, goal: document.getElementById("goal").value });
  await look();
};
(async function watch() {
  try { await look(); } catch (error) { problem.textContent = "The view was closed."; }
  setTimeout(watch, 400);
})();
history.replaceState(null, "", "/");
