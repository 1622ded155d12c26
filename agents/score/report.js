"use strict";
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const times = data.times, end = times.length - 1, span = times[end] || 1;
const PANELS = [
  { key: "progress", low: 0, high: 1, ticks: [0, 0.5, 1], height: 190 },
  { key: "success", low: 0, high: 1, ticks: [0, 0.5, 1], height: 104, half: 0.5 },
  { key: "confidence", low: 0, high: 1, ticks: [0, 0.5, 1], height: 104, half: 0.5 },
  { key: "hop", low: -1, high: 1, ticks: [-1, 0, 1], height: 104 },
];
const LEFT = 34, RIGHT = 12, TOP = 20, BOTTOM = 8;
const lines = data.curves.map((curve, i) => ({ ...curve, colour: `var(--c${i % 8})`, shown: true }));
if (data.oracle_progress) {
  lines.push({ label: "simulator", progress: data.oracle_progress, colour: "var(--truth)", truth: true, shown: true });
}

/* The clock: the video's where it plays, else our own. */
const video = $("video");
let position = 0, hovered = null, playing = false, usable = true, tick = 0, dragging = false;
const speeds = [1, 0.5, 0.25, 2];
const frameAt = (time) => {
  let low = 0, high = end;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= time + 1e-3) low = middle; else high = middle - 1;
  }
  return low;
};
const frame = () => frameAt(position);
function seek(number) {
  const i = Math.min(Math.max(number, 0), end);
  position = times[i];
  // A little into the frame, so that rounding never shows the one before.
  if (usable) video.currentTime = times[i] + (i < end ? Math.min((times[i + 1] - times[i]) / 4, 0.01) : 0.001);
  draw();
}
function play(on) {
  playing = on;
  if (on && frame() === end) seek(0);
  if (usable) { if (on) video.play().catch(() => play(false)); else { video.pause(); seek(frame()); } }
  $("play-icon").setAttribute("d", on ? "M6 4h4v16H6zM14 4h4v16h-4z" : "M7 4l13 8-13 8z");
  $("play").setAttribute("aria-label", on ? "Pause" : "Play");
  tick = performance.now();
  if (on) requestAnimationFrame(step);
}
function step(now) {
  if (!playing) return;
  position = usable ? video.currentTime : position + (now - tick) / 1000 * video.playbackRate;
  tick = now;
  if (position >= times[end] || video.ended) { position = times[end]; draw(); if (!usable || video.ended) { play(false); return; } }
  draw();
  requestAnimationFrame(step);
}

