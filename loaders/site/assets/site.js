// Shows what is chosen: picks rows by facility and period, draws charts, fills tables and tiles. It computes no figure.
"use strict";
(() => {
  const holder = document.getElementById("site-data");
  if (!holder) return;
  const site = JSON.parse(holder.textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const form = document.querySelector(".filters");
  const chosen = { facility: "all", period: "all" };
  const ROWS_SHOWN = 60;
  const NONE = "–";

  // --- rows ---------------------------------------------------------------------------------------------------------

  const rowsOf = {};
  function rows(name) {
    if (!(name in rowsOf)) {
      const columns = site.datasets[name].columns;
      const names = Object.keys(columns);
      const read = names.map((each) => {
        const { words, rows: which, values } = columns[each];
        return words ? (at) => words[which[at]] : (at) => values[at];
      });
      const first = columns[names[0]];
      const length = first ? (first.rows || first.values).length : 0;
      rowsOf[name] = Array.from({ length }, (_, at) => Object.fromEntries(names.map((each, n) => [each, read[n](at)])));
    }
    return rowsOf[name];
  }

  function picked(name) {
    const { facility, period } = chosen;
    const columns = site.datasets[name].columns;
    const day = "date_day" in columns ? "date_day" : "month_start_date" in columns ? "month_start_date" : null;
    return rows(name).filter((row) =>
      (!("facility_id" in columns) || row.facility_id === facility) &&
      (!("period" in columns) || row.period === period) &&
      (day === null || period === "all" || (row[day] || "").startsWith(period)));
  }

  // --- values as people read them -----------------------------------------------------------------------------------

  const number = (digits) => new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const whole = number(0), one = number(1), two = number(2);
  const decimal = (value) => (Math.abs(value) >= 100 ? whole : Math.abs(value) >= 10 ? one : two).format(value);
  const date = (text, options) => new Date(`${text.slice(0, 10)}T00:00:00`).toLocaleDateString("en-GB", options);
  const written = {
    text: String,
    integer: (value) => whole.format(value),
    decimal,
    share: (value) => `${(value !== 0 && Math.abs(value) < 0.01 ? two : one).format(100 * value)} %`,
    minutes: (value) => `${one.format(value)} min`,
    hours: (value) => `${one.format(value)} h`,
    days: (value) => `${one.format(value)} d`,
    gbp: (value) => `£${whole.format(value)}`,
    date: (value) => date(value, { day: "numeric", month: "short", year: "numeric" }),
    month: (value) => date(value, { month: "short", year: "numeric" }),
    yes: (value) => (value ? "yes" : "no"),
  };
  const shown = (value, kind) => (value === null || value === undefined ? NONE : written[kind](value));
  const kindOf = (column, row) => (Object.hasOwn(written, row[column.kind_from]) ? row[column.kind_from] : column.kind);
  const isNumber = (kind) => !["text", "date", "month", "yes"].includes(kind);

  // --- charts -------------------------------------------------------------------------------------------------------

  const views = {};

  function draw(figure, isDark) {
    const place = document.querySelector(`#${CSS.escape(figure.name)} .chart`);
    const some = forChart(picked(figure.dataset));
    const missing = why(figure, some);
    const said = place.nextElementSibling;
    said.hidden = missing === "";
    said.textContent = missing;
    place.hidden = missing !== "";
    if (views[figure.name]) views[figure.name].finalize();
    delete views[figure.name];
    place.replaceChildren();
    if (missing) return null;
    const spec = { ...figure.spec, datasets: { ...figure.spec.datasets, rows: some } };
    if (figure.bands) spec.height = figure.bands.pixels * new Set(some.map((row) => row[figure.bands.field])).size;
    return vegaEmbed(place, spec, {
      actions: false,
      ast: false,
      config: site.themes[isDark ? "dark" : "light"],
      mode: "vega-lite",
      renderer: some.length > 3000 ? "canvas" : "svg",
      tooltip: (_, event, item, value) => tell(event, value),
    }).then(({ view }) => {
      const drawn = place.querySelector("svg, canvas");
      if (drawn) drawn.setAttribute("aria-hidden", "true");
      views[figure.name] = view;
    });
  }

  const DAYS = ["date_day", "month_start_date"];
  function forChart(some) {
    return some.map((row) => {
      const copy = { ...row };
      for (const name of DAYS) if (copy[name]) copy[name] = new Date(`${copy[name].slice(0, 10)}T00:00:00`);
      return copy;
    });
  }

  function why(figure, some) {
    if (site.datasets[figure.dataset].missing) return `Not shown: ${site.datasets[figure.dataset].missing}`;
    if (some.length) return "";
    return rows(figure.dataset).length ? "Nothing in this facility and period." : `Nothing to show yet. ${figure.needs}`;
  }

  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);
  function tell(event, value) {
    tip.hidden = value === null || value === undefined || value === "";
    if (tip.hidden) return;
    const lines = typeof value === "object" ? Object.entries(value) : [["", value]];
    const table = document.createElement("table");
    for (const [name, told] of lines) {
      const line = table.insertRow();
      const head = document.createElement("th");
      head.textContent = name;
      line.append(head);
      line.insertCell().textContent = String(told);
    }
    tip.replaceChildren(table);
    const { clientX: x, clientY: y } = event;
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - tip.offsetHeight - 8))}px`;
  }

  // --- tables and tiles ---------------------------------------------------------------------------------------------

  const sorted = {};

  function tabulate(figure) {
    const card = document.getElementById(figure.name);
    const some = picked(figure.table || figure.dataset);
    const details = card.querySelector("details");
    details.hidden = some.length === 0;
    if (!details.dataset.seen) {
      details.dataset.seen = "yes";
      details.open = some.length > 0 && some.length <= 12;
    }
    details.querySelector("summary").textContent = `Table (${whole.format(some.length)} ${some.length === 1 ? "row" : "rows"})`;
    const by = sorted[figure.name];
    if (by) {
      some.sort((a, b) => {
        const [x, y] = [a[by.column], b[by.column]];
        if (x === y) return 0;
        if (x === null) return 1;
        if (y === null) return -1;
        return (x < y ? -1 : 1) * (by.isDown ? -1 : 1);
      });
    }
    const limit = details.dataset.all ? some.length : ROWS_SHOWN;
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.className = "visually-hidden";
    caption.textContent = card.querySelector("h2").textContent;
    const head = table.createTHead().insertRow();
    for (const column of figure.columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      if (isNumber(column.kind)) cell.className = "number";
      if (by && by.column === column.name) cell.setAttribute("aria-sort", by.isDown ? "descending" : "ascending");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.title;
      button.addEventListener("click", () => {
        const again = by && by.column === column.name;
        sorted[figure.name] = { column: column.name, isDown: again ? !by.isDown : isNumber(column.kind) };
        tabulate(figure);
        card.querySelectorAll("th button")[figure.columns.indexOf(column)].focus();
      });
      cell.append(button);
      head.append(cell);
    }
    const body = table.createTBody();
    for (const row of some.slice(0, limit)) {
      const line = body.insertRow();
      for (const column of figure.columns) {
        const cell = line.insertCell();
        if (isNumber(column.kind)) cell.className = "number";
        cell.textContent = shown(row[column.name], kindOf(column, row));
      }
    }
    details.querySelector(".scroll").replaceChildren(table);
    const more = details.querySelector(".more");
    more.hidden = some.length <= limit;
    more.textContent = `Show all ${whole.format(some.length)} rows`;
    more.onclick = () => { details.dataset.all = "yes"; tabulate(figure); };
    details.querySelector(".csv").onclick = () => download(figure, some);
  }

  function download(figure, some) {
    const quoted = (value) => (value === null || value === undefined ? "" : /[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
    const lines = [figure.columns.map((column) => column.name), ...some.map((row) => figure.columns.map((column) => row[column.name]))];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.map((line) => line.map(quoted).join(",")).join("\n") + "\n"], { type: "text/csv" }));
    link.download = `${figure.name}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function tile(each) {
    const place = document.querySelector(`[data-figure="${each.name}"]`);
    const row = site.datasets[each.dataset].missing ? undefined : picked(each.dataset)[0];
    place.textContent = row ? shown(row[each.column], each.kind) : NONE;
    place.title = site.datasets[each.dataset].missing || "";
  }

  // --- what is chosen -----------------------------------------------------------------------------------------------

  function options(name, all) {
    const select = form.elements[name];
    const some = site.choices[name];
    select.replaceChildren(...[["all", all], ...some].map(([value, label]) => new Option(label, value)));
    select.disabled = some.length === 0;
    select.addEventListener("change", () => { chosen[name] = select.value; show(); remember(); });
  }

  function remember() {
    const said = Object.entries(chosen).filter(([, value]) => value !== "all");
    history.replaceState(null, "", said.length ? `#${new URLSearchParams(said)}` : location.pathname + location.search);
  }

  function recall() {
    const said = new URLSearchParams(location.hash.slice(1));
    for (const name of Object.keys(chosen)) {
      const value = said.get(name);
      const known = site.choices[name].some(([each]) => each === value);
      chosen[name] = known ? value : "all";
      form.elements[name].value = chosen[name];
    }
  }

  // `drawn` counts how often all charts have been drawn to the end
  function redraw(isDark) {
    Promise.all(site.figures.map((figure) => draw(figure, isDark))).then(() => {
      performance.mark("drawn");
      document.body.dataset.drawn = String(Number(document.body.dataset.drawn || 0) + 1);
    });
  }

  function show() {
    site.tiles.forEach(tile);
    site.figures.forEach(tabulate);
    redraw(dark.matches);
    if (!form) return;
    const label = (name) => form.elements[name].selectedOptions[0].textContent;
    form.querySelector(".chosen").textContent = `Shown: ${label("facility")}, ${label("period")}.`;
  }

  if (form) {
    options("facility", "All facilities");
    options("period", "Whole period");
    recall();
    form.addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("hashchange", () => { recall(); show(); });
  }
  show();
  dark.addEventListener("change", () => redraw(dark.matches));
  window.addEventListener("beforeprint", () => redraw(false));
  window.addEventListener("afterprint", () => redraw(dark.matches));
})();
