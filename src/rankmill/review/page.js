"use strict";

const token = location.pathname.split("/")[1];
const $ = (id) => document.getElementById(id);
const REPLY_MS = 15000;

let session = { lists: [], highest: 1 };
let current = null; // the list on the screen, as the server last told it
let place = 0; // of that list among all
let marked = 0; // the document that keys speak of
let opened = new Set(); // docids shown in full
let saving = Promise.resolve(); // decisions go one after the other

async function ask(path, body) {
  const options = { signal: AbortSignal.timeout(REPLY_MS), cache: "no-store" };
  if (body) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json", "X-Rankmill-Token": token };
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("rankmill review does not answer; is it still running?");
  }
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.error);
  return reply;
}

function say(text, wrong = false) {
  $("said").textContent = text;
  $("said").classList.toggle("wrong", wrong);
}

const guarded = (action) => (...values) => action(...values).catch((fault) => say(fault.message, true));

function save(path, body, done, then = () => {}) {
  saving = saving.then(guarded(async () => {
    const list = await ask(path, body);
    const at = session.lists.findIndex((one) => one.qid === list.qid);
    for (const name of ["verdict", "graded"]) session.lists[at][name] = list[name];
    const revealed = current.hidden && !list.hidden;
    if (current.qid === list.qid) {
      current = list;
      if (revealed) marked = 0;
      draw();
      if (revealed) scrollTo(0, 0);
    }
    progress();
    say(revealed ? `saved: ${done}; here is what the teachers say` : `saved: ${done}`);
    await then();
  }));
}

function judge(verdict, note = "") {
  const qid = current.qid;
  const back = current.verdict === verdict && note === current.note;
  const body = { qid, verdict: back ? null : verdict, note: back ? "" : note };
  save("verdict", body, back ? `no longer ${verdict}` : verdict, () => (back ? undefined : unjudged()));
}

function grade(at, value) {
  const { qid, documents } = current;
  const { docid, mine, title } = documents[at];
  const back = mine === value;
  const done = back ? `no grade for ${title || docid}` : `${value} for ${title || docid}`;
  save("grade", { qid, docid, grade: back ? null : value }, done);
  return !back;
}

function progress() {
  const { build, reviewer, blind, lists } = session;
  const judged = lists.filter((one) => one.verdict).length;
  const graded = lists.reduce((sum, one) => sum + one.graded, 0);
  const all = lists.reduce((sum, one) => sum + one.size, 0);
  $("build").textContent = `${build} · ${reviewer}${blind ? " · blind" : ""}`;
  $("progress").textContent =
    `${judged} of ${lists.length} lists judged · ${graded} of ${all} documents graded`;
}

function notice() {
  const { hidden, reason, note, outdated } = current;
  const lines = [];
  if (hidden) lines.push("Grades and order are hidden until every document is graded.");
  if (reason) lines.push(`Rejected by a filter: ${reason}`);
  if (note) lines.push(`Your reason: ${note}`);
  if (outdated) lines.push("You judged this list before its labels changed.");
  $("notice").textContent = lines.join("\n");
  $("notice").hidden = !lines.length;
}

function draw() {
  const { query, qid, verdict, hidden, documents } = current;
  $("where").textContent = `List ${place + 1} of ${session.lists.length} · ${qid}`;
  $("query").textContent = query;
  $("accept").setAttribute("aria-pressed", verdict === "accepted");
  $("accept").disabled = hidden;
  $("accept").title = hidden ? "grade every document first" : "";
  $("reject").setAttribute("aria-pressed", verdict === "rejected");
  notice();
  const inside = $("documents").contains(document.activeElement);
  $("documents").replaceChildren(...documents.map(drawn));
  mark(marked);
  if (inside) $("documents").children[marked].focus({ preventScroll: true });
}

function drawn(one, at) {
  const item = $("document").content.cloneNode(true).firstElementChild;
  item.querySelector("h3").textContent = `${current.hidden ? "" : `${at + 1}. `}${one.title || one.docid}`;
  item.querySelector(".source").hidden = !one.source;
  item.querySelector(".text").textContent = one.text;
  item.querySelector(".teacher").replaceWith(teacher(one));
  item.classList.toggle("open", opened.has(one.docid));
  for (let value = 0; value <= session.highest; value++) {
    const button = document.createElement("button");
    button.textContent = value;
    button.setAttribute("aria-pressed", one.mine === value);
    button.addEventListener("click", () => grade(at, value));
    item.querySelector(".grades").append(button);
  }
  item.querySelector(".more").addEventListener("click", () => toggle(at));
  item.addEventListener("click", () => mark(at));
  return item;
}

function teacher({ teacher: grade, mine }) {
  const other = grade !== null && mine !== null && grade !== mine;
  const one = document.createElement("span");
  one.className = other ? "teacher other" : "teacher";
  if (grade !== null) one.textContent = `teacher: ${grade}${other ? " ≠" : ""}`;
  return one;
}

function mark(at) {
  marked = Math.max(0, Math.min(at, current.documents.length - 1));
  [...$("documents").children].forEach((item, n) => {
    item.classList.toggle("marked", n === marked);
    const text = item.querySelector(".text");
    const open = opened.has(current.documents[n].docid);
    item.querySelector(".more").hidden = !open && text.scrollHeight <= text.clientHeight + 1;
    item.querySelector(".more").firstChild.textContent = open ? "less " : "more ";
  });
}