/* Drawing. */
const make = (name, attributes, parent) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
};
let width = 0;
const x = (time) => LEFT + Math.min(time / span, 1) * (width - LEFT - RIGHT);
const y = (panel, value) => TOP + (panel.high - value) / (panel.high - panel.low) * (panel.height - TOP - BOTTOM);
function path(panel, values) {
  let text = "", open = false;
  values.forEach((value, i) => {
    if (value === null) { open = false; return; }
    const at = `${x(times[i]).toFixed(1)} ${y(panel, value).toFixed(1)}`;
    const alone = !open && (i === end || values[i + 1] === null);
    text += (open ? "L" : "M") + at + (alone ? "h.01" : "");
    open = true;
  });
  return text;
}
// What is drawn last lies on top: the first curve.
const onTop = (draw) => [...lines].reverse().map(draw).reverse();
function layOut() {
  width = $("charts").clientWidth;
  $("charts").replaceChildren();
  PANELS.forEach((panel, number) => {
    const axis = number === PANELS.length - 1 ? 18 : 0;
    const svg = make("svg", { height: panel.height + axis, viewBox: `0 0 ${width} ${panel.height + axis}`, "aria-hidden": "true" }, $("charts"));
    make("text", { class: "name", x: LEFT, y: 13 }, svg).textContent = panel.key;
    for (const value of panel.ticks) {
      make("line", { class: value === panel.half ? "grid half" : "grid", x1: LEFT, x2: width - RIGHT, y1: y(panel, value), y2: y(panel, value) }, svg);
      make("text", { x: LEFT - 6, y: y(panel, value) + 4, "text-anchor": "end" }, svg).textContent = value;
    }
    if (axis) ticks().forEach((time) => {
      make("text", { x: x(time), y: panel.height + 12, "text-anchor": time === 0 ? "start" : time > span * 0.96 ? "end" : "middle" }, svg).textContent = `${+time.toFixed(3)} s`;
    });
    panel.svg = svg;
    panel.paths = onTop((line) => line[panel.key] && make("path", {
      class: line.truth ? "curve truth" : "curve", "data-curve": line.label, style: `stroke:${line.colour}`, d: path(panel, line[panel.key]),
    }, svg));
    panel.hover = make("line", { class: "hover", y1: TOP - 2, y2: panel.height - BOTTOM + 4 }, svg);
    panel.head = make("line", { class: "head", y1: TOP - 2, y2: panel.height - BOTTOM + 4 }, svg);
    panel.dots = onTop((line) => line[panel.key] && make("circle", { class: "dot", "data-curve": line.label, r: 4.5, style: `fill:${line.colour}` }, svg));
  });
  draw();
}
function ticks() {
  const rough = span / Math.max(2, Math.floor(width / 90)), power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  return Array.from({ length: Math.floor(span / size + 1e-6) + 1 }, (_, i) => i * size);
}
const shown = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));
function draw() {
  const i = frame(), seen = hovered ?? i;
  for (const panel of PANELS) {
    const at = x(position);
    panel.head.setAttribute("x1", at); panel.head.setAttribute("x2", at);
    panel.hover.setAttribute("visibility", hovered === null ? "hidden" : "visible");
    if (hovered !== null) { panel.hover.setAttribute("x1", x(times[hovered])); panel.hover.setAttribute("x2", x(times[hovered])); }
    lines.forEach((line, number) => {
      if (!line[panel.key]) return;
      const value = line[panel.key][i], dot = panel.dots[number];
      panel.paths[number].setAttribute("visibility", line.shown ? "visible" : "hidden");
      dot.setAttribute("visibility", line.shown && value !== null ? "visible" : "hidden");
      if (value !== null) { dot.setAttribute("cx", at); dot.setAttribute("cy", y(panel, value)); }
    });
  }
  lines.forEach((line) => {
    const missing = line.status && line.status[seen] !== 0;
    line.cells.forEach(([key, cell]) => { cell.textContent = shown(line[key] && line[key][seen]); cell.classList.toggle("none", !line[key] || line[key][seen] === null); });
    if (missing) line.cells[0][1].textContent = `no answer (${data.statuses[line.status[seen]].toLowerCase().replace("_", " ")})`;
    line.button.setAttribute("aria-pressed", line.shown);
  });
  const says = `${times[i].toFixed(2)} s, frame ${i + 1} of ${end + 1}`;
  $("clock").textContent = `${position.toFixed(2)} s · ${i + 1}/${end + 1}`;
  $("moment").textContent = hovered === null ? says : `${times[seen].toFixed(2)} s, frame ${seen + 1} of ${end + 1} (pointer)`;
  const way = data.curves.filter((curve) => curve.keypoints).map((curve) => `${curve.label}: ${curve.keypoints[seen]}`).join(" · ");
  $("way").hidden = !way;
  $("way").textContent = way;
  $("charts").setAttribute("aria-valuemax", span);
  $("charts").setAttribute("aria-valuenow", times[i]);
  $("charts").setAttribute("aria-valuetext", says);
}

