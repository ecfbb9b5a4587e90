"use strict";
(async () => {
  const PAGE = 25;
  const BANDS = [[0.8, 1], [0.6, 0.8], [0.4, 0.6], [0.2, 0.4], [0, 0.2], [-1, 0]];
  const CELLS = { ranks: "rank", scores: "score", shown: "place shown" };
  const $ = (id) => document.getElementById(id);
  const opened = new Map();

  /* Data: pieces of JSON, deflated and in base64, each unpacked when it is first asked for. */

  function piece(name) {
    if (!opened.has(name)) opened.set(name, unpacked($(name).textContent));
    return opened.get(name);
  }

  async function unpacked(packed) {
    const bytes = Uint8Array.from(atob(packed.trim()), (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(plain).json();
  }

  async function onShelf(name, number) {
    return (await piece(`${name}-${Math.floor(number / index.shelf)}`))[number % index.shelf];
  }

  /* Elements: whatever comes from a corpus or a teacher is text, never markup. */

  function make(tag, kind, ...children) {
    const element = document.createElement(tag);
    if (kind) element.className = kind;
    element.append(...children.map((one) => (one instanceof Node ? one : legible(one))));
    return element;
  }

  /* Marks that turn the reading direction around are named, so that they cannot hide what is there. */
  function legible(value) {
    return String(value).replace(/[\u202a-\u202e\u2066-\u2069]/g, (mark) =>
      `[U+${mark.codePointAt(0).toString(16).toUpperCase()}]`);
  }

  function option(select, value, words) {
    const one = make("option", "", words);
    one.value = value;
    select.append(one);
  }

  const figure = (value) => (value === null ? "" : value.toLocaleString("en", { maximumFractionDigits: 3 }));

  /* Finding lists. */

  const index = await piece("index");
  const total = index.qid.length;
  const agreement = index.tau.map((tau, at) => tau ?? index.view_tau[at]);
  const texts = index.text.map((text, at) => `${text} ${index.qid[at]} ${index.detail[at]}`.toLowerCase());
  const topics = new Map(index.topics);
  let found = [];
  let first = 0;

  function counted(values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts].sort((one, other) => other[1] - one[1]);
  }

  function topicName(topic) {
    return [topic, topics.get(topic)].filter((part) => part !== undefined && part !== "").join(": ");
  }

  function fillFilters() {
    for (const [kind, count] of counted(index.kind)) option($("kind"), kind, `${kind} (${count})`);
    for (const [topic, count] of counted(index.topic)) option($("topic"), topic, `${topicName(topic)} (${count})`);
    for (const [rule, count] of counted(index.rule)) {
      if (rule) option($("state"), `rule ${rule}`, `rejected by ${rule} (${count})`);
    }
    BANDS.forEach(([low, high], at) => option($("agreement"), at, `${low} to ${high}`));
    option($("agreement"), "none", "not known");
  }

  function inState(at, state) {
    const rule = index.rule[at];
    return !state || (state === "kept" && !rule) || (state === "rejected" && rule) || state === `rule ${rule}`;
  }

  function inBand(at, band) {
    const value = agreement[at];
    if (!band || value === null) return !band || band === "none";
    const [low, high] = BANDS[band] ?? [2, 2];
    return value >= low && (value < high || high === 1);
  }

  function find() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [kind, topic, state, band] = ["kind", "topic", "state", "agreement"].map((id) => $(id).value);
    found = [];
    for (let at = 0; at < total; at += 1) {
      if (
        words.every((word) => texts[at].includes(word)) &&
        (!kind || index.kind[at] === kind) &&
        (!topic || String(index.topic[at]) === topic) &&
        inState(at, state) &&
        inBand(at, band)
      ) found.push(at);
    }
    const way = { highest: -1, lowest: 1 }[$("order").value];
    const worst = way * -Infinity;
    if (way) found.sort((one, other) => way * ((agreement[one] ?? worst) - (agreement[other] ?? worst)) || one - other);
    first = 0;
    render();
  }

  function render() {
    $("found").replaceChildren(...found.slice(first, first + PAGE).map(entry));
    const last = Math.min(first + PAGE, found.length);
    $("count").textContent = found.length
      ? `${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${found.length.toLocaleString("en")} lists`
      : "no list";
    $("before").disabled = first === 0;
    $("after").disabled = last === found.length;
  }

  function entry(at) {
    const rule = index.rule[at];
    const facts = [
      rule ? `✕ rejected: ${rule}` : "✓ kept",
      index.kind[at],
      `topic ${topicName(index.topic[at])}`,
      agreement[at] === null ? "" : `agreement ${figure(agreement[at])}`,
    ];
    const button = make("button", "query", index.text[at], make("span", "", facts.filter(Boolean).join(" · ")));
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    const item = make("li", "", button);
    item.dataset.at = at;
    button.addEventListener("click", () => toggle(item));
    return item;
  }

  async function toggle(item) {
    const [button, before] = item.children;
    button.setAttribute("aria-expanded", String(!before));
    if (before) {
      before.remove();
      return;
    }
    const place = make("div", "opened", "…");
    item.append(place);
    history.replaceState(null, "", `#list-${index.qid[item.dataset.at]}`);
    place.replaceChildren(...(await describe(Number(item.dataset.at))));
  }

  /* One list. */

  async function describe(at) {
    const list = await onShelf("lists", at);
    const documents = await Promise.all(list.documents.map((number) => onShelf("documents", number)));
    const source = list.source === null ? "" : (await onShelf("documents", list.source))[0];
    const facts = [
      ["list", index.qid[at]],
      ["split", index.split[at]],
      ["agreement of trials", figure(index.tau[at])],
      ["of views", figure(index.view_tau[at])],
      ["same first document", figure(index.top1_agreement[at])],
      ["weight", figure(index.weight[at])],
      ["written for", source],
    ].filter(([, value]) => value !== "");
    const parts = [make("p", "soft", facts.map((fact) => fact.join(" ")).join(" · "))];
    if (index.rule[at]) {
      parts.unshift(make("p", "warning", `Rejected by ${index.rule[at]}: ${index.detail[at]}`));
    }
    if (documents.length) parts.push(...table(list, documents));
    parts.push(...list.views.flatMap((view) => view.trials.flatMap((trial) => said(view.name, trial))));
    return parts;
  }

  function table(list, documents) {
    const select = make("select");
    const known = (what) => list.views.some((view) => view.trials.some((trial) => trial[what]));
    for (const [what, words] of Object.entries(CELLS)) if (known(what)) option(select, what, words);
    const wide = make("div", "wide");
    const fill = () => wide.replaceChildren(grid(list, documents, select.value || "ranks"));
    select.addEventListener("change", fill);
    fill();
    return [make("label", "soft", "In every trial, a document's ", select), wide];
  }

  function grid(list, documents, what) {
    const groups = groupsOf(list, what);
    const upper = make("tr", "", make("th", "words"));
    const lower = make("tr", "", make("th", "words", "document, best first"));
    for (const { name, columns } of groups) {
      const head = make("th", "first", name);
      head.colSpan = columns.length;
      upper.append(head);
      columns.forEach(([column], at) => lower.append(make("th", at ? "" : "first", column)));
    }
    const rows = documents.map((document, row) => {
      const line = make("tr", "", words(document, list.documents[row] === list.source));
      for (const { columns } of groups) {
        columns.forEach(([, values, ranked], at) => line.append(cell(values[row], ranked && documents.length, !at)));
      }
      return line;
    });
    return make("table", "", make("thead", "", upper, lower), make("tbody", "", ...rows));
  }

  /* Groups of columns, each [name, value of every document, whether the values are ranks]. */
  function groupsOf(list, what) {
    const groups = [
      { name: "label", columns: list.grades.length ? [["grade", list.grades, false]] : [] },
      ...list.views.map((view) => {
        const trials = view.trials.map((trial) => [`t${trial.number}`, trial[what] ?? [], what !== "scores"]);
        const joined = trials.length > 1 && view.ranks.length ? [["all", view.ranks, true]] : [];
        return { name: view.name, columns: [...joined, ...trials] };
      }),
      { name: "consensus", columns: list.scores.length ? [["score", list.scores, false]] : [] },
      { name: "retrieval", columns: [["rank", list.retrieved, true]] },
    ];
    return groups.filter(({ columns }) => columns.length);
  }

  function cell(value, ranked, isFirst) {
    const one = make("td", isFirst ? "cell first" : "cell", value === undefined ? "" : figure(value));
    if (ranked > 1 && value !== undefined) one.style.setProperty("--share", String(1 - (value - 1) / (ranked - 1)));
    return one;
  }

  function words([docid, title, text], isSource) {
    const excerpt = make("p", "excerpt", text);
    const unfold = () => excerpt.classList.toggle("whole");
    excerpt.tabIndex = 0;
    excerpt.addEventListener("click", unfold);
    excerpt.addEventListener("keydown", (event) => event.key === "Enter" && unfold());
    const star = isSource ? [make("span", "star", "★ written for this ")] : [];
    return make("td", "words", ...star, make("b", "", title || docid), excerpt, make("span", "docid", docid));
  }

  function said(view, trial) {
    const name = `${view}, trial ${trial.number}`;
    const faults = (trial.faults ?? []).map((fault) => make("p", "soft", `✕ ${name}: ${fault}`));
    if (!trial.words) return faults;
    const thoughts = trial.words.map((one) => make("p", "said", one));
    return [...faults, make("details", "", make("summary", "", `${name}: reasoning`), ...thoughts)];
  }

  /* The page. */

  async function openFromAddress() {
    const at = index.qid.findIndex((qid) => location.hash === `#list-${qid}`);
    if (at < 0) return;
    first = Math.floor(found.indexOf(at) / PAGE) * PAGE;
    render();
    const item = $("found").children[found.indexOf(at) - first];
    await toggle(item);
    item.scrollIntoView();
  }

  fillFilters();
  $("filters").addEventListener("input", find);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("before").addEventListener("click", () => { first -= PAGE; render(); });
  $("after").addEventListener("click", () => { first += PAGE; render(); });
  find();
  $("browser").hidden = false;
  await openFromAddress();
})();
