"use strict";
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const views = Object.keys(data.views), roles = data.roles.map((role) => role.name);
const role = (name) => data.roles.find((one) => one.name === name);
const state = { keypoints: data.begin.keypoints, waypoints: data.begin.waypoints, instruction: data.begin.instruction };
let chosen = roles[0], front = views[0], history = [], timer = 0, asked = 0;
// The chosen thing is a role's name, or the number of a step with a place of its own.
const own = (step) => step && typeof step.to !== "string";
const pixelsOf = (what) => typeof what === "number" ? state.waypoints[what].to : state.keypoints[what] ?? {};
const nameOf = (what) => typeof what === "number" ? `step ${what + 1}` : what;
const round = (value) => Math.round(value * 100) / 100;

/* Changes. */
function remember() { history.push(JSON.stringify(state)); if (history.length > 200) history.shift(); }
function undo() {
  if (!history.length) return;
  Object.assign(state, JSON.parse(history.pop()));
  if (typeof chosen === "number" && !own(state.waypoints[chosen])) chosen = roles[0];
  $("instruction").value = state.instruction;
  show();
}
function put(view, u, v) {
  const { width, height } = data.views[view];
  const inside = [round(Math.min(Math.max(u, 0), width)), round(Math.min(Math.max(v, 0), height))];
  if (typeof chosen === "string") (state.keypoints[chosen] ??= {})[view] = inside;
  else state.waypoints[chosen].to[view] = inside;
  show();
}
function takeAway(view) {
  remember();
  delete pixelsOf(chosen)[view];
  if (typeof chosen === "string" && !Object.keys(pixelsOf(chosen)).length) delete state.keypoints[chosen];
  show();
}
function choose(what) { chosen = what; show(); }
/** Go on to the next view, then to the next point that the way needs and that is not marked. */
function goOn(view) {
  const missing = views.filter((name) => !pixelsOf(chosen)[name]);
  if (missing.length) front = missing[0];
  else {
    const next = needed().find((name) => !state.keypoints[name]);
    if (next) { chosen = next; front = views[0]; }
  }
  show();
}
function needed() {
  const names = new Set(["gripper", "target"]);
  for (const step of state.waypoints) { names.add(step.move); if (!own(step)) names.add(step.to); }
  return roles.filter((name) => names.has(name));
}
const missing = () => needed().filter((name) => !Object.keys(state.keypoints[name] ?? {}).length);

