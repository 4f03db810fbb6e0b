// Column lineage: finds what a column is made of and what is made of it, draws it in steps, and tells it as a table.
"use strict";
(() => {
  const { relations, exposures, start } = JSON.parse(document.getElementById("lineage-data").textContent);
  const form = document.querySelector(".finder");
  const card = document.querySelector(".lineage");
  const flow = card.querySelector(".flow");
  const { find, relation: ofRelation, column: ofColumn, steps: ofSteps } = form.elements;
  const NARROW = 132, WIDE = 275, ACROSS = 58, HEAD = 46, ROW = 26, GAP = 18, MOST = 60;
  const [NAME, TYPE, MEANING, MADE] = [0, 1, 2, 3];

  // --- what there is ------------------------------------------------------------------------------------------------

  const key = (at, n) => `${at}.${n}`;
  const places = new Map();
  const users = new Map();
  relations.forEach((relation, at) => relation.columns.forEach((column, n) => {
    places.set(`${relation.anchor}.${column[NAME]}`, [at, n]);
    for (const [from, m, isAsIs] of column[MADE]) {
      const of = key(from, m);
      if (!users.has(of)) users.set(of, []);
      users.get(of).push([at, n, isAsIs]);
    }
  }));
  const column = ([at, n]) => relations[at].columns[n];
  const hash = ([at, n]) => `${relations[at].anchor}.${column([at, n])[NAME]}`;
  const upstream = (place) => column(place)[MADE];
  const downstream = ([at, n]) => users.get(key(at, n)) || [];

  // All columns one way, each with its number of steps: the shortest way.
  function reached(place, next, most) {
    const found = new Map([[key(...place), { place, steps: 0 }]]);
    let edge = [place];
    for (let steps = 1; edge.length && steps <= most; steps += 1) {
      const further = [];
      for (const each of edge) {
        for (const [at, n] of next(each)) {
          if (found.has(key(at, n))) continue;
          found.set(key(at, n), { place: [at, n], steps });
          further.push([at, n]);
        }
      }
      edge = further;
    }
    found.delete(key(...place));
    return found;
  }

  // --- the drawing --------------------------------------------------------------------------------------------------

  const element = (name, of = {}, ...inside) => {
    const made = Object.assign(document.createElement(name), of);
    made.append(...inside);
    return made;
  };

  // Relations stand as many steps from the chosen one as the longest way has, so that all lines go from left to right.
  function ranks(chosen, up, down) {
    const rank = new Map([[chosen[0], 0]]);
    const push = (found, next, sign) => {
      const some = new Map([[key(...chosen), { place: chosen }], ...found]);
      const edges = new Map();
      for (const { place } of some.values()) {
        for (const [at, n] of next(place)) {
          if (!some.has(key(at, n)) || at === place[0]) continue;
          if (!edges.has(place[0])) edges.set(place[0], new Set());
          edges.get(place[0]).add(at);
        }
      }
      let isMoved = true;
      for (let round = 0; isMoved && round < relations.length; round += 1) {
        isMoved = false;
        for (const [from, tos] of edges) {
          for (const to of tos) {
            const least = (rank.get(from) || 0) * sign + 1;
            if (rank.has(to) && rank.get(to) * sign >= least) continue;
            rank.set(to, least * sign);
            isMoved = true;
          }
        }
      }
    };
    push(up, upstream, -1);
    push(down, downstream, 1);
    return rank;
  }

  function draw(chosen, up, down) {
    const rank = ranks(chosen, up, down);
    const shown = new Map();
    const all = [chosen, ...[...up.values(), ...down.values()].map((each) => each.place)];
    for (const [at, n] of all) {
      if (!shown.has(at)) shown.set(at, { at, columns: [], rank: rank.get(at) || 0 });
      shown.get(at).columns.push(n);
    }
    const boxes = [...shown.values()];
    for (const box of boxes) box.columns.sort((a, b) => a - b);
    exposures.forEach((exposure) => {
      const read = boxes.filter((box) => box.rank >= 0 && exposure.reads.includes(box.at));
      if (read.length) boxes.push({ exposure, read, columns: [], rank: Math.max(...read.map((box) => box.rank)) + 1 });
    });
    const lowest = Math.min(...boxes.map((box) => box.rank));
    const byRank = [];
    for (const box of boxes) (byRank[box.rank - lowest] ||= []).push(box);
    for (const box of boxes) box.height = HEAD + ROW * box.columns.length + 6;
    settle(byRank, boxes, -lowest);
    let left = 0;
    for (const some of byRank) {
      const heads = some.map((box) => 8.5 * (box.exposure ? box.exposure.title : relations[box.at].anchor).length);
      const names = some.flatMap((box) => box.columns.map((n) => 7.7 * column([box.at, n])[NAME].length));
      const width = Math.round(Math.min(WIDE, Math.max(NARROW, 24 + Math.max(...heads, ...names))));
      for (const box of some) { box.left = left; box.width = width; }
      left += width + ACROSS;
    }
    const tallest = Math.max(...byRank.map((some) => some.reduce((sum, box) => sum + box.height + GAP, -GAP)));
    for (const some of byRank) {
      const tall = some.reduce((sum, box) => sum + box.height + GAP, -GAP);
      let top = (tallest - tall) / 2;
      for (const box of some) {
        box.top = top;
        top += box.height + GAP;
      }
    }
    const width = left - ACROSS;
    flow.style.width = `${width}px`;
    flow.style.height = `${tallest}px`;
    flow.replaceChildren(lines(boxes, width, tallest), ...boxes.map((box) => (box.exposure ? reader(box) : boxOf(box, chosen))));
    const own = boxes.find((box) => box.at === chosen[0]);
    flow.parentElement.scrollLeft = own.left - (flow.parentElement.clientWidth - own.width) / 2;
  }

  // Orders each step by where its neighbours stand, from the chosen column outwards.
  function settle(byRank, boxes, middle) {
    const near = new Map(boxes.map((box) => [box, []]));
    const of = new Map(boxes.filter((box) => !box.exposure).map((box) => [box.at, box]));
    for (const box of boxes) {
      const others = box.exposure ? box.read : box.columns.flatMap((n) => upstream([box.at, n])).map(([at]) => of.get(at)).filter(Boolean);
      for (const other of others) { near.get(box).push(other); near.get(other).push(box); }
    }
    const order = (some) => some.forEach((box, at) => { box.order = (at + 0.5) / some.length; });
    const by = (some, isNear) => {
      for (const box of some) {
        const places = near.get(box).filter(isNear).map((other) => other.order).filter((each) => each !== undefined);
        box.wish = places.length ? places.reduce((sum, each) => sum + each, 0) / places.length : 0.5;
      }
      some.sort((a, b) => a.wish - b.wish || (a.at ?? 1e6) - (b.at ?? 1e6));
      order(some);
    };
    order(byRank[middle]);
    for (let at = middle - 1; at >= 0; at -= 1) by(byRank[at], (other) => other.rank > byRank[at][0].rank);
    for (let at = middle + 1; at < byRank.length; at += 1) by(byRank[at], (other) => other.rank < byRank[at][0].rank);
  }

  function boxOf(box, chosen) {
    const relation = relations[box.at];
    const made = element("div", { className: `step ${relation.layer.toLowerCase()}` });
    made.style.cssText = `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.height}px`;
    made.append(element("small", { textContent: relation.unread ? `${relation.layer}, not read` : relation.layer }));
    made.append(element("a", { className: "relation-name", href: relation.href, textContent: relation.anchor, title: relation.anchor }));
    for (const n of box.columns) {
      const place = [box.at, n];
      const link = element("a", { className: "column-name", href: `#${hash(place)}`, textContent: column(place)[NAME], title: column(place)[MEANING] || column(place)[NAME] });
      if (box.at === chosen[0] && n === chosen[1]) link.setAttribute("aria-current", "true");
      made.append(link);
    }
    return made;
  }

  function reader(box) {
    const made = element("div", { className: "step exposure" }, element("small", { textContent: "Dashboard" }));
    made.style.cssText = `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.height}px`;
    made.append(element("a", { className: "relation-name", href: box.exposure.href, textContent: box.exposure.title, title: box.exposure.description }));
    return made;
  }

  function lines(boxes, width, height) {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("width", width);
    drawing.setAttribute("height", height);
    drawing.setAttribute("aria-hidden", "true");
    const of = new Map(boxes.filter((box) => !box.exposure).map((box) => [box.at, box]));
    const line = (x1, y1, x2, y2, className) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const half = (x1 + x2) / 2;
      path.setAttribute("d", `M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2 - 6} ${y2}m-1-4l7 4l-7 4`);
      path.setAttribute("class", className);
      drawing.append(path);
    };
    const middle = (box, n) => box.top + HEAD + ROW * (box.columns.indexOf(n) + 0.5);
    for (const box of boxes) {
      if (box.exposure) {
        for (const read of box.read) line(read.left + read.width, read.top + HEAD / 2, box.left, box.top + HEAD / 2, "read-by");
        continue;
      }
      for (const n of box.columns) {
        for (const [at, m, isAsIs] of upstream([box.at, n])) {
          const from = of.get(at);
          if (from && from.columns.includes(m)) line(from.left + from.width, middle(from, m), box.left, middle(box, n), isAsIs ? "as-is" : "computed");
        }
      }
    }
    return drawing;
  }

  // --- the same in words --------------------------------------------------------------------------------------------

  const count = (number, one, more = `${one}s`) => `${number} ${number === 1 ? one : more}`;

  function tell(chosen, up, down, wholeUp, wholeDown, read) {
    const [at, n] = chosen;
    card.querySelector("#shown").textContent = hash(chosen);
    const type = column(chosen)[TYPE];
    card.querySelector(".about").textContent = `${column(chosen)[MEANING] || "Not described."}${type ? ` (${type})` : ""}`;
    const sources = [...wholeUp.values()].filter(({ place }) => ["Source", "Seed"].includes(relations[place[0]].layer)).length;
    const isPart = up.size < wholeUp.size || down.size < wholeDown.size;
    card.querySelector("[role=status]").textContent =
      `Made of ${count(wholeUp.size, "column")}, ${sources} of them of sources and seeds; ${count(wholeDown.size, "column")} made of it; ` +
      `${count(read, "dashboard")} ${read === 1 ? "reads" : "read"} these.` +
      (isPart ? ` Shown: ${count(Number(ofSteps.value), "step")} each way.` : "");
    const ends = card.querySelector("#ends");
    const unread = [...new Set([chosen, ...[...wholeUp.values()].map((each) => each.place)].map(([of]) => of))].filter((of) => relations[of].unread);
    const isSource = ["Source", "Seed"].includes(relations[at].layer);
    ends.textContent = unread.length
      ? `Not complete: the SQL of ${unread.map((of) => relations[of].name).join(", ")} could not be read.`
      : isSource || upstream(chosen).length ? ""
        : `No column goes into it: it counts rows or is written by dbt. Its relation reads ${relations[at].reads.map((of) => relations[of].anchor).join(", ") || "nothing"}.`;
    ends.hidden = !ends.textContent;
    const body = card.querySelector("tbody");
    body.replaceChildren();
    const order = (found, sign) => [...found.values()].sort((a, b) => sign * (a.steps - b.steps) || a.place[0] - b.place[0] || a.place[1] - b.place[1]);
    const some = [
      ...order(up, -1).map(({ place, steps }) => [`${count(steps, "step")} before`, place]),
      ["chosen", chosen],
      ...order(down, 1).map(({ place, steps }) => [`${count(steps, "step")} after`, place]),
    ];
    for (const [where, place] of some) {
      const row = body.insertRow();
      row.insertCell().textContent = where;
      row.insertCell().append(element("a", { href: `#${hash(place)}`, textContent: hash(place) }));
      const made = upstream(place).map(([of, m, isAsIs]) => `${hash([of, m])}${isAsIs ? "" : " (computed)"}`);
      row.insertCell().textContent = made.join(", ") || "–";
      row.insertCell().textContent = column(place)[MEANING] || "–";
      if (where === "chosen") row.className = "chosen-row";
    }
  }

  // --- what is chosen -----------------------------------------------------------------------------------------------

  let hasChosenSteps = false;

  function show() {
    let said = location.hash.slice(1);
    try { said = decodeURIComponent(said); } catch { /* as it stands */ }
    const chosen = places.get(said) || places.get(start);
    if (!chosen) return;
    const wholeUp = reached(chosen, upstream, Infinity), wholeDown = reached(chosen, downstream, Infinity);
    if (!hasChosenSteps) {
      const fits = [99, 3, 2, 1].find((most) => reached(chosen, upstream, most).size + reached(chosen, downstream, most).size <= MOST);
      ofSteps.value = String(fits || 1);
    }
    const most = Number(ofSteps.value);
    const up = reached(chosen, upstream, most), down = reached(chosen, downstream, most);
    ofRelation.value = chosen[0];
    fillColumns(chosen[0]);
    ofColumn.value = chosen[1];
    const after = new Set([chosen[0], ...[...wholeDown.values()].map(({ place }) => place[0])]);
    const read = exposures.filter((exposure) => exposure.reads.some((at) => after.has(at))).length;
    tell(chosen, up, down, wholeUp, wholeDown, read);
    card.hidden = false;
    draw(chosen, up, down);
    document.body.dataset.drawn = hash(chosen);
  }

  function fillColumns(at) {
    ofColumn.replaceChildren(...relations[at].columns.map((each, n) => new Option(each[NAME], n)));
  }

  const groups = new Map();
  relations.forEach((relation, at) => {
    if (!relation.columns.length) return;
    if (!groups.has(relation.layer)) groups.set(relation.layer, element("optgroup", { label: relation.layer }));
    groups.get(relation.layer).append(new Option(relation.anchor, at));
  });
  ofRelation.append(...[...groups.values()].reverse());
  document.getElementById("all-columns").append(...[...places.keys()].map((name) => element("option", { value: name })));
  const go = (place) => { hasChosenSteps = false; location.hash = hash(place); };
  ofRelation.addEventListener("change", () => go([Number(ofRelation.value), 0]));
  ofColumn.addEventListener("change", () => go([Number(ofRelation.value), Number(ofColumn.value)]));
  ofSteps.addEventListener("change", () => { hasChosenSteps = true; show(); });
  const look = (isSure) => {
    const said = find.value.trim();
    const words = said.toLowerCase().split(/[\s.]+/).filter(Boolean);
    const found = places.get(said) || (isSure && words.length && places.get([...places.keys()].reverse().find((name) => words.every((word) => name.toLowerCase().includes(word)))));
    if (found) { find.value = ""; go(found); }
  };
  find.addEventListener("input", () => look(false));
  form.addEventListener("submit", (event) => { event.preventDefault(); look(true); });
  window.addEventListener("hashchange", () => { hasChosenSteps = false; show(); });
  form.hidden = false;
  show();
})();
