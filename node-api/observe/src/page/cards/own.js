// Cards of the application that serves the page: each module below `own/` exports some, as `all.js` says what one is.
//
// A module that does not load, that throws, or that exports something else is a warning in its place; one that does not
// come to an end holds the page up no longer than PATIENCE, in milliseconds.

import { cards as brought } from "../application.js";
import { warning } from "../elements.js";
import { plain, said } from "../words.js";

const PATIENCE = 3000;

export const own = (await Promise.all(brought.map(load))).flat();

async function load({ name, style }) {
  if (style) {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = new URL(`own/${name}.css`, import.meta.url).href;
    document.head.append(sheet);
  }
  try {
    const { cards } = await Promise.race([import(`./own/${name}.js`), late()]);
    if (!Array.isArray(cards) || !cards.every(isCard)) {
      throw new Error("it exports no cards");
    }
    return cards;
  } catch (error) {
    console.warn(error);
    const why = error?.message ?? error;
    const draw = () => warning(`The module cards/own/${name}.js cannot be used (`, said(why), "): see the browser's console.");
    return [{ id: `own ${name}`, title: plain(name), draw }];
  }
}

function late() {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`it is not there after ${PATIENCE / 1000} s`)), PATIENCE);
  });
}

function isCard(card) {
  return typeof card?.id === "string" && typeof card.title === "string" && typeof card.draw === "function";
}
