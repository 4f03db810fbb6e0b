// Searches of long tables: rows without all of the words are hidden, and how many are left is said.
"use strict";
for (const input of document.querySelectorAll("input[data-search]")) {
  const rows = [...document.getElementById(input.dataset.search).tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const found = document.querySelector(`[data-found="${input.dataset.search}"]`);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    rows.forEach((row, at) => {
      row.hidden = !words.every((word) => texts[at].includes(word));
      if (!row.hidden) left += 1;
    });
    found.textContent = words.length ? `${left.toLocaleString("en-GB")} of ${rows.length.toLocaleString("en-GB")} rows` : `${rows.length.toLocaleString("en-GB")} rows`;
  });
}
