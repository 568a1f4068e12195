// Finds tables by parts of their names, their models' or their columns'; "/" leads here.
// The pattern: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
const Search = (() => {
  const field = Elements.byId("search");
  const list = Elements.byId("suggestions");
  const MOST = 9;
  let found = [];
  let active = -1;

  // The lower, the better: the whole name, its beginning, the beginning of a word in it, anywhere, the model, a column.
  const rank = (table, asked) => {
    const name = table.name.toLowerCase();
    if (name === asked) return 0;
    if (name.startsWith(asked)) return 1;
    const place = name.indexOf(asked);
    if (place > 0) return /[_.\s-]/.test(name[place - 1]) ? 2 : 3;
    if (table.model?.toLowerCase().includes(asked)) return 4;
    return table.columns.some(([column]) => column.toLowerCase().includes(asked)) ? 5 : null;
  };

  const search = (text) => {
    const asked = text.trim().toLowerCase();
    if (!asked) return [];
    return Report.tables
      .map((table) => ({ table, rank: rank(table, asked) }))
      .filter((one) => one.rank !== null)
      .sort((one, other) => one.rank - other.rank || one.table.name.length - other.table.name.length
        || (one.table.name < other.table.name ? -1 : 1));
  };

  const why = ({ table, rank: place }, asked) => {
    if (place === 4) return table.model;
    if (place === 5) return table.columns.find(([column]) => column.toLowerCase().includes(asked))[0];
    return table.rows === null ? "" : Elements.short(table.rows);
  };

  const close = () => {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    active = -1;
  };

  const activate = (place) => {
    active = place;
    [...list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === place)));
    if (place >= 0) {
      field.setAttribute("aria-activedescendant", `suggestion-${place}`);
      list.children[place].scrollIntoView({ block: "nearest" });
    }
  };

  const choose = (place) => {
    if (!found[place]) return;
    const { name } = found[place].table;
    field.value = "";
    close();
    State.set({ table: name });
    Elements.byId("stage").focus({ preventScroll: true });
  };

  const open = () => {
    const asked = field.value.trim().toLowerCase();
    const all = search(field.value);
    found = all.slice(0, MOST);
    if (!asked) {
      close();
      return;
    }
    const options = found.map((one, place) => Elements.make("li", {
      role: "option", id: `suggestion-${place}`, "aria-selected": "false",
      onpointerdown: (event) => { event.preventDefault(); choose(place); },
    }, Elements.make("span", {}, one.table.name), Elements.make("small", {}, why(one, asked))));
    const rest = all.length - found.length;
    if (!found.length) options.push(Elements.make("li", { class: "none", role: "presentation" }, "No table is called so."));
    if (rest > 0) options.push(Elements.make("li", { class: "none", role: "presentation" }, `and ${rest} more`));
    list.replaceChildren(...options);
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    activate(found.length ? 0 : -1);
  };

  const onKey = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      if (list.hidden && !field.value) Elements.byId("stage").focus();
      field.value = "";
      close();
    } else if (event.key === "Enter" && active >= 0) choose(active);
    else if (event.key === "ArrowDown" && found.length && !list.hidden) activate((active + 1) % found.length);
    else if (event.key === "ArrowUp" && found.length && !list.hidden) activate((active + found.length - 1) % found.length);
    else return;
    event.preventDefault();
  };

  const start = () => {
    field.addEventListener("input", open);
    field.addEventListener("focus", open);
    field.addEventListener("blur", close);
    field.addEventListener("keydown", onKey);
  };

  return { start, focus: () => { field.focus(); field.select(); } };
})();