/* Drawing. */
const make = (name, attributes, parent) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
};
const html = (name, properties, parent) => { const element = Object.assign(document.createElement(name), properties); parent?.append(element); return element; };
function glyph(parent, name, x, y, radius) {
  for (const layer of ["rim", "stroke"]) for (const stroke of role(name).strokes) {
    const points = stroke.map(([dx, dy]) => `${x + dx * radius},${y + dy * radius}`).join(" ");
    const line = make("polyline", { class: layer, points, "stroke-width": layer === "rim" ? 4.5 : 2.2 }, parent);
    if (layer === "stroke") line.setAttribute("stroke", role(name).colour);
  }
}
function drawView(view) {
  const box = $(`view-${view}`), svg = box.querySelector("svg"), { width, height } = data.views[view];
  const [wide, tall] = [box.clientWidth, box.clientHeight];
  if (!wide) return;
  svg.setAttribute("viewBox", `0 0 ${wide} ${tall}`);
  svg.replaceChildren();
  const at = ([u, v]) => [u * wide / width, v * tall / height];
  const here = Object.fromEntries(roles.map((name) => [name, state.keypoints[name]?.[view]]));
  const tags = new Map();
  state.waypoints.forEach((step, i) => {
    const place = own(step) ? step.to[view] : state.keypoints[step.to]?.[view];
    if (!place) return;
    if (here[step.move]) arrow(svg, at(here[step.move]), at(place), role(step.move).colour);
    here[step.move] = place;
    const text = `${i + 1}${step.height ? `: ${step.height > 0 ? "+" : "−"}${Math.abs(round(step.height * 100))} cm` : ""}`;
    const key = place.join();
    tags.set(key, { place: at(place), text: tags.has(key) ? `${tags.get(key).text}, ${text}` : text });
    if (own(step)) { const [x, y] = at(place); for (const [kind, r] of [["rim", 6], ["stroke", 6]]) make("circle", { class: kind, cx: x, cy: y, r, stroke: kind === "rim" ? "#121216" : "#f5f5f2", "stroke-width": kind === "rim" ? 4 : 2 }, svg); }
  });
  for (const name of roles) {
    const pixel = state.keypoints[name]?.[view];
    if (!pixel) continue;
    const [x, y] = at(pixel), group = make("g", { class: name === chosen ? "mark chosen" : "mark", "data-role": name }, svg);
    make("circle", { class: "halo", cx: x, cy: y, r: 16 }, group);
    glyph(group, name, x, y, 9);
  }
  const taken = [];
  for (const { place: [x, y], text } of tags.values()) {
    const box = make("rect", { class: "tag-box", height: 18, rx: 5 }, svg), words = make("text", { class: "tag" }, svg);
    words.textContent = text;
    const length = words.getComputedTextLength() + 10, left = Math.max(x + 16 + length > wide ? x - 16 - length : x + 16, 1);
    let top = y - 9;
    while (taken.some(([l, t, r]) => l < left + length && left < r && Math.abs(t - top) < 20)) top += 20;
    top = Math.min(Math.max(top, 1), tall - 19);
    taken.push([left, top, left + length]);
    for (const [name, value] of Object.entries({ x: left, y: top, width: length })) box.setAttribute(name, value);
    words.setAttribute("x", left + 5);
    words.setAttribute("y", top + 13);
  }
}
function arrow(svg, [ax, ay], [bx, by], colour) {
  const length = Math.hypot(bx - ax, by - ay);
  if (length < 34) return;
  const [dx, dy] = [(bx - ax) / length, (by - ay) / length];
  const [x1, y1, x2, y2] = [ax + dx * 14, ay + dy * 14, bx - dx * 13, by - dy * 13];
  const wing = (side) => `${x2 - 9 * dx - side * 5 * dy},${y2 - 9 * dy + side * 5 * dx}`;
  for (const kind of ["rim", "stroke"]) for (const points of [`${x1},${y1} ${x2},${y2}`, `${wing(1)} ${x2},${y2} ${wing(-1)}`]) {
    make("polyline", { class: kind, points, stroke: kind === "rim" ? "#121216" : colour, "stroke-width": kind === "rim" ? 4 : 2 }, svg);
  }
}
function drawPoints() {
  for (const name of roles) {
    const button = $(`point-${name}`), pixels = state.keypoints[name] ?? {};
    button.setAttribute("aria-checked", String(name === chosen));
    button.tabIndex = name === chosen || (typeof chosen === "number" && name === roles[0]) ? 0 : -1;
    const marks = button.querySelector(".marks");
    marks.replaceChildren();
    for (const view of views) html("div", { textContent: `${view} ${pixels[view] ? pixels[view].map((value) => value.toFixed(1)).join(", ") : "–"}` }, marks);
  }
}
function drawWay() {
  const list = $("way"), focused = document.activeElement?.id;
  list.replaceChildren();
  state.waypoints.forEach((step, i) => {
    const item = html("li", { className: i === chosen ? "chosen" : "" }, list), head = html("div", { className: "head" }, item);
    html("b", { textContent: `Step ${i + 1}` }, head);
    const button = (id, text, label, disabled, act) => html("button", { id: `${id}-${i}`, type: "button", textContent: text, ariaLabel: `${label} step ${i + 1}`, title: label, disabled, onclick: () => { remember(); act(); chosen = typeof chosen === "number" ? roles[0] : chosen; show(); } }, head);
    const swap = (a, b) => { [state.waypoints[a], state.waypoints[b]] = [state.waypoints[b], state.waypoints[a]]; };
    button("up", "↑", "Earlier:", i === 0, () => swap(i, i - 1));
    button("down", "↓", "Later:", i === state.waypoints.length - 1, () => swap(i, i + 1));
    button("remove", "×", "Remove", false, () => state.waypoints.splice(i, 1));
    const select = (key, label, options, value, change) => {
      const field = html("select", { id: `${key}-${i}`, onchange: (event) => { remember(); change(event.target.value); show(); } }, html("label", { textContent: label }, item));
      for (const [name, text] of options) html("option", { value: name, textContent: text, selected: name === value }, field);
    };
    select("move", "what moves", [["gripper", "gripper"], ["function", "function"]], step.move, (value) => { step.move = value; });
    const goals = roles.filter((name) => name !== step.move || name === step.to).map((name) => [name, name]);
    select("to", "to", [...goals, ["own", "own place"]], own(step) ? "own" : step.to, (value) => { step.to = value === "own" ? {} : value; if (value === "own") chosen = i; else if (chosen === i) chosen = roles[0]; });
    html("input", { id: `height-${i}`, type: "number", step: 0.5, value: round(step.height * 100), onchange: (event) => { remember(); step.height = (Number(event.target.value) || 0) / 100; refresh(); } }, html("label", { textContent: "cm above" }, item));
    select("fingers", "fingers", [["any", "any"], ["open", "open"], ["closed", "closed"]], step.gripper, (value) => { step.gripper = value; });
    if (own(step)) {
      const marked = views.filter((view) => step.to[view]);
      html("button", { id: `place-${i}`, className: "own", type: "button", textContent: marked.length ? `Marked in ${marked.join(", ")}: move it` : "Mark it in the picture", onclick: () => choose(i) }, item);
    }
  });
  if (focused) $(focused)?.focus();
}
function show() { drawWay(); refresh(); }
/** Draw all but the list of steps, whose fields stay as they are, and with them what is clicked next. */
function refresh() {
  for (const view of views) {
    $(`figure-${view}`).classList.toggle("front-most", view === front);
    $(`tab-${view}`).setAttribute("aria-pressed", String(view === front));
  }
  views.forEach(drawView);
  drawPoints();
  const left = missing();
  $("todo").textContent = left.length ? `Still to mark: ${left.join(", ")}. Chosen: ${nameOf(chosen)}.` : `All points are marked. Chosen: ${nameOf(chosen)}.`;
  clearTimeout(timer);
  timer = setTimeout(check, 250);
}

