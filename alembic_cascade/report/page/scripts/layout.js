// Asks Graphviz for pictures: one at a time, the latest counts, and a way that takes too long gives way to a faster one.
const Layout = (() => {
  const FAST = { splines: "line", nslimit: "0.1", nslimit1: "0.1", mclimit: "0.05" };
  const FORCE = { splines: "line", overlap: "scale", K: "1" };
  const BEAUTIFUL = { engine: "dot", attributes: {}, patience: 6000 };
  const QUICK = { engine: "dot", attributes: FAST, patience: 9000 };
  const ROUGH = { engine: "sfdp", attributes: FORCE, patience: 60000 };
  // Of more tables, layers are a ribbon that nobody can look at, and take longer than anybody waits.
  const MANY = 150;

  let address = null;
  let worker = null;
  let asked = 0;
  let waiting = null;

  const begin = async () => {
    if (address === null) {
      const own = JSON.parse(Elements.byId("worker-text").textContent);
      address = Packed.text(Elements.byId("graphviz")).then((text) =>
        URL.createObjectURL(new Blob([text, "\n", own], { type: "text/javascript" })));
    }
    return new Worker(await address);
  };

  const stop = () => {
    worker?.terminate();
    worker = null;
  };

  // What is being drawn is not wanted any more.
  const cancel = () => {
    if (waiting === null) return;
    const { reject, timer } = waiting;
    waiting = null;
    clearTimeout(timer);
    stop();
    reject(new DOMException("Another picture was asked for.", "AbortError"));
  };

  const attempt = async (input, { engine, attributes, patience }, number) => {
    worker ??= await begin();
    if (number !== asked) throw new DOMException("Another picture was asked for.", "AbortError");
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(waiting?.timer);
        waiting = null;
        settle(value);
      };
      const timer = setTimeout(() => { stop(); done(resolve, null); }, patience);
      waiting = { reject, timer };
      worker.onmessage = ({ data }) => {
        if (data.number !== number) return;
        if (data.error) done(reject, new Error(data.error));
        else done(resolve, data.svg);
      };
      worker.onerror = (event) => { stop(); done(reject, new Error(event.message || "no worker")); };
      worker.postMessage({
        number, engine, input: { ...input, graphAttributes: { ...input.graphAttributes, ...attributes } },
      });
    });
  };

  // The text of an SVG; rejects with an AbortError where another one has been asked for meanwhile.
  const draw = async (input) => {
    cancel();
    asked += 1;
    const number = asked;
    const ways = input.nodes.length > MANY ? [ROUGH] : [BEAUTIFUL, QUICK, ROUGH];
    for (const way of ways) {
      const svg = await attempt(input, way, number);
      if (svg !== null) return svg;
    }
    throw new Error("The diagram is too big to lay out here. Choose a table to see what is around it.");
  };

  return { draw, cancel };
})();
