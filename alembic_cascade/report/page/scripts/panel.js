// Beside the diagram: the chosen table, and how far the delete of one of its rows goes.
const Panel = (() => {
  const { make, counted, number, ruleChip } = Elements;
  const panel = Elements.byId("panel");

  const link = (name) => make("a", { href: "#table=" + encodeURIComponent(name), class: "name" }, name);

  const part = (title, ...children) => make("section", {}, make("h4", {}, title), ...children);

  const heading = (table) => make("header", {},
    make("h3", {}, table.name),
    make("button", { type: "button", class: "close", "aria-label": "Let go (Escape)", title: "Let go (Escape)",
      onclick: () => State.set({ table: null }) }, "×"),
    table.model ? make("p", { class: "model" }, [table.module, table.model].filter(Boolean).join(".")) : null,
  );

  const facts = (table) => {
    const rows = [
      ["Rows", table.rows === null ? null : (table.rows_are_estimate ? "≈ " : "") + number(table.rows)],
      ["Orphans", table.orphans === null ? null : number(table.orphans)],
      ["Set aside", table.quarantined ? number(table.quarantined) : null],
      ["Group", table.group],
      ["There", table.in_models === false ? "only in the database" : table.in_database === false ? "only in the models" : null],
    ].filter(([, value]) => value !== null && value !== undefined && value !== "");
    return make("dl", { class: "facts" }, ...rows.map(([name, value]) => make("div", {},
      make("dt", {}, name), make("dd", { class: name === "Orphans" && table.orphans ? "bad" : null }, value))));
  };

  const effect = ({ effect: kind }) => make("span", { class: "effect-word " + kind }, Reach.WORDS[kind]);

  const summary = (reached) => {
    const tables = (kind) => new Set(reached.filter((one) => one.effect === kind).map((one) => one.table)).size;
    const said = [
      ["deleted", "Rows go in", ""], ["nulled", "lose a value in", ""], ["defaulted", "get a default in", ""],
    ].filter(([kind]) => tables(kind)).map(([kind, words]) => `${words} ${counted(tables(kind), "table")}`);
    const refused = tables("refused");
    return make("p", { class: refused ? "refusing" : null },
      said.length ? said.join(", ").replace(/^./, (letter) => letter.toUpperCase()) + ". " : "",
      refused ? `Refused while rows of ${counted(refused, "table")} refer to what would go.` : "");
  };

  const LISTED = 60;
  const reach = (table) => {
    const found = Graph.reachOf(table.name);
    if (!found.length) return part("If a row is deleted", make("p", {}, "Nothing refers to it: nothing else changes."));
    const listed = found.slice(0, LISTED);
    return part("If a row is deleted", summary(found), make("ol", { class: "reach" },
      ...[...Elements.groupedBy(listed, (one) => one.depth)].map(([depth, ones]) => make("li", { value: depth },
        make("ul", {}, ...[...Elements.groupedBy(ones, (one) => `${one.effect} ${one.table}`).values()].map((same) =>
          make("li", {}, link(same[0].table), " ", effect(same[0]), " ", make("span", { class: "by" },
            "by ", same.map(({ key }) => Report.keyOf.get(key).columns.join(" + ")).join(", "))))))),
    ), found.length > LISTED ? make("p", { class: "muted" }, `and ${number(found.length - LISTED)} more keys`) : null);
  };

  const flags = (key) => [
    key.drift ? make("span", { class: "chip warn", title: "Models and database differ" }, "≠ " + key.drift) : null,
    key.indexed === false ? make("span", { class: "chip bad" }, "no index") : null,
    key.nullable ? make("span", { class: "chip muted" }, "nullable") : null,
    key.enforced === false ? make("span", { class: "chip muted" }, "not enforced") : null,
    key.orphans ? make("span", { class: "chip bad" }, counted(key.orphans, "orphan")) : null,
  ];

  const keyLine = (key, other, words) => make("li", {},
    make("div", { class: "key" }, ...words, link(other)),
    make("div", { class: "flags" }, ruleChip(key.rule), ...flags(key)));

  const keys = (table) => {
    const up = Report.referring.get(table.name);
    const down = Report.referred.get(table.name);
    return [
      up.length ? part(`Refers to (${up.length})`, make("ul", { class: "keys" },
        ...up.map((key) => keyLine(key, key.parent, [make("code", {}, key.columns.join(", ")), " → "])))) : null,
      down.length ? part(`Referred to by (${down.length})`, make("ul", { class: "keys" },
        ...down.slice(0, LISTED).map((key) =>
          keyLine(key, key.child, [make("code", {}, key.columns.join(", ")), " of "]))),
      down.length > LISTED ? make("p", { class: "muted" }, `and ${number(down.length - LISTED)} more`) : null) : null,
    ];
  };

  const columns = (table) => {
    if (!table.columns.length) return null;
    const keyed = new Set(Report.referring.get(table.name).flatMap((key) => key.columns));
    return make("details", { open: table.columns.length <= 12 },
      make("summary", {}, `Columns (${table.columns.length})`),
      make("table", { class: "columns" }, make("tbody", {}, ...table.columns.map(([name, type, nullable, primary]) =>
        make("tr", {},
          make("th", { scope: "row" }, name),
          make("td", {}, make("code", {}, type)),
          make("td", { class: "muted" }, [primary ? "primary key" : keyed.has(name) ? "key" : "", nullable ? "nullable" : ""].filter(Boolean).join(", ")))))));
  };

  const lifecycle = (table) => (table.lifecycle.length ? part("Lifecycle", make("ul", { class: "keys" },
    ...table.lifecycle.map((one) => make("li", {}, make("code", {}, one.column), " ",
      make("span", { class: "chip " + (one.status === "present" ? "good" : "bad") }, one.status), " ",
      make("span", { class: "muted" }, one.kept_by || ""))))) : null);

  // The report has each finding already: it is shown here as it stands there.
  const findings = (table) => {
    const own = [...Report.referring.get(table.name), ...Report.referred.get(table.name)].flatMap((key) => key.findings || []);
    const numbers = [...new Set([...(table.findings || []), ...own])].sort((one, other) => one - other);
    const copies = numbers.slice(0, LISTED).map((one) => Elements.byId(`finding-${one}`)?.cloneNode(true)).filter(Boolean);
    copies.forEach((copy) => copy.removeAttribute("id"));
    return copies.length ? part(`Findings (${numbers.length})`, ...copies) : null;
  };

  const around = () => (State.get().depth === State.ALL && Report.tables.length > 8
    ? make("button", { type: "button", class: "around", onclick: () => State.set({ depth: "1" }) },
      "Draw only what is around it") : null);

  const show = ({ table: name }) => {
    const table = Report.byName.get(name);
    panel.hidden = table === undefined;
    panel.closest(".bench").classList.toggle("with-panel", table !== undefined);
    if (table === undefined) {
      panel.replaceChildren();
      return;
    }
    panel.replaceChildren(...[
      heading(table), facts(table), around(), reach(table), ...keys(table), columns(table), lifecycle(table),
      findings(table),
    ].filter(Boolean));
    panel.scrollTop = 0;
  };

  return { show };
})();
