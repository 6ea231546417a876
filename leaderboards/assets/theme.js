"use strict";
// Runs before the page is painted: a choice made earlier holds on all pages of the board.
(() => {
  const root = document.documentElement;
  const kept = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("nasbench-theme");
      localStorage.setItem("nasbench-theme", value);
    } catch { /* storage may be off; the system's choice holds then */ }
    return null;
  };
  const earlier = kept();
  if (earlier === "light" || earlier === "dark") root.dataset.theme = earlier;
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const show = () => { button.textContent = dark() ? "Light mode" : "Dark mode"; };
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      kept(root.dataset.theme);
      show();
    });
    button.hidden = false;
    show();
  });
})();
