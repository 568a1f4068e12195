// An SVG of Graphviz, made a part of the page: its tables and keys are found again, named, and can be focused.
const Picture = (() => {
  const FORBIDDEN = "script, style, foreignObject, image, use, animate, set";

  // Names may hold what XML can't: https://www.w3.org/TR/xml/#charsets
  const UNSPEAKABLE = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

  // Shapes and text alone, as alembic_cascade/report/page/picture.py leaves them of the first picture.
  const parsed = (text) => {
    const read = new DOMParser().parseFromString(text.replace(UNSPEAKABLE, "\ufffd"), "image/svg+xml").documentElement;
    if (read.nodeName !== "svg") throw new Error("Graphviz gave no picture.");
    read.querySelectorAll(FORBIDDEN).forEach((element) => element.remove());
    for (const element of [read, ...read.querySelectorAll("*")]) {
      for (const { name } of [...element.attributes]) {
        if (/^(on|style$|href$|xlink:)/i.test(name)) element.removeAttribute(name);
      }
    }
    return document.importNode(read, true);
  };

  const numbered = (element, prefix) => {
    const found = new RegExp(`^${prefix}-(\\d+)$`).exec(element.id);
    return found === null ? null : Number(found[1]);
  };

  const nodesOf = (svg) => {
    const found = new Map();
    for (const element of svg.querySelectorAll("g.node")) {
      const title = element.querySelector("title");
      const place = numbered(element, "table");
      const name = place === null ? title?.textContent : Report.tables[place]?.name;
      if (Report.byName.has(name)) found.set(name, element);
    }
    return found;
  };

  // An edge without a number is the next key between its two tables.
  const edgesOf = (svg) => {
    const byEnds = new Map();
    for (const edge of Report.diagram.edges) {
      const ends = `${edge.tail}->${edge.head}`;
      byEnds.set(ends, [...(byEnds.get(ends) || []), edge.key]);
    }
    const found = new Map();
    for (const element of svg.querySelectorAll("g.edge")) {
      const ends = element.querySelector("title")?.textContent;
      const number = numbered(element, "key") ?? byEnds.get(ends)?.shift();
      if (Report.keyOf.has(number)) found.set(number, element);
    }
    return found;
  };

  const pill = (box, text, kind, place) => {
    const width = 7 + text.length * 6.2;
    const [x, y] = place(box, width);
    const group = Elements.drawn("g", { class: "badge " + kind });
    group.append(
      Elements.drawn("rect", { x, y: y - 8, width, height: 16, rx: 8 }),
      Elements.drawn("text", { x: x + width / 2, y: y + 3.5, "text-anchor": "middle" }, text),
    );
    return group;
  };

  const atTopRight = (box, width) => [box.x + box.width - width + 8, box.y];
  const atBottom = (box, width) => [box.x + (box.width - width) / 2, box.y + box.height + 4];

  // Of the table's own shape, whatever is pinned to it.
  const boxOf = (element) =>
    (element.querySelector(":scope > polygon, :scope > ellipse, :scope > path") || element).getBBox();

  const badges = (element, table) => {
    if (table.orphans) element.append(pill(boxOf(element), Elements.short(table.orphans) + "\u2009⚠", "orphans", atTopRight));
  };

  const spoken = (table) => [
    table.name,
    table.rows === null ? null : Elements.counted(table.rows, "row"),
    table.orphans ? Elements.counted(table.orphans, "orphan") : null,
  ].filter(Boolean).join(", ");

  const keySpoken = (key) => [
    key.label,
    `ON DELETE ${key.rule}`,
    key.drift ? `drift: ${key.drift}` : null,
    key.indexed === false ? "no index" : null,
    key.orphans ? Elements.counted(key.orphans, "orphan") : null,
  ].filter(Boolean).join(" · ");

  const say = (element, text) => {
    const title = element.querySelector("title");
    if (title) title.textContent = text;
  };

  // Puts the picture into `canvas` in place of what is there, and returns what it shows.
  const show = (svg, canvas) => {
    if (svg.parentNode !== canvas) canvas.replaceChildren(svg);
    const { width, height } = svg.viewBox.baseVal;
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.removeAttribute("id");
    const nodes = nodesOf(svg);
    const edges = edgesOf(svg);
    for (const [name, element] of nodes) {
      const table = Report.byName.get(name);
      element.setAttribute("tabindex", "0");
      element.setAttribute("role", "button");
      element.setAttribute("aria-label", spoken(table));
      say(element, spoken(table));
      badges(element, table);
    }
    for (const [number, element] of edges) say(element, keySpoken(Report.keyOf.get(number)));
    return { svg, nodes, edges, width, height };
  };

  // What becomes of tables, by element: it stands at each of them in words, above all edges.
  const label = ({ svg }, effects) => {
    svg.querySelector(".effects")?.remove();
    const layer = Elements.drawn("g", { class: "effects" });
    for (const [element, [worst, words]] of effects) layer.append(pill(boxOf(element), words, "effect " + worst, atBottom));
    svg.querySelector(".graph").append(layer);
  };

  return { parsed, show, label };
})();