/* Talking to the command that opened the page. */
function draft() {
  const used = state.waypoints.map((step) => ({ ...step, height: round(step.height * 100) / 100 }));
  const words = state.instruction.trim();
  return { kibble_keypoints: 1, ...(words && { instruction: words }), views: data.views, keypoints: state.keypoints, waypoints: used };
}
async function send(path) {
  const number = ++asked;
  try {
    const reply = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Kibble-Token": data.token }, body: JSON.stringify(draft()) });
    return { number, ...await reply.json() };
  } catch { return { number, error: "The command that opened this page has ended; start `kibble keypoints` again." }; }
}
function say(text) { $("errors").replaceChildren(); if (text) html("p", { textContent: text }, $("errors")); }
async function check() {
  const open = state.waypoints.findIndex((step) => own(step) && !Object.keys(step.to).length);
  if (missing().length || open >= 0 || !state.waypoints.length) { asked += 1; say(""); return; }
  const reply = await send("/check");
  if (reply.number === asked) say(reply.error);
}
async function save() {
  clearTimeout(timer);
  const open = state.waypoints.findIndex((step) => own(step) && !Object.keys(step.to).length);
  if (missing().length) { say(`Mark ${missing().join(" and ")} first.`); return; }
  if (!state.waypoints.length) { say("Add at least one step to the way."); return; }
  if (open >= 0) { say(`Mark the place of step ${open + 1} first.`); choose(open); clearTimeout(timer); return; }
  $("save").disabled = true;
  const reply = await send("/save");
  $("save").disabled = false;
  if (reply.error) { say(reply.error); return; }
  $("saved-where").textContent = reply.saved;
  for (const element of [document.querySelector("main"), document.querySelector("header"), $("loupe")]) element.hidden = true;
  $("saved").hidden = false;
}

