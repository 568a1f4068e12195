// Elements out of names, properties and children. Text is always set as text, never read as markup.
const Elements = (() => {
  const make = (name, properties = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value === true ? "" : String(value));
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  };

  const SVG = "http://www.w3.org/2000/svg";
  const drawn = (name, attributes = {}, text = null) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    if (text !== null) element.textContent = text;
    return element;
  };

  const byId = (id) => document.getElementById(id);

  // 1,234,567 with thin spaces, as the tables have it; 1.2M where there is little room.
  const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const short = (value) => {
    for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (value >= size) return (value / size).toPrecision(value >= 100 * size ? 3 : 2).replace(/\.0$/, "") + letter;
    }
    return String(value);
  };

  const groupedBy = (things, nameOf) => {
    const found = new Map();
    for (const thing of things) {
      const name = nameOf(thing);
      if (!found.has(name)) found.set(name, []);
      found.get(name).push(thing);
    }
    return found;
  };

  const counted = (count, thing) => `${number(count)} ${thing}${count === 1 ? "" : "s"}`;

  const ruleClass = (rule) => "rule-" + rule.toLowerCase().replace(" ", "-");
  const ruleChip = (rule) => make("span", { class: "rule " + ruleClass(rule) }, rule);

  return { make, drawn, byId, number, short, groupedBy, counted, ruleClass, ruleChip };
})();