/* Words and tables. */
const row = (body, cells) => {
  const line = body.insertRow();
  return cells.map((content) => { const cell = line.insertCell(); cell.append(content); return cell; });
};
$("instruction").textContent = data.instruction;
$("facts").textContent = [data.name, `${end + 1} frames`, `${times[end].toFixed(2)} s`, `views: ${data.views.join(", ")}`].join(" · ");
$("maker").textContent = [`kibble ${data.kibble}`, ...new Set(data.curves.map((c) => `${c.model} ${c.version}`))].join(" · ");
for (const flag of data.flags) {
  const text = document.createElement("p");
  text.textContent = flag.text;
  text.className = flag.grave ? "grave" : "";
  $("flags").append(text);
  $("flags").hidden = false;
}
lines.forEach((line, number) => {
  const button = document.createElement("button"), swatch = document.createElement("span"), key = document.createElement("kbd");
  swatch.className = line.truth ? "swatch truth" : "swatch";
  swatch.style.borderColor = line.colour;
  key.textContent = number + 1;
  button.append(swatch, line.label);
  if (number < 9) button.append(key);
  button.title = "Show or hide";
  button.addEventListener("click", (event) => { toggle(number); if (event.detail) button.blur(); });
  const cells = row($("values").tBodies[0], [button, "", "", "", ""]);
  line.button = button;
  line.cells = ["progress", "hop", "success", "confidence"].map((name, i) => [name, cells[i + 1]]);
  if (line.truth) return;
  const s = line.summary, from = s.first_success === null ? "never" : `${s.first_success.toFixed(2)} s`;
  const figures = {
    "curve": line.label, "last progress": shown(s.final_progress), "best progress": shown(s.best_progress),
    "last success": shown(s.final_success), "success from": from,
    "mean confidence": shown(s.mean_confidence), "answered": `${s.answered} of ${end + 1}`,
  };
  if (data.oracle_progress) figures["error to simulator"] = shown(s.oracle_mae);
  if (!number) for (const name of Object.keys(figures)) $("whole").tHead.rows[0].append(Object.assign(document.createElement("th"), { textContent: name, scope: "col" }));
  row($("whole").tBodies[0], Object.values(figures)).forEach((cell, i) => { cell.dataset.name = Object.keys(figures)[i]; });
});
function toggle(number) {
  if (number >= lines.length) return;
  lines[number].shown = !lines[number].shown;
  draw();
}

/* Hands. */
const under = (event) => {
  const box = $("charts").getBoundingClientRect();
  const time = (event.clientX - box.left - $("charts").clientLeft - LEFT) / (width - LEFT - RIGHT) * span;
  const before = frameAt(Math.max(time, 0));
  return before < end && times[before + 1] - time < time - times[before] ? before + 1 : before;
};
$("charts").addEventListener("pointerdown", (event) => {
  if (event.button) return;
  dragging = true;
  $("charts").setPointerCapture(event.pointerId);
  if (playing) play(false);
  seek(under(event));
});
$("charts").addEventListener("pointermove", (event) => {
  if (dragging) { hovered = null; seek(under(event)); }
  else if (event.pointerType === "mouse") { hovered = under(event); draw(); }
});
for (const name of ["pointerup", "pointercancel"]) $("charts").addEventListener(name, () => { dragging = false; });
$("charts").addEventListener("pointerleave", () => { hovered = null; draw(); });
const by = (count) => { if (playing) play(false); seek(frame() + count); };
const keys = {
  " ": () => play(!playing), ArrowLeft: (e) => by(e.shiftKey ? -10 : -1), ArrowRight: (e) => by(e.shiftKey ? 10 : 1),
  Home: () => by(-end), End: () => by(end),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  const action = keys[event.key] ?? (/^[1-9]$/.test(event.key) ? () => toggle(+event.key - 1) : null);
  if (action) { event.preventDefault(); action(event); }
});
const buttons = { first: keys.Home, back: () => by(-1), play: keys[" "], forward: () => by(1), last: keys.End };
for (const [id, action] of Object.entries(buttons)) {
  $(id).addEventListener("click", (event) => { action(event); if (event.detail) $(id).blur(); });
}
$("speed").addEventListener("click", (event) => {
  video.playbackRate = speeds[(speeds.indexOf(video.playbackRate) + 1) % speeds.length];
  $("speed").textContent = `${video.playbackRate}×`;
  if (event.detail) $("speed").blur();
});
video.addEventListener("click", () => play(!playing));
video.addEventListener("error", () => { usable = false; video.hidden = true; $("unplayable").hidden = false; });

/* A blob, because some browsers do not seek in data addresses. */
const bytes = Uint8Array.from(atob($("film").textContent), (c) => c.charCodeAt(0));
video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
new ResizeObserver(() => { if ($("charts").clientWidth !== width) layOut(); }).observe($("charts"));
layOut();
