// Graphviz beside the page: a layout may take its time without holding up anything.
(() => {
  "use strict";
  const starting = Viz.instance();

  self.onmessage = async ({ data: { number, input, engine } }) => {
    try {
      const viz = await starting;
      self.postMessage({ number, svg: viz.renderString(input, { format: "svg", engine }) });
    } catch (error) {
      self.postMessage({ number, error: String(error.message || error) });
    }
  };
})();