function move(step) {
  mark(marked + step);
  const item = $("documents").children[marked];
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
}

function toggle(at) {
  const { docid } = current.documents[at];
  if (!opened.delete(docid)) opened.add(docid);
  $("documents").children[at].classList.toggle("open", opened.has(docid));
  mark(at);
}

async function show(at) {
  const count = session.lists.length;
  place = ((at % count) + count) % count;
  current = await ask(`list?qid=${encodeURIComponent(session.lists[place].qid)}`);
  opened = new Set();
  marked = 0;
  $("why").hidden = true;
  history.replaceState(null, "", `#${place + 1}`);
  draw();
  scrollTo(0, 0);
}

async function unjudged() {
  const count = session.lists.length;
  for (let step = 1; step <= count; step++) {
    const at = (place + step) % count;
    if (!session.lists[at].verdict) return show(at);
  }
  return measures("every list is judged");
}

function reject() {
  if (current.verdict === "rejected") return judge("rejected", current.note);
  $("why").hidden = false;
  $("note").value = "";
  $("note").focus();
}

function cell(kind, text, same = false) {
  const one = document.createElement(kind);
  one.textContent = text;
  one.classList.toggle("same", same);
  return one;
}

function grid(caption, rows) {
  const wide = document.createElement("div");
  wide.className = "wide";
  const table = document.createElement("table");
  const above = cell("p", caption);
  above.className = "soft";
  for (const cells of rows) table.insertRow().append(...cells);
  wide.append(above, table);
  return wide;
}

const kappa = ({ value, error }) =>
  value === null ? "n/a" : `${value.toFixed(2)}${error === null ? "" : ` ± ${(1.96 * error).toFixed(2)}`}`;

function agreement(one) {
  const how = `${one.blind ? "blind" : "in sight of the teacher's grades"}, ${one.kept ? "kept" : "rejected"} lists`;
  const documents = one.confusion.flat().reduce((sum, count) => sum + count, 0);
  const figures = [
    ["lists", one.lists],
    ["documents", documents],
    ["kappa", kappa(one.kappa)],
    ["weighted kappa", kappa(one.weighted)],
  ];
  const grades = one.confusion.map((_, value) => cell("th", value));
  const rows = one.confusion.map((row, mine) => [
    cell("th", mine), ...row.map((count, value) => cell("td", count, mine === value)),
  ]);
  return [
    grid(how, figures.map(([name, figure]) => [cell("th", name), cell("td", figure)])),
    grid("grades: yours down, teachers' across", [[cell("th", ""), ...grades], ...rows]),
  ];
}

async function measures(after = "") {
  say("counting");
  const found = await ask("measures");
  say(after);
  const counts = `Lists accepted: ${found.accepted}, rejected: ${found.rejected}`;
  const old = found.outdated ? `, ${found.outdated} reviews of what has changed since` : "";
  const lines = [counts + old, ...found.words].map((text) => cell("p", text));
  $("figures").replaceChildren(lines[0], ...found.agreements.flatMap(agreement), ...lines.slice(1));
  if (!$("measures").open) $("measures").showModal();
}

const go = guarded(show);
const keys = {
  a: () => (current.hidden ? say("grade every document first", true) : judge("accepted")),
  r: reject,
  j: () => move(1),
  k: () => move(-1),
  o: () => toggle(marked),
  n: () => go(place + 1),
  p: () => go(place - 1),
  u: guarded(unjudged),
  s: guarded(() => measures()),
  "?": () => $("help").showModal(),
};

function pressed(event) {
  const { key, target, ctrlKey, metaKey, altKey, repeat } = event;
  if (ctrlKey || metaKey || altKey || repeat || !current) return;
  if (target.closest("input, dialog")) return;
  const value = /^[0-9]$/.test(key) ? Number(key) : -1;
  if (value > session.highest) return say(`grades go from 0 to ${session.highest}`, true);
  const action = value >= 0 ? () => grade(marked, value) && move(1) : keys[key];
  if (!action) return;
  event.preventDefault();
  action();
}

async function begin() {
  $("accept").addEventListener("click", keys.a);
  $("reject").addEventListener("click", keys.r);
  $("next").addEventListener("click", keys.n);
  $("previous").addEventListener("click", keys.p);
  $("show-help").addEventListener("click", keys["?"]);
  $("show-measures").addEventListener("click", () => keys.s());
  $("keep").addEventListener("click", () => ($("why").hidden = true));
  $("note").addEventListener("keydown", (event) => {
    if (event.key === "Escape") $("why").hidden = true;
  });
  $("why").addEventListener("submit", (event) => {
    event.preventDefault();
    $("why").hidden = true;
    judge("rejected", $("note").value.trim());
  });
  document.addEventListener("keydown", pressed);
  addEventListener("resize", () => current && mark(marked));
  session = await ask("lists");
  progress();
  const asked = Number(location.hash.slice(1));
  const first = session.lists.findIndex((one) => !one.verdict);
  await show(asked >= 1 && asked <= session.lists.length ? asked - 1 : Math.max(first, 0));
}

guarded(begin)();
