// The legend, which hides rules as well; the steps around a table; the buttons of the view; light and dark.
const Filters = (() => {
  const { make, drawn, byId } = Elements;

  const RULES = ["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"];
  const ONLY = [
    { name: "in-step", title: "≠ drift only", class: "drift", count: () => Report.keys.filter((key) => key.drift).length },
    { name: "indexed", title: "no index only", class: "unindexed",
      count: () => Report.keys.filter((key) => key.indexed === false).length },
  ];

  // As the edges look, so that the legend can be read without colours as well.
  const sample = (rule) => {
    const svg = drawn("svg", { class: "sample " + Elements.ruleClass(rule), width: 34, height: 10, "aria-hidden": "true" });
    const ends = {
      "SET DEFAULT": () => drawn("polygon", { points: "23,5 28,1.5 33,5 28,8.5" }),
      "RESTRICT": () => drawn("path", { d: "M27,1V9", class: "tee" }),
      "NO ACTION": () => drawn("path", { d: "M27,1V9", class: "tee" }),
    };
    const end = ends[rule] || (() => drawn("polygon", { points: "25,1.5 33,5 25,8.5" }));
    svg.append(drawn("path", { d: "M1,5H24" }), end());
    return svg;
  };

  const toggled = (name) => {
    const hidden = new Set(State.get().hidden);
    if (!hidden.delete(name)) hidden.add(name);
    State.set({ hidden });
  };

  const button = (name, pressed, children, title) => make("button", {
    type: "button", "data-name": name, "data-pressed": pressed, title, onclick: () => toggled(name),
  }, ...children);

  const legend = () => {
    const counts = new Map(RULES.map((rule) => [rule, Report.keys.filter((key) => key.rule === rule).length]));
    const rules = RULES.filter((rule) => counts.get(rule)).map((rule) => button(
      Elements.ruleClass(rule).slice("rule-".length), "shown",
      [sample(rule), rule, " ", make("span", { class: "count" }, String(counts.get(rule)))],
      "Show or hide these keys",
    ));
    const only = ONLY.filter(({ count }) => count()).map((one) => button(
      one.name, "hidden", [one.title, " ", make("span", { class: "count" }, String(one.count()))],
      "Show these keys alone",
    ));
    byId("legend").replaceChildren(...rules, ...only);
  };

  const steps = () => {
    const given = Object.fromEntries(State.DEPTHS.map((depth) => [depth, depth === State.ALL ? "All tables" : depth]));
    byId("steps").append(...Object.entries(given).map(([depth, words]) => make("label", {},
      make("input", { type: "radio", name: "steps", value: depth, onchange: () => State.set({ depth }) }),
      make("span", {}, words))));
  };

  const show = ({ depth, hidden }) => {
    for (const one of byId("legend").children) {
      const pressed = hidden.has(one.dataset.name) === (one.dataset.pressed === "hidden");
      one.setAttribute("aria-pressed", String(pressed));
    }
    for (const input of byId("steps").querySelectorAll("input")) input.checked = input.value === depth;
  };

  const THEMES = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };
  const STORED = "alembic-cascade-theme";

  // A page from a file may have no memory.
  const remembered = () => {
    try { return localStorage.getItem(STORED); } catch { return null; }
  };
  const remember = (theme) => {
    try { localStorage.setItem(STORED, theme); } catch { /* then it is asked for again */ }
  };

  const paint = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    byId("theme").textContent = THEMES[theme];
  };

  const themes = () => {
    let theme = remembered() in THEMES ? remembered() : "auto";
    paint(theme);
    byId("theme").hidden = false;
    byId("theme").addEventListener("click", () => {
      const names = Object.keys(THEMES);
      theme = names[(names.indexOf(theme) + 1) % names.length];
      remember(theme);
      paint(theme);
    });
  };

  const buttons = () => {
    byId("fit").addEventListener("click", PanZoom.fit);
    byId("closer").addEventListener("click", () => PanZoom.zoom(1.25));
    byId("farther").addEventListener("click", () => PanZoom.zoom(0.8));
    byId("badges").addEventListener("click", ({ currentTarget }) => {
      const off = byId("stage").classList.toggle("without-badges");
      currentTarget.setAttribute("aria-pressed", String(!off));
    });
  };

  const start = () => {
    themes();
    legend();
    steps();
    buttons();
    document.querySelector(".toolbar").hidden = false;
  };

  return { start, show };
})();
