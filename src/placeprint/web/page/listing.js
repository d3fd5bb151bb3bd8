// A list that is longer than a screen: its next page is fetched when its end comes into sight.

import { h } from "./dom.js";
import { say } from "./words.js";

const PAGE = 48;

/** Fetch the first page: { total, elements }. `fetchPage` takes offset and limit, `items` and `card` draw what comes. */
export async function listed(fetchPage, items, card) {
  const list = h("ul", { class: "grid" });
  const more = h("button", { type: "button", class: "more" }, say("Show more"));
  let loaded = 0;
  let total = 0;
  let busy = false;
  const next = async () => {
    if (busy) return;
    busy = true;
    try {
      const page = await fetchPage(loaded, PAGE);
      const found = items(page);
      total = page.total;
      loaded += found.length;
      list.append(...found.map(card));
      more.hidden = loaded >= total || !found.length;
      more.textContent = say("Show more");
    } finally {
      busy = false;
    }
  };
  const attempt = () => next().catch((error) => { more.textContent = `${error.message} ${say("Try again")}`; });
  await next();
  more.addEventListener("click", attempt);
  new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && !more.hidden && attempt(), { rootMargin: "600px" }).observe(more);
  return { total, elements: [list, more] };
}
