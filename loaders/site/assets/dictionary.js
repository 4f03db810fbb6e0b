// Filters the dictionary as one types: a column is shown if all words are in its row or its relation's name.
"use strict";
(() => {
  const form = document.querySelector(".finder");
  const field = form.elements.q;
  const said = form.querySelector("[role=status]");
  const plain = (text) => text.toLowerCase().replaceAll("_", " ");
  const number = new Intl.NumberFormat("en-GB");
  const layers = [...document.querySelectorAll(".layer")].map((place) => ({
    place,
    relations: [...place.querySelectorAll(".relation")].map((card) => ({
      card,
      name: `${card.dataset.name.toLowerCase()} ${plain(card.dataset.name)}`,
      about: plain(card.querySelector("header").textContent),
      rows: [...card.querySelectorAll("tbody tr")].map((row) => ({
        row,
        text: `${row.textContent.toLowerCase()} ${plain(row.textContent)}`,
      })),
    })),
  }));

  function show() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let columns = 0, relations = 0;
    for (const layer of layers) {
      let some = 0;
      for (const { card, name, about, rows } of layer.relations) {
        const isWhole = words.every((word) => name.includes(word) || about.includes(word));
        let found = 0;
        for (const { row, text } of rows) {
          const isIn = isWhole || words.every((word) => text.includes(word) || name.includes(word));
          row.hidden = !isIn;
          found += isIn;
        }
        card.hidden = found === 0 && !isWhole;
        some += !card.hidden;
        columns += found;
      }
      layer.place.hidden = some === 0;
      relations += some;
    }
    document.querySelector(".contents").hidden = words.length > 0;
    said.textContent = words.length
      ? `${number.format(columns)} ${columns === 1 ? "column" : "columns"} in ${relations} ${relations === 1 ? "relation" : "relations"}.`
      : "";
  }

  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      show();
      history.replaceState(null, "", field.value ? `?q=${encodeURIComponent(field.value)}` : location.pathname);
    }, 80);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  field.value = new URLSearchParams(location.search).get("q") || "";
  if (field.value) show();

  function open() {
    const name = decodeURIComponent(location.hash.slice(1));
    const place = name && document.getElementById(name);
    if (!place) return;
    if (field.value && place.closest("[hidden]")) { field.value = ""; show(); }
    place.scrollIntoView();
  }
  window.addEventListener("hashchange", open);
  open();
})();
