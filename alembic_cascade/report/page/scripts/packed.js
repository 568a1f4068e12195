// What stands in the page compressed: Graphviz, and the long sections of big reports.
const Packed = (() => {
  const text = async (element) => {
    const bytes = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };

  const idle = () => new Promise((resolve) => (window.requestIdleCallback || setTimeout)(resolve));

  // The sections' own HTML, in which Python has escaped whatever is no markup, each when there is time for it.
  const fill = async (prepare) => {
    for (const element of document.querySelectorAll("script.packed")) {
      const read = new DOMParser().parseFromString(await text(element), "text/html");
      await idle();
      const filled = Elements.make("div", { class: "filled" });
      filled.append(...read.body.childNodes);
      element.replaceWith(filled);
      prepare(filled);
    }
  };

  return { text, fill, idle };
})();
