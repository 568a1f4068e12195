// The report's tables: sorted by their headings, filtered by a field above long ones; commands are copied.
const Tables = (() => {
  const { make, counted } = Elements;

  const valueOf = (row, place) => {
    const text = row.cells[place]?.textContent.trim() ?? "";
    const plain = text.replace(/[\s\u202f]/g, "");
    return /^\d+$/.test(plain) ? Number(plain) : text.toLowerCase();
  };

  const compared = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    // Numbers before words, so that what is not known comes last.
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
    return one < other ? -1 : one > other ? 1 : 0;
  };

  const sort = (heading) => {
    const table = heading.closest("table");
    const down = heading.getAttribute("aria-sort") === "ascending";
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, value: valueOf(row, heading.cellIndex) }));
    rows.sort((one, other) => compared(one.value, other.value) * (down ? -1 : 1));
    table.tBodies[0].append(...rows.map(({ row }) => row));
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  };

  const sortable = (heading) => {
    if (!heading.textContent.trim()) return;
    const words = heading.textContent;
    heading.replaceChildren(make("button", { type: "button", onclick: () => sort(heading) }, words));
  };

  const filterable = (region) => {
    const rows = [...region.querySelector("tbody").rows];
    const told = make("span", { class: "muted", role: "status" });
    const filter = ({ target }) => {
      const asked = target.value.trim().toLowerCase();
      let left = 0;
      for (const row of rows) {
        row.hidden = asked !== "" && !row.textContent.toLowerCase().includes(asked);
        if (!row.hidden) left += 1;
      }
      told.textContent = asked ? `${left} of ${counted(rows.length, "row")}` : "";
    };
    const name = region.getAttribute("aria-label");
    region.before(make("div", { class: "filter scripted" }, make("input", {
      type: "search", placeholder: "Filter…", "aria-label": `Filter ${name}`, spellcheck: "false", oninput: filter,
    }), told));
  };

  const copyable = (command) => {
    const copy = async ({ currentTarget }) => {
      const text = command.querySelector("code").textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // A page from a file may not write to the clipboard by itself; what is selected it may copy.
        getSelection().selectAllChildren(command.querySelector("code"));
        document.execCommand("copy");
      }
      currentTarget.textContent = "Copied";
      setTimeout(() => { currentTarget.textContent = "Copy"; }, 1500);
    };
    command.append(make("button", {
      type: "button", class: "scripted",
      onclick: (event) => copy({ currentTarget: event.currentTarget }),
    }, "Copy"));
  };

  const prepare = (within) => {
    within.querySelectorAll(".scroll th").forEach(sortable);
    within.querySelectorAll(".scroll[data-long]").forEach(filterable);
    within.querySelectorAll(".command").forEach(copyable);
  };

  return { prepare };
})();
