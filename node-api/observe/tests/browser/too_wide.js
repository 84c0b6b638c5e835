// What reaches past the screen's right edge: the page's own width tells too little, as boxes can cut what is in them.
const width = document.documentElement.clientWidth;
const own = [...document.querySelectorAll("body *")].filter(
  (element) => !element.closest(".unseen, .skip, thead, svg, details:not([open]) > :not(summary)"),
);
return [document.documentElement, ...own]
  .filter(
    (element) =>
      element.getBoundingClientRect().right > width + 0.5 ||
      (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX === "auto"),
  )
  .map((element) => `${element.nodeName}.${element.className}: ${element.textContent.slice(0, 40)}`);
