// One alert as an officer judges it: who says what, pictures side by side, what differs, what to do.

import { ago, clock, icon, make, when } from "./dom.js";
import { actions, standing } from "./guard-actions.js";
import { pair, picture } from "./guard-pictures.js";

export function alert(detail, reasons, act) {
  const { line } = detail;
  return make(
    "article", { class: "alert", data: { tone: line.tone, alert: line.alert_id, state: line.state } },
    make(
      "header", {},
      make(
        "div", { class: "chips" },
        make("span", { class: "chip" }, line.heading),
        line.certainty && make("span", { class: "tag care" }, icon("help"), certainty(line)),
        standing(line),
        line.more && make("span", { class: "tag care more" }, icon("alert"), line.more),
        line.kind === "gateway" || line.kind === "late" ? make("span", { class: "tag quiet" }, icon("link"), "from the gateway") : null,
        make("span", { class: "grow" }),
        make("span", { class: "quiet" }, `${line.lane} · ${clock(line.raised_at)}${detail.clock_trusted ? "" : " (clock not set)"}`),
      ),
      make("h1", {}, line.title),
      line.kind === "late" && lateHit(detail),
    ),
    make("div", { class: "body", tabindex: "0", role: "region", "aria-label": "What was found" }, detail.hits.length ? detail.hits.map(hit) : trouble(detail), context(detail)),
    actions(detail, reasons, act),
  );
}

/** Who has left: their picture, where and when they were, and how long ago that is. */
function lateHit({ line, portrait, opened_at }) {
  return make(
    "div", { class: "latehit" },
    portrait && make("img", { src: portrait, alt: "The traveller, taken here", draggable: "false" }),
    make(
      "p", {},
      make("b", {}, icon("clock"), "Late hit: the traveller has left"),
      make("span", {}, `Seen in ${line.lane} at ${when(opened_at)}, `, ago(opened_at)),
      make("span", {}, `Left at ${when(line.left_at)}`),
    ),
  );
}

/** What an officer has confirmed here, the owning bureau has still to confirm. */
function certainty(line) {
  return line.state === "confirmed" && line.certainty === "unconfirmed" ? "confirmed here, not yet by the owner" : line.certainty;
}

function hit(hit) {
  const bare = hit.strengths.filter((one) => ["document", "name", "fingers", "person"].includes(one.modality));
  return make(
    "section", { class: "hit", data: { tone: hit.tone, ...(hit.withdrawn ? { withdrawn: "" } : {}) } },
    hit.withdrawn && make("p", { class: "withdrawn" }, icon("check"), hit.certainty[0].toUpperCase() + hit.certainty.slice(1)),
    cautions(hit.cautions),
    make("div", { class: "pairs" }, hit.pairs.map((one, at) => pair(one, at)), bare.map(exactly)),
    make(
      "div", { class: "what" }, icon("shield"),
      make("div", {}, hit.instruction, make("small", {}, [hit.reason, `${hit.owner} ${hit.reference}`].filter(Boolean).join(" · "))),
    ),
    facts(hit.comparisons),
    about(hit.facts),
  );
}

/** What an officer must know before stepping up to the person. */
function cautions(words) {
  if (!words.length) return null;
  return make("ul", { class: "cautions", "aria-label": "Warnings" }, words.map((one) => make("li", {}, icon("alert"), one)));
}

function about(rows) {
  return make(
    "dl", { class: "about" },
    rows.map((row) => make("div", { data: row.care ? { care: "" } : {} }, make("dt", {}, row.label), make("dd", { dir: "auto" }, row.value))),
  );
}

/** What has no picture of its own: a document's number, a name, several fingers as one figure. */
function exactly(strength) {
  return make(
    "div", { class: "pair" },
    make("h2", {}, icon({ document: "document", fingers: "fingers" }[strength.modality] ?? "person"), strength.label),
    make("p", { class: "strength" }, strength.words[0].toUpperCase() + strength.words.slice(1), make("small", {}, strength.exact)),
  );
}

