// Moves and zooms the picture: by pointer, wheel, pinch and keys.
const PanZoom = (() => {
  const stage = Elements.byId("stage");
  const canvas = Elements.byId("canvas");
  const LEAST = 0.04;
  const MOST = 4;
  // As big as it is drawn at the most: a diagram of two tables does not fill a wall.
  const FITTED = 1.15;
  const MARGIN = 18;
  const READABLE = 0.6;
  const STEP = 60;

  let size = { width: 0, height: 0 };
  let view = { x: 0, y: 0, scale: 1 };
  let asked = 0;
  const pointers = new Map();
  let moved = false;
  let scrolled = -Infinity;
  // Whether somebody has moved the picture: then it stays where it is when the window changes.
  let touched = false;
  let room = { width: 0, height: 0 };

  const apply = () => {
    asked = 0;
    canvas.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  };
  const later = () => { if (!asked) asked = requestAnimationFrame(apply); };

  const move = (x, y) => {
    touched = true;
    view = { ...view, x: view.x + x, y: view.y + y };
    later();
  };

  const zoom = (factor, at = { x: stage.clientWidth / 2, y: stage.clientHeight / 2 }) => {
    touched = true;
    const scale = Math.min(MOST, Math.max(LEAST, view.scale * factor));
    const by = scale / view.scale;
    view = { scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by };
    later();
  };

  // A few steps instead of a jump, unless somebody asked for no motion.
  const glide = (wanted) => {
    if (matchMedia("(prefers-reduced-motion: no-preference)").matches) {
      canvas.classList.add("gliding");
      setTimeout(() => canvas.classList.remove("gliding"), 260);
    }
    view = wanted;
    later();
  };

  const fitted = () => {
    const [width, height] = [stage.clientWidth - 2 * MARGIN, stage.clientHeight - 2 * MARGIN];
    const scale = Math.max(LEAST, Math.min(width / size.width, height / size.height, FITTED));
    return {
      scale,
      x: (stage.clientWidth - size.width * scale) / 2,
      y: (stage.clientHeight - size.height * scale) / 2,
    };
  };

  const fit = () => {
    touched = false;
    glide(fitted());
  };

  const onResize = () => {
    const is = { width: stage.clientWidth, height: stage.clientHeight };
    const [x, y] = [(is.width - room.width) / 2, (is.height - room.height) / 2];
    room = is;
    if (!size.width) return;
    view = touched ? { ...view, x: view.x + x, y: view.y + y } : fitted();
    later();
  };

  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left - stage.clientLeft, y: event.clientY - box.top - stage.clientTop };
  };

  // Moves as little as is needed for an element to be seen.
  const reveal = (element) => {
    const [inner, outer] = [element.getBoundingClientRect(), stage.getBoundingClientRect()];
    const by = (low, high, least, most) => (low < least ? least - low : high > most ? most - high : 0);
    const x = by(inner.left, inner.right, outer.left + MARGIN, outer.right - MARGIN);
    const y = by(inner.top, inner.bottom, outer.top + MARGIN, outer.bottom - MARGIN);
    if (x || y) glide({ ...view, x: view.x + x, y: view.y + y });
  };

  const spread = () => {
    const [one, other] = [...pointers.values()];
    return {
      x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, between: Math.hypot(one.x - other.x, one.y - other.y),
    };
  };

  const onMove = (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = at(event);
    if (pointers.size === 1) {
      // A hand trembles: a click is no drag.
      if (!moved && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
      if (!moved) {
        moved = true;
        stage.setPointerCapture(event.pointerId);
        stage.classList.add("panning");
      }
      move(now.x - before.x, now.y - before.y);
      pointers.set(event.pointerId, now);
      return;
    }
    const was = spread();
    pointers.set(event.pointerId, now);
    const is = spread();
    moved = true;
    if (was.between > 0) zoom(is.between / was.between, is);
    move(is.x - was.x, is.y - was.y);
  };

  const onDown = (event) => {
    if (event.button !== 0) return;
    if (pointers.size === 0) moved = false;
    canvas.classList.remove("gliding");
    pointers.set(event.pointerId, at(event));
  };

  const onUp = (event) => {
    pointers.delete(event.pointerId);
    if (pointers.size === 0) stage.classList.remove("panning");
  };

  // Who scrolls down the page is not caught by the diagram on the way.
  const onWheel = (event) => {
    if (!event.ctrlKey && !event.metaKey && performance.now() - scrolled < 350) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), at(event));
  };

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does = {
      ArrowLeft: () => move(STEP, 0),
      ArrowRight: () => move(-STEP, 0),
      ArrowUp: () => move(0, STEP),
      ArrowDown: () => move(0, -STEP),
      "+": () => zoom(1.25),
      "=": () => zoom(1.25),
      "-": () => zoom(0.8),
      "0": fit,
    }[event.key];
    if (does === undefined) return;
    event.preventDefault();
    does();
  };

  const start = () => {
    stage.addEventListener("pointerdown", onDown);
    stage.addEventListener("pointermove", onMove);
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(end, onUp);
    stage.addEventListener("wheel", onWheel, { passive: false });
    stage.addEventListener("keydown", onKey);
    addEventListener("scroll", () => { scrolled = performance.now(); }, { passive: true });
    new ResizeObserver(onResize).observe(stage);
  };

  // Shows another picture: the whole, or, where names could not be read then, what is around `centre`.
  const take = ({ width, height }, centre) => {
    size = { width, height };
    room = { width: stage.clientWidth, height: stage.clientHeight };
    canvas.classList.remove("gliding");
    touched = false;
    view = fitted();
    apply();
    if (!centre || view.scale >= READABLE) return;
    zoom(READABLE / view.scale);
    apply();
    const [inner, outer] = [centre.getBoundingClientRect(), stage.getBoundingClientRect()];
    move(
      outer.left + outer.width / 2 - (inner.left + inner.width / 2),
      outer.top + outer.height / 2 - (inner.top + inner.height / 2),
    );
    apply();
  };

  return { start, take, fit, zoom, reveal, wasDragged: () => moved };
})();
