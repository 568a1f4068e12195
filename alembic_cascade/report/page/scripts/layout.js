// Asks Graphviz for pictures: one at a time, the latest counts, and a way that takes too long gives way to a faster one.
const Layout = (() => {
  const FAST = { splines: "line", nslimit: "0.1", nslimit1: "0.1", mclimit: "0.05" };
  const FORCE = { splines: "line", overlap: "scale", K: "1" };
  const BEAUTIFUL = { engine: "dot", attributes: {}, patience: 6000 };
  const QUICK = { engine: "dot", attributes: FAST, patience: 9000 };
  const ROUGH = { engine: "sfdp", attributes: FORCE, patience: 60000 };
  // From here on, what hangs on one table stands around it: below each other it would be a ribbon.
  const CROWD = 24;
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

  // Whether most tables, and many, have keys with one other table alone, the same for all.
  const isStar = ({ nodes, edges, subgraphs }) => {
    const others = new Map();
    for (const { tail, head } of edges.filter((edge) => edge.tail !== edge.head)) {
      others.set(tail, (others.get(tail) || new Set()).add(head));
      others.set(head, (others.get(head) || new Set()).add(tail));
    }
    const centres = [...others.values()].filter((of) => of.size === 1).map((of) => [...of][0]);
    const counts = [...Elements.groupedBy(centres, (centre) => centre).values()].map((leaves) => leaves.length);
    return subgraphs.length === 0 && Math.max(0, ...counts) >= Math.max(CROWD, nodes.length / 2);
  };

  const around = (count) => ({
    engine: "twopi",
    attributes: { overlap: "vpsc", splines: "line", ranksep: String(Math.max(3, count / 10)) },
    patience: 6000,
  });

  // The text of an SVG; rejects with an AbortError where another one has been asked for meanwhile.
  const draw = async (input) => {
    cancel();
    asked += 1;
    const number = asked;
    const layers = input.nodes.length > MANY ? [ROUGH] : [BEAUTIFUL, QUICK, ROUGH];
    const ways = isStar(input) ? [around(input.nodes.length), ...layers] : layers;
    for (const way of ways) {
      const svg = await attempt(input, way, number);
      if (svg !== null) return svg;
    }
    throw new Error("The diagram is too big to lay out here. Choose a table to see what is around it.");
  };

  return { draw, cancel };
})();
