// Long tables: the first rows stand in the page, the others wait in a template; a search looks through all of them.
"use strict";
for (const input of document.querySelectorAll("input[data-search]")) {
  const name = input.dataset.search;
  const body = document.getElementById(name).tBodies[0];
  const all = [...body.rows, ...document.querySelector(`template[data-rows="${name}"]`).content.children];
  const texts = all.map((row) => row.textContent.toLowerCase());
  const limit = body.rows.length;
  const found = document.querySelector(`[data-found="${name}"]`);
  const more = document.querySelector(`[data-more="${name}"]`);
  let isWhole = false;
  const counted = (count) => count.toLocaleString("en-GB");
  function show() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = all.filter((_, at) => words.every((word) => texts[at].includes(word)));
    const shown = isWhole ? matching : matching.slice(0, limit);
    body.replaceChildren(...shown);
    found.textContent = `${counted(shown.length)} of ${counted(matching.length)} rows${words.length ? " found" : ""}`;
    more.hidden = shown.length === matching.length;
    more.textContent = `Show all ${counted(matching.length)} rows`;
  }
  input.addEventListener("input", () => { isWhole = false; show(); });
  more.addEventListener("click", () => { isWhole = true; show(); });
  window.addEventListener("beforeprint", () => { if (input.value === "") { isWhole = true; show(); } });
  show();
}
