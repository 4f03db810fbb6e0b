// In an entity diagram, shows the lines of the box under the pointer, or of the one with the focus; facts are in view.
"use strict";
for (const drawing of document.querySelectorAll("svg.entities")) {
  const frame = drawing.parentElement;
  frame.scrollLeft = (frame.scrollWidth - frame.clientWidth) / 2;
  const lines = [...drawing.querySelectorAll(".lines path")];
  for (const box of drawing.querySelectorAll(".box")) {
    const name = box.dataset.name;
    const light = (isOn) => {
      drawing.classList.toggle("lit", isOn);
      for (const line of lines) line.classList.toggle("on", isOn && (line.dataset.of === name || line.dataset.to === name));
    };
    for (const begins of ["pointerenter", "focusin"]) box.addEventListener(begins, () => light(true));
    for (const ends of ["pointerleave", "focusout"]) box.addEventListener(ends, () => light(false));
  }
}
