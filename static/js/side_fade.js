// A hint at the sides of a part that scrolls sideways: there is more where it fades.

/** Fade the sides of `frame` while `scroller`, which is in it, can be scrolled there. Gives back what ends it. */
export function fadeSides(frame, scroller) {
  const draw = () => {
    const { scrollLeft, scrollWidth, clientWidth } = scroller;
    frame.classList.toggle("has-more-left", scrollLeft > 1);
    frame.classList.toggle("has-more-right", scrollLeft + clientWidth < scrollWidth - 1);
  };
  const watch = new ResizeObserver(draw);
  for (const element of [scroller, ...scroller.children]) watch.observe(element);
  scroller.addEventListener("scroll", draw, { passive: true });
  return () => {
    watch.disconnect();
    scroller.removeEventListener("scroll", draw);
    frame.classList.remove("has-more-left", "has-more-right");
  };
}
