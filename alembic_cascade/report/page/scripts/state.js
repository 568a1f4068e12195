// What is looked at: the chosen table, how much is drawn, which rules are hidden. It stands in the address as well.
const State = (() => {
  const ALL = "all";
  const DEPTHS = ["1", "2", "3", ALL];
  // Up to so many tables the whole diagram is a pleasure to look at.
  const FEW = 60;

  const few = Report.tables.length <= FEW;
  const first = {
    table: null,
    // Where the whole would be too much, a table's surroundings come first.
    depth: few ? ALL : "1",
    hidden: new Set(),
  };
  let now = { ...first };
  const listeners = [];

  const read = (hash) => {
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    const table = given.get("table");
    const depth = given.get("depth");
    return {
      table: Report.byName.has(table) ? table : null,
      depth: DEPTHS.includes(depth) ? depth : first.depth,
      hidden: new Set((given.get("hide") || "").split(",").filter(Boolean)),
    };
  };

  const written = ({ table, depth, hidden }) => {
    const parts = [];
    if (table !== null) parts.push("table=" + encodeURIComponent(table));
    if (depth !== first.depth) parts.push("depth=" + depth);
    if (hidden.size) parts.push("hide=" + [...hidden].sort().join(","));
    return parts.join("&");
  };

  // An anchor of a section is no state.
  const isState = (hash) => /^#?(table|depth|hide)=/.test(hash);

  const tell = (before, how) => listeners.forEach((listener) => listener(now, before, how));

  const set = (changed, how = {}) => {
    const before = now;
    now = { ...now, ...changed };
    const hash = written(now);
    if (hash === written(before) && !how.anyway) return;
    // Choosing is a step that "back" takes back; filters and depths are not.
    const as = now.table === before.table ? "replaceState" : "pushState";
    history[as](null, "", hash ? "#" + hash : location.pathname + location.search);
    tell(before, how);
  };

  const follow = () => {
    if (!isState(location.hash) && location.hash !== "") return;
    const before = now;
    now = read(location.hash);
    if (written(now) !== written(before)) tell(before, { followed: true });
  };

  const start = () => {
    if (isState(location.hash)) now = read(location.hash);
    else if (Report.chosen.length === 1) now = { ...now, table: Report.chosen[0] };
    addEventListener("hashchange", follow);
    addEventListener("popstate", follow);
    return now;
  };

  return { first, ALL, DEPTHS, FEW, set, start, get: () => now, onChange: (listener) => listeners.push(listener) };
})();
