"use strict";
// Searches the operations. All of them are in the page already; without this, all of them are shown.
(() => {
  const [controls, search, result, kind, clear, count, list] =
    ["controls", "search", "result", "kind", "clear", "count", "rows"].map((id) => document.getElementById(id));
  if (!controls || !list) return;
  const rows = Array.from(list.children);
  const noun = rows.length === 1 ? " operation" : " operations";
  const plain = (text) => text.normalize().toLowerCase();
  // What is searched of each row, made when it is first asked for.
  const texts = new Array(rows.length);
  const text = (at) => (texts[at] ??= plain(rows[at].textContent));

  const isWanted = (at, words, wantedResult, wantedKind) => {
    const { r, k, o } = rows[at].dataset;
    return (!wantedResult || r === wantedResult) && (!wantedKind || k === wantedKind || o === wantedKind) &&
      words.every((word) => text(at).includes(word));
  };

  // Tens of thousands of rows are gone through a piece at a time, so that typing goes on meanwhile.
  let pass = 0;
  const filter = () => {
    const mine = ++pass;
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    const wanted = new Uint8Array(rows.length);
    let at = 0, shown = 0;
    const piece = () => {
      if (mine !== pass) return; // Somebody typed on.
      const until = performance.now() + 12;
      while (at < rows.length && performance.now() < until) {
        const end = Math.min(at + 250, rows.length);
        for (; at < end; at += 1) {
          wanted[at] = isWanted(at, words, result.value, kind.value) ? 1 : 0;
          shown += wanted[at];
        }
      }
      if (at < rows.length) {
        setTimeout(piece);
        return;
      }
      // All at once: one layout.
      rows.forEach((row, number) => {
        if (row.hidden === (wanted[number] === 1)) row.hidden = !row.hidden;
      });
      clear.disabled = !(search.value || result.value || kind.value);
      count.value = shown + " of " + rows.length + noun;
    };
    piece();
  };

  let timer;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, 120);
  });
  result.addEventListener("change", filter);
  kind.addEventListener("change", filter);
  clear.addEventListener("click", () => {
    search.value = result.value = kind.value = "";
    filter();
    search.focus();
  });
  clear.disabled = true;
  controls.hidden = false;
})();