/* Pointer, loupe and keys. */
const ZOOM = 3, LOUPE = 132;
/** Show what is under the pointer, in the upper corner of the picture that is away from it. */
function loupe(view, [u, v]) {
  const box = $(`view-${view}`).getBoundingClientRect(), { width, height } = data.views[view], glass = $("loupe");
  const [wide, tall] = [box.width * ZOOM, box.height * ZOOM], half = LOUPE / 2 - 3;
  glass.style.backgroundImage = `url(${data.pictures[view]})`;
  glass.style.backgroundSize = `${wide}px ${tall}px`;
  glass.style.backgroundPosition = `${half - u / width * wide}px ${half - v / height * tall}px`;
  glass.style.left = `${u > width / 2 ? box.left + 8 : box.right - LOUPE - 8}px`;
  glass.style.top = `${Math.max(box.top, 0) + 8}px`;
  glass.hidden = false;
}
function watch(view) {
  const box = $(`view-${view}`), { width, height } = data.views[view];
  let dragging = false, grip = [0, 0];
  const place = (event) => {
    const area = box.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width * width, (event.clientY - area.top) / area.height * height];
  };
  /** The marked point that is taken hold of: the chosen one, or the nearest. */
  const near = ([u, v]) => {
    const far = (what) => { const pixel = pixelsOf(what)[view]; return pixel ? Math.hypot(pixel[0] - u, pixel[1] - v) * box.clientWidth / width : Infinity; };
    const found = roles.filter((name) => far(name) < 14).sort((a, b) => far(a) - far(b));
    return far(chosen) < 14 ? chosen : found[0];
  };
  const held = (event) => place(event).map((value, axis) => value + grip[axis]);
  box.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    front = view;
    const at = place(event), taken = near(at);
    const moves = pixelsOf(chosen)[view] && taken !== undefined;
    if (moves) chosen = taken;
    grip = moves ? [pixelsOf(chosen)[view][0] - at[0], pixelsOf(chosen)[view][1] - at[1]] : [0, 0];
    remember();
    dragging = true;
    box.setPointerCapture(event.pointerId);
    put(view, ...held(event));
    loupe(view, held(event));
  });
  box.addEventListener("pointermove", (event) => {
    if (dragging) put(view, ...held(event));
    if (dragging) loupe(view, held(event));
    else if (event.pointerType === "mouse") loupe(view, place(event));
  });
  const end = () => { if (dragging) { dragging = false; goOn(view); } $("loupe").hidden = true; };
  box.addEventListener("pointerup", end);
  box.addEventListener("pointercancel", end);
  box.addEventListener("pointerleave", () => { if (!dragging) $("loupe").hidden = true; });
  box.addEventListener("keydown", (event) => {
    const pixel = pixelsOf(chosen)[view], far = event.shiftKey ? 10 : 1;
    const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    if (event.key === "Enter" && pixel) goOn(view);
    else if (event.key === "Enter" || (moves[event.key] && !pixel)) { remember(); put(view, width / 2, height / 2); }
    else if (moves[event.key]) { remember(); put(view, pixel[0] + moves[event.key][0], pixel[1] + moves[event.key][1]); }
    else if ((event.key === "Delete" || event.key === "Backspace") && pixel) takeAway(view);
    else return;
    event.preventDefault();
  });
}
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, select");
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) { event.preventDefault(); undo(); }
  else if (!typing && !event.ctrlKey && !event.altKey && !event.metaKey && roles[Number(event.key) - 1]) choose(roles[Number(event.key) - 1]);
});

/* Building the page once. */
for (const view of views) {
  const { width, height } = data.views[view];
  html("button", { id: `tab-${view}`, type: "button", textContent: view, onclick: () => { front = view; show(); } }, $("tabs"));
  const figure = html("figure", { id: `figure-${view}` }, $("views"));
  html("figcaption", { textContent: `${view}, ${width} × ${height} px` }, figure);
  const box = html("div", { id: `view-${view}`, className: "view", tabIndex: 0, ariaLabel: `Picture ${view}: enter places the chosen point, arrow keys move it` }, figure);
  box.setAttribute("role", "application");
  html("img", { src: data.pictures[view], alt: "", width, height }, box).style.height = "auto";
  make("svg", { "aria-hidden": "true" }, box);
  watch(view);
}
$("tabs").classList.toggle("single", views.length === 1);
roles.forEach((name, i) => {
  const button = html("button", { id: `point-${name}`, className: "point", type: "button", onclick: () => choose(name) }, $("points"));
  button.setAttribute("role", "radio");
  glyph(make("svg", { class: "glyph", viewBox: "0 0 40 40", "aria-hidden": "true" }, button), name, 20, 20, 10);
  const words = html("span", {}, button);
  html("b", { textContent: `${i + 1} ${name}` }, words);
  html("small", { textContent: role(name).meaning }, words);
  html("span", { className: "marks" }, button);
  button.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(roles[(i + step + roles.length) % roles.length]);
    $(`point-${chosen}`).focus();
  });
});
for (const [name, steps] of Object.entries(data.templates)) {
  html("button", { type: "button", textContent: name, onclick: () => { remember(); state.waypoints = JSON.parse(JSON.stringify(steps)); if (typeof chosen === "number") chosen = roles[0]; show(); } }, $("templates"));
}
$("add").onclick = () => { remember(); const last = state.waypoints.at(-1); state.waypoints.push({ move: last?.move ?? "gripper", to: "target", height: 0, gripper: "any" }); show(); };
$("instruction").value = state.instruction;
$("instruction").oninput = (event) => { state.instruction = event.target.value; clearTimeout(timer); timer = setTimeout(check, 250); };
$("save").onclick = save;
$("where").textContent = `to ${data.out}`;
new ResizeObserver(() => views.forEach(drawView)).observe($("views"));
show();