function facts(rows) {
  if (!rows.length) return null;
  return make(
    "table", { class: "facts" },
    make("thead", {}, make("tr", {}, ["What", "Document", "List", "Note"].map((head, place) => make("th", { scope: "col" }, place % 3 ? head : make("span", { class: "unseen" }, head))))),
    make(
      "tbody", {},
      rows.map((row) =>
        make(
          "tr", { data: row.differs ? { differs: "" } : {} },
          make("th", {}, row.label),
          make("td", {}, row.differs ? marked(row.document, row.record) : row.document || "–"),
          make("td", {}, row.differs ? marked(row.record, row.document) : row.record || "–"),
          make("td", { class: "mark" }, row.differs && [icon("differs"), "differs"]),
        ),
      ),
    ),
  );
}

/** `text` with what is not the same in `other` marked: character by character where both are as long. */
function marked(text, other) {
  if (text.length !== other.length) return make("mark", {}, text);
  const parts = [];
  for (let at = 0; at < text.length; ) {
    const same = text[at] === other[at];
    let end = at;
    while (end < text.length && (text[end] === other[end]) === same) end += 1;
    parts.push(same ? text.slice(at, end) : make("mark", {}, text.slice(at, end)));
    at = end;
  }
  return parts;
}

function trouble(detail) {
  return [
    make(
      "div", { class: "troubles" },
      detail.troubles.map((one) => make("div", { class: "what" }, icon("officer"), make("div", {}, one.advice, make("small", {}, one.words)))),
    ),
    detail.document && documentTable(detail.document),
    detail.erased && make("p", { class: "quiet" }, "The personal data of this encounter has been erased: its time was up."),
    detail.samples.length > 0 &&
      make(
        "div", { class: "samples" },
        detail.samples.map((one, at) =>
          make(
            "div", { class: "pair", data: { modality: one.modality } },
            make("h2", {}, one.label),
            make("div", { class: "both", tabindex: "0", role: "group", "aria-label": one.label, data: { pair: at } }, picture(one.probe, "Taken here", one)),
          ),
        ),
      ),
  ].filter(Boolean);
}

function documentTable(held) {
  const rows = [
    ["Name", [held.surname, held.given_names].filter(Boolean).join(", ")], ["Date of birth", held.birth_date], ["Nationality", held.nationality],
    ["Document", `${held.number} (${held.issuer})`], ["Expires", held.expires],
    ["Check digits", held.failed_checks ? `do not match: ${held.failed_checks.replaceAll("_", " ")}` : "match"],
  ];
  return make(
    "table", { class: "facts plainly" },
    make("tbody", {}, rows.map(([label, value]) => make("tr", {}, make("th", {}, label), make("td", {}, value || "–")))),
  );
}

function context(detail) {
  const local = { clear: "clear", refer: "referred" }[detail.local] ?? "not finished";
  const gateway = { no_hit: "no hit", hit: "hit", error: "not checked" }[detail.gateway] ?? "no answer yet";
  const time = detail.local_ms ? ` in ${Math.round(detail.local_ms)} ms` : "";
  return make(
    "div", { class: "source" },
    make("p", {}, `List here: ${local}${time}. Gateway: ${gateway}.`),
    detail.gateway_text && make("p", {}, `The gateway says: ${detail.gateway_text}`),
    detail.missing.map((words) => make("p", {}, words)),
    detail.liveness.map((words) => make("p", {}, words)),
    detail.chip.map((words) => make("p", {}, words)),
    detail.officer.map((words) => make("p", {}, words)),
  );
}

export function empty() {
  const picture = new DOMParser().parseFromString(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 160" aria-hidden="true"><path d="M10 140h200M30 140V70h36v70M154 140V70h36v70M30 70l18-22 18 22M154 70l18-22 18 22"/><path d="M66 104h88M76 104v36M144 104v36"/><path class="lit" d="M96 60l12 12 22-26"/><path d="M110 10v8M150 22l-5 6M70 22l5 6"/></svg>',
    "image/svg+xml",
  ).documentElement;
  return make(
    "div", { class: "empty" },
    document.importNode(picture, true),
    make("h1", {}, "No open alerts"),
    make("p", {}, "A new one opens here by itself, with a tone."),
    make("p", {}, make("kbd", {}, "?"), " shows the keys"),
  );
}

export function unread() {
  return make(
    "div", { class: "empty" },
    make("h1", {}, "This alert could not be read"),
    make("p", {}, "Choose it in the queue to try again."),
  );
}
