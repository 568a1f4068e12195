// Puts the parts together: what is chosen shows in the diagram, the panel and the address.
(() => {
  const stage = Elements.byId("stage");

  const isTyping = (element) => element.matches?.("input, textarea, select, [contenteditable]");

  const choose = (name) => State.set({ table: name }, { anyway: true });

  const onClick = ({ target }) => {
    if (PanZoom.wasDragged()) return;
    const name = Graph.nameOf(target);
    if (name !== null) choose(name);
  };

  const onStageKey = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    const name = Graph.nameOf(event.target);
    if (name === null) return;
    event.preventDefault();
    choose(name);
  };

  const onKey = (event) => {
    if (event.key === "/" && !isTyping(event.target) && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      Search.focus();
    } else if (event.key === "Escape" && State.get().table !== null) {
      const { table } = State.get();
      const within = stage.contains(document.activeElement) || Elements.byId("panel").contains(document.activeElement);
      State.set({ table: null });
      if (within) (Graph.elementOf(table) || stage).focus({ preventScroll: true });
    }
  };

  // What is focused by the keyboard is to be seen.
  const onFocus = ({ target }) => {
    if (target.matches?.("g.node") && target.matches(":focus-visible")) PanZoom.reveal(target);
  };

  // A table's name anywhere in the report leads to the diagram, also where it is the chosen one already.
  const onLink = (event) => {
    const link = event.target.closest?.('a[href^="#table="]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(decodeURIComponent(link.getAttribute("href").slice("#table=".length)));
    Elements.byId("diagram").scrollIntoView();
  };

  const update = (state, before) => {
    Filters.show(state);
    Panel.show(state);
    if (state.table !== before.table || state.depth !== before.depth) {
      const focused = Graph.nameOf(document.activeElement) !== null;
      Graph.update(state).then(() => { if (focused && State.get().table !== null) Graph.focus(State.get().table); });
    } else Graph.mark(state);
  };

  const start = () => {
    // The stage gets its size by that.
    document.documentElement.classList.add("alive");
    const state = State.start();
    Filters.start();
    Filters.show(state);
    Search.start();
    PanZoom.start();
    Panel.show(state);
    Graph.start(state);
    State.onChange(update);
    stage.addEventListener("click", onClick);
    stage.addEventListener("keydown", onStageKey);
    stage.addEventListener("focusin", onFocus);
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", onLink);
    if (state.table !== null) Elements.byId("diagram").scrollIntoView();
  };

  // Ready for the eye first; the tables can be sorted a moment later.
  const finish = async () => {
    await Packed.idle();
    Tables.prepare(document.querySelector("main"));
    await Packed.fill(Tables.prepare);
    Panel.show(State.get());
    document.documentElement.classList.add("complete");
  };

  start();
  finish();
})();
