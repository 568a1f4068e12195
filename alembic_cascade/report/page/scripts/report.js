// What the page knows: tables, keys and the diagram, out of the JSON that it carries.
const Report = (() => {
  const packed = JSON.parse(Elements.byId("report-data").textContent);

  const objects = ({ fields, rows }) =>
    rows.map((row) => Object.fromEntries(fields.map((field, place) => [field, row[place]])));

  const tables = objects(packed.tables);
  const keys = objects(packed.keys);
  const byName = new Map(tables.map((table) => [table.name, table]));
  const places = new Map(tables.map((table, place) => [table.name, place]));
  const keyOf = new Map(keys.map((key) => [key.id, key]));

  const grouped = (name) => {
    const found = new Map(tables.map((table) => [table.name, []]));
    for (const key of keys) found.get(key[name])?.push(key);
    return found;
  };

  const referring = grouped("child");
  const referred = grouped("parent");

  const { graph, node, edge, attributes, nodes, edges } = packed.diagram;
  const diagram = {
    defaults: { graphAttributes: graph, nodeAttributes: node, edgeAttributes: edge },
    nodes: new Map(nodes.map(([name, shared, own]) => [name, { ...attributes[shared], ...own }])),
    edges: edges.map(([tail, head, key, shared, own]) => ({
      tail, head, key, attributes: { ...attributes[shared], ...own },
    })),
  };

  const neighbours = (name) => [
    ...(referring.get(name) || []).map((key) => key.parent),
    ...(referred.get(name) || []).map((key) => key.child),
  ];

  // The tables within so many steps of one, nearest first; no more than `most`.
  const around = (name, steps, most = Infinity) => {
    const found = new Set([name]);
    let wave = [name];
    for (let step = 0; step < steps && wave.length; step += 1) {
      const following = [];
      for (const table of wave) {
        for (const other of neighbours(table)) {
          if (found.has(other) || found.size >= most) continue;
          found.add(other);
          following.push(other);
        }
      }
      wave = following;
    }
    return found;
  };

  // The table with the most keys: where one looks first.
  const hub = () =>
    tables.reduce((best, { name }) =>
      best === null || neighbours(name).length > neighbours(best).length ? name : best, null);

  return { tables, keys, byName, places, keyOf, referring, referred, diagram, around, hub, opening: packed.opening, chosen: packed.chosen };
})();
