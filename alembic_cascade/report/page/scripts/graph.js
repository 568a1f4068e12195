// The diagram: which tables it shows, and what is marked in it.
const Graph = (() => {
  const canvas = Elements.byId("canvas");
  const said = Elements.byId("said");
  // More around one table is no surrounding any more.
  const MOST = 150;

  let shown = null;
  let tables = new Set();

  const say = (text) => { said.textContent = text; };

  const reachOf = (name) => Reach.below((table) => Report.referred.get(table) || [], name);

  const wanted = ({ table, depth }) => {
    if (depth === State.ALL) return new Set(Report.diagram.nodes.keys());
    if (table === null && depth === State.first.depth) return new Set(Report.opening);
    const found = Report.around(table ?? Report.hub(), Number(depth), MOST);
    // What a delete reaches belongs into its picture, as far as there is room.
    if (table !== null) {
      for (const { table: reached } of reachOf(table)) if (found.size < State.FEW) found.add(reached);
    }
    return new Set([...found].filter((name) => Report.diagram.nodes.has(name)));
  };

  // A frame around the tables of each group, where there are several.
  const clusters = (names) => {
    const groups = Elements.groupedBy([...names].sort(), (name) => Report.byName.get(name).group);
    if (groups.size < 2) return [];
    return [...groups].map(([group, members], number) => ({
      name: `cluster_${number}`,
      graphAttributes: { label: group.replaceAll("\\", "\\\\").replaceAll("&", "&amp;"), class: "group", style: "rounded" },
      nodes: members.map((name) => ({ name })),
    }));
  };

  // What is in the picture, for Graphviz; the attributes are those that the report's other drawings have.
  const input = (names) => ({
    ...Report.diagram.defaults,
    directed: true,
    nodes: [...Report.diagram.nodes].filter(([name]) => names.has(name)).map(([name, attributes]) => ({ name, attributes })),
    edges: Report.diagram.edges.filter(({ tail, head }) => names.has(tail) && names.has(head))
      .map(({ tail, head, attributes }) => ({ tail, head, attributes })),
    subgraphs: clusters(names),
  });

  const isHidden = (key, hidden) =>
    hidden.has(Elements.ruleClass(key.rule).slice("rule-".length))
    || (hidden.has("in-step") && !key.drift)
    || (hidden.has("indexed") && key.indexed !== false);

  const PRECEDENCE = ["refused", "deleted", "nulled", "defaulted"];

  // What a delete does to each table, worst first.
  const effectsBy = (reached) => {
    const found = new Map();
    for (const { table, effect } of reached) found.set(table, (found.get(table) || new Set()).add(effect));
    return new Map([...found].map(([name, effects]) => [name, PRECEDENCE.filter((effect) => effects.has(effect))]));
  };

  // Of rows that go, it is no matter what they lose.
  const inWords = (effects) => effects
    .filter((effect) => !effects.includes("deleted") || effect === "deleted" || effect === "refused")
    .map((effect) => Reach.WORDS[effect]).join(" · ");

  const setClasses = (element, classes) => {
    for (const [name, on] of Object.entries(classes)) element.classList.toggle(name, Boolean(on));
  };

  const mark = ({ table, hidden }) => {
    if (shown === null) return;
    const reached = table === null ? [] : reachOf(table);
    const effects = effectsBy(reached);
    const byKey = new Set(reached.map(({ key }) => key));
    const near = table === null ? null : Report.around(table, 1);
    const visible = new Set();
    for (const [number, element] of shown.edges) {
      const key = Report.keyOf.get(number);
      const gone = isHidden(key, hidden);
      if (!gone) visible.add(key.child).add(key.parent);
      const touching = key.child === table || key.parent === table;
      setClasses(element, {
        gone, reached: byKey.has(number), dimmed: table !== null && !byKey.has(number) && !touching,
      });
    }
    const labels = new Map();
    for (const [name, element] of shown.nodes) {
      const here = (name !== table && effects.get(name)) || [];
      const chosen = name === table;
      const dimmed = table === null ? hidden.size && !visible.has(name) : !chosen && !here.length && !near.has(name);
      setClasses(element, { chosen, dimmed, ...Object.fromEntries(PRECEDENCE.map((one) => ["reach-" + one, here[0] === one])) });
      element.setAttribute("aria-pressed", String(chosen));
      if (here.length) labels.set(element, [here[0], inWords(here)]);
    }
    Picture.label(shown, labels);
  };

  const tell = (names) => {
    const all = Report.diagram.nodes.size;
    if (all === 0) say("There are no tables to draw.");
    else if (names.size === all) say(`All ${Elements.counted(all, "table")}.`);
    else say(`${Elements.number(names.size)} of ${Elements.counted(all, "table")}. “All” shows every one.`);
  };

  // The table of a picture with the most keys in it.
  const busiest = () => {
    const counts = new Map([...shown.nodes.keys()].map((name) => [name, 0]));
    for (const number of shown.edges.keys()) {
      const { child, parent } = Report.keyOf.get(number);
      for (const name of [child, parent]) counts.set(name, (counts.get(name) || 0) + 1);
    }
    return [...counts].reduce((best, one) => (best === null || one[1] > best[1] ? one : best), null)?.[0];
  };

  const take = (svg, names) => {
    shown = Picture.show(svg, canvas);
    tables = names;
    const { table, depth } = State.get();
    const centre = table ?? (depth === State.ALL ? null : busiest());
    PanZoom.take(shown, shown.nodes.get(centre));
    tell(names);
  };

  const same = (one, other) => one.size === other.size && [...one].every((name) => other.has(name));

  const draw = async (names) => {
    const stage = Elements.byId("stage");
    stage.setAttribute("aria-busy", "true");
    say(`Laying out ${Elements.counted(names.size, "table")}…`);
    try {
      take(Picture.parsed(await Layout.draw(input(names))), names);
      stage.removeAttribute("aria-busy");
    } catch (error) {
      // Somebody has asked for another picture, which is being drawn.
      if (error.name === "AbortError") return false;
      stage.removeAttribute("aria-busy");
      say(`The picture could not be drawn: ${error.message}`);
    }
    return true;
  };

  // The picture for what is looked at; where it is there already, it is only marked.
  const update = async (state) => {
    const names = wanted(state);
    if (names.size === 0) tell(names);
    else if (shown === null || !same(names, tables)) {
      if (!(await draw(names))) return;
    } else Layout.cancel();
    mark(State.get());
    const chosen = shown?.nodes.get(State.get().table);
    if (chosen) PanZoom.reveal(chosen);
  };

  // The picture that came with the page, if it is there.
  const adopt = () => {
    const svg = canvas.querySelector("svg");
    if (svg === null) return false;
    take(svg, new Set());
    tables = new Set(shown.nodes.keys());
    tell(tables);
    return true;
  };

  // Without a chosen table, what came with the page is what is shown around none.
  const start = (state) => {
    const asCame = adopt();
    const asked = !asCame || location.hash.length > 1;
    if (asked && !same(wanted(state), tables)) update(state);
    else mark(state);
  };

  const nameOf = (element) => {
    const node = element.closest?.("g.node");
    if (!node || shown === null) return null;
    for (const [name, one] of shown.nodes) if (one === node) return name;
    return null;
  };

  const focus = (name) => shown?.nodes.get(name)?.focus();

  return { start, update, mark, nameOf, reachOf, focus, elementOf: (name) => shown?.nodes.get(name) };
})();
