// How far a delete goes, by the rule that alembic_cascade/report/reach.py has, too: CASCADE goes on, SET NULL and
// SET DEFAULT stop, RESTRICT and NO ACTION refuse, as each key's `effect` says. A key that is NOT ENFORCED does nothing.
const Reach = (() => {
  // Each key that a delete in `start` comes upon, once, with its steps from there; nearest first.
  const below = (keysOf, start) => {
    const found = [];
    const deleted = new Set([start]);
    let wave = [start];
    for (let depth = 1; wave.length; depth += 1) {
      const following = [];
      for (const table of wave) {
        for (const key of keysOf(table)) {
          if (key.enforced === false) continue;
          const { effect } = key;
          found.push({ table: key.child, depth, effect, key: key.id });
          if (effect === "deleted" && !deleted.has(key.child)) {
            deleted.add(key.child);
            following.push(key.child);
          }
        }
      }
      wave = following;
    }
    return found;
  };

  const WORDS = { deleted: "deleted", nulled: "set to NULL", defaulted: "set to default", refused: "refuses" };

  return { below, WORDS };
})();
