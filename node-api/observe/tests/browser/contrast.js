// Ratios of contrast by WCAG 2: of each text to what is behind it, and of each mark to its card.
const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
const parts = (text) => text.match(/[\d.]+/g).map(Number);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = parts(getComputedStyle(at).backgroundColor);
    if (color.length < 4 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
const ratio = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const found = [];
let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const parent = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !parent.checkVisibility() || parent.closest("svg, noscript, script")) continue;
  texts += 1;
  const style = getComputedStyle(parent);
  const size = parseFloat(style.fontSize);
  const enough = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  const is = ratio(parts(style.color), behind(parent));
  if (is < enough) found.push(`${is.toFixed(2)}: ${walker.currentNode.data.slice(0, 40)}`);
}
let marks = 0;
for (const mark of document.querySelectorAll("svg path, svg rect, .swatch, .dot")) {
  const style = getComputedStyle(mark);
  const colors = mark.closest("svg")
    ? [style.fill, style.stroke]
    : [style.backgroundColor, parseFloat(style.borderTopWidth) > 0 ? style.borderTopColor : "none"];
  const shown = colors.filter((color) => color !== "none" && !color.startsWith("rgba"));
  const card = behind((mark.closest("svg.share") ?? mark).parentElement);
  marks += 1;
  if (shown.length === 0 || !shown.some((color) => ratio(parts(color), card) >= 3))
    found.push(`mark ${mark.getAttribute("class")} ${colors}`);
}
return { found, texts, marks };
